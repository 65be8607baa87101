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
    """y[n] = x[n] - x[n-1] + p y[n-1], a hop at a time: y[k] = p^k (p y[-1] + sum of p^-j (x[j] - x[j-1]) up to k).

    Over 256 samples the powers stay within 1.2, so that the sum is as exact as the recursion.
    """

    def __init__(self, hop: int, sample_rate: int) -> None:
        self._pole = math.exp(-2.0 * math.pi * CUTOFF_HZ / sample_rate)
        self._fall = self._pole ** np.arange(hop)
        self._rise = 1.0 / self._fall
        self._work = np.zeros(hop)
        self._x: float | None = None
        self._y = 0.0

    def apply(self, x: np.ndarray, out: np.ndarray) -> None:
        """Filter the next hop: float32 [hop], all of it sound, into `out`. An offset from the first sample on is no step."""
        work = self._work
        np.subtract(x[1:], x[:-1], out=work[1:], dtype=np.float64)  # rounding would add up, for as long as the filter rings
        first = float(x[0])
        work[0] = 0.0 if self._x is None else first - self._x
        work *= self._rise
        np.cumsum(work, out=work)
        work += self._pole * self._y
        work *= self._fall
        self._x, self._y = float(x[-1]), float(work[-1])
        if abs(self._y) < _NOTHING:
            self._y = 0.0
        out[:] = work
