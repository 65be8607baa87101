"""Errors for people, and a log that cannot flood.

A `UserError` says what, where, allowed, got, remedy. It is raised where the fault is known and handled exactly once, at
a boundary that turns it into a state (a refused style, a HUD line, an exit code).
"""

from __future__ import annotations

import logging

from engine.core import clock


class UserError(Exception):
    """A fault that a person can mend. Its text is one line: what (where): allowed, got; remedy."""

    def __init__(self, what: str, *, where: str = "", allowed: str = "", got: object = None, remedy: str = "") -> None:
        self.what, self.where, self.allowed, self.got, self.remedy = what, where, allowed, got, remedy
        super().__init__(self.line())

    def line(self) -> str:
        """Return the whole message on one line."""
        text = self.what
        if self.where:
            text += f" ({self.where})"
        details = []
        if self.allowed:
            details.append(f"allowed: {self.allowed}")
        if self.got is not None:
            shown = str(self.got)
            details.append(f"got: {shown if len(shown) <= 120 else shown[:117] + '...'}")
        if details:
            text += ": " + ", ".join(details)
        if self.remedy:
            text += f"; {self.remedy}"
        return text


class RateLimitedLog:
    """Logs the first message of a kind at once, then at most one per `interval_s` with a count of those left out."""

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
        self._next[kind] = t + self._interval_s
        self._logger.warning("%s%s", message, f" (and {held} more like it)" if held else "")
