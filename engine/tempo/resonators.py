"""A bank of decaying resonators fed with onset strength, and the score of every tempo and phase by what it holds.

Called by `tracker.BeatTracker` on the audio thread, once a hop: a few small numpy calls, no locks, no logging.

One resonator per frequency is the whole memory: z[n] = z[n-1] * exp(-dt/tau + i w dt) + x[n] is the Fourier coefficient
of the last seconds, older ones fading, its phase always referred to "now". The multiples of one frequency are therefore the
Fourier series of the onset strength folded at that period, and one small inverse FFT, made as a product with a matrix of 24
rows, turns them into the folded profile: when, within two beats, the attacks fall. An autocorrelation gives the tempo too,
but knows no phase; this gives both for 5 us a hop. How it was chosen, and how well it does: docs/decisions/beat-tracker.md.
"""

from __future__ import annotations

import math

import numpy as np

from phosphene.engine.tempo.compound import THREES, TWOS

_PER_OCTAVE = 106  # a multiple of 53, whose 84th step is a factor 3 within 0.003 %: harmonics fall on the grid
_LOWEST_HZ = 0.225
_HIGHEST_HZ = 13.0
_HARMONICS = 24  # of half the beat frequency, so 12 of the beat
_BAR_HARMONICS = 48  # of a quarter of the beat frequency
BINS = 64  # of the folded profile, per beat

# A pulse is as wide as a real attack: harmonics weighted by a bell, wider for the sharper attacks of the upper band.
_BELL_HZ = (5.0, 7.0)
# A beat is often answered half way: how much of a pulse is expected there.
_ANSWER = (0.3, 0.5)
# Kick and snare taking turns mark the beat; both together on every other beat mean that the beat is half as fast, and so
# does a bass drum on every other beat that nothing answers.
_TURNS, _LONELY = 0.8, 0.6
# Music repeats by the bar: all that happens lies on multiples of a quarter of the beat frequency. Told apart by this are
# a dotted rhythm and the tempo of its dots, 2/3 of the true one. The exponent is small: it must not choose the octave.
_BAR_BELL_HZ = 6.0
_BAR_POWER = 0.3
_TYPICAL_REPEATS = 60.0  # of steady dance music, so that scores keep the scale of the matched filters
# The bass drum of every beat tells the octave. Of all bass that repeats with the bar, on a four-on-the-floor's own tempo
# nearly all lies on multiples of the beat frequency (on), and of that a good part on odd ones (alone). Half as fast the odd
# ones are missing: every half beat has its bass drum (crowded). Twice as fast, much lies between multiples. Each of these
# shares counts from so much on, and in full from a quarter more.
_KICK_BELL_HZ = 3.5
_FROM, _STEEPNESS = np.array([[0.5], [0.12], [0.5]], np.float32), np.float32(4.0)
_GAIN, _EVERY_OTHER, _TOO_SLOW = 0.35, 0.25, 0.3
# Nobody counts slower or faster than this: a flat top with steep sides, at the sides half of it. Twice 92 and half of 128
# bpm fall outside, 70 and 175 inside.
_EDGES_BPM, _STEEP = (66.0, 183.0), 60.0
_FORGOTTEN = 1e-12
_FAVOURED = 6  # rows to either side, 4 %


class Resonators:
    """Two bands (0: bass, 1: the rest) of resonators, and the score of every tempo between `slowest` and `fastest` bpm."""

    def __init__(self, hop_s: float, tau_s: float, slowest: float, fastest: float, centre: float, octaves: float) -> None:
        """tau_s: how long an onset is remembered. centre, octaves: the log-normal prior, its middle in bpm and its width."""
        count = int(np.ceil(np.log2(_HIGHEST_HZ / _LOWEST_HZ) * _PER_OCTAVE))
        hz = _LOWEST_HZ * 2.0 ** (np.arange(count) / _PER_OCTAVE)
        self._turn: np.ndarray = np.exp(-hop_s / tau_s + 2j * np.pi * hz * hop_s).astype(np.complex64)
        self._z = np.zeros((2, count), np.complex64)
        self._in = np.zeros((2, 1), np.complex64)
        self._scaled, self._power = np.zeros_like(self._z), np.zeros((2, count), np.float32)
        self._decay = float(np.exp(-hop_s / tau_s))
        self._energy = [0.0, 0.0]
        self._mass = self._moment = 0.0
        self._marked, self._since = np.zeros_like(self._z), 0  # resonators as they were so many hops ago,
        self._marked_numbers: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0)  # and energies, mass and moment
        self._hop_s = hop_s

        edges = [np.log2(bpm / 60.0 / _LOWEST_HZ) * _PER_OCTAVE for bpm in (slowest, fastest)]
        rows = np.arange(int(np.ceil(edges[0])), int(np.floor(edges[1])) + 1)
        self.hz = hz[rows]  # [rows] beats per second
        self.prior = np.exp(-0.5 * (np.log2(self.hz * 60.0 / centre) / octaves) ** 2)  # [rows]
        bpm, (low, high) = self.hz * 60.0, _EDGES_BPM
        self.prior /= (1.0 + (low / bpm) ** _STEEP) * (1.0 + (bpm / high) ** _STEEP)
        self._usual_prior = self.prior.copy()

        # Half-beat harmonics m = 1, 2, ...: the even ones are shared by all beats, the odd ones change sign every beat.
        m = np.arange(1, _HARMONICS + 1)
        index, bells = _harmonics(rows, m, 2, self.hz, count, _BELL_HZ)
        self._beat_index, self._turns_index = index[:, 1::2].copy(), index[:, 0::2].copy()  # [rows, 12]
        # Matched filters: unit output for unit noise.
        beat = bells[:, :, 1::2] / np.sqrt((bells[:, :, 1::2] ** 2).sum(axis=2, keepdims=True))
        answered = 1.0 + np.array(_ANSWER)[:, None] * (-1.0) ** m[: _HARMONICS // 2]
        beat *= (answered / np.sqrt(1.0 + np.array(_ANSWER)[:, None] ** 2))[:, None]
        turns = bells[:, :, 0::2] / np.sqrt((bells[:, :, 0::2] ** 2).sum(axis=2, keepdims=True))
        self._beat, self._turns = beat.astype(np.float32), turns.astype(np.float32)  # [2, rows, 12]
        self._fold_beat, self._fold_turns = _folding(m[1::2]), _folding(m[0::2])
        quarters = np.arange(1, _BAR_HARMONICS + 1)
        self._bar_index, (bar, kick) = _harmonics(rows, quarters, 4, self.hz, count, (_BAR_BELL_HZ, _KICK_BELL_HZ))
        self._kick = kick.astype(np.float32)  # [rows, 48]
        # Which quarters of the beat frequency are its multiples, its odd ones, its even ones; and what they are a share of.
        beat, odd, even, every = quarters % 4 == 0, quarters % 8 == 4, quarters % 8 == 0, quarters > 0
        self._parts = np.stack([beat, odd, even, every, beat, every], axis=1).astype(np.float32)  # [48, 6]
        self._bar = (bar / np.sqrt(bar.sum(axis=1, keepdims=True))).astype(np.float32)  # [rows, 48]

    def step(self, bass: float, rest: float) -> None:
        """Feed one hop of onset strength with its mean removed."""
        z, energy, decay = self._z, self._energy, self._decay
        self._since += 1
        z *= self._turn
        self._in[0, 0], self._in[1, 0] = bass, rest
        z += self._in
        energy[0] = energy[0] * decay + bass * bass
        energy[1] = energy[1] * decay + rest * rest
        if 0.0 < energy[0] + energy[1] < _FORGOTTEN:
            # Left to fade for minutes, the bank would reach the denormals, where a hop takes a hundred times as long.
            z[:] = 0.0
            energy[0] = energy[1] = self._mass = self._moment = 0.0
        # Mean age of what is remembered, by its moments: after a break it is far more than tau, at the start less.
        self._moment = decay * (self._moment + self._mass * self._hop_s)
        self._mass = decay * self._mass + max(bass, 0.0) + max(rest, 0.0)

    def mark(self) -> None:
        """Take note of what is remembered now: `forget` takes it away."""
        self._marked[:] = self._z
        self._marked_numbers = (*self._energy, self._mass, self._moment)
        self._since = 0

    def forget(self, kept: float) -> None:
        """Let what was heard before the last `mark` count `kept` times as much, 0..1.

        All fades alike, so what it has faded to is known.
        """
        hops = self._since
        gone = (1.0 - kept) * self._decay**hops
        self._z -= np.float32(1.0 - kept) * self._marked * self._turn**hops
        bass, rest, mass, moment = (number * gone for number in self._marked_numbers)
        self._energy[:] = max(0.0, self._energy[0] - bass), max(0.0, self._energy[1] - rest)
        self._mass = max(0.0, self._mass - mass)
        self._moment = max(0.0, self._moment - moment - mass * hops * self._hop_s)
        self._marked[:], self._marked_numbers = 0.0, (0.0, 0.0, 0.0, 0.0)

    def favour(self, row: int | None) -> None:
        """Take the tempi near `row` for as likely as any, however slow they are; None: what is usual again."""
        self.prior[:] = self._usual_prior
        if row is not None:
            self.prior[max(0, row - _FAVOURED) : row + _FAVOURED + 1] = 1.0

    def threes(self, hz: float) -> float:
        """Return the log of the power of threes over that of twos (see `compound`), for a beat of `hz` counted in twos."""
        steps = (math.log2(hz * part / _LOWEST_HZ) * _PER_OCTAVE for part in (*THREES, *TWOS))
        z = self._z[:, [min(self._z.shape[1] - 1, max(0, round(step))) for step in steps]]
        bass, rest = (z.real * z.real + z.imag * z.imag).tolist()
        scale = [1.0 / (energy + 1e-9) for energy in self._energy]
        powers = [scale[0] * low + scale[1] * high for low, high in zip(bass, rest, strict=True)]
        return math.log((sum(powers[: len(THREES)]) + _FORGOTTEN) / (sum(powers[len(THREES) :]) + _FORGOTTEN))

    @property
    def turn(self) -> np.ndarray:
        """What one hop does to each resonator: complex64 [resonators]."""
        return self._turn

    def hold(self, z: np.ndarray, energy: np.ndarray) -> None:
        """Take a state made elsewhere, complex64 [2, resonators], and the energy behind it [2], to be scored."""
        self._z[:] = z
        self._energy[:] = energy

    @property
    def age_s(self) -> float:
        """How long ago, on average, what is remembered was heard."""
        return self._moment / self._mass if self._mass > 0.0 else 0.0

    def row_of(self, hz: float) -> int:
        """Return the row nearest to a tempo in beats per second."""
        row = round(float(np.log2(hz / self.hz[0])) * _PER_OCTAVE)
        return min(len(self.hz) - 1, max(0, row))

    def score(self, rows: slice) -> tuple[np.ndarray, np.ndarray]:
        """Score every phase of the tempi `rows` (a slice of `hz`).

        Returns (score, pulse), float32 [n, BINS]: bin p stands for "a beat fell 1 - p / BINS beats ago". The best bin of
        noise scores about 3, of a clear beat 6 to 12. pulse is the folded profile alone, for the exact phase.
        """
        scale = np.array([[1.0 / (e + 1e-9) ** 0.5] for e in self._energy], np.float32)
        z = np.multiply(self._z, scale, out=self._scaled)
        beat = z.take(self._beat_index[rows], axis=1)  # [2, n, 12]
        beat *= self._beat[:, rows]
        odd = z.take(self._turns_index[rows], axis=1)
        odd *= self._turns[:, rows]
        pulse = (beat[0] + beat[1]).view(np.float32) @ self._fold_beat
        bass, rest = odd.view(np.float32) @ self._fold_turns
        # min(|a|, |b|) where the signs differ, the negative of it where they agree
        turns = np.abs(bass - rest)
        turns -= np.abs(bass + rest)
        turns *= 0.5 * _TURNS
        lonely = np.abs(bass)
        lonely -= np.abs(rest)
        np.maximum(lonely, 0.0, out=lonely)
        lonely *= _LONELY
        turns -= lonely
        turns += pulse
        np.multiply(z.real, z.real, out=self._power)
        self._power += z.imag * z.imag
        bar = self._bar_index[rows]
        power = self._power.take(bar, axis=1)  # [2, n, 48]
        repeats = np.einsum("kij,ij->i", power, self._bar[rows])
        weight = self.prior[rows] * (repeats / _TYPICAL_REPEATS) ** _BAR_POWER
        weight *= self._floor(power[0] * self._kick[rows])
        turns *= weight.astype(np.float32)[:, None]
        return turns, pulse

    def _floor(self, bass: np.ndarray) -> np.ndarray:
        """Return per tempo, from its power of bass [n, 48], a factor: > 1 where every beat, and it alone, has its kick."""
        told = (bass @ self._parts).T + np.float32(_FORGOTTEN)
        shares = told[:3] / told[3:]
        shares -= _FROM
        shares *= _STEEPNESS
        np.maximum(shares, 0.0, out=shares)
        on, alone, crowded = np.minimum(shares, 1.0, out=shares)
        factor: np.ndarray = 1.0 + alone * ((_GAIN + _EVERY_OTHER) * on - _EVERY_OTHER)
        factor *= 1.0 - _TOO_SLOW * crowded * (1.0 - alone)
        return factor


def _folding(m: np.ndarray) -> np.ndarray:
    """Return float32 [2 len(m), BINS]: real and imaginary parts of half-beat harmonics m, times this, are their profile."""
    angle = np.pi * m[:, None] * np.arange(BINS) / BINS
    return np.stack([np.cos(angle), -np.sin(angle)], axis=1).reshape(-1, BINS).astype(np.float32)


def _harmonics(
    rows: np.ndarray, m: np.ndarray, part: int, beat_hz: np.ndarray, count: int, widths: tuple[float, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Return which resonators stand at m/part times each row's beat frequency, and their bells, 0 where there is none."""
    index = rows[:, None] + np.round(np.log2(m / part) * _PER_OCTAVE).astype(np.int64)  # [rows, m]
    inside = (index >= 0) & (index < count)
    at = beat_hz[:, None] * m / part
    return np.where(inside, index, 0), np.stack([np.exp(-0.5 * (at / width) ** 2) * inside for width in widths])
