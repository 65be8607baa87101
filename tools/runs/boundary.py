"""Where the trainers' commands end: what went wrong becomes one line and an exit code, here and nowhere below.

Called by `main` of `tools/train_style.py`, `train_gan.py`, `train_vqvae.py`, `train_motif.py` and `compare_gan.py`, and by
`tools/command_line.py`, on the main thread. Imports nothing heavy: a missing torch is one of the things it tells.
"""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable, Mapping

from phosphene.engine.core.errors import UserError, one_line
from phosphene.engine.core.extras import install
from phosphene.engine.core.terminal import FAULT_OF_A_PERSON, STOPPED

_TORCH = {"torch": "torch"}

ABORTED = STOPPED  # the shell's code for Ctrl-C


def exit_code(
    work: Callable[[], int], *, prog: str = "", extras: Mapping[str, str] = _TORCH, place: object = "", tell: bool = True
) -> int:
    """Return what `work` returns; 2 for a fault that a person can mend, told on one line; 130 for Ctrl-C.

    prog: what the person typed, as the line begins. extras: the packages whose absence is such a fault, and the extra that
    brings each. place: where an OSError without a file happened. tell: off in processes whose faults another one tells.
    Raises everything else.
    """
    try:
        return work()
    except UserError as error:
        line = error.line()
    except OSError as error:
        where = error.filename or place
        line = f"{where}: {error.strerror or error}" if where else str(error.strerror or error)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            line += "; make room, then --resume"
    except ImportError as error:
        package = (error.name or "").split(".")[0]
        if package not in extras:
            raise
        line = f"{package} is not installed; {install(extras[package])}"
    except MemoryError:
        line = "not enough memory for this; make it smaller, or close other programs"
    except KeyboardInterrupt:
        print(f"{prog}: stopped" if prog else "stopped", file=sys.stderr)
        return ABORTED
    if tell:
        print(one_line(f"{prog}: {line}" if prog else line), file=sys.stderr)
    return FAULT_OF_A_PERSON
