"""Errors for people, and a log that cannot flood.

A `UserError` says what, where, allowed, got, remedy. It is raised where the fault is known and handled exactly once, at
a boundary that turns it into a state (a refused style, a HUD line, an exit code).
"""

from __future__ import annotations

import difflib
import logging
import reprlib
from collections.abc import Iterable
from typing import Any

from phosphene.engine.core import clock

_MOST_GOT, _MOST_WORDS = 120, 400  # characters: a library of 3,000 styles would fill 96 KB of a line
_MOST_WHERE = 1000  # characters: a path, and a key that a stranger chose
_MOST_KINDS = 256  # of messages that a log keeps count of
_LONGEST_WORD = 100  # that a slip of the pen is looked for in
_SHORT = reprlib.Repr()
_SHORT.maxlevel, _SHORT.maxdict, _SHORT.maxstring, _SHORT.maxother = 4, 8, 80, 80
_SHORT.maxtuple = _SHORT.maxlist = 12
_SHORTENED: tuple[type[Any], ...] = (list, tuple, dict, set, frozenset, bytes)


class UserError(Exception):
    """A fault that a person can mend. Its text is one line: what (where): allowed, got; remedy."""

    def __init__(self, what: str, *, where: str = "", allowed: str = "", got: object = None, remedy: str = "") -> None:
        self.what, self.where, self.allowed, self.got, self.remedy = what, where, allowed, got, remedy
        super().__init__(self.line())

    def line(self) -> str:
        """Return the whole message on one line."""
        text = _cut(self.what, _MOST_WORDS)
        if self.where:
            text += f" ({_cut(self.where, _MOST_WHERE)})"
        details = []
        if self.allowed:
            details.append(f"allowed: {_cut(self.allowed, _MOST_WORDS)}")
        if self.got is not None:
            details.append(f"got: {_cut(_told(self.got), _MOST_GOT)}")
        if details:
            text += ": " + ", ".join(details)
        if self.remedy:
            text += f"; {_cut(self.remedy, _MOST_WORDS)}"
        return one_line(text)


def one_line(text: str) -> str:
    """Return `text` as something that every terminal, file and message takes: line breaks and what is no text are escaped.

    A name on a disk may hold any byte; those that are no UTF-8 are lone surrogates in Python, which nothing can encode.
    """
    plain = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return (
        plain
        if plain.isprintable()
        else "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in plain)
    )


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 3] + "..."


def _told(value: object) -> str:
    """Return any value as text; of a list within a list, which may stand for 2^40 items, only its beginning."""
    try:
        kind = next((k for k in _SHORTENED if isinstance(value, k)), None)
        # Of a kind of one's own, such as an OrderedDict, `reprlib` would print all: it goes by the name of the kind.
        return str(value) if kind is None else _SHORT.repr(value if type(value) is kind else kind(value))
    except ValueError:  # Python writes no whole number of more than 4,300 digits
        return "a huge number"


def did_you_mean(got: str, allowed: Iterable[str]) -> str:
    """Return `did you mean 'x'?` for the nearest allowed word, or ""."""
    near = difflib.get_close_matches(got[:_LONGEST_WORD], list(allowed), n=1, cutoff=0.6)
    return f"did you mean {near[0]!r}?" if near else ""


def listed(words: Iterable[str], most: int = 24) -> str:
    """Return `a, b, c` for an error message, cut after `most` words."""
    words = list(words)
    return ", ".join(words[:most]) + (f" and {len(words) - most} more" if len(words) > most else "") if words else "none"


class RateLimitedLog:
    """Logs the first message of a kind at once, then at most one per `interval_s` with a count of those left out.

    Of more kinds than `_MOST_KINDS` the oldest are forgotten: they may be of what strangers send.
    """

    def __init__(self, logger: logging.Logger, interval_s: float = 2.0) -> None:
        self._logger = logger
        self._interval_s = interval_s
        self._next: dict[str, float] = {}
        self._held: dict[str, int] = {}

    def warning(self, kind: str, message: str) -> None:
        """Log `message` unless one of the same `kind` was logged less than `interval_s` ago."""
        t = clock.now()
        if t < self._next.get(kind, float("-inf")):
            self._held[kind] = self._held.get(kind, 0) + 1
            return
        held = self._held.pop(kind, 0)
        self._next.pop(kind, None)  # put in again at the end: the oldest comes first
        self._next[kind] = t + self._interval_s
        if len(self._next) > _MOST_KINDS:
            oldest = next(iter(self._next))
            del self._next[oldest]
            self._held.pop(oldest, None)
        self._logger.warning("%s%s", message, f" (and {held} more like it)" if held else "")
