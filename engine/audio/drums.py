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

_MOST = 16.0  # nats; log mel of full scale is 12 or so
_RECENT = 3  # hops: power now is the most of so many, power before the least of as many
_MEMORY_S = 8.0  # of the hardest hit
_LEAST = 0.05  # strength of the softest hit


class Drums:
    """Hears one stream, float32 [40] of log-mel a hop.

    flags: float32 [3], strength 0..1 of a hit of each of CLASSES that this hop flags, else 0. times: float64 [3], s on the
    line of `t`, when the newest hit of each was, the detector's lag taken off; -inf before the first. strengths: float32
    [3], 0..1, of that hit; 0 before the first.
    """

    def __init__(self, network: DrumNetwork | None = None, by_network: Sequence[bool] = BY_NETWORK) -> None:
        """network: hears the classes of `by_network`; None: the bands hear all. `live_drums` gives the shipped one."""
        count = len(CLASSES)
        self.flags = np.zeros(count, np.float32)
        self.times = np.full(count, -np.inf)
        self.strengths = np.zeros(count, np.float32)
        self._network, self._bands = network, DrumBands()
        self._by_network = [network is not None and by for by in by_network]
        self._mel = np.zeros(MEL_BANDS, np.float32)
        self._power = np.zeros(MEL_BANDS, np.float32)
        self._edges = np.array([edge for group in GROUPS for edge in group][:-1], np.intp)
        self._sums = np.zeros(len(self._edges), np.float32)
        self._levels = np.zeros((2 * _RECENT, count), np.float32)
        self._hardest = [0.0] * count
        self._forget = math.exp(-HOP / SAMPLE_RATE / _MEMORY_S)

    def step(self, mel: np.ndarray, active: float, t: float) -> None:
        """Take one hop. mel: float32 [40], log(1 + c power). active: silence gate, 0..1. t: s, time of its last sample.

        What is not finite is heard as silence. In silence nothing is flagged.
        """
        np.maximum(mel, 0.0, out=self._mel)
        np.minimum(self._mel, _MOST, out=self._mel)
        if not math.isfinite(float(self._mel.sum())):  # the limits let a NaN through
            self._mel[:] = 0.0
        network = self._network
        if not all(self._by_network):
            self._bands.step(self._mel)
        if network is not None:
            network.step(self._mel)
        np.expm1(self._mel, out=self._power)
        np.add.reduceat(self._power, self._edges, out=self._sums)
        self._levels[:-1] = self._levels[1:]
        self._levels[-1] = self._sums[::2]
        heard = active > 0.0 and math.isfinite(t)
        for k, by_network in enumerate(self._by_network):
            self.flags[k] = 0.0
            self._hardest[k] *= self._forget
            found, lag = bool(self._bands.flags[k]), drum_bands.LAG_S[k]
            if by_network and network is not None:
                found, lag = network.crossings[k].step(float(network.chances[k])), network.lags_s[k]
            if not found or not heard:
                continue
            self.flags[k] = self.strengths[k] = self._strength(k)
            self.times[k] = t - lag

    def _strength(self, k: int) -> float:
        """By how much the amplitude of the class's bands grew, over the most that it has lately."""
        grown = float(self._levels[_RECENT:, k].max()) - float(self._levels[:_RECENT, k].min())
        grown = math.sqrt(max(0.0, grown))
        self._hardest[k] = max(self._hardest[k], grown)
        return max(_LEAST, grown / self._hardest[k]) if self._hardest[k] > 0.0 else _LEAST


def live_drums() -> Drums:
    """Return Drums with the shipped network, which have heard nothing yet; with the bands alone where it cannot be read."""
    weights = shipped()
    return Drums(None if weights is None else DrumNetwork(weights))
