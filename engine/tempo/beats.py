"""Finds the beats of a whole piece at once: what comes later says where the first beat is.

Called by `engine.audio.prepared` once per piece, on the caller's thread, with the onset strength of every hop. The path:

    onset strength of bass and rest
    -> the tracker's resonators, run forwards and backwards in time and added: what lies on both sides of an instant
    -> the best score of every tempo, four times a second -> the likeliest course of the tempo (Viterbi)
    with what the tracker's networks and its attacks say, a frame each:
       -> the tracker's filter over tempo and phase, both ways (Viterbi), weighed by the scores and the octave of that tempo
       -> the folded profile at the tempo of that course: the exact phase, where the two agree
    without:
       -> the folded profile at that tempo -> the likeliest course of the phase (Viterbi)
    -> a Kalman smoother over the exact phase: beat and tempo run on through breaks, held from both sides

Memory is some 80 bytes a hop, 55 MB an hour. Nothing here is a matrix product that BLAS would spread over threads: those sum
in another order from run to run, and the beats of a piece must not depend on who found them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from phosphene.engine.core.signals import MEL_BANDS
from phosphene.engine.tempo.confidence import Confidence
from phosphene.engine.tempo.off_beat import OffBeat
from phosphene.engine.tempo.resonator_tracker import (
    BASS_BANDS,
    FASTEST_BPM,
    FLUX_LAG_S,
    MEMORY_S,
    PRIOR_BPM,
    PRIOR_OCTAVES,
    RISE_HOPS,
    SCORE_NOISE,
    SCORE_SURE,
    SLOWEST_BPM,
    TREBLE_FROM,
    TREBLE_WEIGHT,
)
from phosphene.engine.tempo.resonators import BINS, Resonators
from phosphene.engine.tempo.tracker import BEHIND_S, FRAME_HOPS
from phosphene.engine.tempo.tracker import FASTEST_BPM as FILTER_FASTEST_BPM
from phosphene.engine.tempo.tracker import SLOWEST_BPM as FILTER_SLOWEST_BPM
from phosphene.engine.tempo.two_way import TwoWay

STEP = 48  # hops, 0.256 s
_CHUNK = 64  # steps whose states are held at a time
_BLOCK = 1 << 15  # hops
_MEAN_S = 1.0  # onset strength is taken against its mean over so much on either side
_ABSURD = 1e3

# Evidence is log(score) integrated over s, as in the tracker. Another tempo, or another phase, has to be worth so much:
# here nothing is at stake but the truth, for the whole piece is in view.
_TEMPO_JUMP, _TEMPO_DRIFT = 4.0, 0.1
_PHASE_JUMP, _PHASE_DRIFT = 3.0, 0.02
_FLOOR = 1.0  # scores below say nothing: noise reaches 3 at its best phase

# The smoother: what a step may change, and how exact one reading of the phase is at the least and at the most sure.
_DRIFT_HZ = 0.004  # beats per second, per root second: of music that repeats,
_DRIFT_FREE_HZ = 0.1  # and of music whose tempo is free:
_STEADY_S = 4.0  # as much of it as within so long to either side nothing repeats
_READING = (0.02, 0.4)  # beats
_NEW_TEMPO = 0.04  # a step of the course of more than this share begins another piece,
_TEMPO_KNOWN, _PHASE_KNOWN = 0.02, 0.1  # whose tempo (share) and phase (beats) are known so well
_MEDIAN_STEPS = 4  # to either side, 1 s
_COURSE_SURE = 0.7  # the filter places a beat to half a frame: 0.05 beats
_CLEAR, _CLEAREST = 2.5, 0.8  # repetition places the phase where it scores so, and nearly its best, beside the course,
_NEAR_BINS = np.arange(-9, 10)  # 0.14 beats to either side
# As in the tracker, but weighed half as often: log weights of what repetition says, and of its octave.
_REPEATS, _OCTAVE, _OCTAVE_FREE, _OCTAVE_SPAN = 2.0, 5.2, 0.15, 0.35
_OPEN_SHARE, _LONG_FOLLOWED_S = 0.6, 8.0  # signs of confidence that this course has not: neither for nor against
_CONFIDENCE_LATE_S = 1.0
_BELIEVED = 0.35
_BEATLESS = 0.1  # with less than this share of the piece sure, there is no beat to follow


@dataclass(frozen=True)
class Course:
    """The beat all along a piece. times: float64 [n] s; beats: float64 [n], rising; confidence: float64 [n] 0..1."""

    times: np.ndarray
    beats: np.ndarray
    confidence: np.ndarray


class OnsetStrength:
    """Log-mel in, in blocks of any length; onset strength of bass and rest out, one pair a hop."""

    def __init__(self) -> None:
        self._before = np.zeros((0, MEL_BANDS), np.float32)

    def take(self, mel: np.ndarray) -> np.ndarray:
        """Take float32 [n, 40] that follows on; return float32 [n, 2]."""
        joined = np.concatenate([self._before, mel])
        rise = np.maximum(joined[RISE_HOPS:] - joined[:-RISE_HOPS], 0.0)
        rise[:, TREBLE_FROM:] *= TREBLE_WEIGHT
        out = np.zeros((len(mel), 2), np.float32)
        begun = len(mel) - len(rise)  # the first hops of a piece rise over nothing
        out[begun:, 0] = rise[:, :BASS_BANDS].mean(axis=1)
        out[begun:, 1] = rise[:, BASS_BANDS:].mean(axis=1)
        self._before = joined[-RISE_HOPS:]
        return np.where(out < _ABSURD, out, 0.0)


def find_course(strength: np.ndarray, hop_s: float, frames: np.ndarray | None = None) -> Course | None:
    """Return the course of the beat, or None where there is none to follow.

    strength: float32 [hops, 2] of bass and rest, from `OnsetStrength`; the record of hop k ends at (k + 1) * hop_s.
    frames: float32 [hops // 2, 6], `BeatTracker.frame` after every second hop; None: strength alone is asked.
    """
    if not strength.any():
        return None
    x = _less_mean(strength, round(_MEAN_S / hop_s))
    bank = Resonators(hop_s, MEMORY_S, SLOWEST_BPM, FASTEST_BPM, PRIOR_BPM, PRIOR_OCTAVES)
    every_other = slice(0, len(bank.hz), 2)
    steps = -(-len(x) // STEP) + 1
    step_s = STEP * hop_s
    scores = np.zeros((steps, len(bank.hz[every_other])), np.float32)
    for s, z, energy in _both_sides(x, bank):
        bank.hold(z, energy)
        scores[s] = bank.score(every_other)[0].max(axis=1)
    rows = _tempo_course(_evidence(scores, step_s)) * 2
    del scores
    times = np.arange(steps) * step_s + hop_s - FLUX_LAG_S
    if frames is not None and len(frames):
        return _with_frames(x, bank, rows, frames, times, hop_s)

    profiles, pulses = np.zeros((2, steps, BINS), np.float32)
    for s, z, energy in _both_sides(x, bank):
        bank.hold(z, energy)
        score, pulse = bank.score(slice(rows[s], rows[s] + 1))
        profiles[s], pulses[s] = score[0], pulse[0]
    hz = bank.hz[rows]
    sure = np.clip((profiles.max(axis=1) / bank.prior[rows] - SCORE_NOISE) / (SCORE_SURE - SCORE_NOISE), 0.0, 1.0)
    if float((sure > 0.0).mean()) < _BEATLESS:
        return None
    reading = _phase_course(profiles, pulses, hz * step_s, step_s)
    beats, own = _smooth(reading, hz, sure, step_s, np.full(steps, _DRIFT_HZ))
    return Course(times, _rising(beats, own * step_s), sure)


def _with_frames(
    x: np.ndarray, bank: Resonators, rows: np.ndarray, frames: np.ndarray, times: np.ndarray, hop_s: float
) -> Course | None:
    """Return the course by the filter over frames, weighed by repetition. rows: of the likeliest tempo by repetition."""
    frame_s = FRAME_HOPS * hop_s
    search = TwoWay(frame_s, FILTER_SLOWEST_BPM, FILTER_FASTEST_BPM, len(frames))
    heard_at = (np.arange(len(frames)) + 1) * frame_s - BEHIND_S
    every_other = slice(0, len(bank.hz), 2)
    hz_rows = bank.hz[every_other]
    steps = np.log2(search.hz / hz_rows[0]) / np.log2(hz_rows[1] / hz_rows[0])
    of = np.rint(steps).astype(np.int64).clip(0, len(hz_rows) - 1)
    sure = np.zeros(len(times))
    at = len(frames)
    for s, z, energy in _both_sides(x, bank):
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
    for s, z, energy in _both_sides(x, bank):
        bank.hold(z, energy)
        row = int(bank.row_of(tempo[s]))
        profile, pulse = (each[0] for each in bank.score(slice(row, row + 1)))
        expected = -course[s] * BINS % BINS
        near = (round(expected) + _NEAR_BINS) % BINS
        best = int(near[int(profile[near].argmax())])
        if profile[best] > _CLEAR and profile[best] > _CLEAREST * profile.max():
            error = -(_peak(pulse, best) - expected) / BINS
            exact[s], agree[s] = error - round(error), True
    confidence = _confidence(frames, heard_at, beats, times, sure, agree)
    if float((confidence >= _BELIEVED).mean()) < _BEATLESS:
        return None
    step_s = float(times[1] - times[0]) if len(times) > 1 else STEP * hop_s
    reach = round(_STEADY_S / step_s)
    steady = np.array([agree[max(0, s - reach) : s + reach + 1].mean() for s in range(len(agree))])
    drift = _DRIFT_HZ + (_DRIFT_FREE_HZ - _DRIFT_HZ) * (1.0 - steady) ** 2
    # Among beats that repeat, one that nothing places exactly lies where its neighbours say, and its tempo is theirs.
    exactly = np.where(agree, np.maximum(sure, _COURSE_SURE), _COURSE_SURE * (1.0 - steady))
    tempo = np.array([np.median(tempo[max(0, s - _MEDIAN_STEPS) : s + _MEDIAN_STEPS + 1]) for s in range(len(tempo))])
    smooth, own_hz = _smooth(course + exact, tempo, exactly, step_s, drift)
    return Course(times, _rising(smooth, own_hz * step_s), confidence)


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


def _less_mean(strength: np.ndarray, hops: int) -> np.ndarray:
    """Take off the mean over `hops` on either side; at the ends over what there is."""
    n = len(strength)
    out = np.zeros_like(strength)
    for band in range(strength.shape[1]):
        total = np.concatenate([[0.0], np.cumsum(strength[:, band], dtype=np.float64)])
        for first in range(0, n, _BLOCK):  # in blocks: an hour's worth of float64 would be 40 MB for a moment
            at = np.arange(first, min(first + _BLOCK, n))
            low, high = np.maximum(at - hops, 0), np.minimum(at + hops + 1, n)
            out[at, band] = strength[at, band] - (total[high] - total[low]) / (high - low)
    return out


def _both_sides(x: np.ndarray, bank: Resonators) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Yield (step, complex64 [2, resonators], energy [2]) of every step, the last first.

    A state is the sum of two: what came before the instant, fading into the past, and what comes after, fading into the
    future, its phases mirrored. Running backwards needs the forward states in reverse: they are kept once per chunk, and
    made again within one, so that memory does not grow with the piece.
    """
    turn = bank.turn.astype(np.complex128)
    decay = float(np.abs(turn[0]))
    j = np.arange(STEP)
    before = (turn ** (STEP - j)[:, None]).astype(np.complex64)  # [STEP, resonators]
    after = (turn ** j[:, None]).astype(np.complex64)
    whole = (turn**STEP).astype(np.complex64)
    fade_before, fade_after, fade = decay ** (STEP - j), decay**j, decay**STEP
    steps = -(-len(x) // STEP)

    def chunk(first: int) -> np.ndarray:
        part = x[first * STEP : (first + _CHUNK) * STEP]
        short = -len(part) % STEP
        return np.concatenate([part, np.zeros((short, 2), np.float32)]).reshape(-1, STEP, 2)

    def sums(part: np.ndarray, kernel: np.ndarray, fading: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return (
            np.einsum("sjb,jf->sbf", part.astype(np.complex64), kernel),
            np.einsum("sjb,j->sb", np.square(part, dtype=np.float64), fading),
        )

    z, energy = np.zeros((2, len(turn)), np.complex64), np.zeros(2)
    marks = []
    for first in range(0, steps, _CHUNK):
        marks.append((z.copy(), energy.copy()))
        for add, more in zip(*sums(chunk(first), before, fade_before), strict=True):
            z, energy = z * whole + add, energy * fade + more
    yield steps, z, energy

    back, back_energy = np.zeros_like(z), np.zeros(2)
    for first in range((steps - 1) // _CHUNK * _CHUNK, -1, -_CHUNK):
        part = chunk(first)
        z, energy = marks[first // _CHUNK]
        states = []
        for add, more in zip(*sums(part, before, fade_before), strict=True):
            states.append((z, energy))
            z, energy = z * whole + add, energy * fade + more
        adds, mores = sums(part, after, fade_after)
        for k in range(len(part) - 1, -1, -1):
            back, back_energy = back * whole + adds[k], back_energy * fade + mores[k]
            yield first + k, states[k][0] + back.conj(), states[k][1] + back_energy


def _evidence(scores: np.ndarray, step_s: float) -> np.ndarray:
    """Turn scores float32 [steps, states] into nats x s, in their place."""
    np.maximum(scores, _FLOOR, out=scores)
    np.log(scores, out=scores)
    scores *= np.float32(step_s)
    return scores


def _tempo_course(evidence: np.ndarray) -> np.ndarray:
    """Return the row of the likeliest tempo at every step; evidence [steps, rows] in nats."""
    return _viterbi(evidence, _TEMPO_JUMP, (_TEMPO_DRIFT, 2.5 * _TEMPO_DRIFT), circular=False)


def _phase_course(profiles: np.ndarray, pulses: np.ndarray, advance: np.ndarray, step_s: float) -> np.ndarray:
    """Return the phase in beats at every step, up to whole beats.

    profiles, pulses: [steps, BINS]; advance [steps]: beats a step. The phase is sought in a frame that turns with the tempo,
    where a steady beat stands still.
    """
    turned = np.concatenate([[0.0], np.cumsum((advance[1:] + advance[:-1]) / 2)])
    # Bin p of a profile is a beat 1 - p / BINS ago: a phase of -p / BINS.
    shift = np.round(-turned * BINS).astype(np.int64)
    standing = np.stack([np.roll(profile, -move) for profile, move in zip(profiles, shift.tolist(), strict=True)])
    course = _viterbi(_evidence(standing, step_s), _PHASE_JUMP, (_PHASE_DRIFT, 2.5 * _PHASE_DRIFT), circular=True)
    at = (course + shift) % BINS
    exact = np.array([_peak(pulses[s], int(p)) for s, p in enumerate(at)])
    phase = -exact / BINS - turned
    beats: np.ndarray = turned + phase - np.floor(phase)
    return beats


def _viterbi(evidence: np.ndarray, jump: float, drift: tuple[float, float], circular: bool) -> np.ndarray:
    """Return the state at every step: the course with the most evidence, less what its moves cost.

    A move by one or two states costs drift[0] or drift[1], any other `jump`.
    """
    steps, states = evidence.shape
    came = np.zeros((steps, states), np.int16)
    total = evidence[0].astype(np.float64)
    here = np.arange(states, dtype=np.int16)
    for s in range(1, steps):
        leader = int(total.argmax())
        best = np.full(states, total[leader] - jump)
        source = np.full(states, leader, np.int16)
        for move, cost in ((0, 0.0), (1, drift[0]), (-1, drift[0]), (2, drift[1]), (-2, drift[1])):
            other = np.roll(total, move) - cost
            if not circular and move:
                other[:move] = -np.inf if move > 0 else other[:move]
                if move < 0:
                    other[move:] = -np.inf
            better = other > best
            best = np.where(better, other, best)
            source = np.where(better, (here - move) % states, source).astype(np.int16)
        came[s] = source
        total = best + evidence[s]
    course = np.zeros(steps, np.int64)
    course[-1] = int(total.argmax())
    for s in range(steps - 1, 0, -1):
        course[s - 1] = came[s, course[s]]
    return course


def _smooth(
    reading: np.ndarray, hz: np.ndarray, sure: np.ndarray, step_s: float, drift: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return (beats, beats per second), float64 [steps]: a Kalman smoother (Rauch, Tung, Striebel 1965) over the phase.

    drift: how much the tempo may change, beats per second, per root second [steps].
    """
    n = len(reading)
    low, high = _READING
    noise = (high * (low / high) ** sure) ** 2
    moves = np.array([[step_s**3 / 3, step_s**2 / 2], [step_s**2 / 2, step_s]])
    move = np.array([[1.0, step_s], [0.0, 1.0]])
    means, spreads = np.zeros((n, 2)), np.zeros((n, 2, 2))
    told, told_spread = np.zeros((n, 2)), np.zeros((n, 2, 2))  # before the reading
    mean, spread = np.array([reading[0], hz[0]]), np.diag([1.0, (_TEMPO_KNOWN * hz[0]) ** 2])
    for s in range(n):
        if s:
            mean, spread = _times(move, mean), _between(move, spread) + drift[s] ** 2 * moves
            if abs(hz[s] / hz[s - 1] - 1.0) > _NEW_TEMPO:
                mean[1] = hz[s]
                spread = spread + np.diag([_PHASE_KNOWN**2, (_TEMPO_KNOWN * hz[s]) ** 2])
        told[s], told_spread[s] = mean, spread
        if sure[s] > 0.0:  # else it is no reading: the tempo was read elsewhere, and better
            gain = spread[:, 0] / (spread[0, 0] + noise[s])
            error = reading[s] - mean[0]
            mean = mean + gain * (error - round(error))
            spread = spread - gain[:, None] * spread[0]
        means[s], spreads[s] = mean, spread
    out = means.copy()
    for s in range(n - 2, -1, -1):
        a, b, d = told_spread[s + 1, 0, 0], told_spread[s + 1, 0, 1], told_spread[s + 1, 1, 1]
        inverse = np.array([[d, -b], [-b, a]]) / (a * d - b * b)
        back = _product(_product(spreads[s], move.T), inverse)
        out[s] = means[s] + _times(back, out[s + 1] - told[s + 1])
    return out[:, 0], out[:, 1]


def _rising(beats: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Make sure that beats rise, by at least a third of what the tempo says: an edit in the music is no way back."""
    moves = np.maximum(np.diff(beats), np.maximum(steps[1:], 1e-3) / 3.0)
    risen: np.ndarray = beats[0] + np.concatenate([[0.0], np.cumsum(moves)])
    return risen


def _product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    product: np.ndarray = np.einsum("ij,jk->ik", a, b)
    return product


def _times(a: np.ndarray, v: np.ndarray) -> np.ndarray:
    product: np.ndarray = np.einsum("ij,j->i", a, v)
    return product


def _between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    product: np.ndarray = np.einsum("ij,jk,lk->il", a, b, a)
    return product


def _peak(values: np.ndarray, i: int) -> float:
    """Return the place of the maximum of a circular profile within two bins of bin `i`, by a parabola."""
    near = (i + np.arange(-2, 3)) % len(values)
    k = int(values[near].argmax()) - 2
    a, b, c = (float(values[(i + k + d) % len(values)]) for d in (-1, 0, 1))
    bend = a - 2.0 * b + c
    return i + k + (min(0.5, max(-0.5, 0.5 * (a - c) / bend)) if bend < 0.0 else 0.0)
