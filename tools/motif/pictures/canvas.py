"""The sheet a painter works on: coordinates, random choices, edges, noise; and the fields it hands to the colourer.

Called by every painter. Never chooses a colour.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from phosphene.tools.motif.pictures import banks
from phosphene.tools.motif.subject import Subject

TURN = float(2 * np.pi)
DENSITY = {"sparse": (0.5, 0.7), "medium": (0.95, 1.25), "dense": (1.75, 2.4)}
_FINE = 200  # rows: where a texel of a bank is wider than a pixel, it is mixed with its neighbours
SOFTNESS = {"soft": (0.55, 0.8), "medium": (0.2, 0.32), "sharp": (0.05, 0.1)}


@dataclass(frozen=True)
class Fields:
    """What a painter gives: u 0..1 how much figure (0 ground), v any range, only its order counts: which colour.

    ramp: colours follow u, dark to bright, instead of v. cover: least and greatest mean of u; the colourer bends u to fit.
    crisp: v is one value per element, so colours do not blend; melt: colours run into each other widely, as in mist.
    """

    u: np.ndarray
    v: np.ndarray
    ramp: bool = False
    cover: tuple[float, float] = (0.32, 0.62)
    crisp: bool = False
    melt: bool = False


@lru_cache(maxsize=64)
def _grid(high: int, wide: int, reach: float, fold: int) -> tuple[np.ndarray, np.ndarray]:
    """Return coordinates [high, wide], y upwards in -reach..reach, x as far as the shape goes; fold 1 mirrors left to right,
    3 and more is a kaleidoscope."""
    across, down = (
        (((np.arange(count) + 0.5) * (2.0 / count) - 1.0) * (reach * count / high)).astype(np.float32)
        for count in (wide, high)
    )
    x, y = np.meshgrid(across, -down)
    if fold == 1:
        x = np.abs(x)
    elif fold > 1:
        radius, angle = np.hypot(x, y), np.arctan2(x, y)
        sector = TURN / fold
        angle = np.abs((angle + sector / 2) % sector - sector / 2)
        x, y = radius * np.sin(angle), radius * np.cos(angle)
    x, y = x.astype(np.float32), y.astype(np.float32)
    x.flags.writeable = y.flags.writeable = False
    return x, y


class Canvas:
    """One picture's coordinates x, y [high, wide] float32 (y up, folded by its symmetry) and random choices.

    wide: of a square, as many as high. reach: y goes from -reach to reach, x as far as the shape goes: -1..1 in a square.
    kinds: draws which kind of its family the picture is (`pick`), where several are to be of one kind; else rng does.
    """

    def __init__(
        self,
        subject: Subject,
        rng: np.random.Generator,
        high: int,
        wide: int | None = None,
        reach: float = 1.0,
        kinds: np.random.Generator | None = None,
    ) -> None:
        self.subject, self.rng, self.kinds = subject, rng, kinds or rng
        fold = {"none": 0, "mirror": 1, "radial": int(rng.choice((3, 4, 5, 6, 6, 8)))}[subject.symmetry]
        self.fold = fold
        self.x, self.y = _grid(high, wide or high, reach, fold)
        if fold:  # the folded picture shows a smaller piece: look from a random place, or centred painters would not change
            self.x = self.x + np.float32(rng.uniform(-0.7, 0.2))
            self.y = self.y + np.float32(rng.uniform(-0.5, 0.3))
        self.f = rng.uniform(*DENSITY[subject.density])
        self.w = rng.uniform(*SOFTNESS[subject.sharpness])
        self.fine = high > _FINE

    def num(self, low: float, high: float) -> float:
        """Return a random number."""
        return float(self.rng.uniform(low, high))

    def pick(self, *weights: float) -> int:
        """Return a random index, in proportion to the weights."""
        return int(np.searchsorted(np.cumsum(weights), self.kinds.random() * sum(weights)))

    def count(self, low: float, high: float) -> int:
        """Return a number of elements: random between low and high, times the density."""
        return max(1, round(self.num(low, high) * self.f))

    def turned(self, tilt: float = np.pi, shift: float = 0.4, warp: float = 0.15) -> tuple[np.ndarray, np.ndarray]:
        """Return x, y rotated by up to `tilt`, moved by up to `shift`, and in half of the cases warped by up to `warp`."""
        angle, x, y = self.num(-tilt, tilt), self.x, self.y
        cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
        x, y = (
            x * cos + y * sin + np.float32(self.num(-shift, shift)),
            y * cos - x * sin + np.float32(self.num(-shift, shift)),
        )
        if warp and self.rng.random() < 0.5:
            amount = np.float32(self.num(0.3, 1.0) * warp * 2)
            zoom = self.num(0.5, 0.9)
            x, y = (
                x + amount * (self.noise("smooth", x, y, zoom) - 0.5),
                y + amount * (self.noise("smooth", x, y, zoom) - 0.5),
            )
        return x, y

    def noise(self, kind: str, x: np.ndarray, y: np.ndarray, zoom: float = 1.0, zoom_y: float | None = None) -> np.ndarray:
        """Return noise of `banks.noise` 0..1 at x, y times `zoom`, from a random tile and place."""
        zoom_y = zoom if zoom_y is None else zoom_y
        if self.fine:
            return self._between(banks.noise(kind), x, y, zoom, zoom_y)
        return banks.noise(kind).take(self._index(x, y, zoom, zoom_y))

    def level(self, x: np.ndarray, y: np.ndarray, zoom: float) -> np.ndarray:
        """Return "smooth" noise 0..1 between texels too: for painters that cut it finely, where `noise` would show steps."""
        return self._between(banks.noise("smooth"), x, y, zoom, zoom)

    def _between(self, bank: np.ndarray, x: np.ndarray, y: np.ndarray, zoom: float, zoom_y: float) -> np.ndarray:
        """Return a bank at x, y times the zooms, from a random tile and place, mixed between its texels."""
        texels = banks.SIDE / banks.PERIODS
        column, row = x * np.float32(zoom * texels) + np.float32(9e3), y * np.float32(zoom_y * texels) + np.float32(9e3)
        i, j = column.astype(np.int32), row.astype(np.int32)
        a, b = column - i, row - j
        mask, ox, oy, tile = banks.SIDE - 1, *self.rng.integers(banks.SIDE, size=2).tolist(), int(self.rng.integers(4))
        left, right = (i + ox) & mask, (i + (ox + 1)) & mask
        upper, lower = ((((j + k) & mask) + tile * banks.SIDE) * banks.SIDE for k in (oy, oy + 1))
        above, below = (bank.take(r + left) * (1 - a) + bank.take(r + right) * a for r in (upper, lower))
        return above * (1 - b) + below * b

    def points(self, x: np.ndarray, y: np.ndarray, zoom: float, even: bool = False) -> np.ndarray:
        """Return `banks.voronoi` at x, y times `zoom`, with components first: [4, size, size] (the number 0..1 shuffled)."""
        tiles = 2 if even else 4
        if self.fine:
            return self._points_between(x, y, zoom, tiles)
        found = banks.voronoi().take(self._index(x, y, zoom, zoom, tiles), axis=0)
        return np.moveaxis(found, -1, 0)

    def _points_between(self, x: np.ndarray, y: np.ndarray, zoom: float, tiles: int) -> np.ndarray:
        """Return what `points` does, exact between texels: a texel knows its two nearest points, and their distances from
        any place near it follow."""
        texels = np.float32(banks.SIDE / banks.PERIODS)
        ox, oy = self.rng.random(2)
        tile = int(self.rng.integers(tiles))
        across = (x * np.float32(zoom) + np.float32(ox * banks.PERIODS)) * texels + np.float32(8 * banks.SIDE)
        down = (y * np.float32(zoom) + np.float32(oy * banks.PERIODS)) * texels + np.float32(8 * banks.SIDE)
        column, row = across.astype(np.int32), down.astype(np.int32)
        dx, dy = (across - column - 0.5) / texels, (down - row - 0.5) / texels
        at = ((row & (banks.SIDE - 1)) + tile * banks.SIDE) * banks.SIDE + (column & (banks.SIDE - 1))
        ax, ay, bx, by, a, b = (banks.neighbours()[k].take(at) for k in range(6))
        ax, ay, bx, by = ax + dx, ay + dy, bx + dx, by + dy
        first, second = np.sqrt(ax * ax + ay * ay), np.sqrt(bx * bx + by * by)
        swap = second < first
        return np.stack([np.where(swap, bx, ax), np.where(swap, by, ay), np.abs(second - first), np.where(swap, b, a)])

    def _index(self, x: np.ndarray, y: np.ndarray, zoom_x: float, zoom_y: float, tiles: int = 4) -> np.ndarray:
        texels = banks.SIDE / banks.PERIODS
        ox, oy = self.rng.random(2) * banks.SIDE + 64 * banks.SIDE  # far from zero: truncation is then the floor
        column = (x * np.float32(zoom_x * texels) + np.float32(ox)).astype(np.int32)
        row = (y * np.float32(zoom_y * texels) + np.float32(oy)).astype(np.int32)
        column &= banks.SIDE - 1
        row &= banks.SIDE - 1
        row += int(self.rng.integers(tiles)) * banks.SIDE
        row *= banks.SIDE
        row += column
        return row

    def step(self, t: np.ndarray, width: float | None = None) -> np.ndarray:
        """Return a soft step from 0 to 1 as t passes 0, `width` wide (default the picture's softness)."""
        s = np.clip(t * np.float32(1.0 / (self.w if width is None else width)) + np.float32(0.5), 0.0, 1.0)
        return s * s * (3 - 2 * s)

    def band(self, t: np.ndarray, share: float = 0.5) -> np.ndarray:
        """Return stripes of period 1 along t, 1 over `share` of each period and 0 elsewhere, with the picture's softness."""
        distance = np.abs(t - np.floor(t) - np.float32(0.5))
        return self.step(np.float32(share / 2) - distance, min(self.w * 0.6, 0.7 * min(share, 1 - share) + 0.02))

    def lines(self, t: np.ndarray, thickness: float) -> np.ndarray:
        """Return thin lines at whole numbers of t, `thickness` of a period wide; soft pictures give them a halo."""
        distance = np.abs(t - np.round(t))
        halo = 0.3 + 0.7 * min(self.w, 0.8)
        core = self.step(np.float32(thickness / 2) - distance, 0.06 + self.w * 0.25)
        return np.maximum(core, (0.75 * self.w) * np.maximum(0, 1 - distance * np.float32(2 / halo)) ** 2)

    def hashed(self, index: np.ndarray) -> np.ndarray:
        """Return one random number 0..1 per whole number of `index`."""
        return self.rng.random(256, dtype=np.float32).take(index.astype(np.int32) & 255)

    def hashed2(self, i: np.ndarray, j: np.ndarray) -> np.ndarray:
        """Return one random number 0..1 per pair of whole numbers."""
        key = (i.astype(np.int32) * 73 + j.astype(np.int32) * 151) & 1023
        return self.rng.random(1024, dtype=np.float32).take(key)


def polar(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return radius, and angle in turns -0.5..0.5."""
    return np.sqrt(x * x + y * y), np.arctan2(y, x) * np.float32(1 / TURN)


def triangle(t: np.ndarray) -> np.ndarray:
    """Return a triangle wave of period 1 between 0 and 1."""
    return np.abs(t - np.floor(t) - np.float32(0.5)) * 2


def sine(t: np.ndarray) -> np.ndarray:
    """Return a sine of period 1 between 0 and 1."""
    return 0.5 + 0.5 * np.sin(t * np.float32(TURN))


def over(below: np.ndarray, above: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return `above` laid over `below` where mask is 1."""
    return below + (above - below) * mask
