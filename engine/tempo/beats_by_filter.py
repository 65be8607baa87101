"""The beats of a whole piece by the live tracker's filter, run both ways in time, and by what repeats.

Called by `beats.find_course` once per piece. The filter (`two_way.py`) hears what the networks and the attacks said at each
frame, and is weighed by the scores of all tempi and phases and by the octave that repetition tells. Where the folded profile
at the tempo of that course agrees, it gives the exact phase; a Kalman smoother joins all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from phosphene.engine.tempo.confidence import Confidence
from phosphene.engine.tempo.course import BEATLESS, DRIFT_HZ, Course, peak, rising, smooth
from phosphene.engine.tempo.off_beat import OffBeat
from phosphene.engine.tempo.resonator_tracker import SCORE_NOISE, SCORE_SURE
from phosphene.engine.tempo.resonators import BINS, Resonators
from phosphene.engine.tempo.tracker import BEHIND_S, FASTEST_BPM, FRAME_HOPS, SLOWEST_BPM
from phosphene.engine.tempo.two_way import TwoWay

Sides = Callable[[], Iterator[tuple[int, np.ndarray, np.ndarray]]]

_FLOOR = 1.0  # scores below say nothing: noise reaches 3 at its best phase
# As in the tracker, but weighed half as often: log weights of what repetition says, and of its octave.
_REPEATS, _OCTAVE, _OCTAVE_FREE, _OCTAVE_SPAN = 2.0, 5.2, 0.15, 0.35
_CLEAR, _CLEAREST = 2.5, 0.8  # repetition places the phase where it scores so, and nearly its best, beside the course
_NEAR_BINS = np.arange(-9, 10)  # 0.14 beats to either side
_DRIFT_FREE_HZ = 0.1  # how much the tempo of free music may change, as `DRIFT_HZ`:
_STEADY_S = 4.0  # as much of it as within so long to either side nothing repeats
_MEDIAN_STEPS = 4  # to either side, 1 s
_COURSE_SURE = 0.7  # the filter places a beat to half a frame: 0.05 beats
_OPEN_SHARE, _LONG_FOLLOWED_S = 0.6, 8.0  # signs of confidence that this course has not: neither for nor against
_CONFIDENCE_LATE_S = 1.0
_BELIEVED = 0.35


def course_by_filter(
    sides: Sides, bank: Resonators, rows: np.ndarray, frames: np.ndarray, times: np.ndarray, hop_s: float
) -> Course | None:
    """Return the course by the filter over frames, weighed by repetition; None where there is no beat to follow.

    sides: gives what repeats on both sides of every step, the last step first. bank: which scores it; rows: of its tempi,
    int64 [steps], the likeliest by repetition. frames: float32 [n, 6], `BeatTracker.frame`. times: float64 [steps] s.
    """
    frame_s = FRAME_HOPS * hop_s
    search = TwoWay(frame_s, SLOWEST_BPM, FASTEST_BPM, len(frames))
    heard_at = (np.arange(len(frames)) + 1) * frame_s - BEHIND_S
    every_other = slice(0, len(bank.hz), 2)
    hz_rows = bank.hz[every_other]
    steps = np.log2(search.hz / hz_rows[0]) / np.log2(hz_rows[1] / hz_rows[0])
    of = np.rint(steps).astype(np.int64).clip(0, len(hz_rows) - 1)
    sure = np.zeros(len(times))
    at = len(frames)
    for s, z, energy in sides():
        bank.hold(z, energy)
        table = bank.score(every_other)[0]
        own = bank.score(slice(rows[s], rows[s] + 1))[0]
        sure[s] = min(1.0, max(0.0, (float(own.max()) / bank.prior[rows[s]] - SCORE_NOISE) / (SCORE_SURE - SCORE_NOISE)))
        here = min(len(frames), max(0, int(np.searchsorted(heard_at, times[s]))))
        while at > here:
            at -= 1
            search.step(float(frames[at, 0]), float(frames[at, 1]))
        if at == len(frames):
            continue
        off = np.abs(np.log2(search.hz / bank.hz[rows[s]]))
        tempi = -_OCTAVE * (0.2 + 0.8 * sure[s]) * ((off - _OCTAVE_FREE) / _OCTAVE_SPAN).clip(0.0, 1.0)
        told = _REPEATS * np.log(np.maximum(table[of], _FLOOR) / max(_FLOOR, float(table.max())))
        search.weigh(told, -search.hz * (heard_at[at] - times[s]), tempi)
    beats, hz = search.course()
    course = np.interp(times, heard_at, beats + _off_beat(beats, frames))
    tempo = np.interp(times, heard_at, hz)
    exact = np.zeros(len(times))
    agree = np.zeros(len(times), bool)
    for s, z, energy in sides():
        bank.hold(z, energy)
        row = int(bank.row_of(tempo[s]))
        profile, pulse = (each[0] for each in bank.score(slice(row, row + 1)))
        expected = -course[s] * BINS % BINS
        near = (round(expected) + _NEAR_BINS) % BINS
        best = int(near[int(profile[near].argmax())])
        if profile[best] > _CLEAR and profile[best] > _CLEAREST * profile.max():
            error = -(peak(pulse, best) - expected) / BINS
            exact[s], agree[s] = error - round(error), True
    confidence = _confidence(frames, heard_at, beats, times, sure, agree)
    if float((confidence >= _BELIEVED).mean()) < BEATLESS:
        return None
    step_s = float(times[1] - times[0]) if len(times) > 1 else hop_s
    reach = round(_STEADY_S / step_s)
    steady = np.array([agree[max(0, s - reach) : s + reach + 1].mean() for s in range(len(agree))])
    drift = DRIFT_HZ + (_DRIFT_FREE_HZ - DRIFT_HZ) * (1.0 - steady) ** 2
    # Among beats that repeat, one that nothing places exactly lies where its neighbours say, and its tempo is theirs.
    exactly = np.where(agree, np.maximum(sure, _COURSE_SURE), _COURSE_SURE * (1.0 - steady))
    tempo = np.array([np.median(tempo[max(0, s - _MEDIAN_STEPS) : s + _MEDIAN_STEPS + 1]) for s in range(len(tempo))])
    smoothed, own_hz = smooth(course + exact, tempo, exactly, step_s, drift)
    return Course(times, rising(smoothed, own_hz * step_s), confidence)


def _off_beat(beats: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """Return what is to be added to the beats of each frame, 0 or 0.5, by the bass drum before it, or after it."""
    told = np.zeros((2, len(beats)))
    for half, order in zip(told, (slice(None), slice(None, None, -1)), strict=True):
        judge = OffBeat()
        positions = (beats if order.step is None else -beats)[order].tolist()
        for k, (beat, bass) in enumerate(zip(positions, frames[order, 4].tolist(), strict=True)):
            judge.step(beat, bass)
            half[k] = judge.half
        half[:] = half[order]
    either: np.ndarray = told.max(axis=0)
    return either


def _confidence(
    frames: np.ndarray, heard_at: np.ndarray, beats: np.ndarray, times: np.ndarray, sure: np.ndarray, agree: np.ndarray
) -> np.ndarray:
    """Return how sure the course is at `times`, 0..1: as the live tracker judges, but for what only it can know."""
    told = Confidence()
    values, s = np.zeros(len(times)), 0
    for k, at in enumerate(heard_at.tolist()):
        told.hear(float(beats[k]), float(frames[k, 0]))
        while s < len(times) and times[s] <= at:
            elapsed = float(times[1] - times[0])
            told.step(_OPEN_SHARE, float(sure[s]), bool(agree[s]), float(frames[k, 1]), _LONG_FOLLOWED_S, elapsed)
            values[s] = told.value
            s += 1
    values[s:] = told.value
    # What is remembered is of the beats before: half of it belongs to what comes after.
    ahead = round(_CONFIDENCE_LATE_S / float(times[1] - times[0])) if len(times) > 1 else 0
    return np.concatenate([values[ahead:], np.full(min(ahead, len(values)), values[-1])])
