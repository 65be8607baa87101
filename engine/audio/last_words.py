"""What a child process had to say before it ended: the last of its standard error, bounded, and how it ended.

Called by the supervisor's thread, through `source_process` and `looks`. A thread reads, so that no child ever waits for a
full pipe; what ALSA thinks aloud is left out.
"""

from __future__ import annotations

import signal
import threading
from typing import IO

from phosphene.engine.core.errors import one_line

_KEPT = 4096  # bytes
_LONGEST = 240  # characters of the line that is told
_PATIENCE_S = 0.5
_NOISE = ("ALSA lib ", "Cannot connect to server", "jack server is not running", "JackShmReadWritePtr")


class LastWords:
    """Reads a pipe to its end on a thread of its own; keeps the last 4 KB."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe, self._kept = pipe, b""
        self._thread = threading.Thread(target=self._read, name="last-words", daemon=True)
        self._thread.start()

    def line(self) -> str:
        """Return the last line that says something, cut to 240 characters; empty: none. Waits for the pipe to end."""
        self._thread.join(_PATIENCE_S)
        lines = (one_line(line.strip()) for line in self._kept.decode("utf-8", "replace").splitlines())
        said = [line for line in lines if line and not line.startswith(_NOISE)]
        return said[-1][:_LONGEST] if said else ""

    def _read(self) -> None:
        with self._pipe:
            while piece := self._pipe.read1(_KEPT):
                self._kept = (self._kept + piece)[-_KEPT:]


def died(what: str, code: int, words: LastWords) -> str:
    """Return how a process ended, in a line: `the audio process was killed by SIGSEGV`, and the last it said."""
    try:
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
    except ValueError:
        how = f"was killed by signal {-code}"
    said = words.line()
    return f"{what} {how}: {said}" if said else f"{what} {how}"
