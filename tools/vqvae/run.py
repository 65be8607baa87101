"""A run is a folder: options, checkpoint, history, samples, the best weights. Written here, resumed from here.

    runs/<name>/  options.json  history.json  checkpoint.pt  best.safetensors  samples/  atlas.png  index.html

Called by `tools/train_vqvae.py` and by the ablation, on the main thread. A run that is killed loses what it learned since
its last checkpoint, at most `SAVE_EVERY_S`; the best weights are a file of their own. Nothing that is read back can run
code.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save

from phosphene.engine.core import clock
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.files import read_bytes
from phosphene.engine.models.tensor_file import read_tensors
from phosphene.engine.models.torch_file import MOST_TRAINED
from phosphene.tools.datasets.manifest import MANIFEST, Manifest, load_manifest
from phosphene.tools.datasets.rows import Rows
from phosphene.tools.runs.files import (
    CHECKPOINT,
    HISTORY,
    packed,
    png,
    read_checkpoint,
    reason,
    write_options,
    write_or_warn,
)
from phosphene.tools.runs.loop import take_steps
from phosphene.tools.vqvae.network import VqVae, to_tensor
from phosphene.tools.vqvae.options import Options
from phosphene.tools.vqvae.trainer import Trainer

SAVE_EVERY_S = 20.0
SAMPLE_EVERY_S = 60.0
_MOST_MANIFEST = 4 << 30  # bytes
_SAMPLES = 8  # pictures beside their reconstructions


@dataclass
class Run:
    """A folder and its data. data_key: SHA-256 of the manifest, which a checkpoint goes on with or not at all."""

    folder: Path
    options: Options
    manifest: Manifest
    train: np.ndarray | Rows
    validation: np.ndarray | Rows
    data_key: str
    notes: list[str] = field(default_factory=list)


def open_run(folder: Path, options: Options, loops: bool = False) -> Run:
    """Return a run that is ready to train: the data divided, and decoded once. loops: there must be some.

    Raises UserError.
    """
    manifest = load_manifest(Path(options.data), options.split, seed=options.data_seed, variants=options.variants)
    if loops and not manifest.loops:  # before pictures are decoded, and an hour of training
        raise UserError(
            "a style of a VQ-VAE plays loops, and the data set has none", where=options.data,
            remedy="make loops: vj dataset p5; or leave --out away",
        )  # fmt: skip
    if options.threads:
        # One by default: two that share their cores with another program wait for each other, 3.0 s a step against 0.4 s.
        torch.set_num_threads(options.threads)
    data = Path(options.data)
    size, gray = options.picture, options.gray
    run = Run(
        folder,
        options,
        manifest,
        manifest.train.array(size, gray),
        manifest.validation.array(size, gray),
        hashlib.sha256(read_bytes(data / MANIFEST, _MOST_MANIFEST, "manifest")).hexdigest(),
    )
    if len(run.train) < 2:
        raise UserError("too few pictures to train on", where=str(data), allowed="2 or more", got=len(run.train))
    if not len(run.validation):
        run.notes.append("nothing is held out: every score is of the training pictures")
    if options.split == "leaky":
        run.notes.append("held-out frames have neighbours in training: their score measures memory")
    return run


def begin(run: Run) -> Trainer:
    """Return the run's trainer: from its checkpoint, where there is one. Raises UserError for one that does not fit."""
    trainer = Trainer.begin(run.options, run.train, run.validation)
    path = run.folder / CHECKPOINT
    if path.is_file():
        state = read_checkpoint(path, ("trainer", "data"), remedy="delete it to begin again; best.safetensors stays")
        if state["data"] != run.data_key:
            remedy = "give the same data, or begin another run"
            raise UserError("the checkpoint was trained on other data", where=str(path), remedy=remedy)
        try:
            trainer.restore(state["trainer"])
        except (RuntimeError, KeyError, ValueError, TypeError, AttributeError) as error:
            raise UserError(
                "the checkpoint is of another architecture", where=str(path), got=reason(error),
                remedy="begin another run",
            ) from error  # fmt: skip
    return trainer


def train(run: Run, trainer: Trainer, stop: Callable[[], bool], seen: Callable[[Trainer, dict[str, Any]], None]) -> bool:
    """Step to the end, or until `stop` says so; return whether the end was reached. Saves on the way, which its `spent`
    counts. Afterwards there are best weights, however early it ended.

    seen: called after each epoch with its record.
    """
    write_options(run.folder, run.options.to_json())
    trainer.notes += [note for note in run.notes if note not in trainer.notes]
    began = sampled = clock.now()
    spent = trainer.spent

    def told(record: dict[str, Any] | None) -> None:
        nonlocal sampled
        if record is not None:
            seen(trainer, record)
            if clock.now() - sampled > SAMPLE_EVERY_S:
                _write_sample(run, trainer)
                sampled = clock.now()
        trainer.spent = spent + clock.now() - began

    def keep() -> None:
        save_run(run, trainer)
        trainer.spent = spent + clock.now() - began

    fault = take_steps(trainer.advance, lambda: trainer.done or stop(), told, keep, SAVE_EVERY_S)
    if fault:
        trainer.notes.append(f"{fault}; the best so far is kept")
    if trainer.done and (record := trainer.close()) is not None:
        seen(trainer, record)
    save_checkpoint(run, trainer)
    trainer.conclude()
    save_results(run, trainer)
    _write_sample(run, trainer)
    return trainer.done


def save_run(run: Run, trainer: Trainer) -> None:
    """Write checkpoint, history and best weights. A disk that is full is said, and training goes on."""
    save_checkpoint(run, trainer)
    save_results(run, trainer)


def save_checkpoint(run: Run, trainer: Trainer) -> None:
    """Write what --resume needs."""
    write_or_warn(run.folder / CHECKPOINT, packed({"trainer": trainer.state(), "data": run.data_key}))


def save_results(run: Run, trainer: Trainer) -> None:
    """Write history and best weights."""
    best = trainer.best
    history = {
        "epochs": trainer.history, "notes": trainer.notes, "seconds": round(trainer.spent, 1),
        "parameters": trainer.model.parameter_count, "counts": trainer.counts.tolist(),
        "pictures": [len(run.train), len(run.validation)], "data": run.data_key,
        "best": None if best is None else {"epoch": best.epoch, **best.scores},
    }  # fmt: skip
    write_or_warn(run.folder / HISTORY, (json.dumps(history) + "\n").encode())
    if best is not None:
        metadata = {"options": json.dumps(asdict(run.options))}
        write_or_warn(run.folder / "best.safetensors", save({k: v.contiguous() for k, v in best.model.items()}, metadata))


def load_model(folder: Path) -> VqVae:
    """Return the best model of a run's folder, in evaluation. Raises UserError."""
    model = VqVae.begin(Options.read(folder / "options.json"))
    path = folder / "best.safetensors"
    try:
        tensors, _ = read_tensors(path, MOST_TRAINED, "weights")
        model.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in tensors.items()})
    except RuntimeError as error:
        raise UserError("the weights are of another architecture", where=str(path), got=reason(error)) from error
    return model.eval()


@torch.no_grad()
def _write_sample(run: Run, trainer: Trainer) -> None:
    """Write held-out pictures (training ones where there are none) above their reconstructions."""
    pictures = run.validation if len(run.validation) else run.train
    index = np.unique(np.linspace(0, len(pictures) - 1, _SAMPLES).astype(int))
    real = np.ascontiguousarray(pictures[index])
    trainer.model.eval()
    logits, _ = trainer.model(to_tensor(real), quantised=not trainer.waiting)
    made = (logits.sigmoid() * 255).round().byte().permute(0, 2, 3, 1).numpy()
    if real.ndim == 3:
        real = real[..., None]
    shown = np.vstack([np.hstack(list(real)), np.hstack(list(made))])
    path = run.folder / "samples" / f"epoch-{trainer.epoch:04d}.png"
    write_or_warn(path, png(shown[..., 0] if shown.shape[2] == 1 else shown))
