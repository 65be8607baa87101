"""A Windows console that closes: no signal comes, and the program is ended as soon as its handler returns.

Called once by programs that have something to finish. Elsewhere a closed terminal sends SIGHUP, and this does nothing.
"""

from __future__ import annotations

import ctypes
import sys
import threading
from collections.abc import Callable
from typing import Any

_CLOSING = (2, 5, 6)  # CTRL_CLOSE_EVENT, CTRL_LOGOFF_EVENT, CTRL_SHUTDOWN_EVENT
# Windows ends the program 5 s after it asked, or as soon as the handler returns: it never returns before that.
_LONGER_THAN_WINDOWS_S = 30.0

_kept: list[Any] = []  # Windows holds the address of each handler only


def on_console_close(wish: Callable[[], None]) -> None:
    """Call `wish`, on a thread of Windows', when the console closes; the program then has 5 s to end by itself."""
    if sys.platform != "win32":
        return

    def handler(event: int) -> int:
        if event not in _CLOSING:
            return 0  # Ctrl-C and Ctrl-Break are Python's
        wish()
        threading.Event().wait(_LONGER_THAN_WINDOWS_S)
        return 1

    made = ctypes.WINFUNCTYPE(ctypes.c_int, ctypes.c_uint)(handler)
    if ctypes.windll.kernel32.SetConsoleCtrlHandler(made, 1):
        _kept.append(made)
