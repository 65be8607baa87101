"""Abstract pictures as a stage wants them: dark grounds, rich colour, light. `paint` makes one of a bucket.

Called by `tools.datasets.procedural`. Any size and shape; never reads or writes a file.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from functools import lru_cache

import numpy as np

from phosphene.engine.core.frame import Size
from phosphene.engine.models.colour import linear_to_srgb
from phosphene.tools.datasets.painting import cells, colour_fields, flux, glitch_waves, light_tunnels, nebula, silk
from phosphene.tools.datasets.painting.sheet import Sheet

# The words of a bucket's captions, and its painter: linear light [h, w, 3] from a sheet.
BUCKETS: dict[str, tuple[str, Callable[[Sheet], np.ndarray]]] = {
    "flux": ("abstract flux, ribbons and currents of light", flux.flux),
    "glitch-waves": ("glitch waves, torn and displaced bands", glitch_waves.glitch_waves),
    "colour-fields": ("colour fields, wide soft planes", colour_fields.colour_fields),
    "organic-nebula": ("organic nebula, glowing gas and dark dust", nebula.nebula),
    "spectral-cells": ("spectral cells, iridescent membranes", cells.spectral_cells),
    "light-tunnels": ("tunnel of light, rings and spokes", light_tunnels.light_tunnels),
    "silk": ("silk, folded translucent veils", silk.silk),
}
FIVE = ("flux", "glitch-waves", "colour-fields", "organic-nebula", "spectral-cells")
"""The buckets of the comparison; the others are extra."""

_UNFOLDED = ("colour-fields",)  # a sector of a wide plane is one colour
_OVER = 2  # samples a pixel and axis


def paint(bucket: str, recipe: int, view: int, size: Size, seed: int = 0) -> tuple[np.ndarray, str]:
    """Return a picture, uint8 [h, w, 3] sRGB, and its caption; the same for the same five arguments on any machine but
    for rounding. About 65 ms at 128 x 128 on one core."""
    words, painter = BUCKETS[bucket]
    name = zlib.crc32(bucket.encode())
    structure = np.random.default_rng([seed, name, recipe])
    place = np.random.default_rng([seed, name, recipe, 1 + view])
    sheet = Sheet(size.width * _OVER, size.height * _OVER, structure, place, folds=bucket not in _UNFOLDED)
    caption = f"{words}, {' and '.join(sheet.palette.names)}"
    return develop(painter(sheet), sheet), caption


def develop(light: np.ndarray, sheet: Sheet) -> np.ndarray:
    """Return sRGB uint8 [h, w, 3] of linear light [2h, 2w, 3]: exposed for its highlights, with bloom, over the ground."""
    light = light.reshape(light.shape[0] // _OVER, _OVER, light.shape[1] // _OVER, _OVER, 3).mean((1, 3), dtype=np.float32)
    light = np.maximum(light, 0)
    bright, mean = float(np.quantile(light.max(-1), 0.98)), float(light.max(-1).mean())
    # Wide planes are exposed for their mean, or they would be a lamp in the dark of a room.
    light *= np.float32(min(1.15 / max(bright, 0.05), sheet.num(0.2, 0.42) / max(mean, 0.02)))
    height, width = light.shape[:2]
    for share, amount in ((0.018, sheet.num(0.1, 0.25)), (0.08, sheet.num(0.08, 0.22))):
        down, across = _blur(height, share * min(height, width)), _blur(width, share * min(height, width))
        soft = np.matmul(across, np.tensordot(down, light, 1))
        light = light + amount * soft
    # Each channel saturates on its own: what is very bright goes to white, as on film.
    light = sheet.palette.ground * 0.6 + 1 - np.exp(-1.15 * light)
    return np.round(np.clip(linear_to_srgb(light), 0, 1) * 255).astype(np.uint8)


@lru_cache(maxsize=16)
def _blur(side: int, sigma: float) -> np.ndarray:
    """Return the matrix [side, side] that blurs along one axis."""
    k = np.arange(side, dtype=np.float32)
    kernel = np.exp(-0.5 * ((k[:, None] - k[None]) / max(sigma, 0.3)) ** 2)
    return (kernel / kernel.sum(1, keepdims=True)).astype(np.float32)
