"""The plane as a torus that is paved with a board's pictures, and the waves that fit on it.

What repeats in x and in y with whole turns repeats for ever: wherever a walk in the plane goes, and however far a view zooms
out, there is board. So a network whose first layer holds only such waves never falls apart. Pure functions; no torch.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np

from phosphene.tools.cppn.seams import tile

_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)
_MOST_SUBSETS = 11_000  # four of 24; a second
_MOST_TRIED = 6  # pictures of which all pairs are laid: half a second
TURN = 2.0 * math.pi


@dataclass(frozen=True)
class Torus:
    """picture: float32 [h, w, 3], sRGB 0..1, what one period shows. unit: coordinates that a pixel spans. middle: column
    that x = 0 is at."""

    picture: np.ndarray
    unit: float
    middle: float

    @property
    def extent(self) -> tuple[float, float]:
        """The period in x and in y, in the network's coordinates: a screen is 2 pi high."""
        return self.picture.shape[1] * self.unit, self.picture.shape[0] * self.unit

    def waves(self, count: int, rng: np.random.Generator, finest: float = math.inf) -> np.ndarray:
        """Return whole turns [count, 2] of waves over a period, in x and y (up), drawn with a chance in proportion to their
        power in the picture's luma, none twice: the rows of a first layer are 2 pi turns / extent.

        finest: turns over the height of a screen that a wave has at most, so long as there are `count` such waves.
        """
        luma = self.picture @ _LUMA
        power = np.abs(np.fft.rfft2(luma - luma.mean())) ** 2
        power[0, 0] = 0.0
        upright = np.fft.fftfreq(luma.shape[0]) * luma.shape[0] * TURN / self.extent[1]
        fine = np.hypot(upright[:, None], np.arange(power.shape[1])[None] * TURN / self.extent[0]) > finest
        if fine.size - np.count_nonzero(fine) > 2 * count:
            power[fine] = 0.0
        chance = power.ravel() + 1e-9 * power.max() + 1e-30
        found = rng.choice(chance.size, count, replace=False, p=chance / chance.sum())
        down, across = np.divmod(found, power.shape[1])
        rows = self.picture.shape[0]
        return np.stack([across, -np.where(down > rows // 2, down - rows, down)], -1).astype(np.float64)

    def points(self, index: np.ndarray) -> np.ndarray:
        """Return the coordinates, float32 [n, 2], x right and y up, of the picture's pixels by their running number."""
        rows, columns = self.picture.shape[:2]
        x = (index % columns + 0.5 - self.middle) * self.unit
        y = (rows / 2 - index // columns - 0.5) * self.unit
        return np.stack([x, y], -1).astype(np.float32)


def pave(pictures: np.ndarray, equal: bool = False) -> Torus:
    """Return the torus of one picture, or of several in a row, the first of which is at x = 0; without seams (`seams`).

    pictures: float32 [n, h, w, 3]. The height of one is a screen's, however much of it a period spans. equal: each takes as
    much of the row, so that n turns of a wave over it meet each in the same place.
    """
    picture, _ = tile(pictures, equal)
    return Torus(picture, TURN / pictures.shape[1], picture.shape[1] / len(pictures) / 2)


def closest(pictures: np.ndarray, count: int = 1) -> np.ndarray:
    """Return those `count` pictures, float32 [count, h, w, 3], that meet each other with the least of a seam, of the half
    that is together most like all."""
    half = likest(pictures, min(max(count, (len(pictures) + 1) // 2), _MOST_TRIED))
    subsets = [half[list(which)] for which in itertools.combinations(range(len(half)), min(count, len(half)))]
    return min(subsets, key=lambda each: tile(each)[1])


def likest(pictures: np.ndarray, count: int) -> np.ndarray:
    """Return the `count` of `pictures` float32 [n, h, w, 3] that together are most like all of them, in their order.

    Compared are the quantiles of luma and of its steps across and down: of a board with dark and light pictures, the torus
    has as many of each.
    """
    if len(pictures) <= count:
        return pictures
    luma = pictures @ _LUMA
    sides = (luma, np.abs(np.diff(luma, axis=1)), np.abs(np.diff(luma, axis=2)))
    table = [np.stack([np.sort(each.ravel())[:: each.size // 64 or 1][:64] for each in side]) for side in sides]
    best, found = math.inf, tuple(range(count))
    for subset in itertools.islice(itertools.combinations(range(len(pictures)), count), _MOST_SUBSETS):
        away = sum(
            np.abs(np.sort(side[list(subset)].ravel())[::count] - np.sort(side.ravel())[:: len(pictures)]).mean()
            / max(side.mean(), 1e-6)
            for side in table
        )
        if away < best:
            best, found = away, subset
    return pictures[list(found)]
