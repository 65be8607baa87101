"""The short-time Fourier transform of `engine.muse`: 2048 samples, hop 512, square-root Hann, exact inverse."""

from __future__ import annotations

import numpy as np

from phosphene.engine.core.signals import SAMPLE_RATE

SIZE, HOP = 2048, 512
FREQUENCIES = np.fft.rfftfreq(SIZE, 1.0 / SAMPLE_RATE)
WINDOW = np.sqrt(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(SIZE) / SIZE)).astype(np.float32)
_BLOCK = 256  # frames at a time


def stft(pcm: np.ndarray) -> np.ndarray:
    """Return complex64 [channels, frames, 1025] of float32 [n, channels]; frame k is centred on sample 512 k."""
    count = frames_of(len(pcm))
    padded = np.zeros((pcm.shape[1], (count - 1) * HOP + SIZE), np.float32)
    padded[:, SIZE // 2 : SIZE // 2 + len(pcm)] = pcm.T
    views = np.lib.stride_tricks.sliding_window_view(padded, SIZE, axis=1)[:, ::HOP]
    out = np.empty((pcm.shape[1], count, SIZE // 2 + 1), np.complex64)
    for at in range(0, count, _BLOCK):
        out[:, at : at + _BLOCK] = np.fft.rfft(views[:, at : at + _BLOCK] * WINDOW)
    return out


def frames_of(samples: int) -> int:
    """Return how many frames a sound of so many samples has."""
    return -(-samples // HOP) + 4


def istft(spectrum: np.ndarray, samples: int) -> np.ndarray:
    """Return float32 [samples, channels]: the inverse of `stft`, by overlap and add."""
    channels, count, _ = spectrum.shape
    total = np.zeros((channels, (count - 1) * HOP + SIZE), np.float64)
    weight = np.zeros(total.shape[1])  # of the squared windows: 2, and less at both ends
    for at in range(0, count, _BLOCK):
        frames = np.fft.irfft(spectrum[:, at : at + _BLOCK], SIZE) * WINDOW
        for k in range(frames.shape[1]):
            start = (at + k) * HOP
            total[:, start : start + SIZE] += frames[:, k]
            weight[start : start + SIZE] += WINDOW**2
    inner = slice(SIZE // 2, SIZE // 2 + samples)
    return np.ascontiguousarray((total[:, inner] / weight[inner]).T, np.float32)
