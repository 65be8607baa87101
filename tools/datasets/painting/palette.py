"""Colours of one recipe: a table over (hue, level) that is even to the eye, in linear light.

Drawn by `tools.datasets.painting.paint` for each recipe; painters look colours up and add light.
"""

from __future__ import annotations

import numpy as np

from phosphene.engine.models.colour import oklab_to_srgb, srgb_to_linear

HUES, LEVELS = 48, 96
TURN = 2 * np.pi

# Stops of a palette in turns of OKLab hue, from a first hue that is drawn; and how often each scheme comes.
_SCHEMES = (
    ((0.0, 0.1, 0.22), 3),  # neighbours
    ((0.0, 0.5), 2),  # opposites
    ((0.0, 0.08, 0.5), 3),  # two neighbours and their opposite
    ((0.0, 0.33, 0.62), 2),  # a triad
    ((0.0, -0.16, -0.34, -0.5), 3),  # through half the circle
    ((0.0, 0.03), 1),  # one hue
    ((0.0, 0.25, 0.5, 0.75), 1),  # all of it
)


class Palette:
    """names: the hues in plain words, for captions. ground: linear light [3], dark and never black."""

    def __init__(self, rng: np.random.Generator) -> None:
        stops, first = self._scheme(rng), rng.random()
        self.hues = tuple((first + stop) % 1.0 for stop in stops)
        chroma = rng.uniform(0.15, 0.27)
        ground_light = rng.uniform(0.09, 0.17)
        ground_hue = TURN * self.hues[int(rng.integers(len(self.hues)))]
        along = np.linspace(0, 1, HUES)
        places = np.linspace(0, 1, len(stops))
        # Hues between stops are mixed as vectors would be too grey for opposites: they go round the circle.
        hue = TURN * (first + np.interp(along, places, np.array(stops)))
        strength = chroma * (1 + 0.25 * np.sin(TURN * (along * rng.uniform(0.5, 1.5) + rng.random())))
        level = np.linspace(0, 1, LEVELS)
        light = ground_light + (0.97 - ground_light) * level ** rng.uniform(0.85, 1.15)
        # Little chroma at the ends, where a screen has little; dark colours lean to the ground, bright ones to warm.
        bell = np.sin(np.pi * np.clip(level * 0.86 + 0.1, 0, 1)) ** 0.7
        turn = rng.uniform(-0.5, 0.5) * (level - 0.5)
        a = strength[:, None] * bell * np.cos(hue[:, None] + turn)
        b = strength[:, None] * bell * np.sin(hue[:, None] + turn)
        ground = np.array([ground_light, 0.04 * np.cos(ground_hue), 0.04 * np.sin(ground_hue)])
        lab = np.stack([np.broadcast_to(light, a.shape), a, b], -1)
        toward = np.clip(1 - level * 2.5, 0, 1)[None, :, None]
        lab = lab + (ground - lab) * toward
        self._table = srgb_to_linear(oklab_to_srgb(lab.reshape(-1, 3))).astype(np.float32)
        self.ground = srgb_to_linear(oklab_to_srgb(ground)).astype(np.float32)

    @staticmethod
    def _scheme(rng: np.random.Generator) -> tuple[float, ...]:
        weights = np.array([weight for _, weight in _SCHEMES], float)
        stops = _SCHEMES[int(rng.choice(len(_SCHEMES), p=weights / weights.sum()))][0]
        return stops if rng.random() < 0.5 else tuple(-stop for stop in stops)

    @property
    def names(self) -> tuple[str, ...]:
        """Plain words for the hues, each once."""
        words = ("pink", "red", "orange", "yellow", "lime", "green", "teal", "cyan", "blue", "violet", "purple", "magenta")
        return tuple(dict.fromkeys(words[int(hue * len(words)) % len(words)] for hue in self.hues))

    def __call__(self, hue: np.ndarray | float, level: np.ndarray | float) -> np.ndarray:
        """Return linear light float32 [..., 3]. hue: 0..1 along the palette, folded beyond; level: 0 ground, 1 white."""
        hue, level = np.broadcast_arrays(np.asarray(hue, np.float32), np.asarray(level, np.float32))
        folded = np.abs((hue - 1) % 2 - 1)
        row = (folded * np.float32(HUES - 1) + np.float32(0.5)).astype(np.int32)
        column = (np.clip(level, 0, 1) * np.float32(LEVELS - 1) + np.float32(0.5)).astype(np.int32)
        return self._table.take(row * LEVELS + column, axis=0)
