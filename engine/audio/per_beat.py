"""Features averaged from beat to beat: what downbeats and sections are told by. Read in windows, so memory stays small.

Called by `engine.audio.prepared` once per piece.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from phosphene.engine.core.signals import HOP, MEL_BANDS, SAMPLE_RATE

_SWELL_S = 0.35


def mean_features(windows: Iterable[np.ndarray], beats: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (mel float64 [n, 40], chroma float64 [n, 12]): means from each of n beats to the next, 0 where nothing fell.

    windows: FEATURES records in order; beats: float64 [n >= 2], s, rising. What comes before the first is left out. Chroma
    is of half a beat, 0.35 s late: a chord takes its time to swell, and the last one to ring out.
    """
    n = len(beats)
    step = np.diff(beats, append=2 * beats[-1] - beats[-2])
    edges = np.stack([beats, beats + step / 2], axis=1).ravel()
    mel, chroma = _Means(2 * n, MEL_BANDS), _Means(2 * n, 12)
    for records in windows:
        begun = records["t_adc"] - HOP / SAMPLE_RATE
        mel.add(np.searchsorted(edges, begun, side="right"), records["mel"])
        chroma.add(np.searchsorted(edges, begun - _SWELL_S, side="right"), records["chroma"])
    halves = mel.counts[1:].reshape(n, 2, 1)
    mels = mel.sums[1:].reshape(n, 2, -1).sum(axis=1) / np.maximum(halves.sum(axis=1), 1.0)
    return mels, chroma.sums[1::2] / np.maximum(chroma.counts[1::2], 1.0)


class _Means:
    """Sums and counts per slot; slot 0 is what comes before the first edge."""

    def __init__(self, slots: int, width: int) -> None:
        self.sums, self.counts = np.zeros((slots + 1, width)), np.zeros((slots + 1, 1))

    def add(self, slot: np.ndarray, x: np.ndarray) -> None:
        """Add float32 [n, width], whose slots [n] do not fall."""
        starts = np.flatnonzero(np.diff(slot, prepend=-1))
        self.sums[slot[starts]] += np.add.reduceat(x, starts, axis=0, dtype=np.float64)
        self.counts[slot[starts], 0] += np.diff(starts, append=len(slot))


def by_bar(x: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Return the means of float [beats, d] over bars, which begin at the beats `starts`, int64; the last may be short."""
    sizes = np.diff(starts, append=len(x))
    return np.add.reduceat(x, starts, axis=0) / sizes[:, None]
