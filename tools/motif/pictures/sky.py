"""Painters of air and fire: clouds, smoke, nebula, stars, flames, lightning.

Called by `pictures.paint` through its table. Each takes a Canvas and returns Fields [size, size].
"""

from __future__ import annotations

import numpy as np

from phosphene.tools.motif.pictures.canvas import Canvas, Fields, polar


def clouds(c: Canvas) -> Fields:
    """Heaps of cloud with lit tops and shaded undersides, a high broken layer, or a soft overcast."""
    x, y = c.turned(tilt=0.25, warp=0.0)
    zoom, kind = c.f**0.8 * c.num(0.65, 0.85), c.pick(5, 3, 2)
    flat = np.float32(c.num(1.15, 1.6) if kind < 2 else 1.0)
    bend = c.noise("smooth", x, y, zoom * 0.7) - 0.5
    wx, wy = x + bend * np.float32(0.3), y * flat
    mass = c.noise("puffy", wx, wy, zoom)
    if kind == 0:
        mask = c.step(mass - np.float32(c.num(0.36, 0.5)), 0.16 + 0.45 * c.w)
        # Light from above: bright where the cloud ends soon upwards, and where a heap bulges.
        heaps = c.noise("ridged", wx, wy, zoom * 1.3)
        u = mask * np.clip(0.35 + 0.45 * mass + 0.35 * (1 - heaps) + 0.12 * y, 0.2, 1)
    elif kind == 1:
        u = c.step(mass + 0.3 * c.noise("rough", wx, wy, zoom * 2) - 0.68, 0.4 + 0.6 * c.w)
    else:
        u = np.clip(0.15 + 0.85 * mass * (1.2 - 0.6 * c.noise("ridged", wx, wy, zoom)), 0, 1)
    return Fields(np.clip(u, 0, 1), bend + 0.25 * mass + 0.3 * y * c.num(-1, 1), ramp=c.rng.random() < 0.2, melt=True)


def smoke(c: Canvas) -> Fields:
    """Curling wisps: thin rising streams, or a slow billow; always drawn out along the way it drifts."""
    x, y = c.turned(tilt=0.5, shift=0.3, warp=0.0)
    zoom = c.f**0.8 * c.num(0.75, 1.0)
    a, b = c.level(x, y, zoom) - 0.5, c.level(x, y, zoom) - 0.5
    curl = np.float32(c.num(0.9, 1.5) / zoom)
    wx, wy = x + a * curl, y + b * np.float32(0.8) * curl
    if c.pick(3, 2) == 0:  # wisps: crests of noise drawn out upwards
        strands = c.level(wx, wy * np.float32(0.35), zoom * 1.9)
        thin = 1 - np.abs(strands - 0.5) * 2
        mist = c.level(wx, wy * np.float32(0.5), zoom)
        u = thin ** np.float32(2.0 + 2.5 * (1 - c.w)) * np.clip(mist * 1.6 - 0.2, 0, 1) + 0.35 * mist * mist
    else:
        body = c.level(wx, wy * np.float32(0.6), zoom * 1.3)
        u = body * body * (0.3 + 0.7 * c.noise("puffy", wx, wy, zoom * 0.9)) * np.float32(1.2)
    return Fields(np.clip(u, 0, 1), b + 0.4 * y * np.float32(c.num(-1, 1)), cover=(0.26, 0.45), melt=True)


def _speckle(c: Canvas, x: np.ndarray, y: np.ndarray, zoom: float, size: float, share: float) -> np.ndarray:
    """Return points of light: bright middles with a small glow, over `share` of the Voronoi cells."""
    dx, dy, _, number = c.points(x, y, zoom)
    own = c.hashed(number * 64)
    d = np.sqrt(dx * dx + dy * dy)
    glow = np.float32(size) * (0.35 + own)
    return np.minimum(1.0, (glow / (d + 0.3 * glow)) ** 2 * 0.25) * (own > 1 - share) * np.clip(2.2 - 4.4 * d, 0, 1)


def nebula(c: Canvas) -> Fields:
    """Glowing gas with dark lanes, and stars in front."""
    x, y = c.turned(warp=0.0)
    zoom = c.f**0.7 * c.num(0.55, 0.75)
    a, b = c.noise("smooth", x, y, zoom) - 0.5, c.noise("smooth", x, y, zoom) - 0.5
    wx, wy = x + a * np.float32(0.7), y + b * np.float32(0.7)
    gas = c.noise("rough", wx, wy, zoom * 1.2)
    lanes = c.noise("ridged", wx, wy, zoom * 0.8)
    u = np.clip(gas * 1.25 - 0.2, 0, 1) ** np.float32(c.num(1.1, 1.7)) * (1 - 0.6 * lanes * lanes)
    if c.rng.random() < 0.5:  # a bright heart
        r = np.sqrt((wx - np.float32(c.num(-0.4, 0.4))) ** 2 + (wy - np.float32(c.num(-0.4, 0.4))) ** 2)
        u = u * (0.45 + 0.5 * np.exp(-r * 1.2)) + 0.6 * np.exp(-r * r * 6) * (0.4 + 0.6 * gas)
    star = _speckle(c, x, y, 2.4 * np.sqrt(c.f), 0.09, 0.75)
    star = np.maximum(star, 0.85 * _speckle(c, x, y, 5.0 * np.sqrt(c.f), 0.12, 0.5))
    return Fields(np.clip(u * 0.8 + star, 0, 1), a + 0.5 * b + 0.3 * gas, cover=(0.24, 0.42), melt=True)


def stars(c: Canvas) -> Fields:
    """A field of stars: scattered, with crossed flares, or flying outwards as streaks."""
    x, y = c.turned(shift=0.3, warp=0.0)
    kind, f = c.pick(3, 3, 2), c.f * c.num(1.3, 1.8)
    v = c.noise("smooth", x, y, 0.6)
    if kind == 2:
        r, angle = polar(x, y)
        n = 2 * c.count(12, 16)
        lane = np.floor(angle * n)
        across = np.abs(angle * n - lane - 0.5) * 2
        start = c.hashed(lane % n)
        along = np.log(r + 0.05) * np.float32(1.2) - start * 3
        along = along - np.floor(along)
        u = np.clip(1 - across, 0, 1) * along**3 * c.step(1 - along - 0.05, 0.1 + 0.3 * c.w) * np.clip(r * 2.5, 0, 1) * 1.3
        u = np.maximum(u, 0.7 * _speckle(c, x, y, f * 1.8, 0.1, 0.5))
        return Fields(np.clip(u, 0, 1), start, cover=(0.14, 0.3))
    u = np.maximum(_speckle(c, x, y, f, 0.2 if kind else 0.16, 0.85), 0.8 * _speckle(c, x, y, f * 2.3, 0.2, 0.7))
    if kind == 1:
        dx, dy, _, number = c.points(x, y, f * 0.75)
        own = c.hashed(number * 64)
        size = 0.1 + 0.35 * own * own
        ax, ay = np.abs(dx) / size, np.abs(dy) / size
        flare = np.exp(-ax * 1.6 - ay * 12) + np.exp(-ay * 1.6 - ax * 12) + np.exp(-(ax * ax + ay * ay) * 9)
        u = np.maximum(u * 0.8, np.clip(flare * 1.3, 0, 1))
        v = own
    if c.rng.random() < 0.35:
        haze = c.noise("rough", x, y, 0.7)
        u = np.maximum(u, 0.22 * haze * haze)
    return Fields(np.clip(u, 0, 1), v, cover=(0.13, 0.3))


def flames(c: Canvas) -> Fields:
    """Tongues of fire rising from below, a wall of fire, or a fireball; hottest inside, torn into points at the tips."""
    kind = c.pick(5, 3, 2)
    x, y = c.turned(tilt=0.12, shift=0.15, warp=0.0)
    zoom = c.f**0.7 * c.num(0.9, 1.15)
    if kind == 2:
        r, _ = polar(x, y)
        safe = 1 / np.maximum(r, 0.05)
        # Across the rays the noise is fine, along them it is drawn out: licks that point outwards.
        lick = c.noise("puffy", x * (safe * 0.8 + 0.25), y * (safe * 0.8 + 0.25), zoom * 0.9)
        rough = c.noise("ridged", x, y, zoom * 0.8)
        heat = 1.0 - r * np.float32(c.num(1.0, 1.3)) + (lick - 0.4) * (0.25 + 0.8 * np.minimum(r, 1)) + (rough - 0.5) * 0.2
    else:
        rise = np.clip((y + 1) * np.float32(0.5), 0, 1.3)
        sway = (c.level(x, y * np.float32(0.6), zoom * 0.9) - 0.5) * (0.15 + 0.75 * rise)
        wx = x + sway * np.float32(0.5 / zoom**0.5)
        # Noise squeezed sideways and drawn upwards; the higher, the more of it is cut away, so that it ends in points.
        tongues = c.level(wx, y * np.float32(0.28), zoom * 2.5)
        licks = c.noise("ridged", wx, y, zoom * 1.5, zoom * 0.55)
        if kind == 0:
            heat = 0.9 - rise * np.float32(c.num(1.2, 1.5)) + (tongues - 0.4) * (0.55 + 1.0 * rise) + (licks - 0.5) * 0.35
        else:
            heat = 0.56 - rise * np.float32(c.num(0.35, 0.6)) + (tongues - 0.5) * 0.9 + (licks - 0.5) * 0.5
    heat = np.clip(heat, 0, 1)
    # Sharp pictures cut the flame out: heat starts at once at its edge.
    edge = c.step(heat - 0.1, 0.08 + 0.3 * c.w)
    return Fields(edge * (0.2 + 0.8 * heat), heat, ramp=True, cover=(0.26, 0.46), melt=True)


def _path(c: Canvas, length: int, rough: float) -> np.ndarray:
    """Return a jagged line [length]: midpoint displacement, ends at 0, spread about `rough`."""
    knots, line, spread = np.zeros(2), np.zeros(2), rough
    while len(line) < 33:
        middle = (line[1:] + line[:-1]) / 2 + c.rng.normal(0, spread, len(line) - 1)
        knots = np.empty(len(line) + len(middle))
        knots[0::2], knots[1::2] = line, middle
        line, spread = knots, spread * 0.56
    return np.interp(np.linspace(0, len(line) - 1, length), np.arange(len(line)), line)


def lightning(c: Canvas) -> Fields:
    """Forked bolts that cross the picture, or sparks that leave one point in all directions."""
    plasma = c.pick(3, 1) == 1
    x, y = c.turned(tilt=np.pi if plasma or c.rng.random() < 0.3 else 0.35, shift=0.2, warp=0.0)
    if plasma:
        r, angle = polar(x, y)
        bolts, down = max(3, c.count(3.5, 5)), r * 1.1 - 1
    else:
        bolts, down = max(1, round(c.num(1.0, 2.2) * c.f)), -y
    row = np.clip((down + 1.5) * np.float32(127 / 3), 0, 127).astype(np.int32)
    u, v = np.zeros_like(x), np.zeros_like(x)
    thick = c.num(0.016, 0.026)
    for k in range(bolts):
        main = _path(c, 128, 0.2) * (0.6 if plasma else 1.3)
        lean, place = c.num(-0.2, 0.2), 0.0 if bolts == 1 else (k + 0.5) / bolts * 1.8 - 0.9
        lines = [(main + np.linspace(-lean, lean, 128) + (0 if plasma else place), 0, 128, 1.0)]
        for _ in range(0 if bolts > 4 else 2):
            start = int(c.num(25, 75))
            stop = start + int(c.num(25, 50))
            fork = lines[0][0].copy()
            fork[start:stop] += _path(c, stop - start, 0.07) + np.linspace(
                0, c.num(0.25, 0.6) * (-1) ** int(c.rng.integers(2)), stop - start
            )
            lines.append((fork, start, stop, 0.6))
        if plasma:
            across = angle - np.float32((k + c.num(0.2, 0.8)) / bolts)
            across = (across - np.round(across)) * np.clip(r, 0.08, None) * np.float32(2 * np.pi)
        else:
            across = x
        for line, start, stop, strength in lines:
            reach = np.zeros(128)
            reach[start:stop] = strength * (1 if strength == 1 else np.linspace(1, 0.3, stop - start))
            d = np.abs(across - line.astype(np.float32).take(row))
            power = reach.astype(np.float32).take(row)
            core = np.minimum(1, np.float32(thick * (1 + 0.6 * c.w)) / (d + 0.006))
            glow = power * (core * np.minimum(1, core + 0.25) + 0.2 * np.exp(d * np.float32(-9 + 6 * c.w)))
            v = np.where(glow > u, np.float32(k) + 0.3 * power, v)
            u = np.maximum(u, glow)
    sky = c.noise("rough", x, y, 0.8)
    return Fields(np.clip(u + 0.16 * sky * sky, 0, 1), v, ramp=bolts == 1 or c.rng.random() < 0.6, cover=(0.14, 0.34))
