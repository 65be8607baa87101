"""Reads pictures as the world has them: one regular file, of a kind that is only a picture, and not too large.

Called by tools and by the check of styles, never by the render thread. Pillow picks a decoder by content: an .png that is
PostScript would start Ghostscript. So it is given the formats below, and the size is looked at before anything is decoded.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.files import open_regular, reason

if TYPE_CHECKING:
    from PIL.Image import Image

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif")
MOST_PIXELS = 1 << 27  # 134 million: more than cameras have, and 400 MB of RGB
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
# Tags of TIFF: bits of a sample; 0 where white is 0; 1 whole numbers, 2 with a sign, 3 floats.
_BITS, _WHITE, _KIND = 258, 262, 339


def read_image(file: Path | BytesIO, covering: int = 0, what: str = "picture") -> Image:
    """Return a file's first picture, upright as its EXIF tag says, RGB or RGBA of 8 bits.

    More bits are scaled by the range of their type; floats within 0..1 as they are, others from their least to their largest
    finite value. covering: a JPEG may be decoded at a half, a quarter or an eighth where that has as many pixels a side.
    Raises UserError: no regular file, no picture, broken, or larger than MOST_PIXELS, which is found before it is decoded.
    """
    from PIL import ImageOps

    with _opened(file, what) as (image, where):
        try:
            if covering:
                image.draft("RGB", (covering, covering))
            image.load()
        except Exception as error:  # boundary: a decoder raises what it likes over a stranger's bytes
            raise UserError(f"cannot read a {what}", where=where, got=_told(error)) from error
        try:
            upright = ImageOps.exif_transpose(image)
        except Exception:  # noqa: BLE001 boundary: cameras write odd tags; the picture counts, not its labels
            upright = image
        try:
            return _eight_bits(image, upright)
        except (ValueError, OSError) as error:
            raise UserError(f"cannot read a {what}", where=where, got=f"colours of the kind {image.mode}") from error


@contextmanager
def _opened(file: Path | BytesIO, what: str) -> Iterator[tuple[Image, str]]:
    from PIL import Image

    if isinstance(file, BytesIO):
        handle: BinaryIO = file
        where = ""
    else:
        handle, where = open_regular(file, what), str(file)
    with handle, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # odd tags and large sizes: the limit is ours
        try:
            image = Image.open(handle, formats=_FORMATS)
        except Image.DecompressionBombError as error:
            raise _too_large(what, where, "more than 179 million") from error
        except Exception as error:  # boundary: a parser raises what it likes over a stranger's bytes
            raise UserError(f"cannot read a {what}", where=where, got=_told(error)) from error
        with image:
            if image.width * image.height > MOST_PIXELS:
                raise _too_large(what, where, f"{image.width} x {image.height}")
            yield image, where


def _eight_bits(image: Image, upright: Image) -> Image:
    from PIL.Image import fromarray

    mode = upright.mode
    if mode.startswith(("I", "F")):
        return fromarray(_scaled(np.asarray(upright), image)).convert("RGB")
    if mode in ("La", "RGBa"):  # with the alpha in it already
        upright = upright.convert("LA" if mode == "La" else "RGBA")
    clear = upright.mode in ("RGBA", "LA", "PA", "P") or "transparency" in upright.info
    return upright.convert("RGBA" if clear else "RGB")


def _scaled(levels: np.ndarray, image: Image) -> np.ndarray:
    """Return uint8 [h, w] of the levels of a picture of more than 8 bits."""
    tags = getattr(image, "tag_v2", {})
    if levels.dtype.kind == "f":
        finite = np.isfinite(levels)
        found = levels[finite]
        low, high = (float(found.min()), float(found.max())) if found.size else (0.0, 1.0)
        if low >= 0.0 and high <= 1.0:
            low, high = 0.0, 1.0
        levels = np.where(finite, levels, low)
    else:
        bits = max(tags.get(_BITS, (16,)), default=16)
        low, high = 0.0, 2.0**bits - 1.0
        if tags.get(_KIND, (1,))[0] == 2:
            low, high = -(2.0 ** (bits - 1)), 2.0 ** (bits - 1) - 1.0
        elif levels.dtype.kind == "i" and bits == 32:
            levels = levels.view(np.uint32)  # Pillow knows no kind without a sign that is so wide
    span = max(high - low, float(np.finfo(np.float32).tiny))
    light = np.round((levels.astype(np.float64) - low) / span * 255.0).clip(0, 255).astype(np.uint8)
    return 255 - light if tags.get(_WHITE) == 0 else light


def _too_large(what: str, where: str, got: str) -> UserError:
    return UserError(f"the {what} is too large", where=where, allowed=f"{MOST_PIXELS // 10**6} million pixels", got=got)


def _told(error: Exception) -> str:
    # Pillow's own words for a file that is none of its formats name the file, or an object in memory.
    return "no such format" if type(error).__name__ == "UnidentifiedImageError" else reason(error)
