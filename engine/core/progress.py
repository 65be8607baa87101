"""Progress where no bar can be drawn: a line on standard error now and then, so that a log shows that the work goes on.

Called on the main thread of long commands, in place of rich's bars where standard error is no terminal.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

from phosphene.engine.core import clock
from phosphene.engine.core.errors import one_line

EVERY_S = 10.0


@dataclass
class _Task:
    begun: float
    done_then: int  # where it was when it began: what is gone on with was not done in this time


class ProgressLines:
    """Takes what a bar would take. The first line comes after `every_s` seconds: what is short says nothing."""

    def __init__(self, write: Callable[[str], object] | None = None, every_s: float = EVERY_S) -> None:
        """write: takes one line without its end; by default standard error."""
        self._write = write or (lambda line: print(line, file=sys.stderr, flush=True))
        self._every_s = every_s
        self._tasks: dict[str, _Task] = {}
        self._last = clock.now()

    def __call__(self, what: str, done: int, total: int) -> None:
        """Take how far something is. total: 0 where nobody knows."""
        now = clock.now()
        task = self._tasks.setdefault(what, _Task(now, done))
        if now - self._last < self._every_s:
            return
        self._last = now
        line = f"{what}: {done} of {total}" if total else f"{what}: {done}"
        if total:
            line += f", {100 * done // total} %"
        made = done - task.done_then
        if total and made > 0 and now > task.begun:
            line += f", about {_clock((total - done) * (now - task.begun) / made)} left"
        self._write(one_line(line))

    def say(self, text: str) -> None:
        """Write what is being done now, if it is time for a line."""
        now = clock.now()
        if now - self._last >= self._every_s:
            self._last = now
            self._write(one_line(text))


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}" if minutes >= 60 else f"{minutes}:{rest:02d}"
