"""Silk: translucent veils that fold and shine. Called through `painting.BUCKETS`."""

from __future__ import annotations

import numpy as np

from phosphene.tools.datasets.painting.sheet import TURN, Sheet, sine, smooth


def silk(s: Sheet) -> np.ndarray:
    """Return linear light [h, w, 3]."""
    x, y = s.turned()
    light = s.palette(s.num(0, 1), 0.05 + 0.12 * s.noise("smooth", x, y, 0.4))
    for veil in range(int(s.recipe.integers(2, 4))):
        u, v = x, y
        for k in range(3):  # each pass bends what the last has bent: long folds that never repeat
            f = s.num(0.3, 0.5) * np.float32(1 + 0.55 * k)
            u, v = (
                u + np.float32(0.34 / (1 + 0.6 * k)) * np.sin(v * f * TURN + s.vary(0, 6.3)),
                v + np.float32(0.28 / (1 + 0.6 * k)) * np.sin(u * f * TURN * 0.8 + s.vary(0, 6.3)),
            )
        t = (u + s.num(0.2, 0.6) * v) * s.num(0.9, 2.2)
        fold = sine(t)
        shine = fold ** s.num(5, 16)
        weave = 1 - s.num(0, 0.15) * sine(t * 14)
        here = smooth(s.noise("smooth", u, v, 0.3), 0.15, 0.75)
        strength = (0.1 + 0.5 * fold * fold + 0.8 * shine) * here * weave * np.float32(1 / (1 + 0.35 * veil))
        light = light + s.palette(0.5 * fold + 0.4 * v + 0.37 * veil + s.num(0, 1), 0.5 + 0.3 * shine) * strength[..., None]
    return light
