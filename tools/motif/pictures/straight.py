"""Painters of straight patterns: stripes, checker, grid, hexagons, triangles, shards.

Called by `pictures.paint` through its table. Each takes a Canvas and returns Fields [size, size].
"""

from __future__ import annotations

import numpy as np

from phosphene.tools.motif.pictures.canvas import Canvas, Fields, triangle


def stripes(c: Canvas) -> Fields:
    """Bars: even, barcode, shaded, or chevrons."""
    x, y = c.turned(warp=0.08)
    f, kind = c.f * c.num(2.0, 3.0), c.pick(3, 2, 2, 2)
    t = x * np.float32(f)
    if kind == 1:  # bars of uneven width: a monotone bend of t keeps them straight
        t = (
            t
            + np.float32(0.9) * np.sin(x * np.float32(f * c.num(0.8, 1.6)))
            + np.float32(0.5) * np.sin(x * np.float32(2.7 * f))
        )
    if kind == 3:
        t = t + triangle(y * np.float32(c.num(0.4, 0.9) * np.sqrt(c.f))) * np.float32(f * c.num(0.3, 0.7))
    u = c.band(t, c.num(0.4, 0.65))
    if kind == 2:
        u = u * (0.35 + 0.65 * (t - np.floor(t + 0.0)))
    return Fields(u, c.hashed(np.floor(t)), crisp=True, cover=(0.38, 0.6))


def checker(c: Canvas) -> Fields:
    """A chessboard: flat, bulged, running to a horizon, or waving."""
    kind = c.pick(4, 2, 2, 2)
    x, y = c.turned(tilt=0.25 if kind == 2 else np.pi, warp=0.1)
    f = c.f * c.num(2.0, 2.6)
    if kind == 1:
        bend = 1.0 / (0.75 + np.float32(c.num(0.4, 1.0)) * (x * x + y * y))
        x, y = x * bend * 1.3, y * bend * 1.3
    elif kind == 2:
        depth = 1.0 / (np.abs(y - np.float32(0.25)) + 0.18)
        x, y = x * depth * 0.8, depth * 0.8
    elif kind == 3:
        x, y = x + 0.15 * np.sin(y * np.float32(c.num(3, 6))), y + 0.15 * np.sin(x * np.float32(c.num(3, 6)))
    a, b = x * np.float32(f), y * np.float32(f)
    u = 0.5 + 2.0 * (c.band(a * 0.5) - 0.5) * (c.band(b * 0.5) - 0.5)
    return Fields(u, c.hashed2(np.floor(a + 0.5), np.floor(b + 0.5)), crisp=True, cover=(0.42, 0.56))


def grid(c: Canvas) -> Fields:
    """Crossing lines: flat, a floor to a horizon, bulged, or a fine grid within a coarse one."""
    kind = c.pick(3, 3, 2, 2)
    x, y = c.turned(tilt=0.12 if kind == 1 else np.pi, warp=0.0 if kind == 1 else 0.12)
    f, fade = c.f * c.num(2.0, 2.8), None
    if kind == 1:
        horizon = y - np.float32(c.num(-0.1, 0.35))
        depth = 1.0 / (np.abs(horizon) + 0.12)
        fade = np.clip(np.abs(horizon) * 5 + 0.25, 0, 1)
        if c.rng.random() < 0.6:
            fade = fade * (horizon < 0) + 0.9 * np.exp(-np.abs(horizon) * 7) * (horizon >= 0)
        x, y = x * depth * 0.7, depth * 0.55
    elif kind == 2:
        bend = 1.0 + np.float32(c.num(-0.45, 0.8)) * (x * x + y * y)
        x, y = x * bend * 0.9, y * bend * 0.9
    a, b = x * np.float32(f), y * np.float32(f)
    width = c.num(0.1, 0.22)
    u = np.maximum(c.lines(a, width), c.lines(b, width))
    if kind == 3:
        u = np.maximum(u, 0.45 * np.maximum(c.lines(a * 3, 0.3), c.lines(b * 3, 0.3)))
    if fade is not None:
        u = u * fade
    return Fields(u, c.noise("smooth", c.x, c.y, 0.5) if kind else a + b, cover=(0.24, 0.45))


def hexagons(c: Canvas) -> Fields:
    """A honeycomb: outlines, filled tiles, or nested hexagons."""
    x, y = c.turned(warp=0.1)
    f = np.float32(c.f * c.num(1.5, 2.1))
    x, y = x * f, y * f
    high = np.float32(np.sqrt(3.0))
    ax, ay = x - np.round(x), y - np.round(y / high) * high
    bx, by = x - np.floor(x) - np.float32(0.5), y - (np.floor(y / high) + np.float32(0.5)) * high
    first = ax * ax + ay * ay < bx * bx + by * by
    gx, gy = np.where(first, ax, bx), np.where(first, ay, by)
    inside = 1 - 2 * np.maximum(
        np.abs(gx), np.abs(gx) * 0.5 + np.abs(gy) * np.float32(0.8660254)
    )  # 0 at the edge, 1 in the middle
    tile = c.hashed2(np.round((x - gx) * 2), np.round((y - gy) / high * 2))
    kind = c.pick(3, 3, 2)
    if kind == 0:
        u = c.step(c.num(0.14, 0.26) - inside, 0.06 + c.w * 0.5)
        u = np.maximum(u, (tile > 0.8) * c.num(0.3, 0.8))
        return Fields(u, tile if c.rng.random() < 0.5 else x + y, cover=(0.3, 0.55))
    edge = c.step(inside - c.num(0.08, 0.2), 0.06 + c.w * 0.4)
    if kind == 1:
        u = edge * (0.3 + 0.7 * tile) * (1 - 0.4 * c.num(0, 1) * (1 - inside))
    else:
        u = c.band(inside * np.float32(c.num(1.6, 2.4)) + np.float32(0.2), 0.5) * np.maximum(edge, 0.3)
    return Fields(u, tile, crisp=True, cover=(0.4, 0.65))


def triangles(c: Canvas) -> Fields:
    """Triangular tiling: filled facets, outlines, or nested triangles."""
    x, y = c.turned(warp=0.06)
    f = np.float32(c.f * c.num(1.4, 2.0))
    b = y * f * np.float32(2 / np.sqrt(3.0))
    a = x * f - b * np.float32(0.5)
    i, j = np.floor(a), np.floor(b)
    fa, fb = a - i, b - j
    upper = fa + fb > 1
    fa, fb = np.where(upper, 1 - fa, fa), np.where(upper, 1 - fb, fb)
    inside = 3 * np.minimum(np.minimum(fa, fb), 1 - fa - fb)
    tile = c.hashed2(i * 2 + upper, j)
    kind = c.pick(4, 2, 2)
    if kind == 0:
        u = (0.15 + 0.85 * tile) * c.step(inside - 0.02, 0.04 + c.w * 0.6) * (0.75 + 0.25 * fa)
        return Fields(u, c.hashed2(i * 2 + upper, j + 7), crisp=True, cover=(0.42, 0.65))
    if kind == 1:
        u = np.maximum(c.step(c.num(0.18, 0.3) - inside, 0.08 + c.w * 0.6), (tile > 0.75) * 0.7)
        return Fields(u, tile, cover=(0.34, 0.55))
    u = c.band(inside * np.float32(c.num(1.4, 2.2)) + np.float32(0.15), 0.55)
    return Fields(u, tile if c.rng.random() < 0.5 else upper + 0.1 * tile, crisp=True, cover=(0.4, 0.6))


def shards(c: Canvas) -> Fields:
    """Broken glass: pieces cut by random lines, or splinters that meet in one point; each piece shaded across."""
    x, y = c.turned(shift=0.2, warp=0.0)
    cuts = min(22, c.count(7, 10))
    crack = np.full_like(x, 9.0)
    piece = np.zeros_like(x)
    shade = np.zeros_like(x)
    meet = c.rng.random() < 0.4
    for k in range(cuts):
        angle, place = c.num(0, 2 * np.pi), c.num(-0.16, 0.16) if meet and k < cuts * 0.7 else c.num(-1.0, 1.0)
        t = x * np.float32(np.cos(angle)) + y * np.float32(np.sin(angle)) - np.float32(place)
        crack = np.minimum(crack, np.abs(t))
        side = t > 0
        piece += side * np.float32(c.num(1, 40))
        shade += np.where(side, t, -t) * np.float32(c.num(-1, 1))
    tile = c.hashed(piece * 3)
    facet = 0.62 * tile + 0.38 * np.clip(0.5 + shade * np.float32(0.8 / np.sqrt(cuts)), 0, 1)
    edge = c.step(crack - np.float32(0.012), 0.015 + 0.08 * c.w)
    if c.rng.random() < 0.6:  # bright edges, as of ice, or dark cracks
        u = facet * (0.9 * edge) + (1 - edge)
    else:
        u = facet * edge
    return Fields(u, c.hashed(piece * 3 + 1), crisp=True, cover=(0.4, 0.62))
