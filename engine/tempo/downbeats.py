"""Where "one" is: which of four beats begins the bar. Called by `engine.audio.prepared` once per piece; reads no clock.

Three signs, each taken against its own spread over the piece: the harmony changes on the one, the bass drum and the bass
fall on it (and the snare does not), and whatever enters or leaves does so on it.
"""

from __future__ import annotations

import numpy as np

from phosphene.engine.tempo.conductor import BEATS_PER_BAR

_HARMONY, _BASS, _REST, _ENTRY = 1.0, 0.2, -0.4, 0.3
_EPS = 1e-9


def find_downbeat(chroma: np.ndarray, mel: np.ndarray, accents: np.ndarray) -> int:
    """Return the index, 0..3, of the first downbeat.

    chroma: float [beats, 12] and mel: float [beats, 40], means from each beat to the next; accents: float [beats, 2], onset
    strength of bass and rest at each beat. 0 where there is nothing to tell by.
    """
    if len(chroma) < 2 * BEATS_PER_BAR:
        return 0
    signs = (
        (_HARMONY, _turn(chroma, 2)),
        (_BASS, accents[:, 0]),
        (_REST, accents[:, 1]),
        (_ENTRY, _change(mel, BEATS_PER_BAR)),
    )
    votes = sum((weight * _standard(sign) for weight, sign in signs), np.zeros(len(chroma)))
    sums = [float(votes[p::BEATS_PER_BAR].mean()) for p in range(BEATS_PER_BAR)]
    return int(np.argmax(sums))


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
