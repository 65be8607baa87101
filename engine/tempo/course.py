"""The beat all along a piece, and what makes one of readings: a smoother, and the exact place of a peak.

Called by `beats.py` and `beats_by_filter.py` once per piece. No BLAS: it sums in another order from run to run.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

DRIFT_HZ = 0.004  # how much the tempo of music that repeats may change: beats per second, per root second
BEATLESS = 0.1  # with less than this share of the piece sure, there is no beat to follow
_READING = (0.02, 0.4)  # beats: how exact one reading of the phase is at the most and at the least sure
_NEW_TEMPO = 0.04  # a step of the course of more than this share begins another piece,
_TEMPO_KNOWN, _PHASE_KNOWN = 0.02, 0.1  # whose tempo (share) and phase (beats) are known so well


@dataclass(frozen=True)
class Course:
    """The beat all along a piece. times: float64 [n] s; beats: float64 [n], rising; confidence: float64 [n] 0..1."""

    times: np.ndarray
    beats: np.ndarray
    confidence: np.ndarray


def smooth(
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


def rising(beats: np.ndarray, steps: np.ndarray) -> np.ndarray:
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


def peak(values: np.ndarray, i: int) -> float:
    """Return the place of the maximum of a circular profile within two bins of bin `i`, by a parabola."""
    near = (i + np.arange(-2, 3)) % len(values)
    k = int(values[near].argmax()) - 2
    a, b, c = (float(values[(i + k + d) % len(values)]) for d in (-1, 0, 1))
    bend = a - 2.0 * b + c
    return i + k + (min(0.5, max(-0.5, 0.5 * (a - c) / bend)) if bend < 0.0 else 0.0)
