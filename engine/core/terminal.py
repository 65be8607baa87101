"""The terminal: what is printed reaches it whatever it is, and no thread of a show ever waits for it.

Used by the main functions of programs. A terminal may be stopped (Ctrl-S, a paused pager), closed, full, or know no Unicode.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from phosphene.engine.core.errors import UserError, one_line
from phosphene.engine.core.files import reason

if TYPE_CHECKING:
    from rich.console import Console

FAULT_OF_A_PERSON, FAULT_OF_OURS, STOPPED = 2, 70, 130  # exit codes: usage; EX_SOFTWARE of sysexits.h; as shells say Ctrl-C
_LINES = 1000  # that may wait for a terminal that does not read
_LAST_S = 2.0  # how long the end of the program waits for it

_log = logging.getLogger(__name__)


def print_anything() -> None:
    """Let characters that the terminal does not know, and bytes of names that are no text, be printed as escapes.

    A stream that is closed becomes one that goes nowhere: the next file that is opened would take its number.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free: this one
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 (held as long as the program runs)
        elif hasattr(stream, "reconfigure"):  # not what a test puts there
            stream.reconfigure(errors="backslashreplace")


def console(*, stderr: bool = False) -> Console:
    """Return a rich console that takes text as it is: brackets of remedies, colons of names, long lines."""
    from rich.console import Console

    return Console(stderr=stderr, markup=False, emoji=False, highlight=False, soft_wrap=True)


def run(name: str, work: Callable[[], object]) -> None:
    """Run a program's `work`; what goes wrong becomes one line on the terminal and an exit code, here and nowhere below."""
    try:
        try:
            work()
        finally:
            sys.stdout.flush()  # a full disk behind it is told here, not when Python ends
    except UserError as error:
        line, code = error.line(), FAULT_OF_A_PERSON
    except BrokenPipeError:
        _to_nowhere(1)  # `vj osc | head`: the reader has enough
        raise SystemExit(0) from None
    except OSError as error:
        _to_nowhere(1)
        where = f" ({error.filename})" if error.filename else ""
        line, code = f"cannot go on{where}: {reason(error)}", FAULT_OF_A_PERSON
    except MemoryError:
        line, code = "not enough memory for this; make it smaller, or close other programs", FAULT_OF_A_PERSON
    except KeyboardInterrupt:
        line, code = "stopped", STOPPED
    except Exception as error:  # noqa: BLE001 boundary: a fault of the program itself is told as one, without a screen of code
        _log.debug("a fault of the program", exc_info=True)
        told = f"{type(error).__name__}: {error}"
        line, code = (
            f"a fault of the program itself, {told}; {name} --verbose ... shows where: please report it",
            FAULT_OF_OURS,
        )
    else:
        return
    with contextlib.suppress(OSError, ValueError):  # nobody reads it
        sys.stderr.write(f"{name}: {one_line(line)}\n")
        sys.stderr.flush()
    raise SystemExit(code) from None


def _to_nowhere(number: int) -> None:
    """Let a stream go nowhere from here on, so that Python's own flush at the end is quiet."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), number)


def log_to_terminal(level: int) -> None:
    """Log on standard error, by a thread of its own: whoever logs never waits. For the main thread, once."""
    handler = TerminalLog()
    handler.setFormatter(logging.Formatter("%(levelname).1s %(message)s"))
    root = logging.getLogger()
    root.setLevel(level)
    root.addHandler(handler)


class TerminalLog(logging.Handler):
    """Hands lines to a thread that writes them. What does not fit into the queue is dropped, counted, and told of later."""

    def __init__(self, write: Callable[[bytes], Any] | None = None) -> None:
        """write: where lines go; by default standard error."""
        super().__init__()
        self._write = write or (lambda data: os.write(2, data))
        self._lines: queue.Queue[str | None] = queue.Queue(_LINES)
        self._dropped = 0
        self._thread = threading.Thread(target=self._run, name="terminal", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Queue a line. Never waits, never raises."""
        try:
            self._lines.put_nowait(self.format(record))
        except queue.Full:
            self._dropped += 1
        except Exception:  # noqa: BLE001 boundary: logging's own contract; a line that cannot be made is lost, nothing else
            self.handleError(record)

    def close(self) -> None:
        """Write what waits, for 2 s at most: a terminal that does not read must not keep the program."""
        with contextlib.suppress(queue.Full):
            self._lines.put_nowait(None)
        self._thread.join(_LAST_S)
        super().close()

    def _run(self) -> None:
        while (line := self._lines.get()) is not None:
            dropped, self._dropped = self._dropped, 0
            if dropped:
                line = f"W {dropped} lines were left out: the terminal did not read\n{line}"
            data = (line + "\n").encode(sys.stderr.encoding or "utf-8", "backslashreplace")
            with contextlib.suppress(OSError, ValueError):  # closed, or full: the show goes on without
                while data:
                    data = data[self._write(data) or len(data) :]
