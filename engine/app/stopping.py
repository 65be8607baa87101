"""How a show is told to end: signals that mean it, signals that mean nothing, a second one while it ends. Main thread."""

from __future__ import annotations

import atexit
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from phosphene.engine.core.console import on_console_close

# Who sends these wants the show to end: Ctrl-C, kill, a closed terminal, Ctrl-\\, a battery that gives out, a limit of time.
_ENDING = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGPWR", "SIGXCPU", "SIGBREAK")
_PATIENCE = 2  # of them that end the show in order
# Nobody who sends these means that: timers of libraries, programs that reload or report on them. The system would end us.
_NOTHING = ("SIGUSR1", "SIGUSR2", "SIGALRM", "SIGVTALRM", "SIGPROF", "SIGIO")


def _signals(names: tuple[str, ...]) -> list[signal.Signals]:
    """Return those of `names` that this system has."""
    return [getattr(signal, name) for name in names if hasattr(signal, name)]


def _end_undisturbed() -> None:
    """Ignore what would end us while the interpreter already does: at its very end it takes its own handlers away."""
    for number in _signals(_ENDING):
        signal.signal(number, signal.SIG_IGN)


_Handler = Callable[[int, FrameType | None], object] | int | None  # as signal.signal returns and takes


class Stop:
    """Turns the signals of `_ENDING` into a wish to end the show in order, from `begin` until all is closed.

    A second one changes nothing: a terminal and a shell that close send one each, and meanwhile the recording is finished
    and says so. A third is obeyed at once.
    """

    def __init__(self) -> None:
        self._heard = 0
        self._before: dict[int, _Handler] = {}

    @property
    def asked(self) -> bool:
        """Whether the show is to end."""
        return self._heard > 0

    def begin(self) -> None:
        """Listen from now on. Main thread."""
        for number in _signals(_ENDING):
            self._before[number] = signal.signal(number, self._hear)
        on_console_close(self._closed)

    def __enter__(self) -> Stop:
        return self

    def __exit__(self, *_: object) -> None:
        if self.asked:  # the program ends next, and takes its time: what comes meanwhile must not make its exit code -15
            atexit.register(_end_undisturbed)
            return
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _closed(self) -> None:
        self._heard = max(1, self._heard)  # not one more of a few: Windows asks no second time

    def _hear(self, number: int, _frame: object) -> None:
        # Nothing is said here: whatever the main thread holds at this moment, the log's queue for one, it would wait for.
        self._heard += 1
        if self._heard > _PATIENCE:
            raise KeyboardInterrupt


@contextmanager
def deaf() -> Iterator[None]:
    """Do nothing on the signals of `_NOTHING` that would end us. A handler, and not SIG_IGN: children would inherit that."""
    deadly = [number for number in _signals(_NOTHING) if signal.getsignal(number) == signal.SIG_DFL]
    before = {number: signal.signal(number, lambda number, frame: None) for number in deadly}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
