"""Painters of water, cloth and stone: waves, ripples, caustics, silk, marble, wood, contours.

Called by `pictures.paint` through its table. Each takes a Canvas and returns Fields [size, size].
"""

from __future__ import annotations

import numpy as np

from phosphene.tools.motif.pictures.canvas import TURN, Canvas, Fields, sine


def waves(c: Canvas) -> Fields:
    """Sinuous bands one above the other: rolling seas with lit crests, flat bands, or bundles of thin lines."""
    x, y = c.turned(tilt=0.3 if c.rng.random() < 0.75 else np.pi, shift=0.4, warp=0.05)
    f, kind = c.f * c.num(1.7, 2.3), c.pick(4, 3, 3)
    swing = np.float32(c.num(0.25, 0.5) if kind == 0 else c.num(0.4, 0.9))
    along = np.float32(c.num(0.45, 0.8) * np.sqrt(c.f))
    bend = np.sin((x * along + y * np.float32(c.num(-0.3, 0.3))) * np.float32(TURN) + np.float32(c.num(0, 6)))
    bend = bend * (0.6 + 0.8 * c.noise("smooth", x, y, 0.45)) + 0.35 * np.sin(x * np.float32(along * TURN * 2.1) + y * 2)
    t = y * np.float32(f) + bend * swing
    index = np.floor(t)
    inside = t - index
    if kind == 0:  # bright at the crest, and down behind it into the next trough
        u = (0.18 + 0.82 * inside ** np.float32(c.num(1.0, 2.2))) * c.step(1 - inside - c.w * 0.25, 0.04 + 0.45 * c.w)
        v = c.hashed(index) if c.rng.random() < 0.5 else index
    elif kind == 1:
        u, v = c.band(t, 0.55), index * 1.0 + 0.1 * c.hashed(index)
    else:
        u = c.lines(t * np.float32(1.6), 0.3) * (0.45 + 0.55 * (0.5 + 0.5 * np.clip(bend, -1, 1)))
        v = y + 0.3 * bend
    return Fields(u, v, cover=(0.36, 0.6))


def ripples(c: Canvas) -> Fields:
    """Rings on water from one to four drops, crossing each other and dying away; often seen at a slant."""
    x, y = c.turned(tilt=0.2, shift=0.2, warp=0.05)
    y = y * np.float32(c.num(1.3, 2.0) if c.rng.random() < 0.55 else 1.0)
    f, height = c.f**0.85 * c.num(2.3, 3.1), np.zeros_like(x)
    drops = int(c.rng.integers(1, 3 if c.f < 0.8 else 5))
    for _ in range(drops):
        dx, dy = x - np.float32(c.num(-0.8, 0.8)), y - np.float32(c.num(-0.8, 0.8))
        d = np.sqrt(dx * dx + dy * dy)
        height += np.cos(d * np.float32(f * TURN) - np.float32(c.num(0, TURN))) * np.exp(d * np.float32(-c.num(0.3, 1.1)))
    height *= np.float32(1.2 / np.sqrt(drops))
    # A mirror of the sky: the light follows the slope, steep flanks flash.
    u = 0.5 + 0.5 * np.clip(height * np.float32(0.9 + 0.5 * (1 - c.w)), -1, 1)
    u = u * u * (3 - 2 * u) if c.w < 0.4 else u
    return Fields(u, c.noise("smooth", x, y, 0.5) + 0.15 * height, ramp=c.rng.random() < 0.4, cover=(0.36, 0.55))


def caustics(c: Canvas) -> Fields:
    """The net of light on the floor of a pool: thin bright curved lines that meet in bright knots."""
    x, y = c.turned(warp=0.0)
    zoom = c.f * c.num(0.9, 1.2)
    a, b = c.noise("smooth", x, y, zoom * 0.8) - 0.5, c.noise("smooth", x, y, zoom * 0.8) - 0.5
    wx, wy = x + a * np.float32(0.5 / zoom), y + b * np.float32(0.5 / zoom)
    net = c.points(wx, wy, zoom * 1.1)[2]
    other = c.points(wx + 0.3 * b, wy - 0.3 * a, zoom * 1.5)[2]
    sharp = np.float32(11 - 7 * min(c.w, 0.8))
    line, second = np.exp(-net * sharp), np.exp(-other * sharp)
    u = np.clip(0.75 * line + 0.5 * second + 0.7 * line * second, 0, 1)
    floor = c.noise("smooth", x, y, zoom * 0.6)
    return Fields(
        np.clip(u + 0.2 * floor, 0, 1), floor - 0.4 * u * c.num(-1, 1), ramp=c.rng.random() < 0.6, cover=(0.26, 0.42)
    )


def silk(c: Canvas) -> Fields:
    """Folds of shining cloth: long smooth bends with soft highlights, or thin veils over each other."""
    x, y = c.turned(shift=0.5, warp=0.0)
    f = c.f**0.7 * c.num(0.45, 0.6)
    for k in range(3):  # each pass bends what the last has bent: long S-shaped folds that never repeat
        scale = np.float32(f * TURN * (1 + 0.55 * k))
        x, y = (
            x + np.float32(0.34 / (1 + 0.6 * k)) * np.sin(y * scale + np.float32(c.num(0, 6))),
            y + np.float32(0.26 / (1 + 0.6 * k)) * np.sin(x * scale * np.float32(0.8) + np.float32(c.num(0, 6))),
        )
    t = (x + 0.35 * y) * np.float32(f * 1.8)
    if c.pick(3, 2) == 0:
        fold = sine(t)
        shine = fold ** np.float32(3 + 5 * (1 - c.w))
        u = 0.12 + 0.5 * fold + 0.42 * shine
    else:
        saw = t - np.floor(t)
        other = t * 0.7 + y
        other = other - np.floor(other)
        edge = 0.08 + 0.25 * c.w
        u = 0.6 * saw * np.clip((1 - saw) / edge, 0, 1) + 0.5 * other * np.clip((1 - other) / edge, 0, 1)
    return Fields(np.clip(u, 0, 1), y * 0.6 + 0.4 * x, ramp=c.rng.random() < 0.3, cover=(0.36, 0.56))


def marble(c: Canvas) -> Fields:
    """Stone: fine branching veins in calm clouds, or swirled bands."""
    x, y = c.turned(shift=0.5, warp=0.0)
    zoom = c.f**0.7 * c.num(0.6, 0.85)
    a, b = c.noise("rough", x, y, zoom * 0.8) - 0.5, c.noise("rough", x, y, zoom * 0.8) - 0.5
    swirl = np.float32(c.num(0.6, 1.1))
    wx, wy = x + a * swirl, y + b * swirl
    cloud = c.noise("rough", wx, wy, zoom)
    if c.pick(3, 2) == 0:
        vein = np.abs(np.sin((wx * np.float32(0.9) + wy * np.float32(0.5) + 0.4 * cloud) * np.float32(zoom * 4.5)))
        thin = np.abs(c.noise("rough", wx, wy, zoom * 0.9) - 0.5) * 6
        width = np.float32(0.1 + 0.3 * c.w)
        line = np.maximum(np.exp(-vein / width), 0.8 * np.exp(-thin / width))
        u = np.clip(0.18 + 0.3 * cloud + 0.85 * line, 0, 1)
        u = 1 - u if c.rng.random() < 0.6 else u
    else:
        t = (wx * np.float32(0.8) + 0.9 * a + 0.25 * cloud) * np.float32(zoom * 2.6)
        u = c.step(sine(t) - 0.5, 0.3 + c.w) * (0.7 + 0.3 * cloud)
    return Fields(u, cloud + 0.5 * a, ramp=c.rng.random() < 0.35, cover=(0.38, 0.6))


def wood(c: Canvas) -> Fields:
    """Grain along a plank, with knots that the grain flows round; or the year rings of a cut trunk."""
    x, y = c.turned(tilt=0.25 if c.rng.random() < 0.7 else np.pi, shift=0.3, warp=0.0)
    if c.rng.random() < 0.5 and not c.fold:
        x, y = y, x
    f = c.f * c.num(2.2, 3.0)
    wander = c.noise("smooth", x, y, 0.8, 0.25)
    if c.pick(3, 1) == 0:
        t = x * np.float32(f) + wander * np.float32(f * 0.55)
        for _ in range(int(c.rng.integers(1, 3))):  # a knot pushes the grain aside, and is a set of small rings itself
            dx, dy = x - np.float32(c.num(-0.7, 0.7)), (y - np.float32(c.num(-0.8, 0.8))) * np.float32(0.5)
            d2 = (dx * dx + dy * dy) * np.float32(c.num(9, 20))
            t = t + np.float32(f * c.num(0.5, 0.9)) * np.exp(-d2)
    else:
        r = np.sqrt((x * np.float32(0.8)) ** 2 + (y * np.float32(0.7)) ** 2)
        t = (r + 0.22 * c.noise("smooth", x, y, 0.7)) * np.float32(f * 1.5)
    t = t + 0.25 * c.noise("rough", x, y, 1.5, 0.3)
    saw = t - np.floor(t)
    ring = saw**1.5 * np.clip((1 - saw) / np.float32(0.08 + 0.35 * c.w), 0, 1)
    fibre = c.noise("fine", x, y, 1.0, 0.08)
    u = np.clip(0.85 - 0.65 * ring - 0.22 * fibre * (1.2 - c.w), 0, 1)
    return Fields(u, wander + 0.3 * ring, ramp=c.rng.random() < 0.5, cover=(0.42, 0.62))


def contours(c: Canvas) -> Fields:
    """Lines of equal height, as on a map: thin lines, every fifth one bold, or terraces of flat colour."""
    x, y = c.turned(warp=0.0)
    height = c.level(x, y, 0.42 * c.f**0.4) + 0.35 * c.level(x, y, 0.9 * c.f**0.4)
    t, kind = height * np.float32(6 * c.f**0.7 + 2.5), c.pick(3, 3, 3)
    if kind == 2:
        level = np.floor(t)
        inside = t - level
        u = (level + 0.5) * np.float32(1 / (t.max() + 0.5)) * (1 - 0.55 * np.clip(1 - inside / (0.08 + c.w), 0, 1))
        return Fields(u, level, ramp=c.rng.random() < 0.5, cover=(0.38, 0.58))
    u = c.lines(t, 0.3)
    if kind == 1:
        u = np.maximum(u * 0.7, c.lines(t * np.float32(0.25), 0.14))
        u = np.clip(u + 0.2 * height / 1.35, 0, 1)
    return Fields(u, height, cover=(0.3, 0.5))
