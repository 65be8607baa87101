"""Organic nebula: lit gas, dark dust, tendrils, stars. Called through `painting.BUCKETS`."""

from __future__ import annotations

import numpy as np

from phosphene.tools.datasets.painting.sheet import TURN, Sheet, glow, smooth


def nebula(s: Sheet) -> np.ndarray:
    """Return linear light [h, w, 3]."""
    light = (_gas, _tendrils, _plume)[s.pick(4, 3, 3)](s)
    return light + _stars(s) if s.recipe.random() < 0.6 else light


def _gas(s: Sheet) -> np.ndarray:
    """Clouds lit from within, with dust before them."""
    x, y = s.turned()
    wx, wy = s.warped(x, y, s.num(0.5, 1.4), 0.4)
    zoom = s.num(0.3, 0.6)
    cloud, crest = s.noise("rough", wx, wy, zoom), s.noise("ridged", wx, wy, zoom * 1.3)
    mass = smooth(s.noise("smooth", x, y, 0.4), 0.25, 0.9)
    core = glow(np.hypot(x - s.vary(-0.5, 0.5), y - s.vary(-0.5, 0.5)), s.num(0.3, 0.7))
    dust = smooth(s.noise("puffy", wx, wy, zoom * 1.1), 0.55, 0.95)
    level = 0.04 + (0.65 * cloud * cloud + 0.35 * crest**3) * (0.25 + 0.9 * mass) * (0.45 + core)
    light = s.palette(0.8 * mass + 0.6 * core + s.num(0, 1), level * (1 - 0.75 * dust))
    rim = dust * (1 - dust) * 4 * core * crest
    return light + s.palette(s.num(0, 1), 0.75) * (0.5 * rim)[..., None]


def _tendrils(s: Sheet) -> np.ndarray:
    """Nerves and roots: ridges of noise as bright filaments at several depths."""
    light = s.palette(s.num(0, 1), 0.06 + 0.2 * s.noise("smooth", s.x, s.y, 0.4))
    for depth in range(3):
        x, y = s.warped(s.x * np.float32(1 + 0.5 * depth), s.y * np.float32(1 + 0.5 * depth), s.num(0.5, 1.1), 0.5)
        field = s.noise("smooth", x, y, s.num(0.45, 0.7)) - s.noise("smooth", x, y, s.num(0.45, 0.7))
        strand = np.exp(-np.abs(field) * s.num(9, 22))
        alive = smooth(s.noise("smooth", x, y, 0.5), 0.2, 0.8)
        colour = s.palette(s.num(0, 1) + 0.6 * alive, 0.45 + 0.3 * strand)
        light = light + colour * (strand * alive * np.float32(1 / (1 + 0.6 * depth)))[..., None]
    return light


def _plume(s: Sheet) -> np.ndarray:
    """Smoke that curls: noise drawn out by repeated bending, lit from one side."""
    x, y = s.turned()
    for k in range(3):
        f = s.num(0.5, 0.8) * (1 + 0.6 * k)
        x, y = (
            x + np.float32(0.35 / (1 + 0.5 * k)) * np.sin(y * f * TURN + s.vary(0, 6)),
            y + np.float32(0.3 / (1 + 0.5 * k)) * np.sin(x * f * TURN + s.vary(0, 6)),
        )
    a, b = s.noise("smooth", x, y, s.num(0.35, 0.6)), s.noise("puffy", x, y, s.num(0.4, 0.7))
    height = a * 0.7 + b * 0.3
    gy, gx = np.gradient(height)
    short = np.float32(min(height.shape) / 2)
    angle = s.num(0, 6.3)
    side = np.clip((gx * np.cos(angle) + gy * np.sin(angle)) * short * s.num(0.3, 0.7), -1, 1)
    level = 0.05 + smooth(height, 0.25, 0.9) * (0.42 + 0.4 * side) + 0.18 * smooth(height, 0.75, 1.0)
    return s.palette(height * s.num(0.6, 1.4) + 0.25 * side + s.num(0, 1), level)


def _stars(s: Sheet) -> np.ndarray:
    """A few stars with halos, most of them faint; positions are the view's."""
    light = np.zeros((*s.x.shape, 3), np.float32)
    reach = float(abs(s.plain_x).max())
    for _ in range(int(s.view.integers(4, 26))):
        px, py = np.float32(s.view.uniform(-reach, reach)), np.float32(s.view.uniform(-1, 1))
        strength = np.float32(min(1.5, 0.15 / s.view.random() ** 0.6))
        # Beyond five widths there is nothing to add: only a window of the sheet is touched.
        near = np.ix_(np.flatnonzero(abs(s.plain_y[:, 0] - py) < 0.2), np.flatnonzero(abs(s.plain_x[0] - px) < 0.2))
        d2 = (s.plain_x[near] - px) ** 2 + (s.plain_y[near] - py) ** 2
        light[near] += s.palette(s.vary(0, 1), 0.85) * (strength * np.exp(-d2 / np.float32(1.5e-4)))[..., None]
    return light
