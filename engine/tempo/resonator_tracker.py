"""A beat tracker by repetition alone: log-mel in, once a hop; tempo and phase out. Causal, our own, nothing learnt.

Steady music it follows exactly; a tempo that moves, or a beat that is heard where it is not, is what `tracker` is for, which
has one of these to tell the octave and the exact phase. Called by it on the audio thread: preallocated, no locks, no
logging, no clock. The path of one hop:

    log-mel -> rise over two hops -> bass and rest, means removed -> resonators          every hop
    -> a slice of all tempi is scored                                                    every third hop, all within 24
    -> which tempo, which phase: the lock, with hysteresis                               each time all are scored
    -> exact phase and tempo: an alpha-beta filter on the folded phase
"""

from __future__ import annotations

import math

import numpy as np

from phosphene.engine.core.signals import MEL_BANDS
from phosphene.engine.tempo.compound import MOST_HZ, PAIRS, Compound
from phosphene.engine.tempo.resonators import BINS, Resonators

SLOWEST_BPM, FASTEST_BPM = 55.0, 200.0
PRIOR_BPM, PRIOR_OCTAVES = 126.0, 1.0
MEMORY_S = 4.0
BASS_BANDS = 3  # of 40: up to about 240 Hz
TREBLE_FROM, TREBLE_WEIGHT = 25, np.float32(0.35)  # above 4 kHz: hats, which as often mark the off-beat as the beat
RISE_HOPS = 2
# From an attack to the time stamp of its flux peak: the window has to hold enough of it.
FLUX_LAG_S = 0.007
# Tempi scored at a time, out of every second row, and hops between. A call costs 60 us and 1 us a tempo: few and large ones
# are cheaper, these keep a hop below 0.1 ms and go through all tempi in 24 hops, 0.13 s.
_SLICE, _SLICE_HOPS = 14, 3

# Another tempo or phase wins when it has been better by so much for so long: the integral of log(score ratio) in s.
# 5 % better has to last 4 s, twice as good 0.3 s: a fill or a breakdown favours another reading for a moment only.
_SWITCH, _FLIP = 0.2, 0.28
_OCTAVE = 4.0  # so many times more, on top, for another octave of a tempo that has been followed for 15 s
_CUT_SURE = 0.1  # so much of how sure it was is left after a cut
_COMPOUND_AFTER_S = 2.0  # of the same tempo
_WINDOW = np.arange(-9, 10)  # bins, +-0.14 beats: an error the filter may follow without a flip
_SAME_ROWS = 4  # 2.6 %: as near as that it is the same tempo, which the filter follows
_LOOP_S = 1.3  # time constant of the alpha-beta filter

_QUIET = 0.12  # below this share of the usual onset energy there is nothing to follow: run on
_ABSURD = 1e3  # log-mel cannot rise by this much
SCORE_NOISE, SCORE_SURE = 3.2, 6.5


class ResonatorTracker:
    """Follows the beat of one stream.

    fresh: whether all tempi have been scored anew at this hop. Then table is float32 [rows, BINS], the score of every phase
    of the tempi `hz_rows` (beats per second): bin p of a row stands for "a beat was heard 1 - p / BINS beats before the
    last sample, `ages_s` of the row earlier".
    """

    def __init__(self, hop_s: float) -> None:
        """hop_s: s between calls of `step`."""
        self._hop_s = hop_s
        self._bank = Resonators(hop_s, MEMORY_S, SLOWEST_BPM, FASTEST_BPM, PRIOR_BPM, PRIOR_OCTAVES)
        self._mel = np.zeros((RISE_HOPS, MEL_BANDS), np.float32)
        self._rise = np.zeros(MEL_BANDS, np.float32)
        self._weights = np.full(MEL_BANDS, 1.0 / (MEL_BANDS - BASS_BANDS), np.float32)
        self._weights[:BASS_BANDS] = 1.0 / BASS_BANDS
        self._weights[TREBLE_FROM:] *= TREBLE_WEIGHT
        self._bands = np.array([0, BASS_BANDS], np.intp)
        self._hops = 0
        self._mean = [0.0, 0.0]
        self._lively = self._usual = 0.0

        self._rows = len(self._bank.hz)
        self._row = self._followed_at = 0  # of all hops, the one at which all tempi were scored last
        self.hz_rows = self._bank.hz[::2]
        self.table = np.zeros((len(self.hz_rows), BINS), np.float32)
        self._scored = np.zeros(len(self.hz_rows), np.int64)
        self.fresh = False
        self._best_score, self._best_row = 0.0, 0
        self._locked_s = 0.0
        self._challenge = self._flip = 0.0  # evidence for another tempo, another phase
        self._compound, self._pairs = Compound(), 1.0  # and how many times as fast pairs of eighths are
        self._hz = 0.0  # beats per second; 0 before the first lock
        self._phase = 0.0  # beats, of the middle of what is remembered: `age_s` ago
        self._age = 0.0
        self._t: float | None = None
        self._confidence = 0.0

    def step(self, mel: np.ndarray, t: float, active: float) -> None:
        """Take one hop: mel float32[40] log-mel, t the time of its last sample in s, active the silence gate 0..1."""
        bass, rest = self._onset_strength(mel, active)
        self._bank.step(bass, rest)
        self.fresh = False
        if self._hops % _SLICE_HOPS:
            return
        self._score_slice()
        if self._row < self._rows:
            return
        self._row, self.fresh, self._followed_at = 0, True, self._hops
        elapsed = min(max(t - self._t, 0.0), 1.0) if self._t is not None else 0.0
        self._t = t
        self._follow(elapsed)
        self._best_score = 0.0

    def mark(self) -> None:
        """The music may have been cut just now."""
        self._bank.mark()

    def forget(self, kept: float) -> None:
        """The music was cut at the last `mark`: let what was before count `kept` times as much, 0..1."""
        self._bank.forget(kept)
        self._bank.favour(None)
        self._compound.reset()
        self._pairs = 1.0
        self._locked_s = 0.0
        self._confidence *= _CUT_SURE

    @property
    def ages_s(self) -> np.ndarray:
        """How long before the last hop each row of `table` was scored, float64 [rows] s."""
        return (self._hops - self._scored) * self._hop_s

    @property
    def memory_s(self) -> float:
        """How long ago, on average, what is remembered was heard, in s."""
        return self._bank.age_s

    def row_of(self, hz: np.ndarray | float) -> np.ndarray:
        """Return the row of `table` whose tempo is nearest to `hz`, beats per second."""
        steps = np.log2(hz / self.hz_rows[0]) / np.log2(self.hz_rows[1] / self.hz_rows[0])
        rows: np.ndarray = np.rint(steps).astype(np.int64).clip(0, len(self.hz_rows) - 1)
        return rows

    @property
    def hz(self) -> float:
        """Beats per second that are followed; 0 before the first lock."""
        return self._hz

    @property
    def in_threes(self) -> bool:
        """Whether the music is known to count in threes, as 6/8 does."""
        return self._compound.found

    @property
    def by_threes(self) -> bool:
        """Whether so slow a beat is followed that it falls into three; else, in threes, it is eighths that are followed."""
        return self._compound.found and self._pairs > 1.0

    @property
    def beat(self) -> float:
        """Where the beat that is followed was at the last sample when all tempi were last scored, a real number."""
        return self._phase + self._hz * (self._age + FLUX_LAG_S)

    def beat_ago(self, ago_s: float) -> float:
        """Return where the beat that is followed was `ago_s` before the last sample, a real number."""
        return self.beat + self._hz * ((self._hops - self._followed_at) * self._hop_s - ago_s)

    @property
    def confidence(self) -> float:
        """0..1, how much clearer than noise the repetition is."""
        return self._confidence

    def _onset_strength(self, mel: np.ndarray, active: float) -> tuple[float, float]:
        oldest = self._mel[self._hops % RISE_HOPS]
        np.subtract(mel, oldest, out=self._rise)
        np.maximum(self._rise, 0.0, out=self._rise)
        oldest[:] = mel
        self._hops += 1
        if self._hops <= RISE_HOPS:
            return 0.0, 0.0
        out = []
        self._rise *= self._weights
        for band, mean in enumerate(np.add.reduceat(self._rise, self._bands).tolist()):
            strength = mean * active
            if not strength < _ABSURD:  # also true of NaN, which the resonators would keep for ever
                strength = 0.0
            self._mean[band] += (strength - self._mean[band]) * self._hop_s
            out.append(strength - self._mean[band])
        energy = out[0] * out[0] + 4.0 * out[1] * out[1]
        self._lively += (energy - self._lively) * self._hop_s / 0.8
        self._usual += (self._lively - self._usual) * self._hop_s / (1.0 if self._lively > self._usual else 20.0)
        return out[0], out[1]

    def _score_slice(self) -> None:
        end = min(self._rows, self._row + 2 * _SLICE)
        rows = slice(self._row, end, 2)
        score, _ = self._bank.score(rows)
        here = slice(self._row // 2, self._row // 2 + len(score))
        self.table[here] = score
        self._scored[here] = self._hops
        best = score.max(axis=1)
        i = int(best.argmax())
        if best[i] > self._best_score:
            self._best_score, self._best_row = float(best[i]), self._row + 2 * i
        self._row = end

    def _follow(self, elapsed: float) -> None:
        """Bring tempo and phase up to date with what the resonators hold now."""
        bank, age = self._bank, self._bank.age_s
        self._phase += self._hz * (elapsed - (age - self._age))
        self._age = age
        if self._lively <= _QUIET * self._usual or self._best_score < SCORE_NOISE:
            self._confidence *= math.exp(-elapsed / 2.0)
            return
        if self._hz == 0.0:
            self._lock(self._best_row)
            return
        self._locked_s += elapsed
        if self._locked_s > _COMPOUND_AFTER_S and self._in_threes(elapsed):
            return

        row = bank.row_of(self._hz)
        score, pulse = bank.score(slice(row, row + 1))
        score, pulse = score[0], pulse[0]
        expected = -(self._phase + bank.hz[row] * age) * BINS % BINS
        near = (round(expected) + _WINDOW) % BINS
        own = float(score[near].max())
        best = float(score.max())
        patience = 0.3 + 0.7 * self._confidence  # what one is not sure of is given up sooner
        rival = self._best_score if abs(self._best_row - row) > _SAME_ROWS and not self._compound.found else 0.0
        self._challenge = _evidence(self._challenge, rival, best, elapsed)
        self._flip = _evidence(self._flip, best if own < best else 0.0, own, elapsed)
        # Twice or half the tempo is the same music, counted another way: worth a change only while it has just begun.
        octave = abs(abs(math.log2(bank.hz[self._best_row] / bank.hz[row])) - 1.0) < 0.05
        if self._challenge > _SWITCH * patience * (1.0 + (_OCTAVE * min(1.0, self._locked_s / 15.0) if octave else 0.0)):
            self._lock(self._best_row)
            return
        if self._flip > _FLIP * patience:
            self._phase = -int(score.argmax()) / BINS - bank.hz[row] * age
            self._flip = 0.0
            return
        error = -(peak_near(pulse, int(near[pulse[near].argmax()])) - expected) / BINS
        error -= round(error)
        omega_dt = elapsed / _LOOP_S * max(1.0, 3.0 - self._locked_s / 2.0)
        self._phase += min(0.5, 1.6 * omega_dt) * error
        self._hz += omega_dt * omega_dt * error / elapsed if elapsed > 0.0 else 0.0
        self._hz = min(FASTEST_BPM / 60.0, max(SLOWEST_BPM / 60.0, self._hz))
        sure = (own / bank.prior[row] - SCORE_NOISE) / (SCORE_SURE - SCORE_NOISE)
        self._confidence += (min(1.0, max(0.0, sure)) - self._confidence) * min(1.0, elapsed / 0.7)

    def _in_threes(self, elapsed: float) -> bool:
        """Return whether another tempo was taken, because the music counts in threes, or does so no more."""
        bank, compound = self._bank, self._compound
        pairs = self._hz * self._pairs
        if pairs > MOST_HZ or not compound.step(bank.threes(pairs), self._confidence, elapsed):
            return False
        row, self._pairs = self._best_row, 1.0
        if compound.found:
            self._pairs = 0.5 if 2.0 * pairs * 60.0 <= FASTEST_BPM else PAIRS  # eighths where they are slow enough
            row = bank.row_of(pairs / self._pairs)
        bank.favour(row if compound.found else None)
        self._lock(row)
        return True

    def _lock(self, row: int) -> None:
        """Take the tempo of `row` and its best phase."""
        score, _ = self._bank.score(slice(row, row + 1))
        self._hz = float(self._bank.hz[row])
        self._phase = -int(score[0].argmax()) / BINS - self._hz * self._age
        self._challenge = self._flip = self._locked_s = 0.0


def _evidence(so_far: float, rival: float, own: float, elapsed: float) -> float:
    """Integrate log(rival / own) over time, never below 0. No rival (0) or none any more takes a second to forget."""
    if rival <= 0.0 or own <= 0.0:
        return so_far * math.exp(-elapsed)
    return max(0.0, so_far + elapsed * math.log(rival / own))


def peak_near(values: np.ndarray, i: int) -> float:
    """Return the place of the maximum near bin `i` of a circular profile, by a parabola."""
    a, b, c = float(values[i - 1]), float(values[i]), float(values[(i + 1) % len(values)])
    bend = a - 2.0 * b + c
    return i + (min(0.5, max(-0.5, 0.5 * (a - c) / bend)) if bend < 0.0 else 0.0)
