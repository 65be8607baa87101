"""The threads that evaluate networks on the CPU: one pool for all decks, and the caller works too.

numpy releases the interpreter lock inside its loops, so threads scale: 128 wide at 320x180 takes 85 ms on one thread and
43 ms on two. Chunks are handed out by a counter, so the split between threads varies from run to run but the chunks, and
with them every bit of the result, do not.
"""

from __future__ import annotations

import itertools
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from threadpoolctl import ThreadpoolController

MAX_THREADS = 16  # beyond this the chunks of a 320x180 picture no longer feed every thread


def available_cpus() -> int:
    """Return how many CPUs this process may use: $PHOSPHENE_THREADS where several renders share a machine, else all."""
    given = os.environ.get("PHOSPHENE_THREADS", "")
    if given.isdigit() and int(given) > 0:
        return int(given)
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Workers:
    """`threads` includes the calling thread. Threads start with the first job and end with the process."""

    def __init__(self, threads: int | None = None) -> None:
        self.threads = min(MAX_THREADS, available_cpus()) if threads is None else threads
        self._pool = ThreadPoolExecutor(self.threads - 1, "cppn") if self.threads > 1 else None
        self._blas = ThreadpoolController().select(user_api="blas")

    def run(self, jobs: int, work: Callable[[int, int], None]) -> None:
        """Call `work(worker, job)` for jobs 0..jobs-1 and return when all are done; raises what one of them raised."""
        counter = itertools.count()

        def drain(worker: int) -> None:
            # Weights are checked when a style is loaded; a sum that overflows here must show, not stop the show.
            with np.errstate(all="ignore"):
                while (job := next(counter)) < jobs:
                    work(worker, job)

        # OpenBLAS would start threads of its own inside each worker's product; it knows only a process-wide number, so that
        # is set for the length of a frame (23 us) and put back. Should the loader thread warm a style at that moment, the
        # one that ends first lifts the limit for both: slower for a few ms, never wrong.
        with self._blas.limit(limits=1):
            others = [] if self._pool is None else [self._pool.submit(drain, w) for w in range(1, min(self.threads, jobs))]
            try:
                drain(0)
            finally:
                # A helper that has not begun by now has nothing left to do: waiting for it to be scheduled is pure latency.
                for other in others:
                    if not other.cancel():
                        other.result()

    def close(self) -> None:
        """End the threads. The shared pool is never closed."""
        if self._pool is not None:
            self._pool.shutdown()


_shared: Workers | None = None
_shared_lock = threading.Lock()


def shared_workers() -> Workers:
    """Return the process's one pool, made on first use."""
    global _shared
    with _shared_lock:
        if _shared is None:
            _shared = Workers()
        return _shared
