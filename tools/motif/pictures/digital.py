"""Painters of screens and circuits: glitch, scanlines, maze.

Called by `pictures.paint` through its table. Each takes a Canvas and returns Fields [size, size].
"""

from __future__ import annotations

import numpy as np

from phosphene.tools.motif.pictures.canvas import Canvas, Fields, sine


def _subject_of_screen(c: Canvas, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return fields of something a broken screen could show: a disc, bars, mist, or a slope."""
    kind = c.pick(2, 2, 2, 1)
    if kind == 0:
        r = np.sqrt((x - np.float32(c.num(-0.3, 0.3))) ** 2 + (y - np.float32(c.num(-0.3, 0.3))) ** 2)
        return c.step(np.float32(c.num(0.45, 0.75)) - r, 0.1 + c.w), y + 0.0
    if kind == 1:
        t = x * np.float32(c.num(1.2, 2.5))
        return c.band(t, 0.55), c.hashed(np.floor(t))
    if kind == 2:
        mist = c.noise("smooth", x, y, c.num(0.5, 0.9))
        return c.step(mist - 0.5, 0.25 + c.w), c.noise("smooth", x, y, 0.6)
    return np.clip(0.5 + 0.5 * y, 0, 1), x + 0.0


def glitch(c: Canvas) -> Fields:
    """A picture torn into shifted rows, with blocks copied elsewhere, streaks of dragged pixels and noise."""
    x, y = c.x, c.y
    if c.rng.random() < 0.2:
        x, y = y, x
    rows = c.count(7, 11)
    cuts = np.sort(c.rng.uniform(-1.2, 1.2, rows)).astype(np.float32)
    shifts = (c.rng.normal(0, 0.35, rows + 1) * (c.rng.random(rows + 1) < 0.7)).astype(np.float32)
    strip = np.searchsorted(cuts, y.ravel()).reshape(y.shape)
    wx = x + shifts.take(strip)
    u, v = _subject_of_screen(c, wx, y)
    for _ in range(min(26, c.count(8, 13))):  # blocks: noise, flat, negative, or fine lines
        bw, bh = c.num(0.08, 0.5), c.num(0.03, 0.16)
        px, py = c.num(-1, 1), c.num(-1, 1)
        mask = (np.abs(x - np.float32(px)) < bw) & (np.abs(y - np.float32(py)) < bh)
        kind = c.pick(3, 2, 3, 2)
        if kind == 0:
            u = np.where(mask, np.float32(c.num(0.6, 1)), u)
        elif kind == 1:
            u = np.where(mask, np.float32(0.0), u)
        elif kind == 2:
            u = np.where(mask, 1 - u, u)
        else:
            u = np.where(mask, c.band(x * np.float32(c.num(4, 9))), u)
        v = np.where(mask, np.float32(c.num(-1, 1)), v)
    if c.rng.random() < 0.7:  # dragged pixels: columns of noise that last for one strip
        drag = c.hashed2(np.floor(wx * 14), strip)
        wild = c.rng.random(rows + 1) < 0.3
        u = np.where(wild.take(strip), drag * drag, u)
    return Fields(u, v, crisp=True, cover=(0.34, 0.55))


def scanlines(c: Canvas) -> Fields:
    """Fine level lines of an old monitor over a soft picture: a lit shape, rolling bars, or lines that jitter."""
    x, y = c.turned(tilt=0.0, shift=0.2, warp=0.0)
    if c.rng.random() < 0.4:  # the bulge of the tube
        bend = 1 + np.float32(c.num(0.08, 0.2)) * (c.x * c.x + c.y * c.y)
        x, y = x * bend, y * bend
    lines = {"sparse": c.num(4.5, 6), "medium": c.num(7, 8.5), "dense": c.num(10, 11.5)}[c.subject.density]
    t, kind = y * np.float32(lines), c.pick(3, 2, 3)
    if kind == 0:
        light, v = _subject_of_screen(c, x, y)
        light = 0.2 + 0.8 * light
    elif kind == 1:
        roll = y * np.float32(c.num(0.5, 1.0)) + np.float32(c.num(0, 1))
        light, v = 0.15 + 0.85 * (roll - np.floor(roll)) ** 1.5, c.noise("smooth", x, y, 0.5)
    else:
        row = np.round(t)
        start, reach = c.hashed(row), c.hashed(row + 100)
        drawn = c.noise("smooth", x + start * 0.25, row * np.float32(0.25 / lines * 4), 1.2, 1.0)
        light, v = 0.12 + 0.88 * c.step(drawn - 0.25 - 0.3 * reach, 0.3 + c.w), start if c.rng.random() < 0.5 else drawn
    core = 0.5 + 0.5 * np.cos(t * np.float32(2 * np.pi))
    u = light * core ** np.float32(1.6 - c.w)
    if c.rng.random() < 0.3:
        u = u * (0.7 + 0.3 * sine(x * np.float32(lines * 1.1)))
    return Fields(np.clip(u, 0, 1), v, cover=(0.3, 0.5))


def _labyrinth(c: Canvas, n: int) -> np.ndarray:
    """Return a perfect maze as float32 [2n + 1, 2n + 1]: 1 passage, 0 wall; carved by a random walk that backs up."""
    open_ = np.zeros((2 * n + 1, 2 * n + 1), np.float32)
    draws = c.rng.integers(0, 24, 4 * n * n).tolist()
    seen, path, step = [[False] * n for _ in range(n)], [(0, 0)], 0
    seen[0][0], open_[1, 1] = True, 1
    while path:
        i, j = path[-1]
        ways = [
            (i + a, j + b)
            for a, b in ((0, 1), (1, 0), (0, -1), (-1, 0))
            if 0 <= i + a < n and 0 <= j + b < n and not seen[i + a][j + b]
        ]
        if not ways:
            path.pop()
            continue
        a, b = ways[draws[step % len(draws)] % len(ways)]
        step += 1
        seen[a][b] = True
        open_[2 * a + 1, 2 * b + 1] = open_[i + a + 1, j + b + 1] = 1
        path.append((a, b))
    return open_


def maze(c: Canvas) -> Fields:
    """Passages and walls: a labyrinth, tiles of diagonal strokes, or tiles of quarter circles that join up."""
    x, y = c.turned(tilt=np.pi if c.rng.random() < 0.4 else 0.03, shift=0.3, warp=0.03)
    kind = c.pick(4, 3, 3)
    if kind == 0:
        n = int(np.clip(round(5.5 * c.f), 3, 10))
        walls = _labyrinth(c, n)
        size = 2 * n  # drop one wall of the pair that meets when the maze is laid side by side
        a, b = (x * 0.5 + 1.5) * np.float32(n * 1.05), (y * 0.5 + 1.5) * np.float32(n * 1.05)
        # Cells and walls alternate; walls get `thin` of a period, passages the rest.
        thin = np.float32(c.num(0.3, 0.5))
        ia, ib = np.floor(a), np.floor(b)
        column = (ia * 2 + (a - ia > thin)).astype(np.int32) % size
        row = (ib * 2 + (b - ib > thin)).astype(np.int32) % size
        u = walls.take(row * (2 * n + 1) + column)
        u = 1 - u if c.rng.random() < 0.6 else u
        return Fields(u, c.noise("smooth", x, y, 0.5) if c.rng.random() < 0.7 else row + 0.3 * column, cover=(0.36, 0.6))
    f = np.float32(c.f * c.num(2.6, 3.4))
    a, b = x * f, y * f
    i, j = np.floor(a), np.floor(b)
    fa, fb = a - i, b - j
    fa = np.where(c.hashed2(i, j) > 0.5, fa, 1 - fa)
    if kind == 1:
        d = np.minimum(np.abs(fa - fb), 1 - np.abs(fa - fb)) * np.float32(0.707)
    else:
        d = np.minimum(np.abs(np.sqrt(fa * fa + fb * fb) - 0.5), np.abs(np.sqrt((1 - fa) ** 2 + (1 - fb) ** 2) - 0.5))
    u = c.step(np.float32(c.num(0.11, 0.17)) - d, 0.05 + 0.25 * c.w)
    return Fields(u, c.noise("smooth", x, y, 0.5), cover=(0.34, 0.56))
