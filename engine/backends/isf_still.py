"""Stills of shaders that make pictures, as the desk's library shows them: painted once, when a shader is tried.

`paint_still` runs in the worker (`isf_worker.py`). Ours have theirs in `shaders/stills/`, made with music by
`tools/lab/shader_stills.py`; those of others lie in the cache, by the content of the shader.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from phosphene.engine.backends.isf_judge import TRIAL_SIZE, Film, Verdict
from phosphene.engine.backends.isf_program import IsfProgram, Moment
from phosphene.engine.backends.isf_trial import still_place
from phosphene.engine.core import clock
from phosphene.engine.core.frame import Size
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.models.isf import Isf, imported_pictures

STILL_SIZE, QUALITY = Size(320, 180), 84
FOLDER = "stills"  # beside the shaders
_FRAMES, _STEP_S = 120, 1.0 / 15.0  # of one that keeps buffers: what grows has grown
_ENOUGH_S = 1.5  # after which the picture is taken as it is: a person waits for the trial
_MOST_MS = 300.0  # that a still's frame may be expected to take


def still_of(isf: Isf) -> Path | None:
    """Return the file of a shader's still: beside it, or from its trial; None where there is none."""
    found = (isf.path.parent / FOLDER / f"{isf.path.stem}.webp", still_place(isf))
    return next((path for path in found if path.is_file()), None)


def paint_still(isf: Isf, verdict: Verdict) -> bytes | None:
    """Return the still of a shader that makes pictures, WebP; None for other kinds, and for one that is too slow.

    verdict: of its trial. Needs a current GL context.
    """
    slower = STILL_SIZE.pixels / TRIAL_SIZE.pixels
    if isf.kind != "generator" or verdict.ms * slower > _MOST_MS:
        return None
    program, target = IsfProgram(isf, imported_pictures(isf)), RenderTarget(STILL_SIZE)
    sounds = {each.name: Film(each, n, False) for n, each in enumerate(isf.inputs) if each.kind.startswith("audio")}
    until = clock.now() + _ENOUGH_S
    try:
        for k in range(_FRAMES if any(each.persistent for each in isf.passes) else 2):
            heard = {name: film.frames[k % len(film.frames)] for name, film in sounds.items()}
            program.render(target, Moment(2.0 + k * _STEP_S, _STEP_S), {}, heard)
            picture = target.read()  # waits for it, so that the time counts
            if clock.now() > until:
                break
        seen = np.clip(np.nan_to_num(picture, nan=0.0, posinf=1.0, neginf=0.0), 0.0, 1.0)
        return webp(seen[..., :3] * (1.0 if verdict.opaque else seen[..., 3:]))
    finally:
        for each in (*sounds.values(), target, program):
            each.close()


def webp(picture: np.ndarray) -> bytes:
    """Return a picture, float [h, w, 3] sRGB 0..1, row 0 at the top, as a WebP file."""
    out = io.BytesIO()
    Image.fromarray((picture * 255.0 + 0.5).astype(np.uint8)).save(out, "WEBP", quality=QUALITY, method=6)
    return out.getvalue()
