"""Tunnels of light: rings, spokes and spirals that run to a vanishing point. Called through `painting.BUCKETS`."""

from __future__ import annotations

import numpy as np

from phosphene.tools.datasets.painting.sheet import TURN, Sheet, glow, sine, smooth


def light_tunnels(s: Sheet) -> np.ndarray:
    """Return linear light [h, w, 3]."""
    x, y = s.warped(s.x, s.y, s.num(0.0, 0.35), 0.5)
    power = s.recipe.choice((1.0, 2.0, 2.0, 4.0, 8.0))  # a diamond, a circle, a rounded square
    radius = (np.abs(x) ** power + np.abs(y) ** power + np.float32(1e-4)) ** np.float32(1 / power)
    depth = -np.log(radius + np.float32(0.03))
    turn = np.arctan2(y, x) / TURN
    return (_rings, _spiral, _panels)[s.pick(3, 3, 3)](s, radius, depth, turn)


def _fade(s: Sheet, radius: np.ndarray) -> np.ndarray:
    """Return how bright the wall is: dim near the eye, or dim in the distance, by the recipe."""
    return 0.25 + 0.75 * (glow(radius, s.num(0.3, 0.7)) if s.recipe.random() < 0.5 else smooth(radius, 0.05, 0.8))


def _rings(s: Sheet, radius: np.ndarray, depth: np.ndarray, turn: np.ndarray) -> np.ndarray:
    t = depth * s.num(2.0, 4.5) + s.vary(0, 1) + s.num(0, 0.25) * np.sin(TURN * turn * s.recipe.integers(2, 9))
    index = np.floor(t)
    lit = s.recipe.random(64, dtype=np.float32).take(index.astype(np.int32) & 63)
    ring = glow(t - index - 0.5, s.num(0.05, 0.18)) * (0.3 + 0.7 * lit)
    arcs = smooth(sine(turn * np.round(1 + 4 * lit) + lit * 3 + s.vary(0, 1)), 0.1, 0.5) if s.recipe.random() < 0.5 else 1.0
    level = 0.06 + 0.75 * ring * arcs * _fade(s, radius)
    return (
        s.palette(index * s.num(0.05, 0.2) + 0.2 * ring + s.num(0, 1), level)
        + s.palette(0.0, 0.8) * (s.num(0.0, 0.6) * glow(radius, 0.1))[..., None]
    )


def _spiral(s: Sheet, radius: np.ndarray, depth: np.ndarray, turn: np.ndarray) -> np.ndarray:
    arms = int(s.recipe.integers(2, 8))
    t = arms * turn + depth * s.num(0.5, 2.5) * s.recipe.choice((-1, 1)) + s.vary(0, 1)
    cross = depth * s.num(1.5, 4) + s.vary(0, 1)
    arm = sine(t) ** s.num(1.5, 6)
    level = 0.06 + _fade(s, radius) * (0.62 * arm * (0.55 + 0.45 * sine(cross)) + 0.25 * sine(cross) ** 8)
    return s.palette(depth * s.num(0.1, 0.5) + 0.35 * arm + s.num(0, 1), level)


def _panels(s: Sheet, radius: np.ndarray, depth: np.ndarray, turn: np.ndarray) -> np.ndarray:
    sides = int(s.recipe.integers(6, 20))
    twist = s.num(-0.6, 0.6)
    u, v = (turn + s.vary(0, 1) / sides) * sides + twist * depth * 2, depth * s.num(1.5, 3.5) + s.vary(0, 1)
    i, j = np.floor(u).astype(np.int32) % sides, np.floor(v).astype(np.int32)
    lit = s.recipe.random(1024, dtype=np.float32).take((i * 37 + j * 131) & 1023)
    fu, fv = u - np.floor(u), v - np.floor(v)
    inside = smooth(np.minimum(fu, 1 - fu), 0.02, 0.12) * smooth(np.minimum(fv, 1 - fv), 0.02, 0.12)
    joint = (1 - inside) * s.num(0.0, 0.4)
    level = 0.05 + _fade(s, radius) * (0.75 * inside * lit ** s.num(1, 3) + joint)
    return s.palette(lit * s.num(0.3, 1) + depth * s.num(0.1, 0.3) + s.num(0, 1), level)
