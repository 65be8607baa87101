"""The process that tags music, `python -P -m phosphene.engine.audio.tag_process`: started, fed and ended by `TagRunner`.

It has a process of its own, with a low priority: beside a render loop in the same interpreter 60 ms of work a second cost
frames, and a fault in a library would end the show.

    stdin    blocks: HEADER (s of the last sample, samples), then float32 [samples, 2] at 48 kHz. Its end is ours
    stdout   {"ready": true}; for each row {"t", "values", "tags", "took", "cpu"}, the last two in s; {"error": ...}
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import struct
import sys
import time
from pathlib import Path

# Before numpy: its BLAS would start threads that nobody here asks for.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from phosphene.engine.audio.tag_network import open_network
from phosphene.engine.audio.tagger import TagStream
from phosphene.engine.core import clock
from phosphene.engine.core.console import on_console_close
from phosphene.engine.core.errors import UserError, one_line

HEADER = struct.Struct("<dI")
MOST = 1 << 20  # samples of a block
EXIT_FAILED = 3
_NICENESS, _AUTOGROUP = 10, Path("/proc/self/autogroup")


def main() -> int:
    """Tag what comes until it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the show, which then closes our input
    on_console_close(lambda: None)
    if sys.platform != "win32":  # there by how we are started
        with contextlib.suppress(OSError):
            os.nice(_NICENESS)
            # Linux shares the processor out by session first, and we are one of our own: niceness alone would mean nothing.
            if _AUTOGROUP.exists():
                _AUTOGROUP.write_text(str(_NICENESS), "ascii")
    # Libraries print where they like: only what is said here may reach the runner.
    wire = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    os.dup2(2, 1)
    stream: TagStream | None = None
    with contextlib.suppress(OSError):  # the runner is gone
        try:
            stream = TagStream(open_network())
        except UserError as error:
            wire.write(json.dumps({"error": error.line()}) + "\n")
            return EXIT_FAILED
        gc.freeze()
        wire.write(json.dumps({"ready": True}) + "\n")
        while (block := _next_block()) is not None:
            t_end, pcm = block
            begun, cpu = clock.now(), time.process_time()
            for row in stream.take(pcm, t_end):
                took, cost = clock.now() - begun, time.process_time() - cpu
                said = {"t": float(row["t"]), "values": row["values"].tolist(), "tags": row["tags"].tolist()}
                wire.write(json.dumps(said | {"took": took, "cpu": cost}) + "\n")
                begun, cpu = clock.now(), time.process_time()
    return 0


def _next_block() -> tuple[float, np.ndarray] | None:
    """Return (s of its last sample, float32 [n, 2]); None at the end of the input, or of what can be read as blocks."""
    source = sys.stdin.buffer
    head = source.read(HEADER.size)
    if len(head) < HEADER.size:
        return None
    t_end, samples = HEADER.unpack(head)
    if samples > MOST:
        return None
    data = source.read(8 * samples)
    return (t_end, np.frombuffer(data, "<f4").reshape(-1, 2)) if len(data) == 8 * samples else None


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Exception as failure:  # noqa: BLE001 - boundary: the runner tells the last line of our standard error
        print(one_line(f"{type(failure).__name__}: {failure}"), file=sys.stderr)
        sys.exit(EXIT_FAILED)
