"""Painters of living shapes: cells, blobs, leaves, feathers, branches.

Called by `pictures.paint` through its table. Each takes a Canvas and returns Fields [size, size].
"""

from __future__ import annotations

from functools import cache

import numpy as np

from phosphene.tools.motif.pictures.canvas import Canvas, Fields, over

TREE_SIDE = 192
TREES = 20


def cells(c: Canvas) -> Fields:
    """Tissue: soft rounded cells with dark walls and kernels, bright walls, or cracked scales."""
    x, y = c.turned(warp=0.12)
    dx, dy, gap, number = c.points(x, y, c.f * c.num(1.6, 2.2))
    own, d = c.hashed(number * 64), np.sqrt(dx * dx + dy * dy)
    wall = c.step(gap - 0.13, 0.08 + 0.4 * c.w)
    kind = c.pick(4, 3, 2)
    if kind == 0:
        kernel = c.step(0.16 + 0.06 * own - d, 0.05 + 0.15 * c.w)
        u = over(wall * np.clip(0.42 + 0.3 * own + 0.5 * gap - 0.2 * d, 0, 1), np.ones_like(d), kernel * 0.9)
        return Fields(u, over(own, 1 - own, kernel), crisp=True, cover=(0.4, 0.6))
    if kind == 1:
        u = np.maximum(1 - wall, np.clip(0.5 - d, 0, 1) * 0.5)
        return Fields(u, c.noise("smooth", x, y, 0.5) if c.rng.random() < 0.5 else own, cover=(0.32, 0.5))
    u = wall * np.clip(1.05 - 1.1 * d, 0.1, 1)
    return Fields(u, own, crisp=True, cover=(0.4, 0.6))


def blobs(c: Canvas) -> Fields:
    """Drops that melt into each other, as in a lava lamp: shaded like balls, flat, or hollow."""
    x, y = c.turned(tilt=0.4, shift=0.1, warp=0.1)
    count = min(16, max(3, c.count(5, 7)))
    pull, hue = np.zeros_like(x), np.zeros_like(x)
    size = 0.3 / np.sqrt(count / 6)
    for _ in range(count):
        px, py = c.num(-1, 1), c.num(-1, 1)
        radius = np.float32((size * c.num(0.55, 1.3)) ** 2)
        near = radius / (
            (x - np.float32(px)) ** 2 + ((y - np.float32(py)) * np.float32(c.num(0.7, 1.2))) ** 2 + radius * 0.3
        )
        near = near * near
        pull += near
        hue += near * np.float32(c.num(0, 1))
    hue = hue / (pull + 1e-4)
    kind = c.pick(4, 2, 2)
    body = c.step(pull - 0.75, 0.1 + 0.7 * c.w)
    if kind == 0:
        u = body * np.clip(0.4 + 0.16 * pull - 0.25 * (0.5 - 0.5 * y), 0.2, 1)
    elif kind == 1:
        u = body
    else:
        level = np.log2(pull + 0.05)
        u = np.maximum(c.band(level * np.float32(0.7 + 0.3 * c.f), 0.45), 0.25 * body) * np.clip(level + 3, 0, 1)
    return Fields(u, hue, cover=(0.3, 0.55))


def leaves(c: Canvas) -> Fields:
    """Leaves with a midrib and side veins, scattered over each other in two or three layers, or along a stem."""
    x, y = c.turned(warp=0.04)
    u, v = np.zeros_like(x), np.zeros_like(x)
    broad, same = c.num(0.22, 0.36), c.rng.random() < 0.5
    heading, layers = c.num(0, 2 * np.pi), 2 + (c.rng.random() < 0.6)
    for layer in range(layers):
        dx, dy, _, number = c.points(x + 3 * layer, y, c.f * c.num(1.15, 1.5), even=True)
        own, angles = c.hashed(number * 64), (heading + c.rng.random(256) * (1.0 if same else 2 * np.pi)).astype(np.float32)
        key = (number * 64).astype(np.int32)
        cos, sin = np.cos(angles).take(key), np.sin(angles).take(key)
        a, b = (dx * cos + dy * sin) * np.float32(1.75), np.abs(dy * cos - dx * sin) * np.float32(1.75)
        # Widest at a third of its length, pointed at the tip.
        half = np.float32(broad * 1.9) * np.clip(1 - a * a, 0, 1) * (1.0 - 0.35 * a)
        mask = c.step(half * 0.9 - b - 0.02, 0.05 + 0.3 * c.w) * (np.abs(a) < 1)
        rib = np.exp(-b * 28)
        vein = np.abs((a - b * np.float32(1.0)) * 5 - np.round((a - b) * 5))
        body = (0.48 + 0.4 * own) * (1 - 0.35 * b / (half + 0.1)) - 0.2 * (vein < 0.13) + 0.55 * rib
        shade = (layer + 1.6) / (layers + 0.6)
        u, v = over(u, np.clip(body, 0.1, 1) * shade, mask), over(v, own, mask)
    return Fields(u, v, crisp=True, cover=(0.34, 0.56))


def feathers(c: Canvas) -> Fields:
    """Plumes: a curved quill with fine slanting barbs on both sides; a few large ones, or a fan of them."""
    x, y = c.turned(tilt=np.pi, shift=0.15, warp=0.05)
    count = min(7, max(2, c.count(2.4, 3.6)))
    u, v = np.zeros_like(x), np.zeros_like(x)
    fan, start = c.rng.random() < 0.5, c.num(0, 2 * np.pi)
    spread = c.num(0.35, 0.6)
    for k in range(count):
        angle = (k - (count - 1) / 2) * spread if fan else start + c.num(-0.5, 0.5)
        cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
        ox, oy = (0.0, -0.85) if fan else (c.num(-0.2, 0.2) + (k - (count - 1) / 2) * 1.7 / count, c.num(-0.3, 0.3))
        px, py = x - np.float32(ox), y - np.float32(oy)
        long = np.float32(0.62 if fan else 1.0)
        a = (px * sin + py * cos) * long + np.float32(-0.75 if fan else 0.0)  # -1 at the root, 1 at the tip
        b = (px * cos - py * sin) * long + np.float32(c.num(-0.28, 0.28)) * a * a
        side = np.abs(b)
        half = np.float32(c.num(0.2, 0.3)) * np.sqrt(np.clip(1 - a * a, 0, 1)) * (1.08 - 0.25 * a)
        t = a * np.float32(7 + 3 * c.f) - side * np.float32(15) + (b > 0) * 0.4
        tufts = np.floor(t * 0.4)
        ragged = half * (1 - 0.16 * c.hashed(tufts + 40) - 0.35 * (c.hashed(tufts + 90) > 0.88))
        mask = c.step(ragged - side, 0.03 + 0.12 * c.w) * (np.abs(a) < 1)
        barbs = 0.36 + 0.5 * (0.5 + 0.5 * np.cos(t * np.float32(2 * np.pi))) ** np.float32(1.6 - c.w)
        body = np.clip(barbs * (1 - 0.45 * side / (half + 0.05)) + np.exp(-side * 50) * 0.7, 0, 1)
        u, v = over(u * (1 - 0.35 * mask), body, mask), over(v, k + 0.6 * a, mask)
    return Fields(u, v, cover=(0.3, 0.52))


def _tree(rng: np.random.Generator) -> np.ndarray:
    """Return float32 [TREE_SIDE, TREE_SIDE, 2]: distance from the bark (0 within, units of the height) and depth 0..1."""
    axis = ((np.arange(TREE_SIDE) + 0.5) * (2.0 / TREE_SIDE) - 1.0).astype(np.float32)
    far, depth = np.full((TREE_SIDE, TREE_SIDE), 0.25, np.float32), np.zeros((TREE_SIDE, TREE_SIDE), np.float32)
    open_angle, shrink = rng.uniform(0.3, 0.55), rng.uniform(0.74, 0.84)
    todo = [(0.0, -1.0, np.pi / 2 + rng.normal(0, 0.08), rng.uniform(0.4, 0.52), rng.uniform(0.03, 0.055), 0)]
    while todo:
        x, y, angle, length, thick, level = todo.pop()
        ex, ey = x + length * np.cos(angle), y + length * np.sin(angle)
        cols = slice(*np.searchsorted(axis, (min(x, ex) - 0.22, max(x, ex) + 0.22)))
        rows = slice(*np.searchsorted(axis, (min(y, ey) - 0.22, max(y, ey) + 0.22)))
        px, py = axis[cols][None] - x, axis[rows][:, None] - y
        along = np.clip((px * (ex - x) + py * (ey - y)) / length**2, 0, 1)
        d = np.hypot(px - along * (ex - x), py - along * (ey - y)) - thick * (1 - 0.35 * along)
        nearer = d < far[rows, cols]
        far[rows, cols] = np.where(nearer, d, far[rows, cols])
        depth[rows, cols] = np.where(nearer, (level + along) / 6, depth[rows, cols])
        if level < 5:
            for side in (-1, 1) if rng.random() < 0.88 else (-1, 0.1, 1):
                turn = side * open_angle * rng.uniform(0.6, 1.3) + rng.normal(0, 0.08)
                todo.append((ex, ey, angle + turn, length * shrink * rng.uniform(0.8, 1.1), thick * 0.66, level + 1))
    return np.stack([np.maximum(far, 0), depth], -1)


@cache
def _trees() -> np.ndarray:
    """Return `TREES` trees, float32 [TREES * TREE_SIDE * TREE_SIDE, 2]: drawing one takes 20 ms, so they are shared."""
    rng = np.random.default_rng(31)
    return np.concatenate([_tree(rng).reshape(-1, 2) for _ in range(TREES)])


def branches(c: Canvas) -> Fields:
    """Bare trees: one, a row of them before each other, growing from one centre, or hanging like roots."""
    kind = c.pick(4, 4, 3)
    x, y = c.turned(tilt=np.pi if kind == 2 else 0.15, shift=0.1, warp=0.08)
    if c.fold > 1:  # a folded sheet shows what lies above its middle: the trees stand there
        x, y = c.x * np.float32(1.3), np.sqrt(c.x * c.x + c.y * c.y) * np.float32(c.num(1.3, 1.8)) - 1
    elif kind != 2 and c.rng.random() < 0.2:
        y = -y
    if kind == 2:
        count = min(6, max(3, c.count(3, 4)))
    else:
        count = 1 if c.subject.density == "sparse" else min(5, c.count(1.3, 2.3))
    u, v = np.zeros_like(x), np.zeros_like(x)
    for k in range(count):
        if kind == 2:
            angle = 2 * np.pi * k / count
            cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
            px, py, size = x * cos + y * sin, (y * cos - x * sin) * 2.0 - 1.0, 1.0
            px = px * 2.0
        else:
            size = c.num(0.85, 1.05) * (1.0 if count == 1 else 0.95 + 0.12 * count)
            place = 0.0 if count == 1 else (k + 0.5) / count * 2 - 1
            px, py = (x - np.float32(place + c.num(-0.15, 0.15))) * np.float32(size), (y + 1) * np.float32(size) - 1.02
        px = px * np.float32((-1) ** int(c.rng.integers(2))) + np.float32(c.num(-0.1, 0.1)) * (py + 1)
        scale = TREE_SIDE / 2
        column = np.clip((px + 1) * np.float32(scale), 0, TREE_SIDE - 1).astype(np.int32)
        row = np.clip((py + 1) * np.float32(scale), 0, TREE_SIDE - 1).astype(np.int32)
        inside = (np.abs(px) < 1) & (np.abs(py) < 1)
        far, depth = np.moveaxis(
            _trees().take(row * TREE_SIDE + column + int(c.rng.integers(TREES)) * TREE_SIDE**2, axis=0), -1, 0
        )
        wide = np.float32(0.01 + 0.035 * c.w)
        bark = np.clip(1 - (far - 0.006) / wide, 0, 1) * inside
        light = (0.55 + 0.45 * depth) * (1 if count == 1 else 0.6 + 0.4 * (k + 1) / count)
        glow = np.exp(far * np.float32(-16)) * 0.3 * c.w * inside
        u, v = np.maximum(over(u, light, bark), glow), over(v, depth + 0.2 * k, (bark > 0.2) | (glow > u))
    return Fields(u, v, ramp=c.rng.random() < 0.3, cover=(0.14, 0.4))


def scales(c: Canvas) -> Fields:
    """Rows of scales, each over the row below it: round and shaded, as rings one in the other, or pointed with a ridge."""
    x, y = c.turned(tilt=0.3, warp=0.1)  # upside down they are shingles
    f, kind = np.float32(c.f * c.num(2.2, 2.9)), c.pick(4, 3, 4)
    a, b = x * f, y * f * np.float32(2.0)  # rows are half a scale apart
    left = np.full(a.shape, True)
    d, side, down, key = np.zeros_like(a), np.zeros_like(a), np.zeros_like(a), np.zeros_like(a)
    base, reach = np.floor(b), np.float32(0.58 if kind != 2 else 0.62)
    for k in (2, 1, 0, -1):  # from the row that lies on top
        row = base + k
        i = np.round(a - 0.5 * (row % 2))
        px, py = a - 0.5 * (row % 2) - i, (b - row) * np.float32(0.5)
        if kind == 2:  # narrower the further down, to a point
            away = np.abs(px) / reach + np.maximum(-py, 0) / np.float32(0.95) + 0.25 * np.abs(px) * np.maximum(py, 0)
        else:
            away = np.hypot(px, py) / reach
        mine = left & (away < 1) & ((py < 0.5) if kind == 2 else True)
        d, side, down = np.where(mine, away, d), np.where(mine, px, side), np.where(mine, -py, down)
        key = np.where(mine, i * 3 + row * 7, key)
        left &= ~mine
    own = c.hashed(key)
    rim = c.step(0.93 - d, 0.05 + 0.25 * c.w) * ~left
    if kind == 1:
        u = c.band(d * np.float32(c.num(2.2, 3.2)) + np.float32(0.1), 0.55) * rim
        return Fields(u, own if c.rng.random() < 0.4 else d, crisp=True, cover=(0.38, 0.58))
    u = (0.16 + 0.5 * np.clip(0.5 + 1.3 * down, 0, 1) + 0.22 * own) * rim
    if kind == 2:
        u = u + rim * 0.5 * np.exp(-np.abs(side) * np.float32(16)) + 0.16 * rim * (side > 0)
    else:
        u = u + rim * 0.55 * np.exp(-((d - 0.8) ** 2) * 90)
    return Fields(
        np.clip(u, 0, 1), own if c.rng.random() < 0.6 else c.noise("smooth", x, y, 0.5), crisp=True, cover=(0.38, 0.58)
    )


def veins(c: Canvas) -> Fields:
    """Vessels: thick ones that branch into finer and finest ones, or the ribs and the net of a leaf against the light."""
    x, y = c.turned(shift=0.5, warp=0.0)
    zoom, kind = c.f**0.8 * c.num(0.75, 1.0), c.pick(4, 3)
    a, b = c.level(x, y, zoom * 1.6) - 0.5, c.level(x, y, zoom * 1.6) - 0.5
    bend = np.float32(0.34 / zoom)
    wx, wy = x + a * bend, y + b * bend
    soft = np.float32(0.6 + c.w)

    def line(gap: np.ndarray, width: float) -> np.ndarray:
        return np.minimum(1.0, (np.float32(width) * soft / (gap + np.float32(0.3 * width) * soft)) ** 2 * np.float32(0.2))

    fine = line(c.points(wx, wy, zoom * 4.6)[2], 0.12)
    if kind == 1:
        along, across = wy * np.float32(zoom * 1.3), wx * np.float32(zoom * 1.3)
        leaf = across - np.round(across / 2) * 2  # ribs two units apart, each with side ribs that rise outwards
        side = np.abs(leaf)
        ribs = np.abs((along - side * np.float32(0.75)) * np.float32(1.7) + 0.5 * (leaf > 0))
        ribs = np.abs(ribs - np.round(ribs))
        main, second = line(side, 0.12), line(ribs * np.float32(0.55), 0.1) * np.clip(1.15 - 0.5 * side, 0.3, 1)
        u = np.maximum(np.maximum(main, 0.9 * second), 0.55 * fine)
        return Fields(np.clip(u + 0.1 * (1 - side), 0, 1), c.noise("smooth", x, y, 0.5) + 0.2 * side, cover=(0.24, 0.42))
    coarse, middle = c.points(wx, wy, zoom * 0.8)[2], c.points(wx, wy, zoom * 1.9)[2]
    near = np.exp(-coarse * np.float32(2.2))  # finer ones grow where thicker ones are
    u = np.maximum(line(coarse, 0.2), np.maximum(0.85 * line(middle, 0.13) * (0.35 + 0.65 * near), 0.6 * fine * near))
    flesh = c.noise("smooth", x, y, zoom)
    return Fields(np.clip(u + 0.14 * flesh, 0, 1), coarse + 0.4 * flesh, ramp=c.rng.random() < 0.5, cover=(0.22, 0.42))
