"""The prior's part of a run: loops of codes in, a trained prior out, its checkpoint in the run's folder.

    runs/<name>/  prior.pt  prior.json

Called by `commands` after the VQ-VAE is trained. Ctrl-C ends the training and what was learned dreams; `--resume` goes on.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from engine.core import clock
from engine.core.errors import UserError
from engine.models.style import write_atomic
from engine.models.vqvae import VqvaeNetwork
from tools.datasets.manifest import Manifest
from tools.vqvae.dreaming import encode_loop
from tools.vqvae.network import VqVae
from tools.vqvae.prior import Prior, PriorTrainer, Shape
from tools.vqvae.run import SAVE_EVERY_S


@dataclass(frozen=True)
class Coded:
    """Loops as codes, uint8 [frames, rows, columns] each. kinds: each training loop's sketch, as an index of `names`."""

    training: list[np.ndarray]
    kinds: list[int]
    held_out: list[np.ndarray]
    names: list[str]


def encode_data(model: VqVae, manifest: Manifest, frames: int) -> Coded:
    """Return a data set's loops in `frames` frames each. Of a split by frames every loop is training."""
    if not 2 <= frames <= 1024:
        raise UserError("out of range", where="--frames", allowed="2 to 1024", got=frames)
    training = [loop for loop in manifest.loops if loop.split != "validation"]
    names = sorted({loop.group for loop in training})
    return Coded(
        [encode_loop(model, loop, frames) for loop in training],
        [names.index(loop.group) for loop in training],
        [encode_loop(model, loop, frames) for loop in manifest.loops if loop.split == "validation"],
        names,
    )


def chosen_kinds(coded: Coded, sketches: Sequence[str] | None) -> list[int]:
    """Return the indices of these sketches, of all without. Raises UserError for one that is not there."""
    for name in sketches or ():
        if name not in coded.names:
            raise UserError("no such sketch", where="--sketches", allowed=", ".join(coded.names), got=name)
    return [k for k, name in enumerate(coded.names) if not sketches or name in sketches]


def varied(coded: Coded, count: int, kinds: Sequence[int] | None = None) -> list[np.ndarray]:
    """Return `count` training loops at most, of these sketches, which take turns."""
    queues: dict[int, list[np.ndarray]] = {}
    for codes, kind in zip(coded.training, coded.kinds, strict=True):
        if kinds is not None and kind not in kinds:
            continue
        queues.setdefault(kind, []).append(codes)
    found: list[np.ndarray] = []
    while len(found) < count and any(queues.values()):
        for kind in sorted(queues):
            if queues[kind] and len(found) < count:
                found.append(queues[kind].pop(0))
    return found


def train_prior(
    folder: Path,
    coded: Coded,
    spec: VqvaeNetwork,
    seed: int,
    steps: int,
    minutes: float,
    stop: Callable[[], bool],
    say: Callable[[str], None],
    **shape: int,
) -> Prior:
    """Train, or go on with, the prior in `folder`; return it in evaluation. Raises UserError for a checkpoint that does not
    fit."""
    frames = len(coded.training[0])
    form = Shape(frames, spec.rows, spec.columns, spec.codes, len(coded.names), **shape)
    held_out = np.stack(coded.held_out) if coded.held_out else np.zeros((0, frames, spec.rows, spec.columns), np.uint8)
    trainer = PriorTrainer(
        form, np.stack(coded.training), np.array(coded.kinds), held_out, seed, steps=steps, minutes=minutes
    )
    path = folder / "prior.pt"
    if path.is_file():
        trainer.restore(_read(path))
    saved = clock.now()
    while trainer.progress < 1.0 and not stop():
        record = trainer.advance()
        if record is not None:
            say(f"prior, step {trainer.step}, {100 * trainer.progress:.0f} %: {record['loss']:.3f} nats a hidden code, "
                f"held out {record['held_out']:.3f} (guessing {np.log(spec.codes):.2f})")  # fmt: skip
        if clock.now() - saved > SAVE_EVERY_S:
            _save(path, trainer)
            saved = clock.now()
    _save(path, trainer)
    history = {"steps": trainer.history, "seconds": round(trainer.spent, 1), "loops": [len(coded.training), len(held_out)]}
    write_atomic(folder / "prior.json", (json.dumps(history) + "\n").encode())
    return trainer.prior.eval()


def _save(path: Path, trainer: PriorTrainer) -> None:
    data = io.BytesIO()
    torch.save(trainer.state(), data)
    write_atomic(path, data.getvalue())


def _read(path: Path) -> dict:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        got = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError("the prior's checkpoint cannot be read", where=str(path), got=got, remedy="delete it") from error
    if not isinstance(state, dict) or not {"shape", "prior", "optimiser"} <= state.keys():
        raise UserError("the prior's checkpoint is of another program", where=str(path), remedy="delete it")
    return state
