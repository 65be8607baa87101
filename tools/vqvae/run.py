"""A run is a folder: options, checkpoint, history, samples, the best weights. Written here, resumed from here.

    runs/<name>/  options.json  history.json  checkpoint.pt  best.safetensors  samples/  atlas.png  index.html

Called by `tools/train_vqvae.py` and by the ablation, on the main thread. A run that is killed loses what it learned since
its last checkpoint, at most `SAVE_EVERY_S`; the best weights are a file of their own. Nothing that is read back can run
code.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save

from phosphene.engine.core import clock
from phosphene.engine.core.errors import RateLimitedLog, UserError
from phosphene.engine.core.files import read_bytes
from phosphene.engine.models.style import write_atomic
from phosphene.engine.models.tensor_file import read_tensors
from phosphene.engine.models.torch_file import MOST_TRAINED, read_torch
from phosphene.tools.datasets.manifest import MANIFEST, Manifest, load_manifest
from phosphene.tools.datasets.rows import Rows
from phosphene.tools.vqvae.network import VqVae, to_tensor
from phosphene.tools.vqvae.options import Options
from phosphene.tools.vqvae.trainer import Trainer

SAVE_EVERY_S = 20.0
SAMPLE_EVERY_S = 60.0
_MOST_MANIFEST = 4 << 30  # bytes
_SAMPLES = 8  # pictures beside their reconstructions

_disk_log = RateLimitedLog(logging.getLogger(__name__), 20.0)


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
            remedy="make loops: tools/make_dataset.py p5; or leave --out away",
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
    path = run.folder / "checkpoint.pt"
    if path.is_file():
        state = read_checkpoint(path)
        if state.get("data") != run.data_key:
            remedy = "give the same data, or begin another run"
            raise UserError("the checkpoint was trained on other data", where=str(path), remedy=remedy)
        try:
            trainer.restore(state["trainer"])
        except (RuntimeError, KeyError, ValueError, TypeError, AttributeError) as error:
            raise UserError(
                "the checkpoint is of another architecture", where=str(path), got=_first(error),
                remedy="begin another run",
            ) from error  # fmt: skip
    return trainer


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Return what `save` wrote. Raises UserError for a file that is damaged, or a pickle that would run code."""
    remedy = "delete it to begin again; best.safetensors stays"
    state = read_torch(path, MOST_TRAINED, remedy=remedy)
    if not isinstance(state, dict) or not {"trainer", "data"} <= state.keys():
        raise UserError("the checkpoint is of another program", where=str(path), remedy=remedy)
    return state


def train(run: Run, trainer: Trainer, stop: Callable[[], bool], seen: Callable[[Trainer, dict[str, Any]], None]) -> bool:
    """Step to the end, or until `stop` says so; return whether the end was reached. Saves on the way, which its `spent`
    counts. Afterwards there are best weights, however early it ended.

    seen: called after each epoch with its record.
    """
    try:
        write_atomic(run.folder / "options.json", run.options.to_json().encode())
    except OSError as error:  # before the first step, not after the last
        raise UserError("the run cannot be written", where=str(run.folder), got=error.strerror or error) from error
    trainer.notes += [note for note in run.notes if note not in trainer.notes]
    began = saved = sampled = clock.now()
    spent = trainer.spent
    while not trainer.done and not stop():
        try:
            record = trainer.advance()
        except FloatingPointError as error:
            trainer.notes.append(f"{error}; the best so far is kept")
            break
        if record is not None:
            seen(trainer, record)
            if clock.now() - sampled > SAMPLE_EVERY_S:
                write_or_warn(run.folder / "samples" / f"epoch-{trainer.epoch:04d}.png", sample(run, trainer))
                sampled = clock.now()
        if clock.now() - saved > SAVE_EVERY_S:
            save_run(run, trainer)
            saved = clock.now()
        trainer.spent = spent + clock.now() - began
    if trainer.done and (record := trainer.close()) is not None:
        seen(trainer, record)
    save_checkpoint(run, trainer)
    trainer.conclude()
    save_results(run, trainer)
    write_or_warn(run.folder / "samples" / f"epoch-{trainer.epoch:04d}.png", sample(run, trainer))
    return trainer.done


def save_run(run: Run, trainer: Trainer) -> None:
    """Write checkpoint, history and best weights. A disk that is full is said, and training goes on."""
    save_checkpoint(run, trainer)
    save_results(run, trainer)


def save_checkpoint(run: Run, trainer: Trainer) -> None:
    """Write what --resume needs."""
    data = io.BytesIO()
    torch.save({"trainer": trainer.state(), "data": run.data_key}, data)
    write_or_warn(run.folder / "checkpoint.pt", data.getvalue())


def save_results(run: Run, trainer: Trainer) -> None:
    """Write history and best weights."""
    best = trainer.best
    history = {
        "epochs": trainer.history, "notes": trainer.notes, "seconds": round(trainer.spent, 1),
        "parameters": trainer.model.parameter_count, "counts": trainer.counts.tolist(),
        "pictures": [len(run.train), len(run.validation)], "data": run.data_key,
        "best": None if best is None else {"epoch": best.epoch, **best.scores},
    }  # fmt: skip
    write_or_warn(run.folder / "history.json", (json.dumps(history) + "\n").encode())
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
        raise UserError("the weights are of another architecture", where=str(path), got=_first(error)) from error
    return model.eval()


@torch.no_grad()
def sample(run: Run, trainer: Trainer) -> bytes:
    """Return a PNG: held-out pictures (training ones where there are none) above their reconstructions."""
    pictures = run.validation if len(run.validation) else run.train
    index = np.unique(np.linspace(0, len(pictures) - 1, _SAMPLES).astype(int))
    real = np.ascontiguousarray(pictures[index])
    trainer.model.eval()
    logits, _ = trainer.model(to_tensor(real), quantised=not trainer.waiting)
    made = (logits.sigmoid() * 255).round().byte().permute(0, 2, 3, 1).numpy()
    if real.ndim == 3:
        real = real[..., None]
    shown = np.vstack([np.hstack(list(real)), np.hstack(list(made))])
    data = io.BytesIO()
    Image.fromarray(shown[..., 0] if shown.shape[2] == 1 else shown).save(data, "PNG")
    return data.getvalue()


def _first(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def write_or_warn(path: Path, data: bytes) -> None:
    """Write a file, whole or not at all; a disk that is full is a warning."""
    try:
        write_atomic(path, data)
    except OSError as error:
        _disk_log.warning("disk", f"{path} is not written: {error.strerror or error}; training goes on")
