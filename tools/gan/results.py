"""What comes of a run: the style with its previews, a film of its latents' walk, the scores.

Called by `tools/train_gan.py` when a run ends, whatever ended it; in the first process alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import ValidationError

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.engine.generators.still import sequence
from phosphene.engine.library.growing import TYPICAL_SIGNALS
from phosphene.engine.library.previews import VIDEO_FPS, film_bytes, to_bytes, write_still, write_video
from phosphene.engine.models.style import Motion, Preview, StyleMeta, load_style, write_atomic, write_style
from phosphene.tools.cppn.footage import load_music
from phosphene.tools.cppn.liveliness import reactivity
from phosphene.tools.gan.measure import measure, path_length
from phosphene.tools.gan.options import Options
from phosphene.tools.gan.run import Run
from phosphene.tools.gan.trainer import Trainer, parts
from phosphene.tools.runs.files import write_or_warn

WALK_S = 12.0  # of walk.mp4
_MEASURED = 4096  # pictures at most, of either side


def style_meta(options: Options, facts: Mapping[str, Any]) -> StyleMeta:
    """Return what style.toml will say. facts: name, description, licence, tags and so on. Raises UserError for a bad one."""
    net = options.painted()
    try:
        return StyleMeta(
            version=1, kind="gan", seed=options.seed, network=net, motion=Motion(drive=1.0),
            preview=Preview(time=20.0, signals=TYPICAL_SIGNALS), **facts,
        )  # fmt: skip
    except ValidationError as error:
        first = error.errors()[0]
        flag = f"--{first['loc'][0]}" if first["loc"] else "style.toml"
        raise UserError(first["msg"], where=flag, got=first.get("input")) from error


def export(run: Run, trainer: Trainer, out: Path, meta: StyleMeta, *, video: bool = True) -> Path:
    """Write the running mean as a style with previews, and its latent walk beside the run. Raises UserError."""
    tensors = {name: value.detach().cpu().numpy() for name, value in trainer.shown.tensors.items()}
    if not all(np.isfinite(value).all() for value in tensors.values()):
        raise UserError("the weights are not finite", where=str(run.folder), remedy="resume from the last checkpoint")
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
    """Write walk.mp4: the latents' walk in even, quiet sound, so that what moves is the walk alone."""
    style = load_style(out)
    size = Size(640, round(640 / run.options.picture.aspect / 2) * 2)
    quiet = [TYPICAL_SIGNALS | {"bass": 0.0, "onset": 0.0, "rms": 0.2}] * round(WALK_S * VIDEO_FPS)
    pictures = [to_bytes(p) for p in sequence(style, size, quiet, 1.0 / VIDEO_FPS)]
    write_or_warn(run.folder / "walk.mp4", film_bytes(pictures))


def measured(run: Run, trainer: Trainer, style: Path | None) -> dict[str, float]:
    """Return the scores of the running mean, of an untrained one, and of `style` in the demo music; write scores.json."""
    rng = torch.Generator().manual_seed(5)
    reals, held = (parts(_spread_out(each), run.options.picture, rng) for each in (run.train, run.held_out))
    count = int(min(max(256, len(reals)), 1024))
    found = measure(trainer.paint(count, 12_345), reals, held)
    nothing = type(trainer)(run.options, run.train, str(trainer.device))
    null = measure(nothing.paint(count, 12_345), reals, held)
    found |= {f"{name}_untrained": null[name] for name in ("kid", "fid", "precision", "recall")}
    ends = trainer.shown.draw(128, torch.Generator().manual_seed(3))
    found["path_length"] = round(path_length(trainer.painted, ends), 4)
    if style is not None:
        reaction = reactivity(load_style(style), load_music().signals)
        found |= {"reactivity": round(reaction.correlation, 5), "reactivity_null": round(reaction.null, 5)}
    found |= {"parameters": trainer.maker.graph.parameters, "seen": trainer.seen, "seconds": round(run.seconds, 1)}
    write_or_warn(run.folder / "scores.json", json.dumps(found, indent=2).encode())
    return found


def _spread_out(pictures: np.ndarray) -> np.ndarray:
    """Return `_MEASURED` of the pictures or all, from end to end: a data set is sorted by its buckets."""
    count = min(len(pictures), _MEASURED)
    return pictures[np.linspace(0, len(pictures) - 1, count).round().astype(np.intp)]
