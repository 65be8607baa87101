"""Takes a spectrum apart into drums, bass and tonal sound: masks that sum to 1, by medians (HPSS, Fitzgerald 2010).

What is steady in time is tonal, what is broad in frequency is drums. Medians do not know instruments: the body of a kick
goes mostly to the bass, the attacks of a piano to the drums.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from phosphene.engine.muse.stft import FREQUENCIES

BASS_HZ = 250.0  # below it what is steady is bass
_LONG, _BROAD = 17, 17  # frames (0.18 s), bins (0.4 kHz)
_BLOCK = 128  # frames: 0.3 GB an hour would be 8 GB at once


class Parts(NamedTuple):
    """drums, bass, tonal: float32 [frames, 1025], 0..1, sum 1."""

    drums: np.ndarray
    bass: np.ndarray
    tonal: np.ndarray


def split(size: np.ndarray) -> Parts:
    """Return the parts of float32 [frames, 1025] magnitudes."""
    drums = drum_share(size, _LONG, _BROAD)
    low = (FREQUENCIES < BASS_HZ).astype(np.float32)
    return Parts(drums, (1 - drums) * low, (1 - drums) * (1 - low))


def drum_share(size: np.ndarray, long: int, broad: int) -> np.ndarray:
    """Return float32 [frames, bins]: how much broader than long a sound is, 0..1, by medians over odd lengths."""
    steady = np.pad(size, ((long // 2, long // 2), (0, 0)), mode="edge")
    wide = np.pad(size, ((0, 0), (broad // 2, broad // 2)), mode="edge")
    out = np.empty(size.shape, np.float32)
    for at in range(0, len(size), _BLOCK):
        end = min(len(size), at + _BLOCK)
        tonal = _median(steady[at : end + long - 1], long, 0) ** 2
        drums = _median(wide[at:end], broad, 1) ** 2
        out[at:end] = (drums + 1e-20) / (drums + tonal + 2e-20)
    return out


def _median(x: np.ndarray, length: int, axis: int) -> np.ndarray:
    views = np.lib.stride_tricks.sliding_window_view(x, length, axis=axis)
    middle: np.ndarray = np.partition(views, length // 2, axis=-1)[..., length // 2]
    return middle
