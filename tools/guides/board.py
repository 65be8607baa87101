"""A board: pictures whose texture a style is to have, read at one scale, and divided into what trains and what judges.

Read by the guide `texture`, by its start and by the judge `patches`, before the first step. Never writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from phosphene.engine.core.errors import UserError, one_line
from phosphene.engine.core.pictures import SUFFIXES, read_image

ASPECT = 16 / 9
SMALLEST = 32  # px a side: what is smaller has no texture to speak of
_FLAT = 0.01  # standard deviation of each channel below which there is none either
_EVERY = 4  # of so many pictures, one is held out


@dataclass(frozen=True)
class Board:
    """pictures: float32 [n, h, w, 3], sRGB 0..1, 16:9. notes: what was left out, a line each."""

    pictures: np.ndarray
    notes: tuple[str, ...]


def divided(images: Sequence[Path]) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """Return (what trains, what judges): every fourth picture is held out; of fewer than four, all do both."""
    if len(images) < _EVERY:
        return tuple(images), tuple(images)
    held = tuple(images[_EVERY - 1 :: _EVERY])
    return tuple(path for path in images if path not in held), held


def read_board(images: Sequence[Path], height: int, most: int = 100) -> Board:
    """Return at most `most` of the pictures that have a texture, evenly by name, `height` px high.

    A picture of another shape is cut to 16:9 in its middle. Raises UserError where none has a texture.
    """
    pictures, notes = [], []
    for path in images:
        try:
            picture = read_image(path, 2 * height).convert("RGBA")
        except UserError as error:
            notes.append(one_line(f"{path.name} cannot be read as a picture and is left out ({error.what})"))
            continue
        if min(picture.size) < SMALLEST:
            notes.append(f"{path.name} is only {picture.width} x {picture.height} px: it has no texture and is left out")
            continue
        rgb = _cover(picture, height)
        if rgb.std((0, 1)).max() < _FLAT:
            notes.append(f"{path.name} is one flat colour: it has no texture and is left out")
            continue
        pictures.append(rgb)
    if not pictures:
        raise UserError(
            "no picture here has a texture", where=str(images[0].parent) if images else "--images",
            allowed=f"{', '.join(SUFFIXES)}, {SMALLEST} px a side or more", got=f"{len(images)} files",
            remedy="; ".join(notes[:3]) or "--guide images takes the colours alone",
        )  # fmt: skip
    if len(pictures) > most:
        pictures = [pictures[i * len(pictures) // most] for i in range(most)]
    return Board(np.stack(pictures), tuple(notes))


def _cover(picture: Image.Image, height: int) -> np.ndarray:
    """Return the middle of an RGBA picture, 16:9, `height` px high, over black: float32 [h, w, 3], 0..1."""
    width = round(height * ASPECT / 2) * 2
    wide, high = picture.size
    part_w, part_h = min(wide, high * ASPECT), min(high, wide / ASPECT)
    box = ((wide - part_w) / 2, (high - part_h) / 2, (wide + part_w) / 2, (high + part_h) / 2)
    rgba = np.asarray(picture.resize((width, height), Image.Resampling.BICUBIC, box=box, reducing_gap=3.0), np.float32) / 255
    return np.ascontiguousarray(rgba[..., :3] * rgba[..., 3:])
