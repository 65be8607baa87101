"""Ctrl-C in a trainer: the first asks for a stop after the step at hand, the second stops at once. Main thread."""

from __future__ import annotations

import signal


class Stopper:
    """Turns the first Ctrl-C into a wish to stop, the second into KeyboardInterrupt."""

    def __init__(self) -> None:
        self.wanted = False
        self._before = signal.signal(signal.SIGINT, self._handle)

    def _handle(self, number: int, frame: object) -> None:
        if self.wanted:
            raise KeyboardInterrupt
        self.wanted = True

    def __call__(self) -> bool:
        return self.wanted

    def close(self) -> None:
        """Give the signal back to whoever had it."""
        signal.signal(signal.SIGINT, self._before)
