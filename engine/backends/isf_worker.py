"""The process that tries ISF shaders: `python -P -m phosphene.engine.backends.isf_worker ORDER`, of `isf_trial.py`.

A process of its own because a shader may hang the compiler, loop for ever, or bring the driver down. ORDER is JSON
{"files", "thorough"}; lines of JSON come back on stdout: {"renderer"}, then for each file {"begin": path} and {"path", ...}.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

from phosphene.engine.core.child import end_with_parent

_STOPPED = 3  # exit code: whoever started this process is gone


def main() -> None:
    """Do what the order says."""
    end_with_parent(_STOPPED)
    order = json.loads(sys.argv[1])

    from phosphene.engine.backends.isf_judge import Verdict, judge
    from phosphene.engine.core.errors import UserError
    from phosphene.engine.gpu.context import HeadlessContext, info
    from phosphene.engine.models.isf import read_isf

    def say(**what: object) -> None:
        print(json.dumps(what), flush=True)

    context = HeadlessContext()
    say(renderer=info()["renderer"])
    for file in order["files"]:
        say(begin=file)
        try:
            verdict = judge(read_isf(Path(file)), order["thorough"])
        except UserError as error:
            verdict = Verdict(False, error.what, error.where, error.remedy)
        except Exception as error:  # noqa: BLE001 boundary: whatever a driver raises is this shader's, the others are tried
            verdict = Verdict(False, f"{type(error).__name__}: {error}"[:400], file)
        say(path=file, verdict=asdict(verdict))
    context.close()


if __name__ == "__main__":
    main()
