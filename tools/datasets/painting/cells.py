"""Spectral cells: membranes, bubbles and crystals in the colours of thin films. Called through `painting.BUCKETS`."""

from __future__ import annotations

import numpy as np

from phosphene.tools.datasets.painting.sheet import TURN, Sheet, sine, smooth


def spectral_cells(s: Sheet) -> np.ndarray:
    """Return linear light [h, w, 3]."""
    return (_membranes, _crystals, _reaction, _bubbles)[s.pick(4, 3, 3, 3)](s)


def _nearest(s: Sheet, x: np.ndarray, y: np.ndarray, jitter: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the offset x, y to the nearest point of a jittered lattice of unit 1, the distance by which the second is
    farther, and the nearest point's number 0..1, float32 [h, w] each."""
    i, j = np.floor(x).astype(np.int32), np.floor(y).astype(np.int32)
    table = s.view.random((3, 32, 32), dtype=np.float32)
    first = np.full(x.shape, 9.0, np.float32)
    second, ox, oy, number = first.copy(), first.copy(), first.copy(), first.copy()
    for dj in (-1, 0, 1):
        for di in (-1, 0, 1):
            column, row = (i + di) & 31, (j + dj) & 31
            dx = i + di + 0.5 + jitter * (table[0, row, column] - 0.5) - x
            dy = j + dj + 0.5 + jitter * (table[1, row, column] - 0.5) - y
            d = (dx * dx + dy * dy).astype(np.float32)
            nearer = d < first
            second = np.where(nearer, first, np.minimum(second, d))
            first = np.where(nearer, d, first)
            ox, oy = np.where(nearer, dx, ox), np.where(nearer, dy, oy)
            number = np.where(nearer, table[2, row, column], number)
    return ox, oy, np.sqrt(second) - np.sqrt(first), number


def _membranes(s: Sheet) -> np.ndarray:
    """Cells with glowing walls, a nucleus, and colours that run round from cell to cell."""
    x, y = s.turned()
    x, y = s.warped(x, y, s.num(0.2, 0.7), 0.6)
    f = s.num(1.3, 3.2)
    ox, oy, wall, number = _nearest(s, x * f, y * f, s.num(0.7, 1.0))
    edge = np.exp(-wall * s.num(6, 16))
    centre = np.exp(-(ox * ox + oy * oy) * s.num(5, 25))
    film = sine(wall * s.num(0.6, 2.2) + number)
    level = 0.1 + 0.3 * film * (0.4 + number) + 0.5 * edge + s.num(0.0, 0.45) * centre
    return s.palette(number * s.num(0.3, 1.2) + 0.6 * film + 0.3 * y + s.num(0, 1), level)


def _crystals(s: Sheet) -> np.ndarray:
    """Facets: each with its own plane of light, dark joints, and splinters within."""
    x, y = s.turned()
    f = s.num(1.0, 2.2)
    ox, oy, wall, number = _nearest(s, x * f, y * f * s.num(0.6, 1.0), 1.0)
    sx, sy, fine, part = _nearest(s, x * f * 2.3 + number * 7, y * f * 2.3, 1.0)
    angle = number * TURN * 3
    facet = 0.5 + s.num(0.4, 0.9) * (ox * np.cos(angle) + oy * np.sin(angle))
    shard = 0.5 + 0.7 * (sx * np.cos(part * TURN) + sy * np.sin(part * TURN))
    level = 0.06 + 0.6 * np.clip(facet, 0, 1) * (0.55 + 0.45 * np.clip(shard, 0, 1)) * (0.35 + 0.65 * part)
    level = level * smooth(wall, 0.0, s.num(0.03, 0.1)) * (0.6 + 0.4 * smooth(fine, 0, 0.06))
    level = level + 0.5 * np.exp(-np.abs(wall - 0.06) * 45) * number
    return s.palette(number * s.num(0.5, 1.5) + 0.25 * part + s.num(0, 1), level)


def _reaction(s: Sheet) -> np.ndarray:
    """Labyrinths and spots as on skins and corals, with lit rims."""
    x, y = s.turned()
    wx, wy = s.warped(x, y, s.num(0.5, 1.2), 0.4)
    f = s.num(2.0, 4.0)
    field = np.zeros_like(x)
    for k in range(5):
        angle = np.float32(k * 0.63) + s.num(-0.2, 0.2)
        field += np.sin(TURN * f * (wx * np.cos(angle) + wy * np.sin(angle)) * s.num(0.42, 0.55) + s.vary(0, 6.3))
    field = field * np.float32(0.45) + s.num(-0.4, 0.4)
    body = smooth(field, -0.25, 0.5)
    rim = np.exp(-np.abs(field) * s.num(4, 9))
    place = s.noise("smooth", x, y, 0.4)
    level = 0.06 + 0.38 * body * (0.4 + 0.6 * place) + 0.5 * rim * (0.25 + 0.75 * place)
    return s.palette(place * s.num(0.8, 1.6) + 0.35 * body + s.num(0, 1), level)


def _bubbles(s: Sheet) -> np.ndarray:
    """Soap bubbles of all sizes: rims in interference colours, a glint each."""
    light = s.palette(0.4 * s.y + s.num(0, 1), 0.08 + 0.14 * s.noise("smooth", s.x, s.y, 0.5))
    reach, order = float(abs(s.plain_x).max()) + 0.2, s.num(1.0, 3.0)
    for _ in range(int(s.recipe.integers(9, 26))):
        radius = np.float32(min(0.75, 0.07 / s.view.random() ** 0.65))
        dx, dy = s.x - s.vary(-reach, reach), s.y - s.vary(-1.1, 1.1)
        d = np.sqrt(dx * dx + dy * dy) / radius
        inside = smooth(1 - d, 0, 0.03)
        rim = inside * np.clip(d, 0, 1) ** 5
        film = d * d * order + 0.25 * dy / radius + s.vary(0, 1)
        glint = np.exp(-(((dx / radius + 0.4) ** 2 + (dy / radius - 0.45) ** 2) * 30))
        strength = 0.12 * inside + 0.8 * rim * (0.4 + 0.6 * sine(film))
        light = light + s.palette(film, 0.7) * strength[..., None] + (0.5 * glint * inside)[..., None]
    return light
