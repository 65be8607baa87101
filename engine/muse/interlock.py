"""Decides which of two sounds owns which cell of the spectrum: one ranked field, one threshold, masks that sum to 1.

A cell is a band of a sixteenth note. How much more A wants it than B is ranked, weighted by the energy of the cell, so that
every value of the field is equally often; the threshold then gives B exactly the share that the fader asks for.
"""

from __future__ import annotations

import numpy as np

from phosphene.engine.muse.stft import FREQUENCIES, HOP

BANDS = 32
SLOTS = 4  # of a beat
SOFTNESS = 0.05  # of the field, over which a cell passes from one to the other
_EDGES = np.unique(np.round(np.geomspace(2, len(FREQUENCIES), BANDS + 1)).astype(int))
_STARTS = np.concatenate([[0], _EDGES[1:-1]])
_BAND_OF = np.searchsorted(_STARTS, np.arange(len(FREQUENCIES)), side="right") - 1


def slots_of(frames: int, beats: np.ndarray) -> np.ndarray:
    """Return int64 [frames], rising: the sixteenth that each frame lies in. beats: float64 [n + 1], samples."""
    fine = np.interp(np.arange((len(beats) - 1) * SLOTS) / SLOTS, np.arange(len(beats)), beats)
    return np.maximum(0, np.searchsorted(fine, np.arange(frames) * HOP, side="right") - 1)


def cells(energy: np.ndarray, slots: np.ndarray) -> np.ndarray:
    """Return float64 [slots, bands]: sums of [frames, 1025]."""
    bands = np.add.reduceat(energy, _STARTS, axis=1, dtype=np.float64)
    out = np.zeros((int(slots[-1]) + 1, bands.shape[1]))
    np.add.at(out, slots, bands)
    return out


def spread(owned: np.ndarray, slots: np.ndarray) -> np.ndarray:
    """Return float32 [frames, 1025] of [slots, bands]: the inverse of `cells` for masks."""
    out: np.ndarray = owned[slots][:, _BAND_OF].astype(np.float32)
    return out


def own(want_a: np.ndarray, want_b: np.ndarray, weight: np.ndarray, share: float) -> np.ndarray:
    """Return B's mask, float64 like `weight`, 0..1, whose weighted mean is `share` to 1e-6.

    want_a, want_b: energies of what each is wanted for, 0 and up; weight: energies of the cells. share: 0..1.
    """
    s = np.log(want_a + 1e-12) - np.log(want_b + 1e-12)
    order = np.argsort(s, axis=None, kind="stable")
    flat = weight.ravel()[order] + 1e-300
    u: np.ndarray = np.empty(s.size)
    u[order] = (np.cumsum(flat) - flat / 2) / flat.sum()
    u = u.reshape(s.shape)
    low, high, total = -SOFTNESS, 1 + SOFTNESS, float(weight.sum()) + 1e-300
    for _ in range(60):
        middle = (low + high) / 2
        mask = np.clip((middle - u) / SOFTNESS + 0.5, 0.0, 1.0)
        low, high = (middle, high) if float((mask * weight).sum()) / total < share else (low, middle)
    owned: np.ndarray = np.clip((high - u) / SOFTNESS + 0.5, 0.0, 1.0)
    return owned
