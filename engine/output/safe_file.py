"""The file that libav writes to. Used by every writer of film and sound, each on its own thread."""

from __future__ import annotations

import io
import logging
import os
from pathlib import Path

from phosphene.engine.core.errors import one_line
from phosphene.engine.core.files import reason

log = logging.getLogger(__name__)


class SafeFile:
    """A file for libav to write to that never raises: the first failure is kept in `error`, later writes go nowhere.

    libav may hold an I/O error back until the trailer, or lose it: with a file of our own nothing is lost. After a
    failure even rewrites in the middle are refused, because a header that points at an index which is not there
    would make a readable file unreadable. Whoever opened the file closes it.
    """

    def __init__(self, raw: io.RawIOBase, path: Path) -> None:
        """path: for what is logged."""
        self.path = path
        self.error: OSError | None = None
        self.bytes = 0  # bytes accepted by the system
        self._raw = raw
        self._position = 0

    def write(self, data: bytes) -> int:
        """Take all of `data`; always returns its length."""
        left = memoryview(data)
        while left and self.error is None:
            try:
                done = self._raw.write(left) or 0
            except OSError as error:
                self.error = error
                log.error("cannot write %s: %s", one_line(str(self.path)), reason(error))
            else:
                left = left[done:]
                self.bytes += done
        self._position += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move to `offset`; the position is virtual once a write has failed."""
        if self.error is None:
            self._position = self._raw.seek(offset, whence)
        elif whence == os.SEEK_SET:
            self._position = offset
        return self._position

    def tell(self) -> int:
        return self._position
