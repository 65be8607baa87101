"""The bars of a whole piece: which beats are "ones", and of how many beats each bar is.

Called by `engine.audio.hearing` once per piece; reads no clock. The states and the observation are those of the live filter
(`bars.py`): what the networks, the accents and the changes of the sound say of every beat. What only the whole piece can
tell is added: harmony changes on the "one", and whatever enters or leaves does so on it, each against its own spread over
the piece. The likeliest course of bars is found by Viterbi's search, how sure it is by the forward-backward algorithm.
"""

from __future__ import annotations

import numpy as np

from phosphene.engine.tempo.bars import (
    METRES,
    MIDDLE,
    ONE,
    SIGNS,
    SURE,
    UNKNOWN,
    USUAL,
    WEIGHT,
    WIDTH,
    downbeat_odds,
)

_LEAST_BEATS = 8
_NEW_METRE, _SLIP = 1e-5, 1e-4  # chances, as in the live filter: rarer, for nothing has to be found out quickly
_HARMONY, _ENTRY = 0.6, 0.4  # log odds for one standard deviation
_NEARBY = 8  # beats to either side, beside which accents are judged
_FARTHEST = 2.3
_EPS = 1e-9


def beat_signs(beats: np.ndarray, heard_at: np.ndarray, frames: np.ndarray, mel: np.ndarray) -> np.ndarray:
    """Return the signs of every beat, float64 [beats, 4], by `bars.SIGNS`.

    beats: float64 [beats] s; heard_at: float64 [frames] s, of which instant each of frames is; frames: float32 [frames, 6],
    `BeatTracker.frame`; mel: float [beats, 40], means from each beat to the next.
    """
    n = len(beats)
    signs = np.zeros((n, len(SIGNS)))
    signs[:, 0] = UNKNOWN
    accents = np.zeros((n, 3))
    accents[1:, 0] = np.square(mel[1:] - mel[:-1]).sum(axis=1)
    steps = np.diff(beats, append=2 * beats[-1] - beats[-2])
    low, high = np.searchsorted(heard_at, beats - WIDTH * steps), np.searchsorted(heard_at, beats + WIDTH * steps)
    for k in range(n):
        near = frames[low[k] : high[k]]
        if len(near):
            loudest = int((near[:, 2] + near[:, 3]).argmax())
            signs[k, 0] = downbeat_odds(float(near[loudest, 2]), float(near[loudest, 3]))
            accents[k, 1:] = near[:, 4:].max(axis=0)
    total = np.concatenate([np.zeros((1, 3)), np.cumsum(accents, axis=0)])
    at = np.arange(n)
    begin, end = np.maximum(at - _NEARBY, 0), np.minimum(at + _NEARBY + 1, n)
    usual = (total[end] - total[begin]) / (end - begin)[:, None]
    signs[:, 1:] = np.log((accents + 1e-6) / (usual + 1e-6)).clip(-_FARTHEST, _FARTHEST)
    return signs


def find_bars(signs: np.ndarray, chroma: np.ndarray, mel: np.ndarray) -> tuple[np.ndarray, float]:
    """Return (which beats begin bars, int64, rising, one at the least; how sure of it all, 0..1).

    signs: float [beats, 4]; chroma: float [beats, 12] and mel: float [beats, 40], means from each beat to the next. Too few
    beats, or nothing to tell by, are bars of four from the first one on, at confidence 0.
    """
    n = len(signs)
    if n < _LEAST_BEATS or not any(np.ptp(each, axis=0).any() for each in (signs, chroma, mel)):
        return np.arange(0, max(1, n), 4), 0.0
    design = np.hstack([signs, np.ones((n, 1))])
    one = WEIGHT * np.einsum("ij,j->i", design, np.array(ONE))
    one += _HARMONY * _standard(_turn(chroma, 2)) + _ENTRY * _standard(_change(mel, 4))
    middle = WEIGHT * np.einsum("ij,j->i", design, np.array(MIDDLE))
    metre = np.repeat(METRES, METRES)
    place = np.concatenate([np.arange(m) for m in METRES])
    odds = np.zeros((n, len(metre)))
    odds[:, place == 0] = one[:, None]
    odds[:, (place * 2 == metre) & (metre > 2)] = middle[:, None]
    moves = _moves(metre, place)
    course = _viterbi(odds, np.log(moves), np.log(np.repeat(np.array(USUAL) / METRES, METRES)))
    ones = np.flatnonzero(place[course] == 0)
    if not len(ones):
        return np.arange(0, n, 4), 0.0
    share = float(np.mean(_shares(odds, moves)[np.arange(n), course]))
    share = min(1.0 - 1e-6, max(1e-6, share))
    slope, constant = SURE
    return ones, float(1.0 / (1.0 + np.exp(-constant - slope * np.log(share / (1.0 - share)))))


def _moves(metre: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Return how likely each state, a row, is followed by each, a column, float64 [states, states]."""
    same = metre[:, None] == metre[None, :]
    follows = same & ((place[:, None] + 1) % metre[:, None] == place[None, :])
    ends = (place == metre - 1)[:, None] & (place == 0)[None, :]
    usual = np.repeat(USUAL, METRES)[None, :]
    moves = follows * (1.0 - _NEW_METRE) + ends * _NEW_METRE * usual
    moves = (1.0 - _SLIP) * moves + _SLIP * same / metre[:, None]
    chances: np.ndarray = moves / moves.sum(axis=1, keepdims=True) + 1e-300
    return chances


def _viterbi(odds: np.ndarray, moves: np.ndarray, first: np.ndarray) -> np.ndarray:
    n, states = odds.shape
    came = np.zeros((n, states), np.int8)
    worth = first + odds[0]
    for k in range(1, n):
        choices = worth[:, None] + moves
        came[k] = choices.argmax(axis=0)
        worth = choices.max(axis=0) + odds[k]
    course = np.zeros(n, np.int64)
    course[-1] = int(worth.argmax())
    for k in range(n - 1, 0, -1):
        course[k - 1] = came[k, course[k]]
    return course


def _shares(odds: np.ndarray, moves: np.ndarray) -> np.ndarray:
    """Return how likely each state is at each beat, float64 [beats, states]: forward and backward."""
    likely = np.exp(odds - odds.max(axis=1, keepdims=True))
    n, states = odds.shape
    forward, backward = np.zeros((2, n, states))
    forward[0] = likely[0] * np.repeat(np.array(USUAL) / METRES, METRES)
    forward[0] /= forward[0].sum()
    for k in range(1, n):
        forward[k] = np.einsum("i,ij->j", forward[k - 1], moves) * likely[k]
        forward[k] /= forward[k].sum()
    backward[-1] = 1.0
    for k in range(n - 2, -1, -1):
        backward[k] = np.einsum("ij,j->i", moves, likely[k + 1] * backward[k + 1])
        backward[k] /= backward[k].sum()
    shares: np.ndarray = forward * backward
    shares /= shares.sum(axis=1, keepdims=True)
    return shares


def _turn(x: np.ndarray, reach: int) -> np.ndarray:
    """Return for every beat 1 - cos of the angle between what is before it and what is after, `reach` beats each."""
    before, after = _sides(x, reach)
    norms = np.sqrt(np.square(before).sum(axis=1) * np.square(after).sum(axis=1))
    return np.where(norms > _EPS, 1.0 - (before * after).sum(axis=1) / np.maximum(norms, _EPS), 0.0)


def _change(x: np.ndarray, reach: int) -> np.ndarray:
    """Return for every beat how much of the spectrum changes there: the squared distance of the means on either side."""
    before, after = _sides(x, reach)
    distance: np.ndarray = np.square(after - before).sum(axis=1)
    return distance


def _sides(x: np.ndarray, reach: int) -> tuple[np.ndarray, np.ndarray]:
    n = len(x)
    total = np.concatenate([np.zeros((1, x.shape[1])), np.cumsum(x, axis=0, dtype=np.float64)])
    at = np.arange(n)
    low, high = np.maximum(at - reach, 0), np.minimum(at + reach, n)
    before = (total[at] - total[low]) / np.maximum(at - low, 1)[:, None]
    before[0] = (total[high[0]] - total[0]) / high[0]  # nothing changes where the piece begins
    return before, (total[high] - total[at]) / (high - at)[:, None]


def _standard(x: np.ndarray) -> np.ndarray:
    standard: np.ndarray = (x - x.mean()) / (x.std() + _EPS)
    return standard
