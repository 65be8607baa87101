"""Tables of a report, as plain text cells. Drawn as HTML by `page`, as Markdown here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

NONE = "–"


@dataclass(frozen=True)
class Table:
    """words: how many columns from the left are words, not numbers. judged: the column that `better` speaks of, per row:
    above its null or not, None where nobody can tell.
    """

    title: str
    head: tuple[str, ...]
    rows: list[tuple[str, ...]]
    better: list[bool | None]
    words: int = 1
    judged: int = 1
    note: str = ""


def markdown(table: Table) -> str:
    """Return a Markdown table with its note; what came from outside cannot leave its cell."""
    lines = [_row(table.head), _row([":--" if k < table.words else "--:" for k in range(len(table.head))], escape=False)]
    lines += [_row(row) for row in table.rows]
    return "\n".join(lines) + "\n" + (f"\n{plain(table.note)}\n" if table.note else "")


def plain(text: str) -> str:
    """Return `text` as one line of Markdown that says just that."""
    return re.sub(r"([\\`*_\[\]<>|#!&~])", r"\\\1", " ".join(text.split()))


def with_sd(mean: float | None, sd: float | None) -> str:
    """Return `0.312 ± 0.021`, without what is not known."""
    return NONE if mean is None else f"{mean:.3f}" + (f" ± {sd:.3f}" if sd is not None else "")


def _row(cells: Sequence[str], escape: bool = True) -> str:
    return "| " + " | ".join(plain(cell) if escape else cell for cell in cells) + " |"
