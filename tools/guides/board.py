"""A board: pictures whose texture a style is to have, read at one scale, and divided into what trains and what judges.

Pictures are files, or paintings of what words ask for (`painted`). Read by the guide `texture`, by its start and by the
judge `patches`, before the first step. Never writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from PIL import Image

from phosphene.engine.core.errors import UserError, one_line
from phosphene.engine.core.pictures import SUFFIXES, read_image
from phosphene.tools.guides.painted import HEIGHT, Painting, Picture, painted

ASPECT = 16 / 9
SMALLEST = 32  # px a side: what is smaller has no texture to speak of
_FLAT = 0.01 * 255  # standard deviation of each channel below which there is none either
_EVERY = 4  # of so many pictures, one is held out


def textured(images: Sequence[Picture]) -> tuple[tuple[Picture, ...], tuple[str, ...]]:
    """Return the pictures that have a texture, and a line for each that has none or cannot be read.

    Raises UserError where no picture is left.
    """
    told = [(path, _kept(path)[1]) for path in images]
    good, notes = tuple(path for path, why in told if not why), tuple(why for _, why in told if why)
    if not good:
        raise UserError(
            "no picture here has a texture", where=_place(images),
            allowed=f"{', '.join(SUFFIXES)}, {SMALLEST} px a side or more", got=f"{len(images)} files",
            remedy="; ".join(notes[:3]) or "--guide images takes the colours alone",
        )  # fmt: skip
    return good, notes


def divided(images: Sequence[Picture]) -> tuple[tuple[Picture, ...], tuple[Picture, ...]]:
    """Return (what trains, what judges): every fourth picture is held out; of fewer than four, all do both."""
    held = tuple(images[_EVERY - 1 :: _EVERY])
    return (tuple(path for path in images if path not in held), held) if held else (tuple(images), tuple(images))


def read_board(images: Sequence[Picture], height: int, most: int) -> np.ndarray:
    """Return at most `most` of the pictures, evenly taken, 16:9: float32 [n, height, w, 3], sRGB 0..1.

    images: of `textured`. What has another shape is cut to its middle. height: up to `HEIGHT`.
    """
    count = min(len(images), most)
    size = (round(height * ASPECT / 2) * 2, height)
    pictures = []
    for i in range(count):
        picture, _ = _kept(images[i * len(images) // count])
        assert picture is not None, "only pictures that have a texture are asked for"
        pictures.append(np.asarray(picture.resize(size, Image.Resampling.BICUBIC), np.float32) / 255)
    return np.stack(pictures)


def _place(images: Sequence[Picture]) -> str:
    """Return where the pictures are, for a line."""
    return next((str(path.parent) for path in images if not isinstance(path, Painting)), "--images")


@lru_cache(maxsize=128)  # of 350 KB each: large files are decoded once for guide, start and judge
def _kept(path: Picture) -> tuple[Image.Image | None, str]:
    """Return the middle of a picture, 16:9, `HEIGHT` px high, over black; or why it counts for nothing."""
    try:
        picture = (painted(path) if isinstance(path, Painting) else read_image(path, 2 * HEIGHT)).convert("RGBA")
    except UserError as error:
        return None, one_line(f"{path.name} cannot be read as a picture and is left out ({error.what})")
    wide, high = picture.size
    if min(wide, high) < SMALLEST:
        return None, f"{path.name} is only {wide} x {high} px: it has no texture and is left out"
    part_w, part_h = min(wide, high * ASPECT), min(high, wide / ASPECT)
    box = ((wide - part_w) / 2, (high - part_h) / 2, (wide + part_w) / 2, (high + part_h) / 2)
    size = (round(HEIGHT * ASPECT / 2) * 2, HEIGHT)
    rgba = np.asarray(picture.resize(size, Image.Resampling.BICUBIC, box=box, reducing_gap=3.0), np.uint16)
    rgb = (rgba[..., :3] * rgba[..., 3:] / 255).round().astype(np.uint8)
    if rgb.std((0, 1)).max() < _FLAT:
        return None, f"{path.name} is one flat colour: it has no texture and is left out"
    return Image.fromarray(rgb), ""
