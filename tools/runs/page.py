"""The HTML of a report: one file that opens from a disk, without a network, beside the run's own files.

Called by the reports of every trainer. Everything that came from outside (prompts, options, notes, file names) is escaped;
the script holds no data. Links are relative to the folder of the page and only to files that exist.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from phosphene.engine.core.errors import UserError
from phosphene.engine.models.style import write_atomic
from phosphene.tools.runs.tables import Table

_HERE = Path(__file__).parent
# The promise "no network", kept by the browser.
_POLICY = (
    "default-src 'none'; img-src 'self' file:; media-src 'self' file:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
)


def link(path: Path, home: Path) -> str:
    """Return the relative address of `path` for a page in `home`, quoted for an attribute."""
    return escape(quote(Path(os.path.relpath(path, home)).as_posix()), quote=True)


def page(title: str, said: str, parts: Sequence[str]) -> str:
    """Return a whole page: a heading, a line under it, sections of markup. Title and line are escaped here."""
    style, script = ((_HERE / name).read_text("utf-8") for name in ("page.css", "page.js"))
    head = (
        f'<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(cut(title))}</title><style>\n{style}</style>"
    )
    button = '<button id="all" type="button" aria-pressed="false">Play the videos</button>'
    top = f"<header><h1>{escape(cut(title, 140))}</h1><p>{escape(said)}</p><nav>{button}</nav></header>"
    body = "\n".join(parts)
    return (
        f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>{top}\n<main>\n{body}\n</main>\n'
        f"<script>\n{script}</script></body></html>\n"
    )


def notes(said: Iterable[str]) -> str:
    """Return notes as a list; nothing where there are none."""
    lines = "".join(f"<li>{escape(str(note))}</li>" for note in said)
    return f'<ul class="notes">{lines}</ul>' if lines else ""


def samples(pictures: Iterable[Path], home: Path) -> str:
    """Return pictures beside each other, with their names, for a page in `home`."""
    shown = "".join(
        f'<figure><img src="{link(path, home)}" alt="" loading="lazy"><figcaption>{escape(path.stem)}</figcaption></figure>'
        for path in pictures
    )
    return f'<div class="samples">{shown}</div>'


def options_section(options: Mapping[str, Any]) -> str:
    """Return all options as a section that is closed at first; nothing where there are none."""
    rows = "".join(
        f"<tr><th>{escape(str(key))}</th><td>{escape(value if isinstance(value, str) else json.dumps(value))}</td></tr>"
        for key, value in options.items()
    )
    return f"<section><details><summary>All options</summary><table>{rows}</table></details></section>" if rows else ""


def html_table(table: Table) -> str:
    """Return a table as markup."""
    head = "".join(f'<th class="{_kind(k, table)}">{escape(name)}</th>' for k, name in enumerate(table.head))
    rows = []
    for row, better in zip(table.rows, table.better, strict=True):
        cells = []
        for k, cell in enumerate(row):
            kind = _kind(k, table)
            if k == table.judged and better is not None:
                kind += " up" if better else " down"
            cells.append(f'<td class="{kind}">{escape(cell)}</td>')
        rows.append(f"<tr>{''.join(cells)}</tr>")
    note = f'<p class="dim">{escape(table.note)}</p>' if table.note else ""
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>{note}'


def _kind(column: int, table: Table) -> str:
    return "w" if column < table.words else "n"


def cut(text: str, length: int = 60) -> str:
    """Return a text of so many characters at most."""
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def write_pages(folder: Path, comparison: str, html: str) -> Path:
    """Write COMPARISON.md and index.html of a run or a batch; return the latter. Raises UserError."""
    try:
        write_atomic(folder / "COMPARISON.md", comparison.encode())
        write_atomic(folder / "index.html", html.encode())
    except OSError as error:
        raise UserError("the report cannot be written", where=str(folder), got=error.strerror or error) from error
    return folder / "index.html"
