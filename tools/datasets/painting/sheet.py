"""The sheet a painter of abstract pictures works on: coordinates of any shape, noise between texels, glow.

A recipe fixes structure and colours, a view fixes place, angle and noise: views of one recipe are kin, as frames of a set
are, and a split keeps them together. Called by the painters.
"""

from __future__ import annotations

import numpy as np

from phosphene.tools.datasets.painting.palette import Palette
from phosphene.tools.motif.pictures import banks

TURN = np.float32(2 * np.pi)


class Sheet:
    """x, y: float32 [h, w], -1..1 on the short side, y up, as the view turns, moves and folds them. recipe, view: the two
    random generators. palette: of the recipe."""

    def __init__(
        self, width: int, height: int, recipe: np.random.Generator, view: np.random.Generator, folds: bool = True
    ) -> None:
        """folds: whether the recipe may mirror the sheet or make it a kaleidoscope."""
        self.recipe, self.view = recipe, view
        self.palette = Palette(recipe)
        short = min(width, height)
        x, y = np.meshgrid((2 * np.arange(width) + 1 - width) / short, (height - 1 - 2 * np.arange(height)) / short)
        self.plain_x, self.plain_y = x.astype(np.float32), y.astype(np.float32)
        angle, zoom = view.normal(0, 0.25), np.exp(view.uniform(-0.25, 0.2))
        fold = int(recipe.choice((0, 1, 5, 6, 8), p=(0.8, 0.09, 0.03, 0.05, 0.03))) if folds else 0
        x, y = self.plain_x, self.plain_y
        if fold == 1:
            x = np.abs(x)
        elif fold:
            radius, turn = np.hypot(x, y), np.arctan2(y, x) / TURN * fold
            turn = np.abs((turn + 0.5) % 1 - 0.5) / fold * TURN
            x, y = radius * np.cos(turn), radius * np.sin(turn)
        if fold > 1:
            zoom *= 1.7  # a sector shows little: look from farther away
        cos, sin = np.float32(zoom * np.cos(angle)), np.float32(zoom * np.sin(angle))
        shift_x, shift_y = (np.float32(v) for v in view.uniform(-0.3, 0.3, 2))
        self.x = x * cos + y * sin + shift_x
        self.y = y * cos - x * sin + shift_y

    def num(self, low: float, high: float) -> np.float32:
        """Return a number of the recipe."""
        return np.float32(self.recipe.uniform(low, high))

    def vary(self, low: float, high: float) -> np.float32:
        """Return a number of the view."""
        return np.float32(self.view.uniform(low, high))

    def pick(self, *weights: float) -> int:
        """Return an index of the recipe, in proportion to the weights."""
        return int(self.recipe.choice(len(weights), p=np.array(weights) / sum(weights)))

    def turned(self) -> tuple[np.ndarray, np.ndarray]:
        """Return x, y turned by an angle of the recipe."""
        angle = self.num(-np.pi, np.pi)
        cos, sin = np.cos(angle), np.sin(angle)
        return self.x * cos + self.y * sin, self.y * cos - self.x * sin

    def noise(self, kind: str, x: np.ndarray, y: np.ndarray, zoom: float = 1.0) -> np.ndarray:
        """Return noise of `tools.motif.pictures.banks`, uniform in 0..1, at x, y times `zoom`, from a place of the view."""
        texels = np.float32(zoom * banks.SIDE / banks.PERIODS)
        # Far from zero, so that truncation is the floor; whole tiles, so that float32 keeps the fraction.
        ox, oy = self.view.random(2) * banks.SIDE + 8 * banks.SIDE
        column, row = x * texels + np.float32(ox), y * texels + np.float32(oy)
        i, j = column.astype(np.int32), row.astype(np.int32)
        a, b = column - i, row - j
        mask, tile = banks.SIDE - 1, int(self.recipe.integers(4)) * banks.SIDE
        left, right = i & mask, (i + 1) & mask
        upper, lower = ((j & mask) + tile) * banks.SIDE, (((j + 1) & mask) + tile) * banks.SIDE
        bank = banks.noise(kind)
        above = bank.take(upper + left) * (1 - a) + bank.take(upper + right) * a
        below = bank.take(lower + left) * (1 - a) + bank.take(lower + right) * a
        return above * (1 - b) + below * b

    def warped(self, x: np.ndarray, y: np.ndarray, amount: float, zoom: float) -> tuple[np.ndarray, np.ndarray]:
        """Return x, y moved by up to half of `amount` along smooth noise."""
        amount = np.float32(amount)
        return x + amount * (self.noise("smooth", x, y, zoom) - 0.5), y + amount * (self.noise("smooth", x, y, zoom) - 0.5)


def glow(distance: np.ndarray, width: float) -> np.ndarray:
    """Return light 1 at distance 0, 1/2 at `width`, falling as its square: a lit thread with a halo."""
    w2 = np.float32(width) ** 2
    return w2 / (distance * distance + w2)


def sine(t: np.ndarray) -> np.ndarray:
    """Return a sine of period 1 between 0 and 1."""
    return 0.5 + 0.5 * np.sin(t * TURN)


def smooth(t: np.ndarray, low: float, high: float) -> np.ndarray:
    """Return 0 below `low`, 1 above `high`, a smooth step between."""
    s = np.clip((t - np.float32(low)) / np.float32(high - low), 0, 1)
    return s * s * (3 - 2 * s)
