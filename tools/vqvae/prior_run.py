"""The prior's part of a run: loops of codes in, a trained prior out, its checkpoint in the run's folder.

    runs/<name>/  prior.pt  prior.json

Called by `commands` after the VQ-VAE is trained. Killed, it loses what it learned since its last checkpoint; `--resume`
goes on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from phosphene.engine.core.errors import UserError
from phosphene.engine.models.vqvae import VqvaeNetwork
from phosphene.tools.datasets.manifest import Manifest
from phosphene.tools.runs.files import packed, read_checkpoint, write_or_warn
from phosphene.tools.runs.loop import take_steps
from phosphene.tools.vqvae.dreaming import encode_loop
from phosphene.tools.vqvae.network import VqVae
from phosphene.tools.vqvae.prior import Prior, PriorTrainer, Shape
from phosphene.tools.vqvae.run import SAVE_EVERY_S

_LARGE = 64  # tokens of a frame


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
    if not training:
        raise UserError("no loop is left to train on", where=str(manifest.folder), remedy="more loops, or another --split")
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
    """Train, or go on with, the prior in `folder`; return it in evaluation. A loss that stays not finite ends the training,
    with the last good weights. Raises UserError for a checkpoint that does not fit.
    """
    frames = len(coded.training[0])
    form = Shape(
        frames, spec.rows, spec.columns, spec.codes, len(coded.names), **(token_of(spec.rows, spec.columns) | shape)
    )
    held_out = np.stack(coded.held_out) if coded.held_out else np.zeros((0, frames, spec.rows, spec.columns), np.uint8)
    trainer = PriorTrainer(
        form, np.stack(coded.training), np.array(coded.kinds), held_out, seed, steps=steps, minutes=minutes
    )
    path = folder / "prior.pt"
    if path.is_file():
        remedy = "delete it"
        state = read_checkpoint(path, ("shape", "prior", "optimiser"), remedy=remedy)
        try:
            trainer.restore(state)
        except (RuntimeError, KeyError, ValueError, TypeError) as error:
            raise UserError("the checkpoint is of another program", where=str(path), remedy=remedy) from error
    by_use = guessing_by_use(coded, spec.codes)

    def told(record: dict[str, float] | None) -> None:
        if record is not None:
            held = f", held out {record['held_out']:.3f}" if coded.held_out else ""
            say(f"prior, step {trainer.step}, {100 * trainer.progress:.0f} %: {record['loss']:.3f} nats a hidden code{held} "
                f"(guessing by the use of codes {by_use:.2f}, blindly {np.log(spec.codes):.2f})")  # fmt: skip

    def save() -> None:
        write_or_warn(path, packed(trainer.state()))

    if fault := take_steps(trainer.advance, lambda: trainer.progress >= 1.0 or stop(), told, save, SAVE_EVERY_S):
        say(f"{fault}; the last good weights are kept")
    save()
    history = {"steps": trainer.history, "seconds": round(trainer.spent, 1), "loops": [len(coded.training), len(held_out)],
               "guessing": {"by use": by_use, "blindly": float(np.log(spec.codes))}}  # fmt: skip
    write_or_warn(folder / "prior.json", (json.dumps(history) + "\n").encode())
    return trainer.prior.eval()


def token_of(rows: int, columns: int) -> dict[str, int]:
    """Return how many codes of such a grid are a token, `high` and `wide`. On a large grid two or four: a step of 576 codes
    a frame then takes 0.4 s instead of 2.5, and a prior of a few minutes has learnt something."""
    wide = 2 if rows * columns > _LARGE and columns % 2 == 0 else 1
    high = 2 if rows * columns // wide > _LARGE and rows % 2 == 0 else 1
    return {"high": high, "wide": wide}


def guessing_by_use(coded: Coded, codes: int) -> float:
    """Return nats a code costs who knows only how often each is used in training: what a prior must stay below.

    Of the held-out loops; of the training ones where there are none.
    """
    use = np.bincount(np.concatenate([loop.reshape(-1) for loop in coded.training]), minlength=codes) + 0.5
    told = np.concatenate([loop.reshape(-1) for loop in coded.held_out or coded.training])
    return float(-np.log(use / use.sum())[told].mean())
