"""What `show.frag` reads of a picture, in numpy: the reference that tests compare it with, and what a codebook is shown."""

from __future__ import annotations

import numpy as np


def places(p: np.ndarray, cover: tuple[float, float], window: tuple[float, float, float]) -> np.ndarray:
    """Return where on the picture the points `p` of the screen look, [..., 2], 0..1 from the top left, beyond it mirrored.

    p: [..., 2], in halves of the screen's short side, y up, after the view. cover, window: as of `show.frag`.
    """
    middle, size = np.array(window[:2]), np.array(cover) * window[2]
    return middle.astype(p.dtype) + (np.array([0.5, -0.5]) / size).astype(p.dtype) * p


def sampled(picture: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Return the picture at places 0..1 from the top left, bilinear, mirrored beyond its edges: float32 [..., channels].

    picture: [h, w, channels] of any numbers.
    """
    height, width = picture.shape[:2]
    found = []
    for k, side in ((0, width), (1, height)):
        pixel = at[..., k] * side - 0.5
        low = np.floor(pixel)
        found.append((_mirrored(low, side), _mirrored(low + 1.0, side), (pixel - low).astype(np.float32)[..., None]))
    (left, right, x), (top, bottom, y) = found
    above = picture[top, left] * (1.0 - x) + picture[top, right] * x
    below = picture[bottom, left] * (1.0 - x) + picture[bottom, right] * x
    return (above * (1.0 - y) + below * y).astype(np.float32)


def _mirrored(pixel: np.ndarray, side: int) -> np.ndarray:
    """Return the pixels as they are repeated with every other repeat mirrored, as GL_MIRRORED_REPEAT does."""
    turn = np.mod(pixel.astype(np.int64), 2 * side)
    return np.minimum(turn, 2 * side - 1 - turn)
