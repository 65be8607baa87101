"""The Analyzer's mel spectrum of a whole sound at once, before its logarithm: for training, ten times as fast as hop by hop.

`test_drums.py` holds it to what the Analyzer says.
"""

from __future__ import annotations

import numpy as np

from phosphene.engine.audio.spectrum import MelBank, attack_window, bin_frequencies
from phosphene.engine.core.signals import HOP, MEL_BANDS, SAMPLE_RATE, WINDOW

COMPRESSION = 1e5  # the Analyzer's: what the network sees is log(1 + COMPRESSION gain^2 power)
_AT_ONCE = 4096  # frames


def mel_powers(mono: np.ndarray) -> np.ndarray:
    """Return float32 [n // HOP, 40] of float32 [n]: row k is of the window that ends with hop k, as in the Analyzer."""
    window = attack_window(WINDOW, HOP)
    bank = MelBank(bin_frequencies(WINDOW, SAMPLE_RATE), MEL_BANDS)
    matrix = np.zeros((WINDOW // 2 + 1, MEL_BANDS), np.float32)
    for k, one in enumerate(np.eye(WINDOW // 2 + 1, dtype=np.float32)):
        bank.apply(one, matrix[k])
    hops = len(mono) // HOP
    padded = np.concatenate([np.zeros(WINDOW - HOP, np.float32), mono[: hops * HOP]])
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]
    out = np.zeros((hops, MEL_BANDS), np.float32)
    scale = np.float32(2.0 / window.sum())
    for first in range(0, hops, _AT_ONCE):
        spectrum = np.fft.rfft(frames[first : first + _AT_ONCE] * window)
        out[first : first + _AT_ONCE] = np.square(np.abs(spectrum).astype(np.float32) * scale) @ matrix
    return out
