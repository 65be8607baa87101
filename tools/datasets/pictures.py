"""Reading pictures from disk as they are found in the world, and fitting them to a size.

Called by the makers and by `tools.datasets.part`, on the main thread. Never squashes: what does not fit is cropped.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.engine.core.pictures import read_image

_LUMA = np.array([4899, 9617, 1868], np.uint32)  # Rec. 601 in 1/16384, as Pillow and the canvas of a browser weigh them


def read_picture(path: Path, size: Size) -> np.ndarray:
    """Return a picture of a data set, uint8 [h, w, 3]; at least as large as `size` where the file is. Raises UserError."""
    try:
        return load_picture(path, size)
    except UserError as error:
        what, remedy = "a picture of the data set cannot be read", "make the data set again"
        raise UserError(what, where=str(path), got=error.what, remedy=remedy) from error


def load_picture(file: Path | BytesIO, size: Size | None = None) -> np.ndarray:
    """Return a file's first picture, upright as its EXIF tag says, over black, sRGB uint8 [h, w, 3].

    size: a JPEG may be decoded at a half, a quarter or an eighth, where that still covers it. Raises UserError.
    """
    image = read_image(file, 0 if size is None else 2 * max(size.width, size.height))
    if image.mode == "RGBA":
        black = Image.new("RGBA", image.size, (0, 0, 0, 255))
        image = Image.alpha_composite(black, image).convert("RGB")
    return np.asarray(image)


def fit(picture: np.ndarray, size: Size) -> np.ndarray:
    """Return `picture`, uint8 [h, w, 3], scaled to cover `size` and cropped to its middle, uint8 [height, width, 3]."""
    h, w = picture.shape[:2]
    if (h, w) == (size.height, size.width):
        return picture
    scale = max(size.width / w, size.height / h)
    width, height = size.width / scale, size.height / scale
    left, top = (w - width) / 2, (h - height) / 2
    box = (left, top, min(left + width, w), min(top + height, h))
    image = Image.fromarray(np.ascontiguousarray(picture))
    return np.asarray(image.resize((size.width, size.height), Image.Resampling.LANCZOS, box=box, reducing_gap=3.0))


def grey(pictures: np.ndarray) -> np.ndarray:
    """Return luma, uint8 [...], of sRGB uint8 [..., 3]."""
    return ((pictures.astype(np.uint32) @ _LUMA + 8192) >> 14).astype(np.uint8)
