"""Painters of made things: bricks, weave, circuits, glass, lace, tiles.

Called by `pictures.paint` through its table. Each takes a Canvas and returns Fields [size, size].
"""

from __future__ import annotations

import numpy as np

from phosphene.tools.motif.pictures.canvas import TURN, Canvas, Fields, polar, sine


def bricks(c: Canvas) -> Fields:
    """A wall: long rows that are shifted by half a brick, herringbone, or dark bricks whose joints glow."""
    x, y = c.turned(tilt=0.06 if c.rng.random() < 0.7 else np.pi, warp=0.04)
    f, kind = np.float32(c.f * c.num(1.5, 2.0)), c.pick(4, 3, 3)
    x, y = x * f, y * f
    if kind == 1:  # bricks of 2 x 1 lie across where (i - j) mod 4 is 0 or 1, and stand elsewhere
        x, y = x * np.float32(1.5), y * np.float32(1.5)
        i, j = np.floor(x), np.floor(y)
        part = (i - j) % 4
        across = part < 2
        # The corner of the brick that a unit square belongs to, and its two halves.
        left, low = np.where(across, i - (part == 1), i), np.where(across, j, j - (part == 2))
        long, short = np.where(across, x - left, y - low), np.where(across, y - low, x - left)
        inside = np.minimum(np.minimum(long, 2 - long), np.minimum(short, 1 - short))
        lit, tile = np.where(across, short, 1 - short), c.hashed2(left, low)
    else:
        row = np.floor(y * 2)
        a = x + 0.5 * (row % 2) + 0.06 * c.hashed(row)
        i = np.floor(a)
        long, short = (a - i) * 2, y * 2 - row
        inside = np.minimum(np.minimum(long, 2 - long), np.minimum(short, 1 - short))
        lit, tile = short, c.hashed2(i, row)
    joint = np.float32(c.num(0.07, 0.12))
    body = c.step(inside - joint, 0.05 + 0.3 * c.w)
    grain = c.noise("rough", x, y, 0.9)
    if kind == 2:
        glow = np.exp(-np.maximum(inside - joint * 0.4, 0) * np.float32(7 - 4 * min(c.w, 0.8)))
        return Fields(np.maximum(glow * (1 - 0.3 * body), 0.3 * tile * body), tile, cover=(0.28, 0.5))
    edge = np.clip((inside - joint) * 6, 0, 1)  # the upper edge catches the light, the lower one is in its own shade
    shade = (0.38 + 0.5 * tile) * (0.8 + 0.3 * grain) + (1 - edge) * (lit - 0.4) * 0.7
    return Fields(np.clip(shade, 0.06, 1) * body, tile, crisp=True, cover=(0.4, 0.6))


def weave(c: Canvas) -> Fields:
    """Bands that go over and under each other: a basket, twill, or thin threads with gaps between them."""
    x, y = c.turned(warp=0.08)
    f, kind = np.float32(c.f * c.num(2.4, 3.2)), c.pick(4, 3, 3)
    a, b = x * f, y * f
    i, j = np.floor(a), np.floor(b)
    pa, pb = a - i - np.float32(0.5), b - j - np.float32(0.5)
    over = (i + j) % 4 < 2 if kind == 1 else (i + j) % 2 < 1
    half = np.float32((0.47, 0.45, 0.34)[kind])
    # How high a band lies: it bends down where it goes under, one cell before and behind.
    high = 0.5 + 0.5 * np.cos(pb * np.float32(np.pi)), 0.5 + 0.5 * np.cos(pa * np.float32(np.pi))
    round_ = [np.sqrt(np.clip(1 - (p / half) ** 2, 0, 1)) for p in (pa, pb)]
    there = [c.step(half - np.abs(p), 0.03 + 0.2 * c.w) for p in (pa, pb)]
    light = [(0.25 + 0.75 * r) * (0.3 + 0.7 * h) for r, h in zip(round_, high, strict=True)]
    if kind != 2 and c.rng.random() < 0.6:  # fibres along each band
        light = [s * (0.72 + 0.28 * sine(p * np.float32(c.num(4, 6)))) for s, p in zip(light, (pa, pb), strict=True)]
    below = (0.3 * light[0] * there[0] * ~over + 0.3 * light[1] * there[1] * over).astype(np.float32)
    top = np.where(over, light[0] * there[0], light[1] * there[1])
    seen = np.where(over, there[0], there[1])
    u = below * (1 - seen) + top * seen
    own = np.where(over, c.hashed(i), c.hashed(j))
    v = over + 0.2 * own if c.rng.random() < 0.5 else own
    return Fields(np.clip(u, 0, 1), v, crisp=True, cover=(0.38, 0.58))


def circuits(c: Canvas) -> Fields:
    """Traces of a printed board: straight, turned by 45 degrees, ending in pads; chips with pins lie over some of them."""
    x, y = c.turned(tilt=0.0 if c.rng.random() < 0.7 else np.pi / 4, warp=0.0)
    f = np.float32(c.f * c.num(3.2, 4.2))
    a, b = x * f, y * f
    i, j = np.floor(a), np.floor(b)
    p, q = a - i - np.float32(0.5), b - j - np.float32(0.5)
    right, top = c.rng.random(1024) < c.num(0.55, 0.7), c.rng.random(1024) < c.num(0.42, 0.6)

    def edge(table: np.ndarray, i: np.ndarray, j: np.ndarray) -> np.ndarray:
        return table.take((i.astype(np.int32) * 73 + j.astype(np.int32) * 151) & 1023)

    ways = [edge(right, i, j), edge(top, i, j), edge(right, i - 1, j), edge(top, i, j - 1)]  # to the right, up, left, down
    count = sum(way.astype(np.int32) for way in ways)
    far = np.full_like(p, 9.0)
    for way, along, across in ((ways[0], p, q), (ways[1], q, p), (ways[2], -p, q), (ways[3], -q, p)):
        far = np.where(way, np.minimum(far, np.hypot(np.minimum(along, 0), across)), far)
    corner = (count == 2) & ~(ways[0] & ways[2]) & ~(ways[1] & ways[3])
    sx, sy = np.where(ways[0], p, -p), np.where(ways[1], q, -q)  # a corner turns on the short way, from edge to edge
    far = np.where(corner, np.abs(sx + sy - np.float32(0.5)) * np.float32(0.7071), far)
    width = np.float32(c.num(0.075, 0.11))
    soft = 0.04 + 0.2 * c.w
    line = c.step(width - far, soft)
    centre = np.hypot(p, q)
    ends = (count == 1) | (count == 3) | ((count == 0) & (c.hashed2(i, j) > 0.6))
    pad = c.step(0.27 - centre, soft) * ends
    hole = c.step(0.12 - centre, soft) * ends
    glow = np.exp(-far * np.float32(9)) * np.float32(0.35 + 0.4 * c.w)
    pulse = c.noise("smooth", x, y, 0.7)
    u = np.maximum(np.maximum(line, pad) * (1 - hole) * (0.45 + 0.75 * pulse), glow * 0.7 * pulse)
    # Chips: some of a coarse lattice's places.
    wide = np.float32(5.0)
    ci, cj = np.floor(a / wide), np.floor(b / wide)
    cp, cq = np.abs(a - (ci + np.float32(0.5)) * wide), np.abs(b - (cj + np.float32(0.5)) * wide)
    chip = c.hashed2(ci, cj) < np.float32(0.3)
    body = np.maximum(cp - 1.5, cq - 1.0)
    pins = (np.abs(cq - np.float32(1.2)) < 0.2) & (cp < 1.5) & (np.abs(a - np.round(a * 2) / 2) < 0.13)
    rim = c.step(0.08 - np.abs(body), soft)
    mark = c.step(0.12 - np.hypot(cp - 1.2, cq - 0.7), soft) * (a > (ci + np.float32(0.5)) * wide)
    inner = np.maximum(rim, 0.7 * mark)
    u = np.where(
        chip & (body < 0.08), inner, np.where(chip & (body < 0.42), np.maximum(pins * np.float32(0.85), 0.1 * u), u)
    )
    v = np.where(chip & (body < 0.42), np.float32(1.2), c.noise("smooth", x, y, 0.5))
    return Fields(np.clip(u, 0, 1), v, cover=(0.22, 0.42))


def glass(c: Canvas) -> Fields:
    """A leaded window: panes in free shapes, a rose of rings and sectors, or a lattice of diamonds; lit from behind."""
    kind = c.pick(4, 4, 2)
    x, y = c.turned(tilt=np.pi if kind == 0 else 0.1, shift=0.12, warp=0.05 if kind == 0 else 0.0)
    f, lead = np.float32(c.f), np.float32(c.num(0.05, 0.075))
    if kind == 0:
        dx, dy, gap, number = c.points(x, y, float(f) * c.num(1.5, 2.0))
        away, tile, other = gap * np.float32(0.5), c.hashed(number * 64), c.hashed(number * 64 + 7)
        bulge = np.clip(1.1 - 1.2 * np.hypot(dx, dy), 0, 1)
    elif kind == 1:  # each ring has more sectors than the one within it, and is turned by half a sector
        r, angle = polar(x, y)
        t = r * f * np.float32(c.num(2.6, 3.2)) + np.float32(0.35)
        ring = np.floor(t)
        n = np.float32(c.rng.choice((6, 8))) * np.maximum(1, np.minimum(2 ** np.floor(np.log2(np.maximum(ring, 1))), 4))
        around = angle * n + 0.5 * (ring % 2)
        sector = np.floor(around)
        p, q = around - sector, t - ring
        across = np.minimum(p, 1 - p) * np.float32(TURN) * np.maximum(r, 0.02) / n * f * np.float32(2.9)
        inner = ring < 1
        away = np.where(inner, 1 - q, np.minimum(across, np.minimum(q, 1 - q)))
        # Every other ring holds round panes.
        disc = 0.5 - np.hypot((p - 0.5) * np.minimum(1.0, TURN * r / n * f * np.float32(2.9)), q - 0.5)
        rounded = (ring % 2 == 1) & (c.rng.random() < 0.7)
        away = np.where(rounded, np.minimum(away, np.abs(disc - 0.06) + 0.004), away)
        tile = c.hashed2(
            ring * 7, np.where(inner, 0, sector % n % np.float32(2 + c.rng.integers(2))) + 3 * (rounded & (disc > 0.06))
        )
        other, bulge = c.hashed2(ring, np.where(inner, 0, sector)), np.clip(1.2 - 1.6 * np.hypot(p - 0.5, q - 0.5), 0, 1)
    else:
        a, b = (x + y * np.float32(0.62)) * f * np.float32(2.0), (x - y * np.float32(0.62)) * f * np.float32(2.0)
        i, j = np.floor(a), np.floor(b)
        p, q = a - i, b - j
        away = np.minimum(np.minimum(p, 1 - p), np.minimum(q, 1 - q)) * np.float32(0.8)
        tile, other = c.hashed2(i, j), c.hashed2(i + 9, j)
        bulge = np.clip(1.1 - 1.3 * np.hypot(p - 0.5, q - 0.5), 0, 1)
    pane = c.step(away - lead, 0.03 + 0.12 * c.w)
    sun = c.noise("smooth", x, y, 0.5)
    ripple = c.noise("rough", x, y, 1.1)
    light = (0.42 + 0.38 * other + 0.3 * sun) * (0.55 + 0.5 * bulge) * (0.85 + 0.25 * ripple)
    return Fields(np.clip(light, 0.05, 1) * pane, tile, crisp=True, cover=(0.42, 0.62))


def lace(c: Canvas) -> Fields:
    """Fine thread: a ground of rosettes side by side, rosettes in a net, or one doily of rings that repeat."""
    kind = c.pick(3, 3, 4)
    x, y = c.turned(tilt=np.pi, shift=0.15 if kind == 2 else 0.4, warp=0.04)
    n, thin = int(c.rng.choice((6, 8, 8, 12))), np.float32(0.028 + 0.05 * c.w)

    def thread(distance: np.ndarray, width: float = 1.0) -> np.ndarray:
        return c.step(thin * np.float32(width) - np.abs(distance), 0.03 + 0.12 * c.w)

    if kind == 2:
        r, angle = polar(x, y)
        n = 2 * c.count(5, 8)
        t = np.log(r + 0.02) * np.float32(n / TURN * c.num(0.85, 1.1))
        row = np.floor(t)
        a = angle * n + 0.5 * (row % 2)
        p, q = a - np.round(a), t - row - np.float32(0.5)
        fade = np.clip(r * np.float32(5), 0, 1)
        size = np.clip(r * np.float32(TURN / n) / 0.16, 0.25, 1.0)  # towards the middle threads would be finer than pixels
        thin = thin / size
    else:
        f = np.float32(c.f * c.num(1.3, 1.7))
        a, b = x * f, y * f
        if kind == 1:
            b = b * np.float32(2 / np.sqrt(3))
            a = a + 0.5 * (np.floor(b + 0.5) % 2)
        p, q, row, fade = a - np.round(a), b - np.floor(b + 0.5), np.floor(b + 0.5), np.float32(1)
    d, turn = polar(p, q)
    scallop = 0.41 + 0.05 * np.abs(np.cos(turn * np.float32(np.pi * n * 2)))
    petal = np.abs(np.cos(turn * np.float32(np.pi * n)))
    u = np.maximum(thread(d - scallop), thread(d - 0.36, 0.8))
    u = np.maximum(u, thread(d - (0.12 + 0.2 * petal), 1.1) * (d < 0.36))
    u = np.maximum(u, np.maximum(thread(d - 0.1), c.step(0.045 - d, 0.03)))
    beads = np.hypot((turn * n - np.round(turn * n)) * np.float32(TURN / n) * d, d - np.float32(0.3))
    u = np.maximum(u, thread(beads - 0.012, 1.2) * (0.6 + 0.4 * c.hashed(row)))
    net = np.maximum(np.abs(np.sin((p + q) * np.float32(TURN * 3))), 0)
    other = np.abs(np.sin((p - q) * np.float32(TURN * 3)))
    mesh = np.maximum(c.step(0.22 - net, 0.16), c.step(0.22 - other, 0.16)) * (d > 0.44) * np.float32(0.65)
    u = np.maximum(u, mesh)
    v = row + 0.2 * d if c.rng.random() < 0.5 else d
    return Fields(np.clip(u, 0, 1) * fade, v, cover=(0.24, 0.42))


def tiles(c: Canvas) -> Fields:
    """Ornament: a tile of stars and crosses, of rosettes and quarter circles, or of a folded drawing; repeated."""
    x, y = c.turned(tilt=np.pi / 4 if c.rng.random() < 0.4 else 0.0, warp=0.0)
    f, kind = np.float32(c.f * c.num(1.15, 1.5)), c.pick(3, 3, 4)
    a, b = x * f, y * f
    i, j = np.round(a), np.round(b)
    p, q = a - i, b - j
    s, t = np.maximum(np.abs(p), np.abs(q)), np.minimum(np.abs(p), np.abs(q))  # an eighth of the tile, eight times
    d, soft = np.hypot(p, q), 0.02 + 0.1 * c.w
    if kind == 0:
        star = np.minimum(np.maximum(s, t), (s + t) * np.float32(0.7071)) - np.float32(0.36)  # two squares, one turned
        inner = np.maximum(s, (s + t) * np.float32(0.7071)) - np.float32(c.num(0.2, 0.26))
        cross = 0.5 - s
        body = c.step(-star - 0.025, soft)
        u = body * 0.55 + c.step(0.02 - np.abs(star), soft) + c.step(0.018 - np.abs(inner), soft) * 0.9
        u = np.maximum(u * (1 - 0.9 * c.step(-inner - 0.03, soft)), c.step(-inner - 0.07, soft))
        u = np.maximum(u, 0.75 * c.step(star - 0.05, soft) * c.step(cross - 0.02, soft) * (t > 0.12))
        v = np.where(star > 0, 2.0, np.where(inner > 0, 1.0, 0.0))
    elif kind == 1:
        n = int(c.rng.choice((8, 8, 12, 16)))
        turn = np.arctan2(q, p) * np.float32(1 / TURN)
        petal = np.abs(np.cos(turn * np.float32(np.pi * n / 2)))
        flower = d - (0.13 + np.float32(c.num(0.16, 0.22)) * petal)
        ring, quarter = d - np.float32(0.43), np.hypot(0.5 - s, 0.5 - t)
        u = c.step(-flower - 0.02, soft) * np.clip(0.35 + 1.6 * d, 0, 1)
        u = np.maximum(u, np.maximum(c.step(0.02 - np.abs(ring), soft), c.step(0.02 - np.abs(quarter - 0.2), soft)))
        u = np.maximum(u, np.maximum(c.step(0.1 - quarter, soft) * 0.9, c.step(0.07 - d, soft)))
        u = np.maximum(u, 0.45 * c.step(ring - 0.05, soft) * c.step(quarter - 0.25, soft))
        v = np.where(quarter < 0.25, 2.0, np.where(flower < 0, 0.0, 1.0))
    else:
        field = np.zeros_like(s)
        for _ in range(4):  # waves that are drawn in one eighth, and folded into all of it
            turn, size = c.num(0, TURN), c.num(4, 11)
            field += np.cos(
                (s * np.float32(np.cos(turn)) + t * np.float32(np.sin(turn))) * np.float32(size) + np.float32(c.num(0, TURN))
            )
        level = field * np.float32(c.num(0.7, 1.0))
        u = c.band(level, 0.5) * (0.55 + 0.45 * c.hashed(np.floor(level) + 40))
        u = np.maximum(u * c.step(0.47 - s, soft), c.step(0.016 - np.abs(0.485 - s), soft) * 0.8)
        v = np.floor(level)
    return Fields(np.clip(u, 0, 1), v, crisp=True, cover=(0.36, 0.58))
