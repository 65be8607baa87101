"""How sure the tracker may be: the chance, 0..1, that the beat that is followed is right at some level.

A logistic regression on what can be told while it is followed, fitted by `tools/lab/ears/fit_confidence.py` on random music,
music that was spoilt, and sounds without a beat; how well it does on other music: docs/decisions/beat-tracker.md.

Called by `tracker.BeatTracker` on the audio thread, once a frame. Plain floats, no clock.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

NAMES = ("share", "on", "between", "repeats", "exact", "lively", "followed")
WEIGHTS = (2.48, 2.66, -2.84, 0.03, 2.09, -0.48, 0.96)
BIAS = -3.34

_ON, _BETWEEN = 0.12, 0.2  # beats: so near to the beat counts for it, so far from it counts against it
_BEATS = 4.0  # that are remembered
_EXACT_S = 1.5
_FOLLOWED_S = 8.0
_NOTHING, _FORGET_S = 0.12, 2.0  # where so little is heard of what is usual, no sign changes: sureness fades by itself


class Confidence:
    """The signs of one stream. value: 0..1, as of the last `step`."""

    def __init__(self) -> None:
        self.value = 0.0
        self.signs: Sequence[float] = (0.0,) * len(NAMES)
        self._heard = self._on = self._between = self._exact = 0.0
        self._now = [0.0, 0.0]
        self._before = 0.0

    def hear(self, position: float, likely: float) -> None:
        """Take one frame: position in beats, likely 0..1, how likely it holds a beat."""
        part = position % 1.0
        if part < _ON or part > 1.0 - _ON:
            self._now[0] = max(self._now[0], likely)
        elif _BETWEEN < part < 1.0 - _BETWEEN:
            self._now[1] = max(self._now[1], likely)
        if self._before <= 0.15 < part:
            self._on += (self._now[0] - self._on) / _BEATS
            self._between += (self._now[1] - self._between) / _BEATS
            self._now[:] = 0.0, 0.0
        self._before = part

    def step(self, share: float, repeats: float, exact: bool, lively: float, followed_s: float, elapsed: float) -> None:
        """Take what was read: the share of what is followed, how sure repetition is and whether it agrees, how lively it is.

        followed_s: how long this beat has been followed; elapsed: s since the last call.
        """
        self._exact += (exact - self._exact) * min(1.0, elapsed / _EXACT_S)
        followed = min(1.0, followed_s / _FOLLOWED_S)
        self._heard = self._heard * math.exp(-elapsed / _FORGET_S) if lively < _NOTHING else 1.0
        self.signs = (share, self._on, self._between, repeats, self._exact, lively, followed)
        self.value = self._heard / (1.0 + math.exp(-BIAS - sum(w * x for w, x in zip(WEIGHTS, self.signs, strict=True))))
