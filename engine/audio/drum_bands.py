"""Kick, snare and hat by where in the spectrum a sound begins: three groups of mel bands, their rise, its peaks.

The plain way, and what is left of the drums where the network's weights cannot be read. Called by `drums.Drums` on the audio
thread, once a hop: no clock, no BLAS, nothing allocated that grows.
"""

from __future__ import annotations

import math

import numpy as np

from phosphene.engine.core.signals import HOP, MEL_BANDS, SAMPLE_RATE

# Mel bands from, up to: 30-190 Hz, 0.7-4.5 kHz, 5.8-16 kHz. What lies between is bass notes, voices and toms.
GROUPS = ((0, 3), (8, 26), (28, 40))
FACTORS = (6.0, 5.0, 2.0)  # of the means, and
SHARES = (0.5, 0.5, 0.2)  # of the peaks of the last seconds, that a rise has to reach
FLOORS = (0.7, 0.7, 0.2)  # nats; and this at least
LAG_S = (0.018, 0.016, 0.0165)  # from the hit to the end of the hop that flags it, median

_REST_HOPS = 9  # 48 ms: no drummer is faster, and a drum's own ripple is
_MEAN_S, _PEAK_S = 0.5, 1.5
_SPAN = 2  # hops: an attack fills the analysis window within two


class DrumBands:
    """Hears one stream. flags: bool [3], whether this hop flags a hit of each class; rise: float32 [3], nats."""

    def __init__(
        self,
        factors: tuple[float, ...] = FACTORS,
        shares: tuple[float, ...] = SHARES,
        floors: tuple[float, ...] = FLOORS,
    ) -> None:
        self._factors, self._shares, self._floors = factors, shares, floors
        self.flags = np.zeros(len(GROUPS), bool)
        self.rise = np.zeros(len(GROUPS), np.float32)
        self._before = np.zeros((_SPAN + 1, MEL_BANDS), np.float32)
        self._change = np.zeros(MEL_BANDS, np.float32)
        self._edges = np.array([edge for group in GROUPS for edge in group][:-1], np.intp)
        self._sums = np.zeros(len(self._edges), np.float32)
        self._sizes = [last - first for first, last in GROUPS]
        self._last, self._mean, self._peak = [0.0] * 3, [0.0] * 3, [0.0] * 3
        self._rising, self._rest = [False] * 3, [0] * 3
        self._mean_by = 1.0 - math.exp(-HOP / SAMPLE_RATE / _MEAN_S)
        self._peak_by = math.exp(-HOP / SAMPLE_RATE / _PEAK_S)

    def step(self, mel: np.ndarray) -> None:
        """Take float32 [40], log(1 + c power), finite. A hit is flagged on the first hop that rises less again."""
        before = self._before
        before[:-1] = before[1:]
        before[-1] = mel
        np.subtract(mel, before[0], out=self._change)
        np.maximum(self._change, 0.0, out=self._change)
        np.add.reduceat(self._change, self._edges, out=self._sums)
        for k, size in enumerate(self._sizes):
            now, last = float(self._sums[2 * k]) / size, self._last[k]
            peak = self._peak[k]
            least = max(self._floors[k], self._factors[k] * self._mean[k], self._shares[k] * peak)
            self._rest[k] -= 1
            found = self._rising[k] and now <= last and last >= least and self._rest[k] <= 0
            self.flags[k] = found
            if found:
                self._rest[k] = _REST_HOPS
            self._rising[k] = now > last
            self._last[k] = now
            self._mean[k] += self._mean_by * (now - self._mean[k])
            self._peak[k] = max(peak * self._peak_by, last if found else 0.0)
            self.rise[k] = now
