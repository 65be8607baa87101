"""Writes a style out of a run: decoder, codebook, loops of codes, previews; and films of dreams.

Called by `commands` on the main thread. The show needs no encoder, no prior and no torch: a style is half-precision numbers
and bytes.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.placing import set_aside
from phosphene.engine.library.previews import film_bytes, write_still, write_video
from phosphene.engine.models.style import Preview, made_meta, write_atomic, write_style
from phosphene.tools.handing_over import hand_over
from phosphene.tools.vqvae.dreaming import Dreams, decode_codes
from phosphene.tools.vqvae.network import VqVae

_QUALITY = 18  # CRF of films that are looked at closely


def style_tensors(model: VqVae, loops: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Return a style's tensors: float16, and codes as bytes. loops: uint8 [frames, rows, columns] each, of one length."""
    tensors = {name: tensor.detach().numpy().astype(np.float16) for name, tensor in model.decoder.named().items()}
    tensors["codebook"] = model.codebook().numpy().astype(np.float16)
    tensors["loops"] = np.stack(loops).astype(np.uint8)
    return tensors


def write_vq_style(
    folder: Path, model: VqVae, loops: Sequence[np.ndarray], *, name: str, description: str, seed: int, licence: str,
    tags: tuple[str, ...] = (), beats: int = 8, scores: dict[str, float] | None = None, how: dict[str, Any] | None = None,
) -> Path:  # fmt: skip
    """Write a playable style, previews included; return its folder. how: what history.json says. Raises UserError."""
    if not loops:
        raise UserError("a style of a VQ-VAE plays loops, and there is none", where=str(folder),
                        remedy="train on a data set of loops: vj dataset p5")  # fmt: skip
    network = model.spec.model_copy(update={"loops": len(loops), "frames": len(loops[0]), "beats": beats})
    try:
        network = type(network).model_validate(network.model_dump())  # a copy is not checked
    except ValidationError as error:
        raise UserError("the style cannot be played", where=str(folder), got=error.errors()[0]["msg"]) from error
    meta = made_meta(
        name=name, kind="vqvae", description=description, seed=seed, licence=licence, tags=tags,
        network=network, preview=Preview(time=1.0), scores=scores or {},
    )  # fmt: skip
    try:
        write_style(folder, meta, style_tensors(model, loops))
        write_atomic(folder / "history.json", (json.dumps(how or {}, indent=2) + "\n").encode())
        write_still(folder)
        write_video(folder)
    except OSError as error:
        raise UserError(
            "the style cannot be written", where=str(folder), got=error.strerror or error, remedy="make room, then --resume"
        ) from error
    return folder


def write_dreams(folder: Path, model: VqVae, dreams: Dreams, fps: float) -> None:
    """Write dreams.json and, of each dream, dreams/K.mp4 (three turns, so that the seam is seen) and dreams/K.npy; where
    none was kept, of the best that was refused. Those of a sitting before this one are kept as dreams-1."""
    shown = dreams.kept or [each for each in (dreams.refused,) if each]
    if os.path.lexists(folder / "dreams"):
        set_aside(folder / "dreams")
    for k, each in enumerate(shown):
        pictures = decode_codes(model, each.codes)
        write_loop_video(folder / "dreams" / f"{k:02d}.mp4", pictures, fps, turns=3)
        data = io.BytesIO()
        np.save(data, each.codes)
        write_atomic(folder / "dreams" / f"{k:02d}.npy", data.getvalue())
    told = {
        "kept": len(dreams.kept), "drawn": dreams.drawn, "bound": dreams.bound, "most": dreams.most,
        "beside": [asdict(each) for each in dreams.beside],
        "dreams": [
            {"seam": d.seam, "step": d.step, "step_most": d.step_most, "nearest": d.nearest, "from": " + ".join(d.kinds)}
            for d in shown
        ],
    }  # fmt: skip
    write_atomic(folder / "dreams.json", (json.dumps(told) + "\n").encode())


def write_loop_video(path: Path, pictures: np.ndarray, fps: float, turns: int = 1) -> Path:
    """Write pictures [n, channels, h, w] in 0..1 as an H.264 film, `turns` times over; return where it is.

    A film of that name is kept under a number. Raises UserError.
    """
    frames = to_frames(pictures)
    height, width = frames.shape[1] // 2 * 2, frames.shape[2] // 2 * 2  # H.264 halves the sides of colour
    shown = [np.ascontiguousarray(frame[:height, :width]) for frame in frames] * turns
    return hand_over(path, film_bytes(shown, _QUALITY, max(1, round(fps))))


def to_frames(pictures: np.ndarray) -> np.ndarray:
    """Return [n, 1 or 3, h, w] in 0..1 as uint8 [n, h, w, 3]."""
    pixels = (np.clip(pictures, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(np.moveaxis(pixels, 1, -1), (len(pixels), *pixels.shape[2:], 3)))
