"""The ring between two processes: records a second, and torn ones. Baseline: the same bytes copied without the stamps."""

from __future__ import annotations

import multiprocessing
from multiprocessing import shared_memory
from typing import Any

import numpy as np

from phosphene.engine.core import clock
from phosphene.engine.core.child import ignore_current_folder
from phosphene.engine.core.ring import Ring

RECORD = np.dtype([("words", np.int64, (64,))])  # every word of a record is its number: a mixture is torn
_CAPACITY = 2  # as small as can be, so that reader and writer meet all the time


def _write(name: str, records: int) -> None:
    memory = shared_memory.SharedMemory(name)
    ring = Ring.attach(memory.buf, RECORD)
    record = np.zeros((), RECORD)
    for n in range(records):
        record["words"] = n
        ring.push(record)
    del ring
    memory.close()


def measure(records: int = 1_000_000) -> dict[str, Any]:
    """Write `records` in another process while this one reads as fast as it can."""
    memory = shared_memory.SharedMemory(create=True, size=Ring.nbytes(RECORD, _CAPACITY))
    ring = Ring.create(memory.buf, RECORD, _CAPACITY)
    ignore_current_folder()  # what multiprocessing starts imports from there otherwise
    writer = multiprocessing.get_context("spawn").Process(target=_write, args=(memory.name, records))
    writer.start()
    reads = torn = naive_torn = 0
    slots = ring._data["words"]  # what a reader that trusts the memory would copy
    while ring.written == 0:
        clock.sleep(0.001)
    began = clock.now()
    while (written := ring.written) < records:
        record = ring.latest()
        if record is not None:
            reads += 1
            torn += int(np.ptp(record["words"]) != 0)
        naive_torn += int(np.ptp(slots[(written - 1) % _CAPACITY].copy()) != 0)
    took = clock.now() - began
    writer.join()
    del slots, ring
    memory.close()
    memory.unlink()
    return {
        "records": records,
        "records_per_s": round(records / took),
        "reads": reads,
        "torn": torn,
        "baseline: torn copies without stamps": naive_torn,
        "wanted": {"torn": 0},
    }


if __name__ == "__main__":
    import json
    import sys

    sys.stdout.write(json.dumps(measure(), indent=2) + "\n")
