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
from functools import partial

import numpy as np

from phosphene.engine.core.signals import MEL_BANDS
from phosphene.engine.tempo.beats_by_filter import course_by_filter
from phosphene.engine.tempo.course import BEATLESS, DRIFT_HZ, Course, peak, rising, smooth
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
        return course_by_filter(partial(_both_sides, x, bank), bank, rows, frames, times, hop_s)

    profiles, pulses = np.zeros((2, steps, BINS), np.float32)
    for s, z, energy in _both_sides(x, bank):
        bank.hold(z, energy)
        score, pulse = bank.score(slice(rows[s], rows[s] + 1))
        profiles[s], pulses[s] = score[0], pulse[0]
    hz = bank.hz[rows]
    sure = np.clip((profiles.max(axis=1) / bank.prior[rows] - SCORE_NOISE) / (SCORE_SURE - SCORE_NOISE), 0.0, 1.0)
    if float((sure > 0.0).mean()) < BEATLESS:
        return None
    reading = _phase_course(profiles, pulses, hz * step_s, step_s)
    beats, own = smooth(reading, hz, sure, step_s, np.full(steps, DRIFT_HZ))
    return Course(times, rising(beats, own * step_s), sure)


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
    exact = np.array([peak(pulses[s], int(p)) for s, p in enumerate(at)])
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
