"""Lays a sound onto the beats of another one, and moves its key. The only place where B is changed before it is masked.

A phase vocoder with identity phase locking (Laroche and Dolson 1999) whose output hop is fixed: two input frames one hop
apart give each peak's advance, what lies round a peak turns with it, and attacks are set free. Both channels turn alike, so
the stereo picture stays. The key moves by resampling. Where nothing has to be changed, nothing is.
"""

from __future__ import annotations

import numpy as np

from phosphene.engine.muse.stft import HOP, SIZE, WINDOW, frames_of, istft

_ATTACK = 2.0  # times the energy of the frame before: the phases are those of the sound again
_BLOCK = 128  # frames


def warp(pcm: np.ndarray, source: np.ndarray, target: np.ndarray, samples: int, shift: int = 0) -> np.ndarray:
    """Return float32 [samples, 2] in which what lay at `source` lies at `target`.

    pcm: float32 [n, 2]; source, target: float64, rising, in samples. shift: semitones, up is positive.
    """
    if shift == 0 and np.abs(source - target).max() < 0.5:
        out = np.zeros((samples, 2), np.float32)
        out[: len(pcm)] = pcm[:samples]
        return out
    ratio = 2.0 ** (shift / 12.0)
    if shift:
        pcm = resample(pcm, round(len(pcm) / ratio))
    count = frames_of(samples)
    positions = np.interp(np.arange(count) * HOP, target, source / ratio)
    ends = np.arange(count) * HOP > target[-1]
    positions[ends] = source[-1] / ratio + (np.arange(count)[ends] * HOP - target[-1])
    return istft(_vocode(pcm, np.round(positions).astype(np.int64)), samples)


def resample(pcm: np.ndarray, samples: int) -> np.ndarray:
    """Return float32 [samples, channels] with the same duration: band-limited, by the Fourier transform of the whole."""
    spectrum = np.fft.rfft(pcm, axis=0)
    out = np.fft.irfft(spectrum[: samples // 2 + 1], samples, axis=0) * (samples / len(pcm))
    return out.astype(np.float32)


def _vocode(pcm: np.ndarray, positions: np.ndarray) -> np.ndarray:
    padded = np.zeros((len(pcm) + 4 * SIZE, 2), np.float32)
    padded[2 * SIZE : 2 * SIZE + len(pcm)] = pcm
    starts = np.clip(positions + 2 * SIZE - SIZE // 2, HOP, len(padded) - SIZE)
    out = np.empty((2, len(positions), SIZE // 2 + 1), np.complex64)
    phase, energy = np.zeros(SIZE // 2 + 1), 0.0
    for at in range(0, len(positions), _BLOCK):
        rows = starts[at : at + _BLOCK, None] + np.arange(SIZE)
        now = np.fft.rfft(padded[rows].transpose(2, 0, 1) * WINDOW)
        mid, before = now.sum(axis=0), np.fft.rfft(padded[rows - HOP].sum(axis=2) * WINDOW)
        angle = np.angle(mid)
        advance = angle - np.angle(before)
        size = np.abs(mid)
        energies = (size**2).sum(axis=1)
        for k in range(len(rows)):
            if energies[k] > _ATTACK * energy:
                turn = np.zeros_like(phase)
            else:
                nearest = _nearest_peak(size[k])
                turn = (phase + advance[k] - angle[k])[nearest]
            energy = energies[k]
            phase = angle[k] + turn
            out[:, at + k] = now[:, k] * np.exp(1j * turn)
    return out


def _nearest_peak(size: np.ndarray) -> np.ndarray:
    """Return, for each bin, the bin of the peak that is nearest: higher than two neighbours on either side."""
    inner = size[2:-2]
    high = (inner >= size[1:-3]) & (inner > size[3:-1]) & (inner >= size[:-4]) & (inner > size[4:])
    peaks = np.flatnonzero(high) + 2
    if not len(peaks):
        return np.arange(len(size))
    return peaks[np.searchsorted((peaks[1:] + peaks[:-1]) / 2, np.arange(len(size)))]
