"""Painters of round patterns: dots, bubbles, rings, rays, spiral, petals, tunnel.

Called by `pictures.paint` through its table. Each takes a Canvas and returns Fields [size, size].
"""

from __future__ import annotations

import numpy as np

from phosphene.tools.motif.pictures.canvas import Canvas, Fields, over, polar, sine


def dots(c: Canvas) -> Fields:
    """Discs: on a lattice, as a halftone whose dots swell and shrink, or scattered."""
    x, y = c.turned(warp=0.08)
    f, kind = np.float32(c.f * c.num(2.2, 3.0)), c.pick(3, 4, 3)
    if kind == 2:
        dx, dy, _, number = c.points(x, y, float(f), even=True)
        d = np.sqrt(dx * dx + dy * dy)
        radius = 0.2 + 0.2 * c.hashed(number * 64)
        tile = c.hashed(number * 64 + 1)
    else:
        a, b = x * f, y * f
        if c.rng.random() < 0.5:
            a = a + 0.5 * (np.round(b) % 2)
        i, j = np.round(a), np.round(b)
        d = np.sqrt((a - i) ** 2 + (b - j) ** 2)
        tile = c.hashed2(i, j)
        radius = np.float32(c.num(0.26, 0.36))
        if kind == 1:
            swell = c.noise("smooth", x, y, 0.45) if c.rng.random() < 0.6 else sine(np.sqrt(x * x + y * y) * 0.7)
            radius = 0.08 + 0.42 * swell
            tile = tile if c.rng.random() < 0.4 else swell
    return Fields(c.step(radius - d, 0.05 + 0.45 * c.w), tile, crisp=True, cover=(0.28, 0.5))


def bubbles(c: Canvas) -> Fields:
    """Overlapping see-through spheres with a bright rim and a small highlight, in two or three sizes."""
    x, y = c.turned(tilt=0.3, warp=0.0)
    u, v = np.zeros_like(x), c.noise("smooth", x, y, 0.4) * 0.4
    for layer in range(2 + (c.rng.random() < 0.5)):
        zoom = c.f * (1.1, 1.9, 2.9)[layer] * c.num(0.8, 1.15)
        dx, dy, _, number = c.points(x, y, zoom, even=True)
        own = c.hashed(number * 64)
        radius = 0.26 + 0.2 * own
        d = np.sqrt(dx * dx + dy * dy) / radius
        inside = c.step(1 - d, 0.07 + 0.25 * c.w) * (own > (0.1, 0.35, 0.5)[layer])
        shine = np.clip(1.4 - 6.0 * ((dx / radius + 0.36) ** 2 + (dy / radius - 0.36) ** 2) ** 0.5, 0, 1)
        ball = np.minimum(1, 0.12 + 0.7 * d**4 + 0.22 * (dy / radius + 0.5) * d + shine)
        u = over(u, np.maximum(ball, 0.75 * u), inside)
        v = over(v, own, inside)
    return Fields(u, v, cover=(0.26, 0.5))


def rings(c: Canvas) -> Fields:
    """Concentric bands about one centre: even, of uneven width, dashed, or two centres crossing."""
    x, y = c.turned(shift=0.45, warp=0.06)
    r, angle = polar(x, y * np.float32(c.num(0.75, 1.0)))
    t, kind = r * np.float32(c.f * c.num(2.2, 3.2)), c.pick(4, 2, 2, 2)
    if kind == 1:
        t = t + 0.6 * np.sin(t * np.float32(c.num(0.9, 2.0)))
    index = np.floor(t)
    u = c.band(t, c.num(0.35, 0.65))
    if kind == 2:
        parts = c.hashed(index)
        u = u * c.step(sine(angle * np.round(2 + 4 * parts) + parts) - 0.35, 0.1 + c.w)
    elif kind == 3:
        other = np.sqrt((x - np.float32(c.num(-0.8, 0.8))) ** 2 + (y - np.float32(c.num(-0.8, 0.8))) ** 2)
        u = np.abs(u - c.band(other * np.float32(c.f * 2.2), 0.5))
    return Fields(u, c.hashed(index), crisp=True, cover=(0.36, 0.6))


def rays(c: Canvas) -> Fields:
    """A sunburst: even beams, beams of uneven width, or soft light that fades outwards."""
    x, y = c.turned(shift=0.5, warp=0.05)
    r, angle = polar(x, y)
    n, kind = max(7, c.count(9, 14)), c.pick(3, 3, 3)
    if kind == 0:
        t = angle * n + np.float32(c.num(0, 1))
        u, v = c.band(t, c.num(0.4, 0.6)), c.hashed(np.floor(t) % n)
    else:
        around = np.abs(angle) if c.rng.random() < 0.3 else angle
        # Noise along a circle, not along the angle: it has no seam where the angle jumps.
        ring = np.float32(n * 0.16)
        safe = 1.0 / np.maximum(r, 1e-3)
        beams = c.noise("smooth" if kind == 1 else "rough", x * safe * ring, y * safe * ring, 1.0)
        u, v = c.step(beams - 0.5, 0.1 + 0.9 * c.w), c.noise("smooth", x * safe * ring, y * safe * ring, 0.8) + 0.1 * around
        if kind == 2:
            u = np.clip((0.25 + 0.75 * u) * np.exp(-r * 0.8) + np.exp(-r * np.float32(c.num(3.5, 6))), 0, 1)
            return Fields(u, v, ramp=c.rng.random() < 0.5)
    u = np.maximum(u * np.clip(1.15 - 0.35 * r, 0, 1), c.step(np.float32(c.num(0.0, 0.2)) - r, 0.1))
    return Fields(u, v, crisp=True, cover=(0.36, 0.6))


def spiral(c: Canvas) -> Fields:
    """Arms that wind inwards: evenly, ever tighter, twisted beams, or like a galaxy."""
    x, y = c.turned(shift=0.3, warp=0.06)
    r, angle = polar(x, y * np.float32(c.num(0.8, 1.0)))
    arms, hand, kind = int(c.rng.integers(1, 4)), (-1, 1)[int(c.rng.integers(2))], c.pick(3, 4, 2, 3)
    if kind == 0:
        t = angle * arms * hand + r * np.float32(c.f * c.num(2.0, 3.0))
    elif kind == 1:
        t = angle * (arms + 1) * hand + np.log(r + 0.03) * np.float32(c.f * c.num(0.9, 1.6))
    elif kind == 2:
        arms = c.count(4, 7)
        t = angle * arms * hand + r * np.float32(c.num(0.8, 2.2))
    else:
        arms = 2 if c.rng.random() < 0.7 else 3
        t = angle * arms * hand + np.log(r + 0.08) * np.float32(c.f * c.num(0.7, 1.1))
        mist = c.noise("rough", x, y, 1.3 * c.f)
        u = sine(t) * np.exp(-r * 0.9) * (0.45 + 0.8 * mist) + np.exp(-r * 5)
        return Fields(np.clip(u, 0, 1), r + 0.3 * mist, ramp=c.rng.random() < 0.4)
    u = c.band(t, c.num(0.38, 0.6)) * np.clip(0.35 + 2.5 * r, 0, 1)
    v = r + 0.2 * sine(t * 0.5) if c.rng.random() < 0.5 else c.hashed(np.floor(t) % max(arms, 1))
    return Fields(u, v, cover=(0.36, 0.6))


def petals(c: Canvas) -> Fields:
    """Flowers: rings of petals about a centre, one inside the other; sparse pictures have few broad petals."""
    place, field = c.pick(5, 3, 3), 1.0
    x, y = c.turned(shift=(0.12, 0.7, 0.4)[place], warp=0.05)
    if place == 2:  # a meadow instead of one flower
        field = c.f**0.6 * c.num(1.1, 1.4)
        x, y, _, _ = c.points(x, y, field, even=True)
        x, y = x * np.float32(2.2), y * np.float32(2.2)
    r, angle = polar(x, y)
    r = r * np.float32(c.num(0.85, 1.15) if place != 1 else c.num(0.6, 0.8))
    n = max(4, c.count(5, 8)) if place != 2 else int(c.rng.integers(5, 9))
    u, v = np.zeros_like(r), np.zeros_like(r)
    layers, point = int(c.rng.integers(2, 5)), c.num(0.45, 1.2)
    for k in range(layers):
        reach = np.float32(1.05 * (1 - k / (layers + 0.4)))
        petal = np.abs(np.cos(np.float32(np.pi * n) * (angle + np.float32(0.5 * (k % 2) / n))))
        outline = reach * (np.float32(0.42) + np.float32(0.58) * petal**point) - r
        mask = c.step(outline, 0.02 + 0.16 * c.w * field)
        body = np.clip(0.3 + 0.9 * r / reach - 0.35 * (1 - petal), 0.12, 1)
        if k % 2 == 0 and c.rng.random() < 0.6:  # veins along the petals
            body = body * (0.72 + 0.28 * sine(petal * 2.0 + r * np.float32(3.0)))
        rim = np.exp(-np.abs(outline) * 26) * 0.5
        u, v = over(u, np.clip(body + rim, 0, 1), mask), over(v, np.full_like(v, (k + 0.5) / layers) + 0.15 * r, mask)
    core = c.step(np.float32(c.num(0.06, 0.13)) - r, 0.03 + 0.06 * c.w)
    return Fields(np.maximum(u, core), over(v, np.ones_like(v) * 1.2, core), cover=(0.34, 0.6))


def tunnel(c: Canvas) -> Fields:
    """Looking down a tube to a dark or bright far end: round, square or many-sided; rings, checks, or lines along it."""
    x, y = c.turned(tilt=0.6, shift=0.22, warp=0.04)
    r, angle = polar(x, y)
    sides, hand = c.pick(4, 3, 3), c.num(-1.2, 1.2) if c.rng.random() < 0.5 else 0.0
    if sides == 1:
        r = np.maximum(np.abs(x), np.abs(y))
    elif sides == 2:
        n = int(c.rng.choice((3, 5, 6, 8)))
        part = (angle * n) - np.round(angle * n)
        r = r * np.cos(part * np.float32(2 * np.pi / n))
    depth = np.float32(0.42) / (r + 0.035)
    along = depth * np.float32(c.f * c.num(1.0, 1.5))
    spokes = 2 * c.count(3, 5)
    across = angle * spokes + depth * np.float32(round(hand, 1) * 0.5)
    kind = c.pick(4, 3, 3)
    if kind == 0:
        u = 0.5 + 2 * (c.band(along) - 0.5) * (c.band(across * 0.5) - 0.5)
    elif kind == 1:
        u = np.maximum(c.lines(along, 0.22), 0.9 * c.lines(across, 0.16))
    else:
        u = c.band(along, 0.5) * (0.7 + 0.3 * sine(across * 0.5))
    fade = np.clip(r * np.float32(2.6), 0, 1)
    bright = c.rng.random() < 0.35
    u = over(np.full_like(u, 1.0 if bright else 0.0), u * (0.35 + 0.65 * fade if kind == 0 else 1), fade**1.3)
    v = depth if c.rng.random() < 0.5 else c.hashed2(np.floor(along), np.floor(across * 0.5) % max(1, spokes // 2))
    return Fields(u, v, cover=(0.3, 0.58))
