"""What a data set leaves out: counted, named, with its reason.

Kept by the makers, told on the terminal and in dataset.json. A hundred thousand files give a line for each reason.
"""

from __future__ import annotations

from phosphene.engine.core.errors import one_line

_NAMED = 3  # of each reason; the rest is a number
_LONGEST = 60  # characters of a name


class LeftOut:
    """Counts by reason, in the order in which the reasons came up."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[int, list[str]]] = {}

    def add(self, reason: str, name: str, detail: object = None) -> None:
        """Count `name`, that of a file or a folder, for `reason`: what is said after a number, `files cannot be read`."""
        count, names = self._found.get(reason, (0, []))
        if len(names) < _NAMED:
            text, more = one_line(name), "" if detail is None else f" ({one_line(str(detail))[:_LONGEST]})"
            names = [*names, (text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "...") + more]
        self._found[reason] = count + 1, names

    def lines(self) -> list[str]:
        """Return `12 files cannot be read: a.png, b.png, c.png and 9 more` for each reason."""
        found = []
        for reason, (count, names) in self._found.items():
            more = f" and {count - len(names)} more" if count > len(names) else ""
            found.append(f"{count} {reason}: {', '.join(names)}{more}")
        return found


def plain(name: str) -> str:
    """Return `name`, as it is on a disk, as text that a manifest can hold and a path can be made of."""
    return "".join(c if c.isprintable() and c not in "\\/" else "_" for c in name)
