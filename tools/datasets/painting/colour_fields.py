"""Colour fields: wide planes that melt into one another, bands, discs and curtains. Called through `painting.BUCKETS`."""

from __future__ import annotations

import numpy as np

from phosphene.tools.datasets.painting.sheet import Sheet, glow, sine, smooth


def colour_fields(s: Sheet) -> np.ndarray:
    """Return linear light [h, w, 3]."""
    return (_mesh, _bands, _discs, _curtains)[s.pick(4, 2, 3, 3)](s)


def _mesh(s: Sheet) -> np.ndarray:
    """Points of colour whose influence is blended: a gradient mesh, gently bent."""
    x, y = s.warped(s.x, s.y, s.num(0.4, 1.1), 0.45)
    total = np.full(x.shape, 1e-4, np.float32)
    light = np.zeros((*x.shape, 3), np.float32)
    sharp = s.num(2.0, 5.0)
    reach = np.float32(abs(s.plain_x).max())
    for _ in range(int(s.recipe.integers(4, 9))):
        px, py = s.num(-1.1, 1.1) * reach, s.num(-1.1, 1.1)
        weight = np.exp(-sharp * ((x - px) ** 2 + (y - py) ** 2) ** np.float32(0.8))
        colour = s.palette(s.num(0, 2), s.recipe.choice((0.03, 0.1, 0.2, 0.4, 0.55, 0.7)))
        light += weight[..., None] * colour
        total += weight
    return light / total[..., None]


def _bands(s: Sheet) -> np.ndarray:
    """Soft-edged planes over each other, as on a large canvas."""
    x, y = s.warped(s.x, s.y, s.num(0.02, 0.25), 0.9)
    light = np.broadcast_to(s.palette(s.num(0, 2), s.num(0.08, 0.25)), (*x.shape, 3))
    edges = np.sort(s.recipe.uniform(-1.0, 1.0, int(s.recipe.integers(2, 5))))
    reach = np.float32(abs(s.plain_x).max() * s.recipe.uniform(0.75, 1.2))
    soft = s.num(0.05, 0.3)
    for low, high in zip(np.r_[-1.1, edges], np.r_[edges, 1.1], strict=True):
        inside = smooth(y, low, low + soft) * smooth(high - y, 0, soft) * smooth(reach - abs(x), 0, soft)
        texture = 0.75 + 0.35 * s.noise("puffy", x, y, s.num(0.4, 1.2))
        colour = s.palette(s.num(0, 2) + 0.15 * x, s.num(0.25, 0.75))
        light = light + (colour * texture[..., None] - light) * inside[..., None]
    return light


def _discs(s: Sheet) -> np.ndarray:
    """Discs and rings of light that overlap and add."""
    x, y = s.warped(s.x, s.y, s.num(0.0, 0.4), 0.5)
    light = s.palette(s.num(0, 1) + 0.3 * y, 0.1 + 0.08 * y)
    for _ in range(int(s.recipe.integers(2, 6))):
        radius, reach = s.num(0.25, 0.95), np.float32(abs(s.plain_x).max())
        d = np.hypot(x - s.num(-0.7, 0.7) * reach - s.vary(-0.15, 0.15), y - s.num(-0.6, 0.6)) / radius
        hue = s.num(0, 2) + s.num(-0.4, 0.4) * d
        if s.recipe.random() < 0.6:
            body = smooth(1 - d, 0, s.num(0.05, 0.7)) * (0.35 + 0.65 * np.clip(d, 0, 1) ** s.num(0.5, 3))
        else:
            body = glow(d - 1, s.num(0.03, 0.15))
        light = light + s.palette(hue, s.num(0.45, 0.75)) * (body * s.num(0.4, 0.9))[..., None]
    return light


def _curtains(s: Sheet) -> np.ndarray:
    """Curtains as of the northern lights: sharp below, rays fading upwards."""
    x, y = s.x, s.y
    light = s.palette(0.2 + 0.2 * y, 0.12 - 0.06 * y)
    for layer in range(int(s.recipe.integers(2, 5))):
        foot = s.num(-0.8, 0.3) + s.num(0.3, 0.8) * (s.noise("smooth", x, y * 0.15, s.num(0.3, 0.6)) - 0.5)
        above = y - foot
        rays = s.noise("rough", x + s.num(-0.2, 0.2) * above, above * 0.04 + np.float32(layer), s.num(0.7, 1.4))
        body = smooth(above, -0.04, 0.05) * np.exp(-np.maximum(above, 0) * s.num(1.2, 2.8))
        strength = body * (0.15 + 0.85 * smooth(rays, 0.2, 0.95)) * s.num(0.7, 1.3)
        colour = s.palette(s.num(0, 1) + 0.5 * above + 0.3 * sine(0.3 * x), 0.72)
        light = light + colour * strength[..., None]
    return light
