"""A bank of decaying resonators fed with onset strength, and the folding of it at any tempo.

Called by `tracker.BeatTracker` on the audio thread, once a hop; everything is preallocated, nothing here waits or logs.

One resonator per frequency is the whole memory: z[n] = z[n-1] * exp(-dt/tau + i w dt) + x[n] is the Fourier coefficient
of the last seconds, older ones fading, its phase always referred to "now". The multiples of one frequency are therefore the
Fourier series of the onset strength folded at that period, and one small inverse FFT turns them into the folded profile:
when, within two beats, the attacks fall. A buffer of onset strength with an autocorrelation gives the tempo too, but needs
a second search for the phase and does its work in bursts; this costs the same few microseconds every hop.
"""

from __future__ import annotations

import numpy as np

_PER_OCTAVE = 106  # a multiple of 53, whose 84th step is a factor 3 within 0.003 %: harmonics fall on the grid
_LOWEST_HZ = 0.225
_HIGHEST_HZ = 13.0
_HARMONICS = 24  # of half the beat frequency, so 12 of the beat
BINS = 64  # of the folded profile, per beat

# Pulse width: harmonics are weighted with a bell, wider for the sharper attacks of the upper band.
_BELL_HZ = (5.0, 7.0)
_BAND_WEIGHT = (1.0, 0.8)
# A beat is often answered by its off-beat, straight or late by swing (1/12 or 1/6 of a beat).
_ANSWER = (0.3, 0.5)
_ANSWER_BINS = (BINS // 2, BINS // 2 + round(BINS / 12), BINS // 2 + round(BINS / 6))
# Kick and snare taking turns mark the beat; both together on every other beat mean that the beat is half as fast.
_TURNS = 1.0


class Resonators:
    """Two bands (0: bass, 1: the rest) of resonators, and the score of every tempo between `slowest` and `fastest` bpm."""

    def __init__(self, hop_s: float, tau_s: float, slowest: float, fastest: float, centre: float, octaves: float) -> None:
        """centre, octaves: the log-normal tempo prior, its middle in bpm and its standard deviation."""
        count = int(np.ceil(np.log2(_HIGHEST_HZ / _LOWEST_HZ) * _PER_OCTAVE))
        hz = _LOWEST_HZ * 2.0 ** (np.arange(count) / _PER_OCTAVE)
        self._turn = np.exp(-hop_s / tau_s + 2j * np.pi * hz * hop_s).astype(np.complex64)
        self._z = np.zeros((2, count), np.complex64)
        self._decay = float(np.exp(-hop_s / tau_s))
        self._energy = np.zeros(2)
        self._mass = self._moment = 0.0
        self._hop_s = hop_s

        edges = [np.log2(bpm / 60.0 / _LOWEST_HZ) * _PER_OCTAVE for bpm in (slowest, fastest)]
        rows = np.arange(int(np.ceil(edges[0])), int(np.floor(edges[1])) + 1)
        self.hz = hz[rows]  # [rows] beats per second
        steps = np.round(np.log2(np.arange(1, _HARMONICS + 1)) * _PER_OCTAVE).astype(np.int64) - _PER_OCTAVE
        self._index = rows[:, None] + steps  # [rows, harmonics] resonators at the multiples of half the beat frequency
        inside = self._index < count
        self._index[~inside] = 0
        at = self.hz[:, None] / 2 * np.arange(1, _HARMONICS + 1)
        self._bells = np.stack([np.exp(-0.5 * (at / width) ** 2) * inside for width in _BELL_HZ]).astype(np.float32)
        power = self._bells.astype(np.float64) ** 2
        # Matched filters: unit output for unit noise, separately for what all beats share and what takes turns.
        self._even_scale = (BINS / np.sqrt(power[:, :, 1::2].sum(axis=2)))[:, :, None]  # [2, rows, 1]
        self._odd_scale = (BINS / np.sqrt(power[:, :, 0::2].sum(axis=2)))[:, :, None]
        self.prior = np.exp(-0.5 * (np.log2(self.hz * 60.0 / centre) / octaves) ** 2)  # [rows]

    def step(self, bass: float, rest: float) -> None:
        """Feed one hop of onset strength with its mean removed."""
        z = self._z
        z *= self._turn
        z[0] += np.float32(bass)
        z[1] += np.float32(rest)
        self._energy *= self._decay
        self._energy[0] += bass * bass
        self._energy[1] += rest * rest
        # Mean age of what is remembered, by its moments: after a break it is far more than tau, at the start less.
        weight = max(bass, 0.0) + max(rest, 0.0)
        self._moment = self._decay * (self._moment + self._mass * self._hop_s)
        self._mass = self._decay * self._mass + weight

    @property
    def age_s(self) -> float:
        """How long ago, on average, what is remembered was heard."""
        return self._moment / self._mass if self._mass > 0.0 else 0.0

    def row_of(self, hz: float) -> int:
        """Return the row nearest to a tempo in beats per second."""
        row = round(np.log2(hz / self.hz[0]) * _PER_OCTAVE)
        return min(len(self.hz) - 1, max(0, row))

    def score(self, rows: slice) -> tuple[np.ndarray, np.ndarray]:
        """Score every phase of the tempi `rows`.

        Returns (score, pulse), float [n, BINS]: bin p is the hypothesis that a beat fell 1 - p / BINS beats ago. Noise
        scores about 1, its best bin about 2 to 3; a clear beat 6 to 12. pulse is the profile alone, for the exact phase.
        """
        index = self._index[rows]
        folded = np.zeros((2, len(index), BINS + 1), np.complex64)
        np.multiply(self._z[:, index], self._bells[:, rows], out=folded[:, :, 1 : _HARMONICS + 1])
        folded /= np.sqrt(self._energy + 1e-9)[:, None, None].astype(np.float32)
        profile = np.fft.irfft(folded, 2 * BINS, axis=2)  # [2, n, two beats]
        first, second = profile[:, :, :BINS], profile[:, :, BINS:]
        even = (first + second) * (self._even_scale[:, rows] / 2)
        odd = (first - second) * (self._odd_scale[:, rows] / 2)
        twice = np.concatenate((even, even), axis=2)
        answer = twice[:, :, _ANSWER_BINS[0] : _ANSWER_BINS[0] + BINS]
        for shift in _ANSWER_BINS[1:]:
            answer = np.maximum(answer, twice[:, :, shift : shift + BINS])
        total = 0.0
        for band in (0, 1):
            a = _ANSWER[band]
            total = total + (_BAND_WEIGHT[band] / (1 + a * a) ** 0.5) * (even[band] + a * answer[band])
        turns = -np.sign(odd[0] * odd[1]) * np.minimum(np.abs(odd[0]), np.abs(odd[1]))
        pulse = even[0] + _BAND_WEIGHT[1] * even[1]
        return (total + _TURNS * turns) * self.prior[rows, None], pulse
