"""A run is a folder: options, history, checkpoint, samples, scores, the report; the style goes where it was asked for.

    RUN/  options.json  history.json  checkpoint.pt  samples/  walk.mp4  scores.json  index.html       OUT/  the style

Called by `tools/train_gan.py`, in each process of torchrun; only the first writes. A run that is killed at any moment goes
on from its last checkpoint. Checkpoints are read with weights_only: they run no code.
"""

from __future__ import annotations

import io
import json
import logging
import os
import pickle
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from PIL import Image

from engine.app.growing import TYPICAL_SIGNALS
from engine.app.previews import VIDEO_FPS, film_bytes, to_bytes, write_still, write_video
from engine.core import clock
from engine.core.errors import RateLimitedLog, UserError
from engine.core.frame import Size
from engine.generators.still import sequence
from engine.models.style import Motion, Preview, StyleMeta, load_style, write_atomic, write_style
from tools.datasets.manifest import load_manifest
from tools.gan.options import Options
from tools.gan.trainer import Trainer, parts

LEAST_PICTURES = 16
_SHEET = (4, 6)  # pictures of a sample: rows, columns
_SAMPLES = 40  # kept; then every second one goes, and half as many come
_CHUNK = 4096  # pictures that are measured at most, of either side

_log = logging.getLogger(__name__)
_disk = RateLimitedLog(_log, 20.0)
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
    """Read the data's table and open its pictures; they stay on disk. Raises UserError."""
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

    Raises UserError.
    """
    trainer = Trainer(run.options, run.train, device_of(run.options.device))
    if resume:
        state = read_checkpoint(run.folder / "checkpoint.pt")
        trainer.load(state)
        run.seconds = float(state.get("seconds", 0.0))
        run.history = [h for h in _read_history(run.folder) if h.get("step", 0) <= trainer.step]
        return trainer
    if start is not None:
        trainer.start_from(read_checkpoint(start / "checkpoint.pt"))
        trainer.notes.append(f"started from the networks of {start.name}")
    if trainer.rank == 0:
        _write(run.folder / "options.json", json.dumps({"data": run.data} | run.options.as_json(), indent=2).encode())
    return trainer


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint without running anything of it. Raises UserError."""
    try:
        with warnings.catch_warnings():  # of pickles that it is about to refuse
            warnings.simplefilter("ignore", UserWarning)
            state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise UserError("nothing to resume", where=str(path), remedy="leave --resume out to begin") from error
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
        what = "the checkpoint is damaged, or would run code"
        raise UserError(what, where=str(path), allowed="tensors and numbers", remedy="start another run") from error
    if not isinstance(state, dict):
        raise UserError("the checkpoint is damaged", where=str(path), allowed="a table", got=type(state).__name__)
    return state


def device_of(name: str) -> str:
    """Return the torch device for `auto` or a name; under torchrun each process has its own."""
    if name != "auto":
        try:
            return str(torch.device(name))
        except RuntimeError as error:
            raise UserError("no such device", where="--device", allowed="auto, cpu, cuda, cuda:N, mps", got=name) from error
    return f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if torch.cuda.is_available() else "cpu"


def train(run: Run, trainer: Trainer, stop: Callable[[], bool], told: Told) -> bool:
    """Train until the budget is spent (True) or `stop` says so (False). Saves on the way, and whatever ends it."""
    saved = sampled = -1.0
    every = run.options.sample_every
    before = clock.now()
    try:
        while True:
            done, stopping = _agreed(run.done(trainer), stop())
            if done >= 1.0 or stopping:
                return done >= 1.0
            said = trainer.train_step(done)
            now = clock.now()
            run.seconds, before = run.seconds + now - before, now
            if trainer.rank:
                continue
            run.history.append({"step": trainer.step, "seen": trainer.seen, **{k: round(v, 5) for k, v in said.items()}})
            told(trainer, done, said)
            if trainer.step - sampled >= every or sampled < 0:
                _sample(run, trainer)
                sampled = trainer.step
                every = max(every, trainer.step // _SAMPLES)
            if now - saved > run.options.save_every or saved < 0:
                save(run, trainer)
                saved = now
    finally:
        if trainer.rank == 0:
            save(run, trainer)
            _sample(run, trainer)


def _agreed(done: float, stopping: bool) -> tuple[float, bool]:
    """Return what the first process says: all must stop at one step, or the others wait for ever."""
    if not dist.is_initialized():
        return done, stopping
    device = "cuda" if dist.get_backend() == "nccl" else "cpu"
    both = torch.tensor([done, float(stopping)], device=device)
    dist.broadcast(both, 0)
    return float(both[0]), bool(both[1])


def save(run: Run, trainer: Trainer) -> None:
    """Write checkpoint and history, each whole or not at all. A full disk is said, and training goes on."""
    data = io.BytesIO()
    torch.save(trainer.state() | {"seconds": run.seconds}, data)
    _write(run.folder / "checkpoint.pt", data.getvalue())
    _write(run.folder / "history.json", json.dumps(run.history[:: max(1, len(run.history) // 2000)]).encode())


def export(run: Run, trainer: Trainer, out: Path, facts: dict[str, Any], *, video: bool = True) -> Path:
    """Write the running mean as a style with previews, and its latent walk beside the run. Raises UserError.

    facts: name, description, licence, tags and so on, for style.toml.
    """
    if run.options.recipe != "ours":
        raise UserError("only the recipe 'ours' makes styles", where="--recipe", got=run.options.recipe)
    tensors = {name: value.detach().cpu().numpy() for name, value in trainer.shown.tensors.items()}
    if not all(np.isfinite(value).all() for value in tensors.values()):
        raise UserError("the weights are not finite", where=str(run.folder), remedy="resume from the last checkpoint")
    net = trainer.maker.net
    rows, columns = net.grid
    # Convolutions do not mind the size: what was trained on parts paints whole pictures from a larger latent.
    net = net.model_copy(update={"grid": (rows * run.options.field, columns * run.options.field)})
    meta = StyleMeta(
        version=1, kind="gan", seed=run.options.seed, network=net, motion=Motion(drive=1.0),
        preview=Preview(time=20.0, signals=TYPICAL_SIGNALS), **facts,
    )  # fmt: skip
    how = {"how": "trained", "steps": trainer.step, "pictures seen": trainer.seen, "notes": trainer.notes}
    how |= {"pictures": len(run.train), "options": run.options.as_json()}
    try:
        # Half precision: the picture differs by less than 1/255, and the folder is half the size.
        write_style(out, meta, {name: value.astype(np.float16) for name, value in tensors.items()})
        write_atomic(out / "history.json", (json.dumps(how, indent=2) + "\n").encode())
        write_still(out)
        if video:
            write_video(out)
            _write_walk(run, out)
    except OSError as error:
        remedy = "make room, then the same command with --resume"
        raise UserError("the style cannot be written", where=str(out), got=error.strerror or error, remedy=remedy) from error
    return out


def _write_walk(run: Run, out: Path) -> None:
    """Write walk.mp4: 12 s of the latents' walk in even, quiet sound, so that what moves is the walk alone."""
    style = load_style(out)
    size = Size(640, round(640 / run.options.picture.aspect / 2) * 2)
    quiet = [TYPICAL_SIGNALS | {"bass": 0.0, "onset": 0.0, "rms": 0.2}] * (12 * VIDEO_FPS)
    pictures = [to_bytes(p) for p in sequence(style, size, quiet, 1.0 / VIDEO_FPS)]
    _write(run.folder / "walk.mp4", film_bytes(pictures))


def measured(run: Run, trainer: Trainer) -> dict[str, float]:
    """Return the scores of the running mean, and of an untrained one, and write scores.json."""
    from tools.gan.measure import measure, path_length

    size = run.options.picture
    reals, held = (parts(each[:_CHUNK], size, torch.Generator().manual_seed(5)) for each in (run.train, run.held_out))
    count = int(min(max(256, len(reals)), 1024))
    found = measure(trainer.paint(count, 12_345), reals, held)
    nothing = Trainer(run.options, run.train, str(trainer.device))
    null = measure(nothing.paint(count, 12_345), reals, held)
    found |= {f"{name}_untrained": null[name] for name in ("kid", "fid", "precision", "recall")}
    rest = trainer.shown.draw(128, torch.Generator().manual_seed(3))

    def paint(z: torch.Tensor) -> np.ndarray:
        inputs = {"z": z} | {name: value[: len(z)] for name, value in rest.items() if name != "z"}
        with torch.no_grad():
            pictures = trainer.shown({name: value.to(trainer.device) for name, value in inputs.items()})
        return (pictures.clamp(0, 1) * 255.0 + 0.5).byte().movedim(1, -1).cpu().numpy()

    found["path_length"] = round(path_length(paint, rest["z"]), 4)
    found |= {"parameters": trainer.maker.graph.parameters, "seen": trainer.seen, "seconds": round(run.seconds, 1)}
    _write(run.folder / "scores.json", json.dumps(found, indent=2).encode())
    return found


def _sample(run: Run, trainer: Trainer) -> None:
    rows, columns = _SHEET
    pictures = trainer.paint(rows * columns, 7)
    _, h, w, _ = pictures.shape
    sheet = pictures.reshape(rows, columns, h, w, 3).transpose(0, 2, 1, 3, 4).reshape(rows * h, columns * w, 3)
    data = io.BytesIO()
    Image.fromarray(sheet).save(data, "PNG")
    _write(run.folder / "samples" / f"{trainer.step:07d}.png", data.getvalue())


def _read_history(folder: Path) -> list[dict[str, float]]:
    try:
        return list(json.loads((folder / "history.json").read_text("utf-8")))
    except (OSError, ValueError):
        return []  # curves only: the weights are in the checkpoint


def _write(path: Path, data: bytes) -> None:
    try:
        write_atomic(path, data)
    except OSError as error:
        _disk.warning("disk", f"{path} is not written: {error.strerror or error}; training goes on")
