"""What came in lately, for a page that shows it: the newest messages of all surfaces, with what was wrong with them.

Surfaces note their messages on their own threads. While nobody looks that is one comparison a message and nothing is kept;
while somebody does it is an entry in a ring of 64, whose arguments and faults are put into words only when the ring is read.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count

from phosphene.engine.core.errors import UserError

MOST = 64  # messages that are kept; the newest push the oldest out
_MOST_TEXT = 200  # characters of one text: strangers send what they like
_MOST_ARGS = 16  # that are shown of one message

Told = dict[str, object]


@dataclass(slots=True)
class Noted:
    """One message. number: counted from 1; t: s on the clock's line; args: reads its arguments; why: it was refused."""

    number: int
    t: float
    path: str
    args: Callable[[], Sequence[object]]
    source: str
    why: str | Callable[[], UserError] = ""

    def told(self) -> Told:
        """Return it as plain values: {number, t, address, args, from, why}; texts are cut to 200 characters.

        Arguments that cannot be read are left out, and why that is so is told where nothing else is.
        """
        why = self.why if isinstance(self.why, str) else self.why().line()
        try:
            shown = [_plain(each) for each in list(self.args())[:_MOST_ARGS]]
        except UserError as error:  # what no address took was never read, and may be no text
            shown, why = [], why or error.line()
        told: Told = {"number": self.number, "t": self.t, "address": self.path[:_MOST_TEXT], "args": shown}
        return told | {"from": self.source, "why": why[: 2 * _MOST_TEXT]}


class Monitor:
    """Any thread. `wanted`: whether somebody looks; set it by `want`."""

    def __init__(self) -> None:
        self.wanted = False
        self._ring: deque[Noted] = deque(maxlen=MOST)
        self._numbers = count(1)

    def want(self, wanted: bool) -> None:
        """Gather from now on, or forget what was gathered."""
        self.wanted = wanted
        if not wanted:
            self._ring.clear()

    def note(self, path: str, args: Callable[[], Sequence[object]], source: str, t: float) -> Noted | None:
        """Note a message, and return it, so that what is wrong with it can be added; None while nobody looks."""
        if not self.wanted:
            return None
        noted = Noted(next(self._numbers), t, path, args, source)
        self._ring.append(noted)
        return noted

    def newest(self) -> list[Told]:
        """Return what is kept, the newest first, as plain values."""
        return [noted.told() for noted in reversed(self._ring.copy())]


def refused(noted: Noted | None, why: str | Callable[[], UserError]) -> None:
    """Add to a message, where it was noted, why it was refused; a function is called when that is read."""
    if noted is not None:
        noted.why = why


def _plain(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, (int, bool)):
        return value if abs(value) < 1 << 53 else str(value)[:_MOST_TEXT]
    return value[:_MOST_TEXT] if isinstance(value, str) else None if value is None else repr(value)[:_MOST_TEXT]
