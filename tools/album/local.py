"""Renders tracks on this machine, several at a time, each in a process of its own.

Called by `tools/render_album.py` on its main thread. A worker that fails, or is killed, fails its own track only.
Workers end when this process does, whatever ends it: each reads from a pipe that then closes.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from phosphene.engine.core.child import child_environment, python_child
from phosphene.tools.album.job import TrackJob, folder_of
from phosphene.tools.album.records import disk_fault, write_record

Told = Callable[[str, dict[str, Any]], None]  # id of a track, what its worker says


@dataclass
class Outcome:
    """What came of a track. error: one line, "" where there is none. verified: None where nothing was verified."""

    error: str = ""
    full: bool = False
    verified: bool | None = None
    frame: int | None = None  # the first one that differs
    rate: float | None = None  # frames a second, where that was asked for


@dataclass
class _Worker:
    process: subprocess.Popen[str]
    place: int
    outcome: Outcome = field(default_factory=Outcome)


def run_local(
    root: Path,
    jobs: Sequence[TrackJob],
    workers: int,
    threads: int,
    told: Told,
    done: Callable[[str, Outcome], None],
    options: Sequence[str] = (),
) -> None:
    """Run the jobs of the album in `root`, in order, `workers` at a time with `threads` each, on as many cores.

    told: every line of progress. done: each track's outcome, as it comes. options: of `worker`. After a full disk no more
    tracks are begun. On KeyboardInterrupt the workers are ended.
    """
    waiting = list(jobs)
    running: dict[str, _Worker] = {}
    said: queue.SimpleQueue[tuple[str, dict[str, Any] | None]] = queue.SimpleQueue()
    with _ended(running):
        while waiting or running:
            while waiting and len(running) < workers:
                job = waiting.pop(0)
                try:
                    place = min(set(range(workers)) - {worker.place for worker in running.values()})
                    running[job.id] = _start(root, job, threads, place, options, said)
                except OSError as error:
                    done(job.id, Outcome(*disk_fault(error, folder_of(root, job.id))))
            if not running:
                continue
            track, message = said.get()
            worker = running[track]
            if message is not None:
                take(worker.outcome, message)
                told(track, message)
                continue
            code = worker.process.wait()
            del running[track]
            if code and not worker.outcome.error:
                log = folder_of(root, track) / "log.txt"
                worker.outcome.error = f"its worker {died(code)} ({log}); --resume renders it again"
            done(track, worker.outcome)
            if worker.outcome.full:
                for job in waiting:
                    done(job.id, Outcome("not begun: the disk is full", full=True))
                waiting = []


def worker_command(folder: Path, options: Sequence[str]) -> list[str]:
    """Return how a worker is started."""
    return python_child("phosphene.tools.album.worker", str(folder), *options)


def worker_environment(threads: int) -> dict[str, str]:
    """Return the environment of a worker that may use so many threads, software OpenGL included."""
    # More threads than LLVMpipe's 32 are refused by it; with one of its own beside ours it only waits: 44 against 38 s.
    drawing = 0 if threads == 1 else min(32, threads)
    return child_environment({"PHOSPHENE_THREADS": str(threads), "LP_NUM_THREADS": str(drawing)})


def cores_of(place: int, threads: int) -> set[int] | None:
    """Return the cores of the worker in `place`; None where there are not enough, or the system does not tell.

    Encoders start threads of their own, so that without a limit one worker takes all cores, and two are in each other's way.
    """
    if not hasattr(os, "sched_getaffinity"):
        return None
    cores = sorted(os.sched_getaffinity(0))[place * threads : (place + 1) * threads]
    return set(cores) if len(cores) == threads else None


def died(code: int) -> str:
    """Say how a process ended."""
    return f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"


def take(outcome: Outcome, message: dict[str, Any]) -> None:
    """Note in `outcome` what a line of a worker says of it."""
    if "error" in message:
        outcome.error, outcome.full = message["error"], message["full"]
    elif "verified" in message:
        outcome.verified, outcome.frame = message["verified"], message["frame"]
    elif "rate" in message:
        outcome.rate = message["rate"]


def _start(
    root: Path, job: TrackJob, threads: int, place: int, options: Sequence[str], said: queue.SimpleQueue[Any]
) -> _Worker:
    folder = folder_of(root, job.id)
    folder.mkdir(parents=True, exist_ok=True)
    write_record(folder / "job.json", job.to_json())
    process = subprocess.Popen(
        worker_command(folder, options),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env=worker_environment(threads),
        start_new_session=True,  # Ctrl-C is for this process, which then ends its workers
    )
    if cores := cores_of(place, threads):
        with contextlib.suppress(ProcessLookupError):  # it has ended already, and says why
            os.sched_setaffinity(process.pid, cores)
    threading.Thread(target=_listen, args=(job.id, process, said), name=f"worker {job.id}", daemon=True).start()
    return _Worker(process, place)


def _listen(track: str, process: subprocess.Popen[str], said: queue.SimpleQueue[Any]) -> None:
    for line in process.stdout or ():
        with contextlib.suppress(ValueError):  # a worker that is killed may leave half a line
            said.put((track, json.loads(line)))
    said.put((track, None))


@contextmanager
def _ended(running: dict[str, _Worker]) -> Iterator[None]:
    try:
        yield
    finally:
        for worker in running.values():
            worker.process.kill()  # nothing that it holds is lost: a track under way begins again
            worker.process.wait()
