"""Takes a constant offset out of a sound: cheap converters and cables carry one, and it would hold the silence gate open.

Called by the Analyzer once a hop; preallocated, deterministic, no BLAS. One pole at 5 Hz: 60 Hz comes 5 degrees early and
as loud as it was, 20 Hz loses 3 %; attacks are not delayed.
"""

from __future__ import annotations

import math

import numpy as np

CUTOFF_HZ = 5.0
_NOTHING = 1e-12  # what is left of an offset below it is none: kept on, it would become a denormal number


class DcBlocker:
    """y = x - m, where m follows the mean of what came before: m[n] = p m[n-1] + (1 - p) x[n-1].

    A hop at a time: m[k] = p^k (m[0] + the sum over j < k of (1 - p) p^-(j+1) x[j]). Over 256 samples the powers stay
    within 1.2, so that the sum is as exact as the recursion; four calls of numpy instead of 256 steps.
    """

    def __init__(self, hop: int, sample_rate: int) -> None:
        pole = math.exp(-2.0 * math.pi * CUTOFF_HZ / sample_rate)
        self._fall = pole ** np.arange(hop + 1)
        self._rise = (1.0 - pole) / self._fall[1:]
        self._mean = np.zeros(hop + 1)
        self._first = True

    def apply(self, x: np.ndarray, out: np.ndarray) -> None:
        """Filter the next hop: float32 [hop], all of it sound, into `out`. An offset from the first sample on is no step."""
        mean = self._mean
        mean[0] = x[0] if self._first else mean[-1]
        self._first = False
        np.multiply(x, self._rise, out=mean[1:])
        np.cumsum(mean, out=mean)
        mean *= self._fall
        if abs(mean[-1]) < _NOTHING:
            mean[-1] = 0.0
        np.subtract(x, mean[:-1], out=out)
