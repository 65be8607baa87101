"""The filter of the live tracker over a whole piece: the likeliest course of tempo and phase, with what comes later known.

Called by `beats.find_course` once per piece. The states are those of `beat_filter`; the search is Viterbi's, backwards in
time, because what repetition says of a piece comes last first. Only at the end of a beat is there a choice, so what has to
be remembered is one byte a tempo and frame: 26 MB an hour.
"""

from __future__ import annotations

import numpy as np

from phosphene.engine.tempo.beat_filter import BEAT_PART, LEAST, MOST, intervals_of, log_changes
from phosphene.engine.tempo.resonators import BINS


class TwoWay:
    """Takes frames, the last first; then `course` says which beat each was."""

    def __init__(self, frame_s: float, slowest: float, fastest: float, frames: int) -> None:
        """frame_s: s between frames; slowest, fastest: bpm; frames: how many there are."""
        self._frame_s = frame_s
        self._intervals = intervals_of(frame_s, slowest, fastest)
        self._starts = np.concatenate([[0], np.cumsum(self._intervals)[:-1]])
        self._ends = self._starts + self._intervals - 1
        self.of = np.repeat(np.arange(len(self._intervals)), self._intervals)
        self.hz = 1.0 / (self._intervals * frame_s)
        gone = (np.arange(len(self.of)) - self._starts[self.of]) / self._intervals[self.of]
        self._beats = np.flatnonzero(gone < 1.0 / BEAT_PART)
        self.position = gone - 0.5 / BEAT_PART
        self._change = log_changes(self._intervals).astype(np.float32)
        self._worth = np.zeros(len(self.of), np.float32)  # of the best course from here on
        self._came = np.zeros((frames, len(self._intervals)), np.uint8)
        self._frame = frames

    def step(self, activation: float, weight: float) -> None:
        """Go back by one frame and take what was heard in it, as `BeatFilter.step` does."""
        self._frame -= 1
        worth = self._worth
        choices = self._change + worth[self._starts][None, :]
        best = choices.argmax(axis=1)
        self._came[self._frame] = best
        ended = choices[np.arange(len(best)), best]
        worth[:-1] = worth[1:]
        worth[self._ends] = ended
        activation = min(activation, MOST)
        elsewhere = (1.0 - activation) / (BEAT_PART - 1)
        worth[self._beats] += weight * np.log(max(activation, LEAST) / elsewhere)
        worth -= worth.max()

    def weigh(self, log_weight: np.ndarray, ahead: np.ndarray, tempi: np.ndarray) -> None:
        """Add to what the states are worth at the frame at hand.

        log_weight: float [intervals, BINS], bin p standing for the position -p / BINS beats less `ahead` [intervals];
        tempi: float [intervals].
        """
        bins = np.rint(-(self.position + ahead[self.of]) * BINS).astype(np.int64) % BINS
        self._worth += log_weight[self.of, bins] + tempi[self.of]

    def course(self) -> tuple[np.ndarray, np.ndarray]:
        """Return (beats passed at each frame, beats per second there), float64 [frames]."""
        frames = len(self._came)
        beats, hz = np.zeros(frames), np.zeros(frames)
        state = int(self._worth.argmax())
        k = int(self.of[state])
        place, count = state - int(self._starts[k]), 0
        for frame in range(frames):
            beats[frame] = count + place / self._intervals[k] - 0.5 / BEAT_PART
            hz[frame] = self.hz[k]
            place += 1
            if place == self._intervals[k]:
                k, place, count = int(self._came[frame, k]), 0, count + 1
        return beats, hz
