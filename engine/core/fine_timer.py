"""Windows' timer: 15.6 ms coarse unless a program asks for 1 ms, and Python's hand-over between threads rounds up to it.

Used by `vj live` and its audio process as long as they run. Other systems have finer ones, and nothing is done there.
`time.sleep` is not concerned: it has had a fine timer of its own since Python 3.11.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_MS = 1


@contextmanager
def fine_timer() -> Iterator[None]:
    """Have waits of this process end within a millisecond or two."""
    if sys.platform != "win32":
        yield
        return
    refused = ctypes.windll.winmm.timeBeginPeriod(_MS)
    try:
        yield
    finally:
        if not refused:
            ctypes.windll.winmm.timeEndPeriod(_MS)
