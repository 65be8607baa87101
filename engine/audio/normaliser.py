"""Turns raw features into 0..1 for whatever is playing, without dancing to the noise of a quiet room.

One step per hop, called by the Analyzer; preallocated, deterministic, no clock.

Levels (rms, bass, ..., onset strength) are divided by a reference that follows their peaks: it rises in a fraction of
a second and falls over many, so that a drop after a loud part still looks quiet. The reference never goes below a floor,
which is the ceiling of the gain. Shapes (centroid, rolloff, flatness) have no natural zero: they are placed between a
running low and a running high that never come closer than a least span. The silence gate multiplies the levels; while
it is shut nothing is learnt.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from phosphene.engine.core.signals import NORMALISED

LEVELS = ("rms", "bass", "mid", "treble", "flux", "onset_strength")
SHAPES = ("centroid", "rolloff", "flatness")

# Floor and first guess of each reference, in the feature's own units. Measured on the demo track and two recordings
# (electronica, drum and bass): the guesses are the medians at -26 dB rms. The floors are about what they reach at -36 dB;
# white noise at -50 dB (a bad cable, a fan near the microphone) then comes to 0.4 at most and music under -36 dB wants
# more input gain. Onset strength is whitened by aubio, so its level says nothing about loudness: see Analyzer.
_FLOOR = {"rms": 0.025, "bass": 0.015, "mid": 0.001, "treble": 0.0005, "flux": 0.1, "onset_strength": 20.0}
_GUESS = {"rms": 0.1, "bass": 0.06, "mid": 0.003, "treble": 0.0009, "flux": 0.29, "onset_strength": 24.0}
# Shapes are compared on octave scales: log2(value / unit), where the unit is also the least value.
_UNIT = {"centroid": 20.0, "rolloff": 20.0, "flatness": 1e-4}
_LOW = {"centroid": 4.5, "rolloff": 5.0, "flatness": 1.0}
_HIGH = {"centroid": 7.5, "rolloff": 8.5, "flatness": 9.0}
_SPAN = {"centroid": 1.5, "rolloff": 2.0, "flatness": 4.0}  # the least distance of low and high

_RISE_S = 0.25
_FALL_S = 30.0
_FALL_FIRST_S = 1.0  # at the start the guess may be far too high: it falls fast, slowing as evidence gathers
_LOUD_DB, _QUIET_DB = -56.0, -60.0  # the gate opens above the first and shuts below the second
_SHUT_S = 0.15


class Normaliser:
    """Holds the running references. `gate`, then `step`, once a hop. Plain floats: nine of them are too few for numpy."""

    def __init__(self, hop_s: float) -> None:
        self._hop_s = hop_s
        self._rise = 1.0 - math.exp(-hop_s / _RISE_S)
        self._shut = math.exp(-hop_s / _SHUT_S)
        self._levels = [_Level(NORMALISED.index(n), _FLOOR[n], _GUESS[n]) for n in LEVELS]
        self._shapes = [_Shape(NORMALISED.index(n), _UNIT[n], _LOW[n], _HIGH[n], _SPAN[n]) for n in SHAPES]
        self._out = [0.0] * len(NORMALISED)
        self._heard_s = 0.0
        self._open = False
        self._active = 0.0

    def gate(self, loudness_db: float) -> float:
        """Move the silence gate by one hop and return it: 1 at once when sound comes, to 0 with 150 ms when it goes."""
        self._open = loudness_db > (_QUIET_DB if self._open else _LOUD_DB)
        self._active = 1.0 if self._open else self._active * self._shut
        if self._active < 1e-3:
            self._active = 0.0
        return self._active

    def step(self, levels: Sequence[float], shapes: Sequence[float]) -> list[float]:
        """Return one hop's values, each 0..1, in the order of NORMALISED; the list is reused.

        levels: in the order of LEVELS, >= 0. shapes: in the order of SHAPES (Hz, Hz, 0..1).
        """
        active, out = self._active, self._out
        fall = fast = 0.0  # while the gate is shut nothing is learnt
        rise = 0.0
        if self._open:
            self._heard_s += self._hop_s
            fall = self._hop_s / min(_FALL_S, _FALL_FIRST_S + 2.0 * self._heard_s)
            rise, fast = self._rise, 0.25 * self._rise
        for level, x in zip(self._levels, levels, strict=True):
            reference = level.reference
            reference += (rise if x > reference else fall) * (x - reference)
            level.reference = reference = max(reference, level.floor)
            out[level.at] = active * min(1.0, x / reference)
        for shape, value in zip(self._shapes, shapes, strict=True):
            x = math.log2(max(value, shape.unit) / shape.unit)
            # Lows and highs are quantiles in effect: they follow an excess fast and let go slowly.
            shape.high += (fast if x > shape.high else fall) * (x - shape.high)
            shape.low += (fast if x < shape.low else fall) * (x - shape.low)
            span = max(shape.high - shape.low, shape.least_span)
            out[shape.at] = active * min(1.0, max(0.0, (x - shape.low) / span))
        return out


@dataclass(slots=True)
class _Level:
    at: int
    floor: float
    reference: float


@dataclass(slots=True)
class _Shape:
    at: int
    unit: float
    low: float
    high: float
    least_span: float
