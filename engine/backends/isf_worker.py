"""The process that tries ISF shaders: `python -P -m phosphene.engine.backends.isf_worker ORDER`, of `isf_trial.py`.

A process of its own because a shader may hang the compiler, loop for ever, or bring the driver down. ORDER is JSON
{"files", "thorough"}; lines of JSON come back on stdout: {"renderer"}, then for each file {"begin": path} and {"path", ...}.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
from dataclasses import asdict
from pathlib import Path

from phosphene.engine.core.child import end_with_parent

_STOPPED, _FULL = 3, 4  # exit codes: whoever started this process is gone; a shader took too much memory
_MOST_MB = 3072.0  # of this process: a preprocessor that expands for ever would take the show's memory too
_LOOK_S = 0.02


def main() -> None:
    """Do what the order says."""
    end_with_parent(_STOPPED)
    order = json.loads(sys.argv[1])

    from phosphene.engine.backends.isf_judge import Verdict, judge
    from phosphene.engine.backends.isf_still import paint_still, still_of
    from phosphene.engine.backends.isf_trial import still_place
    from phosphene.engine.core import clock
    from phosphene.engine.core.atomic import write_atomic
    from phosphene.engine.core.errors import UserError
    from phosphene.engine.core.metrics import peak_rss_mb
    from phosphene.engine.gpu.context import HeadlessContext, info
    from phosphene.engine.models.isf import read_isf

    def say(**what: object) -> None:
        print(json.dumps(what), flush=True)

    current = ""

    def guard() -> None:
        """End the process where a shader takes too much memory. The driver compiles without holding the interpreter."""
        while peak_rss_mb() < _MOST_MB:
            clock.sleep(_LOOK_S)
        what = f"it takes more than {_MOST_MB / 1024:g} GB of memory to compile and paint"
        say(path=current, verdict=asdict(Verdict(False, what, current, "look for macros that expand without end")))
        os._exit(_FULL)

    threading.Thread(target=guard, name="memory", daemon=True).start()
    context = HeadlessContext()
    say(renderer=info()["renderer"])
    for file in order["files"]:
        current = file
        say(begin=file)
        try:
            isf = read_isf(Path(file))
            verdict = judge(isf, order["thorough"])
            if verdict.ok and still_of(isf) is None and (still := paint_still(isf, verdict)) is not None:
                with contextlib.suppress(OSError):  # a disk that is full has no still
                    write_atomic(still_place(isf), still)
        except UserError as error:
            verdict = Verdict(False, error.what, error.where, error.remedy)
        except Exception as error:  # noqa: BLE001 boundary: whatever a driver raises is this shader's, the others are tried
            verdict = Verdict(False, f"{type(error).__name__}: {error}"[:400], file)
        say(path=file, verdict=asdict(verdict))
    context.close()


if __name__ == "__main__":
    main()
