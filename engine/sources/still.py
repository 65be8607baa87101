"""A still picture: upright, over black, and no larger than a graphics card takes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from phosphene.engine.core.pictures import read_image

MOST_SIDE = 4096  # px: 64 MB with its smaller copies on the card, and twice the width of most walls


class Still:
    """One picture."""

    moves, loops = False, True
    fault = ""

    def __init__(self, picture: np.ndarray) -> None:
        self._picture = picture

    def at(self, place: float) -> tuple[int, np.ndarray]:
        """See `Frames`."""
        return 0, self._picture

    @property
    def told(self) -> str:
        """See `Frames`."""
        return f"{self._picture.shape[1]}x{self._picture.shape[0]}"

    def close(self) -> None:
        """Nothing is held but memory."""


def read_still(path: Path) -> Still:
    """Read a picture: upright as its EXIF tag says, alpha over black, its long side at most MOST_SIDE. Raises UserError."""
    image = read_image(path, covering=MOST_SIDE)
    if image.mode == "RGBA":
        black = Image.new("RGB", image.size)
        black.paste(image, mask=image.getchannel("A"))
        image = black
    if max(image.size) > MOST_SIDE:
        scale = MOST_SIDE / max(image.size)
        width, height = (max(1, round(side * scale)) for side in image.size)
        image = image.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0)
    return Still(np.ascontiguousarray(np.asarray(image, np.uint8)))
