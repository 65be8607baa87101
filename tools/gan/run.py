"""A run is a folder: options, history, checkpoint, samples, scores, the report; the style goes where it was asked for.

    RUN/  options.json  history.json  checkpoint.pt  samples/  walk.mp4  scores.json  index.html       OUT/  the style

Called by `tools/train_gan.py`, in each process of torchrun; only the first writes. A run that is killed at any moment goes
on from its last checkpoint, or from the start where there is none. Checkpoints are read with weights_only: they run no
code.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist

from phosphene.engine.core import clock
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.files import MOST_RECORD, json_there
from phosphene.tools.datasets.manifest import load_manifest
from phosphene.tools.gan.options import Options
from phosphene.tools.gan.trainer import Trainer, trainer_of
from phosphene.tools.runs.device import device_of
from phosphene.tools.runs.files import (
    CHECKPOINT,
    HISTORY,
    packed,
    png,
    read_checkpoint,
    records_of,
    write_options,
    write_or_warn,
)
from phosphene.tools.runs.loop import take_steps

LEAST_PICTURES = 16
_SHEET = (4, 6)  # pictures of a sample: rows, columns
_SAMPLES = 40  # at even distances; from then on the distance is this part of the steps so far

_REMEDY = "start another run"  # for a checkpoint that cannot be read
Told = Callable[[Trainer, float, dict[str, float]], None]


@dataclass
class Run:
    """A folder, its data and what came of it so far. train, held_out: uint8 [n, h, w, 3], on disk, of the size
    that the style paints."""

    folder: Path
    options: Options
    data: str
    train: np.ndarray
    held_out: np.ndarray
    seconds: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list)

    def done(self, trainer: Trainer) -> float:
        """Return how much of the budget is spent, 0..1."""
        o = self.options
        shares = [self.seconds / (60.0 * o.minutes) if o.minutes else 0.0, trainer.seen / o.images if o.images else 0.0]
        return min(1.0, max(shares))


def open_run(folder: Path, options: Options, data: Path) -> Run:
    """Read the data's table and open its pictures; they stay on disk. Under torchrun the first process packs them, and the
    others wait. Raises UserError.
    """
    if not dist.is_initialized():
        return _open_run(folder, options, data)
    fault: UserError | None = None
    if dist.get_rank() == 0:
        try:
            run = _open_run(folder, options, data)
        except UserError as error:
            fault = error
    failed = torch.tensor(float(fault is not None))
    dist.broadcast(failed, 0)
    if failed > 0:
        raise fault or UserError("the first process cannot open the data", where=str(data))
    return run if dist.get_rank() == 0 else _open_run(folder, options, data)


def _open_run(folder: Path, options: Options, data: Path) -> Run:
    manifest = load_manifest(data)
    parts = []
    for part in (manifest.train, manifest.validation):
        keep = [e for e in part.entries if not options.buckets or e.bucket in options.buckets]
        parts.append(type(part)(part.folder, tuple(keep)))
    if options.buckets and not parts[0].entries:
        allowed = ", ".join(manifest.buckets)
        raise UserError("no such bucket", where="--buckets", allowed=allowed, got=", ".join(options.buckets))
    if len(parts[0]) < LEAST_PICTURES:
        remedy = "100 or more make a style"
        raise UserError(
            "too few pictures", where=str(data), allowed=f"{LEAST_PICTURES} or more", got=len(parts[0]), remedy=remedy
        )
    size = options.whole
    none = np.zeros((0, size.height, size.width, 3), np.uint8)
    return Run(folder, options, str(data), parts[0].array(size), parts[1].array(size) if len(parts[1]) else none)


def begin(run: Run, resume: bool, start: Path | None = None) -> Trainer:
    """Return a trainer: as the run's checkpoint left it, or fresh, or with the networks of the run in folder `start`.

    Raises UserError, also where the run's folder cannot be written: before the first step, not after the last.
    """
    trainer = trainer_of(run.options)(run.options, run.train, device_of(run.options.device))
    path = run.folder / CHECKPOINT
    if resume and path.is_file():  # none: the disk had no room for one
        state = read_checkpoint(path, remedy=_REMEDY)
        trainer.load(state)
        run.seconds = seconds if isinstance(seconds := state.get("seconds"), float) else 0.0
        history = records_of(json_there(run.folder / HISTORY, MOST_RECORD))
        run.history = [h for h in history if h.get("step", 0) <= trainer.step]
        return trainer
    if start is not None:
        trainer.start_from(read_checkpoint(start / CHECKPOINT, remedy=_REMEDY))
        trainer.notes.append(f"started from the networks of {start.name}")
    if trainer.rank == 0:
        save(run, trainer)  # first, so that a run that can be resumed has what --start gave it
        write_options(run.folder, json.dumps({"data": run.data} | run.options.as_json(), indent=2))
    return trainer


def train(run: Run, trainer: Trainer, stop: Callable[[], bool], told: Told) -> bool:
    """Train until the budget is spent (True) or `stop` says so (False). Saves on the way, and whatever ends it."""
    sampled, every, done, before = -1.0, run.options.sample_every, 0.0, clock.now()

    def over() -> bool:
        nonlocal done
        done, stopping = _agreed(run.done(trainer), stop())
        return done >= 1.0 or stopping

    def advance() -> dict[str, float]:
        nonlocal before
        said = trainer.train_step(done)
        now = clock.now()
        run.seconds, before = run.seconds + now - before, now
        return said

    def seen(said: dict[str, float]) -> None:
        nonlocal sampled, every
        if trainer.rank:
            return
        run.history.append({"step": trainer.step, "seen": trainer.seen, **{k: round(v, 5) for k, v in said.items()}})
        told(trainer, done, said)
        if trainer.step - sampled >= every or sampled < 0:
            _sample(run, trainer)
            sampled = trainer.step
            every = max(every, trainer.step // _SAMPLES)

    def keep() -> None:
        if trainer.rank == 0:
            save(run, trainer)

    try:
        take_steps(advance, over, seen, keep, run.options.save_every, at_once=True)
        return done >= 1.0
    finally:
        keep()
        if trainer.rank == 0:
            _sample(run, trainer)


def _agreed(done: float, stopping: bool) -> tuple[float, bool]:
    """Return what the first process says: all must stop at one step, or the others wait for ever."""
    if not dist.is_initialized():
        return done, stopping
    both = torch.tensor([done, float(stopping)], dtype=torch.float64)
    dist.broadcast(both, 0)
    return float(both[0]), bool(both[1])


def save(run: Run, trainer: Trainer) -> None:
    """Write checkpoint and history, each whole or not at all. A full disk is said, and training goes on."""
    write_or_warn(run.folder / CHECKPOINT, packed(trainer.state() | {"seconds": run.seconds}))
    write_or_warn(run.folder / HISTORY, json.dumps(run.history[:: max(1, len(run.history) // 2000)]).encode())


def _sample(run: Run, trainer: Trainer) -> None:
    rows, columns = _SHEET
    pictures = trainer.paint(rows * columns, 7)
    _, h, w, _ = pictures.shape
    sheet = pictures.reshape(rows, columns, h, w, 3).transpose(0, 2, 1, 3, 4).reshape(rows * h, columns * w, 3)
    write_or_warn(run.folder / "samples" / f"{trainer.step:07d}.png", png(sheet))
