"""A filter over where in the beat the music is: the bar-pointer model, forward in time, over single beats.

A state is (interval, position): how long a beat is, in frames, and how many frames of it have gone. Each frame every state
moves on by one; at the end of a beat the next may be a little longer or shorter. What is heard multiplies: near the start of
a beat a high activation is likely, elsewhere a low one. The states' shares are all that is known of tempo and phase at once,
so a moving tempo is followed, not chased. Whiteley, Cemgil, Godsill (ISMIR 2006); the observation of Krebs, Boeck, Widmer
(ISMIR 2013, 2015).

Called by `tracker.BeatTracker` on the audio thread, once a frame: no BLAS, no clock.
"""

from __future__ import annotations

import math

import numpy as np

from phosphene.engine.tempo.resonators import BINS

BEAT_PART = 16  # a beat is heard in the first sixteenth of it
_CHANGE = 100.0  # weight of another interval: exp(-100 |ratio - 1|), 2 % apart .14
LEAST = 0.03  # a beat that nothing marks is no wonder: with .001 breaks drive the tempo away
MOST = 0.99
_IMPOSSIBLE = 1e-8
_SMALLEST = 1e-30  # of a share: below 1e-308 arithmetic takes a hundred times as long, and what is 0 never comes back
NEAR_BEATS, NEAR_TEMPO = 0.1, 0.035  # as near as this is the same beat: in beats, in log of the tempo


def intervals_of(frame_s: float, slowest: float, fastest: float) -> np.ndarray:
    """Return how many frames a beat may be long, int64 [intervals], rising. frame_s: s; slowest, fastest: bpm."""
    return np.arange(math.floor(60.0 / fastest / frame_s), math.ceil(60.0 / slowest / frame_s) + 1)


def log_changes(intervals: np.ndarray) -> np.ndarray:
    """Return how likely each interval, a row, is followed by each, a column: float64 [n, n], log, up to a constant a row."""
    changes: np.ndarray = -_CHANGE * np.abs(intervals[None, :] / intervals[:, None] - 1.0)
    return changes


class BeatFilter:
    """Shares of all states, float64 [states], their sum 1; positions in beats 0..1, tempi in beats per second.

    foreseen: nats by which the states foresaw what was heard in the last frame better than chance would have.
    """

    def __init__(self, frame_s: float, slowest: float, fastest: float) -> None:
        """frame_s: s between calls of `step`; slowest, fastest: bpm."""
        intervals = intervals_of(frame_s, slowest, fastest)
        self._starts = np.concatenate([[0], np.cumsum(intervals)[:-1]])
        self._ends = self._starts + intervals - 1
        self._of = np.repeat(np.arange(len(intervals)), intervals)
        self.hz = 1.0 / (intervals * frame_s)  # [intervals]
        self._first_bin = self._of * BINS
        self._log_hz = np.log(self.hz)
        gone = (np.arange(len(self._of)) - self._starts[self._of]) / intervals[self._of]
        self._beats = np.flatnonzero(gone < 1.0 / BEAT_PART)
        self._position = gone - 0.5 / BEAT_PART  # what is heard lies in the middle of that part
        change = np.exp(log_changes(intervals))
        change[change < _IMPOSSIBLE] = 0.0
        self._change = change / change.sum(axis=1, keepdims=True)
        self._share = np.full(len(self._of), 1.0 / len(self._of))
        self._next = np.empty_like(self._share)
        self.foreseen = 0.0

    def step(self, activation: float, weight: float) -> None:
        """Move on by one frame and take what was heard in it: activation 0..1; weight 0..1, how much it says."""
        share, ahead = self._share, self._next
        ahead[1:] = share[:-1]
        ahead[self._starts] = np.einsum("i,ij->j", share[self._ends], self._change)
        activation = min(activation, MOST)
        elsewhere = (1.0 - activation) / (BEAT_PART - 1)
        odds = (max(activation, LEAST) / elsewhere) ** weight  # what all share is gone with the sum
        ahead[self._beats] *= odds
        total = float(ahead.sum())
        ahead *= 1.0 / total
        self.foreseen = math.log(total * BEAT_PART / (BEAT_PART - 1.0 + odds))
        np.maximum(ahead, _SMALLEST, out=ahead)
        self._share, self._next = ahead, share

    def open(self, part: float) -> None:
        """Share `part` of all, 0..1, out among all states alike: anything may come."""
        self._share *= 1.0 - part
        self._share += part / len(self._share)

    def mix(self, other: BeatFilter, part: float) -> None:
        """Take `part` of all, 0..1, from another filter."""
        self._share *= 1.0 - part
        self._share += part * other._share

    def weigh_tempi(self, log_weight: np.ndarray) -> None:
        """Multiply the share of every interval by exp(log_weight), float64 [intervals]."""
        self._share *= np.exp(log_weight)[self._of]
        self._share /= self._share.sum()

    def weigh(self, log_weight: np.ndarray, ahead: np.ndarray) -> None:
        """Multiply the share of every state by exp(log_weight), float [intervals, BINS].

        Bin p of an interval stands for the position -p / BINS beats less `ahead` [intervals].
        """
        ahead = self._position + ahead[self._of]
        bins = np.rint(-ahead * BINS).astype(np.int64)
        bins &= BINS - 1  # BINS is a power of two: as % BINS, and 30 us less
        bins += self._first_bin
        self._share *= np.exp(log_weight.ravel()[bins])
        self._share /= self._share.sum()

    def best(self) -> tuple[float, float, float]:
        """Return (position in beats, beats per second, share) of the likeliest beat: the best state with all near it."""
        top = int(self._share.argmax())
        position = float(self._position[top])
        states, off, inside = self._near(position, float(self._log_hz[self._of[top]]))
        share = self._share[states][inside]
        total = float(share.sum())
        moved = float(np.einsum("i,i->", share, off[inside])) / total
        interval = float(np.einsum("i,i->", share, 1.0 / self.hz[self._of[states][inside]])) / total
        return position + moved, 1.0 / interval, total

    def near(self, position: float, hz: float) -> float:
        """Return the share of all that is near a position, any number of beats, and a tempo in beats per second."""
        states, _, inside = self._near(position, math.log(hz))
        return float(self._share[states][inside].sum())

    def _near(self, position: float, log_hz: float) -> tuple[slice, np.ndarray, np.ndarray]:
        """Return (the states near a tempo, how far from a position each is, in beats, and whether that is near)."""
        intervals = np.flatnonzero(np.abs(self._log_hz - log_hz) < NEAR_TEMPO)  # neighbours: a few of all
        states = slice(self._starts[intervals[0]], self._ends[intervals[-1]] + 1) if len(intervals) else slice(0)
        off = self._position[states] - position
        off -= np.rint(off)
        return states, off, np.abs(off) < NEAR_BEATS
