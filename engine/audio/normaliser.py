"""Turns raw features into 0..1 for whatever is playing, without dancing to the noise of a quiet room.

One step per hop, called by the Analyzer; preallocated, deterministic, no clock.

Levels (rms, bass, ..., onset strength) are divided by a reference that follows their peaks: it rises in a fraction of
a second and falls over many, so that a drop after a loud part still looks quiet. The reference never goes below a floor,
which is the ceiling of the gain. Shapes (centroid, rolloff, flatness) have no natural zero: they are placed between a
running low and a running high that never come closer than a least span. The silence gate multiplies the levels; while
it is shut nothing is learnt.
"""

from __future__ import annotations

import numpy as np

from engine.core.signals import NORMALISED

LEVELS = ("rms", "bass", "mid", "treble", "flux", "onset_strength")
SHAPES = ("centroid", "rolloff", "flatness")

# Floor and first guess of each reference, in the feature's own units. The floors are what two pieces of music (dance,
# drum and bass) reach when turned down to -46 dB rms: below that they get no more gain. The guesses are those of -26 dB.
_FLOOR = {"rms": 0.005, "bass": 0.0008, "mid": 0.00016, "treble": 0.00002, "flux": 0.02, "onset_strength": 0.02}
_GUESS = {"rms": 0.05, "bass": 0.008, "mid": 0.0016, "treble": 0.0002, "flux": 0.1, "onset_strength": 0.2}
# Shapes are compared on octave scales: log2(value / unit), where the unit is also the least value.
_UNIT = {"centroid": 20.0, "rolloff": 20.0, "flatness": 1e-4}
_LOW = {"centroid": 4.5, "rolloff": 5.0, "flatness": 1.0}
_HIGH = {"centroid": 7.5, "rolloff": 8.5, "flatness": 9.0}
_SPAN = {"centroid": 1.5, "rolloff": 2.0, "flatness": 4.0}  # the least distance of low and high

_RISE_S = 0.25
_FALL_S = 15.0
_FALL_FIRST_S = 1.0  # at the start the guess may be far too high: it falls fast, slowing as evidence gathers
_LOUD_DB, _QUIET_DB = -56.0, -60.0  # the gate opens above the first and shuts below the second
_SHUT_S = 0.15


class Normaliser:
    """Holds the running references. `step` is called once a hop."""

    def __init__(self, hop_s: float) -> None:
        self._hop_s = hop_s
        self._rise = np.float32(1.0 - np.exp(-hop_s / _RISE_S))
        self._shut = float(np.exp(-hop_s / _SHUT_S))
        self._floor = np.array([_FLOOR[n] for n in LEVELS], np.float32)
        self._reference = np.array([_GUESS[n] for n in LEVELS], np.float32)
        self._unit = np.array([_UNIT[n] for n in SHAPES], np.float32)
        self._low = np.array([_LOW[n] for n in SHAPES], np.float32)
        self._high = np.array([_HIGH[n] for n in SHAPES], np.float32)
        self._least = np.array([_SPAN[n] for n in SHAPES], np.float32)
        self._level = np.zeros(len(LEVELS), np.float32)
        self._shape = np.zeros(len(SHAPES), np.float32)
        self._span = np.zeros(len(SHAPES), np.float32)
        self._heard_s = 0.0
        self._open = False
        self.active = 0.0
        # NORMALISED is a permutation of LEVELS + SHAPES: where each one goes in the record.
        self._level_at = np.array([NORMALISED.index(n) for n in LEVELS])
        self._shape_at = np.array([NORMALISED.index(n) for n in SHAPES])

    def gate(self, loudness_db: float) -> float:
        """Move the silence gate by one hop and return it: 1 at once when sound comes, to 0 with 150 ms when it goes."""
        self._open = loudness_db > (_QUIET_DB if self._open else _LOUD_DB)
        self.active = 1.0 if self._open else self.active * self._shut
        if self.active < 1e-3:
            self.active = 0.0
        return self.active

    def step(self, levels: np.ndarray, shapes: np.ndarray, out: np.ndarray) -> None:
        """Normalise one hop after `gate`.

        levels: float32[6] in the order of LEVELS. shapes: float32[3]: centroid and rolloff in Hz, flatness 0..1.
        out: float32[9] in the order of NORMALISED, written with values 0..1.
        """
        reference, level, shape = self._reference, self._level, self._shape
        np.maximum(shapes, self._unit, out=shape)
        shape /= self._unit
        np.log2(shape, out=shape)
        if self._open:
            self._learn(levels, shape)
        np.divide(levels, reference, out=level)
        np.minimum(level, 1.0, out=level)
        level *= self.active
        out[self._level_at] = level
        np.subtract(self._high, self._low, out=self._span)
        np.maximum(self._span, self._least, out=self._span)
        shape -= self._low
        shape /= self._span
        np.clip(shape, 0.0, 1.0, out=shape)
        shape *= self.active
        out[self._shape_at] = shape

    def _learn(self, levels: np.ndarray, shape: np.ndarray) -> None:
        self._heard_s += self._hop_s
        fall = min(1.0, self._hop_s / min(_FALL_S, _FALL_FIRST_S + self._heard_s))
        reference = self._reference
        reference += np.where(levels > reference, self._rise, np.float32(fall)) * (levels - reference)
        np.maximum(reference, self._floor, out=reference)
        # Lows and highs are quantiles in effect: they follow an excess fast and let go slowly.
        fast, slow = self._rise * np.float32(0.25), np.float32(fall)
        self._high += np.where(shape > self._high, fast, slow) * (shape - self._high)
        self._low += np.where(shape < self._low, fast, slow) * (shape - self._low)
