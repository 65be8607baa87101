"""Textures that every painter samples: tileable noises and Voronoi tiles, made once per process from fixed seeds.

Called by `canvas` and the painters. Never draws from a picture's random generator: the banks are the same in every process,
so a picture depends on its own generator alone. About 30 MB and half a second, at the first picture.
"""

from __future__ import annotations

from functools import cache

import numpy as np

SIDE = 512  # texels; a power of two, so that wrapping is one bitwise and
PERIODS = 8  # features across a tile: one unit of noise coordinates is one feature, 64 texels


def _uniform(field: np.ndarray) -> np.ndarray:
    """Return `field` with its values replaced by their ranks 0..1: a threshold then covers exactly its share."""
    ranks = np.empty(field.size, np.float32)
    ranks[np.argsort(field, axis=None)] = np.linspace(0.0, 1.0, field.size, dtype=np.float32)
    return ranks.reshape(field.shape)


def _spectral(rng: np.random.Generator, slope: float, low: float, high: float) -> np.ndarray:
    """Return tileable noise [SIDE, SIDE], mean 0: amplitudes fall as frequency**-slope between `low` and `high` cycles."""
    fy, fx = np.meshgrid(np.fft.fftfreq(SIDE) * SIDE, np.fft.rfftfreq(SIDE) * SIDE, indexing="ij")
    f = np.hypot(fx, fy)
    gain = (
        np.where(f > 0, np.maximum(f, low) ** -slope, 0.0)
        * np.exp(-((f / high) ** 2))
        * (1 - np.exp(-((f / low * 1.3) ** 2)))
    )
    return np.fft.irfft2(np.fft.rfft2(rng.standard_normal((SIDE, SIDE))) * gain, s=(SIDE, SIDE))


@cache
def noise(kind: str) -> np.ndarray:
    """Return a float32 bank [4 * SIDE * SIDE] of four tiles, values uniform in 0..1.

    kind: "smooth" (one scale), "rough" (torn), "puffy" (round heaps), "ridged" (sharp crests), "fine" (grain).
    """
    rng = np.random.default_rng({"smooth": 11, "rough": 12, "ridged": 13, "fine": 14, "puffy": 15}[kind])
    tiles = []
    for _ in range(4):
        if kind == "smooth":
            tile = _spectral(rng, 3.0, PERIODS * 0.6, PERIODS * 1.3)
        elif kind == "rough":
            tile = _spectral(rng, 1.95, PERIODS * 0.5, 110.0)
        elif kind == "fine":
            tile = _spectral(rng, 0.6, 40.0, 130.0)
        else:
            # Both are sums of absolute values: creases upwards are crests, creases downwards leave round heaps.
            sign, tile = (1, _spectral(rng, 2.6, PERIODS * 0.5, 60.0)) if kind == "puffy" else (-1, np.zeros((SIDE, SIDE)))
            tile *= 2.2 / (tile.std() + 1e-9)
            for octave in range(4):
                layer = _spectral(rng, 3.0, PERIODS * 0.5 * 2**octave, PERIODS * 1.1 * 2**octave)
                tile += sign * np.abs(layer) / layer.std() * 0.55**octave
        tiles.append(_uniform(tile))
    return np.concatenate([t.ravel() for t in tiles])


@cache
def neighbours() -> np.ndarray:
    """Return float32 [6, 4 * SIDE * SIDE]: offsets to the nearest point (x, y) and to the second nearest, and their numbers.

    Units: one unit is the mean distance between points (`PERIODS` a side); numbers 0..1.
    Four tiles from an even (jittered lattice) to a free (nearly random) arrangement.
    """
    rng = np.random.default_rng(21)
    axis = ((np.arange(SIDE) + 0.5) * (PERIODS / SIDE)).astype(np.float32)
    tiles = []
    for jitter in (0.55, 0.75, 0.9, 1.0):
        lattice = np.stack(np.meshgrid(np.arange(PERIODS), np.arange(PERIODS)), -1).reshape(-1, 2)
        points = lattice + 0.5 + jitter * (rng.random(lattice.shape) - 0.5)
        best = np.full((SIDE, SIDE), 9.0, np.float32)
        second, bx, by, number = best.copy(), best.copy(), best.copy(), best.copy()
        cx, cy, other = best.copy(), best.copy(), best.copy()
        for k, (px, py) in enumerate(points):
            dx = ((axis - px + PERIODS / 2) % PERIODS - PERIODS / 2).astype(np.float32)
            dy = ((axis - py + PERIODS / 2) % PERIODS - PERIODS / 2).astype(np.float32)
            # Only rows and columns within two units can be nearest or second nearest: a fifteenth of the work.
            rows, cols = np.flatnonzero(np.abs(dy) < 2.0), np.flatnonzero(np.abs(dx) < 2.0)
            part = np.ix_(rows, cols)
            x, y = np.broadcast_arrays(dx[cols][None], dy[rows][:, None])
            d, own = np.hypot(x, y), np.full(x.shape, k / len(points), np.float32)
            nearer = d < best[part]
            closer = d < second[part]  # than the second: it takes that place, or pushes the first into it
            for held, first, new in ((cx, bx, x), (cy, by, y), (other, number, own), (second, best, d)):
                held[part] = np.where(nearer, first[part], np.where(closer, new, held[part]))
            for held, new in ((bx, x), (by, y), (number, own), (best, d)):
                held[part] = np.where(nearer, new, held[part])
        tiles.append(np.stack([bx, by, cx, cy, number, other]).reshape(6, -1))
    return np.ascontiguousarray(np.concatenate(tiles, 1))


@cache
def voronoi() -> np.ndarray:
    """Return float32 [4 * SIDE * SIDE, 4]: offset to the nearest point (x, y), second less first distance, point's number.

    The tiles of `neighbours`, as small pictures read them.
    """
    ax, ay, bx, by, number, _ = neighbours()
    return np.stack([ax, ay, np.hypot(bx, by) - np.hypot(ax, ay), number], -1)
