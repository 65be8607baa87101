"""Kick, snare and hat: which drum was hit, when, and how hard. Causal, one step a hop.

Each class is heard by the network (`drum_network`) where that is better than the rise of its bands (`drum_bands`), and by
the bands otherwise: docs/decisions/drum-classes.md has the numbers of both. How hard: by how much the class's own bands grew
louder, against the hardest hits of the last seconds.

Owned by the Listener and called on the audio thread: nothing waits, logs or reads a clock.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from phosphene.engine.audio import drum_bands
from phosphene.engine.audio.drum_bands import GROUPS, DrumBands
from phosphene.engine.audio.drum_network import DrumNetwork, shipped
from phosphene.engine.core.signals import HOP, MEL_BANDS, SAMPLE_RATE

CLASSES = ("kick", "snare", "hat")
BY_NETWORK = (True, True, True)  # which of them the network hears; the others are left to the bands

_MOST_SQUARED = 6400.0  # of a hop's nats; log mel of full scale is 12 or so in each of 40 bands, and float32 ends at 88
_RECENT = 3  # hops: power now is the most of so many, power before the least of as many
_MEMORY_S = 8.0  # of the hardest hit
SETTLED = 2  # hops after the flag: then the analysis window is full of the hit, and its strength is told anew
_LEAST = 0.05  # strength of the softest hit


class Drums:
    """Hears one stream, float32 [40] of log-mel a hop.

    flags: float32 [3], strength 0..1 of a hit of each of CLASSES that this hop flags, else 0. times: float64 [3], s on the
    line of `t`, when the newest hit of each was, the detector's lag taken off; -inf before the first. strengths: float32
    [3], 0..1, of that hit; 0 before the first. A first guess at the flag, right 11 ms later.
    """

    def __init__(self, network: DrumNetwork | None = None, by_network: Sequence[bool] = BY_NETWORK) -> None:
        """network: hears the classes of `by_network`; None: the bands hear all. `live_drums` gives the shipped one."""
        count = len(CLASSES)
        self.flags = np.zeros(count, np.float32)
        self.times = np.full(count, -np.inf)
        self.strengths = np.zeros(count, np.float32)
        self._network, self._bands = network, DrumBands()
        self._by_network = [network is not None and by for by in by_network]
        self._silence = np.zeros(MEL_BANDS, np.float32)
        self._edges = np.array([edge for group in GROUPS for edge in group][:-1], np.intp)
        self._recent = np.zeros((2 * _RECENT, MEL_BANDS), np.float32)  # a ring of hops
        self._hops = 0
        self._hardest, self._hardest_at, self._hit_at = [0.0] * count, [0] * count, [-1] * count

    def step(self, mel: np.ndarray, active: float, t: float) -> None:
        """Take one hop. mel: float32 [40], log(1 + c power). active: silence gate, 0..1. t: s, time of its last sample.

        A hop that is not finite, or louder than any sound, is heard as silence. In silence nothing is flagged.
        """
        if not float(np.einsum("i,i->", mel, mel)) <= _MOST_SQUARED:  # also true of NaN
            mel = self._silence
        network = self._network
        if not all(self._by_network):
            self._bands.step(mel)
        if network is not None:
            network.step(mel)
        self._hops += 1
        self._recent[self._hops % (2 * _RECENT)] = mel
        heard = active > 0.0 and math.isfinite(t)
        self.flags[:] = 0.0
        for k, by_network in enumerate(self._by_network):
            if by_network and network is not None:
                found, lag = network.crossings[k].step(float(network.logits[k])), network.lags_s[k]
            else:
                found, lag = bool(self._bands.flags[k]), drum_bands.LAG_S[k]
            if found and heard:
                self.flags[k] = self.strengths[k] = self._strength(k)
                self.times[k], self._hit_at[k] = t - lag, self._hops
            elif self._hops - self._hit_at[k] == SETTLED and self._hit_at[k] >= 0:
                self.strengths[k] = self._strength(k)

    def _strength(self, k: int) -> float:
        """By how much the amplitude of the class's bands grew, over the most that it has lately. Asked twice a hit."""
        oldest = (self._hops + 1) % (2 * _RECENT)
        sums = np.add.reduceat(np.expm1(self._recent), self._edges, axis=1)[:, 2 * k].tolist()
        levels = sums[oldest:] + sums[:oldest]
        grown = math.sqrt(max(0.0, max(levels[_RECENT:]) - min(levels[:_RECENT])))
        since_s = (self._hops - self._hardest_at[k]) * HOP / SAMPLE_RATE
        hardest = max(grown, self._hardest[k] * math.exp(-since_s / _MEMORY_S))
        self._hardest[k], self._hardest_at[k] = hardest, self._hops
        return max(_LEAST, grown / hardest) if hardest > 0.0 else _LEAST


def live_drums() -> Drums:
    """Return Drums with the shipped network, which have heard nothing yet; with the bands alone where it cannot be read."""
    weights = shipped()
    return Drums(None if weights is None else DrumNetwork(weights))
