"""Filters, noise and rooms, for music that is made offline. All take and return float32 [n] or [2, n] at 48 kHz.

Every filter is the response of an analogue one, applied with its phase in the frequency domain, zeros behind the sound:
nothing comes before its time, so attacks stay where the truth says they are.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from phosphene.engine.core.signals import SAMPLE_RATE

_TAIL_S = 0.25  # room for the ringing of a filter, so that the end does not run into the start


def _fast_size(n: int) -> int:
    """Return the least 2^a or 3 * 2^a that holds n samples."""
    size = 1 << max(0, n - 1).bit_length()
    return size * 3 // 4 if size >= 4 and size * 3 // 4 >= n else size


def apply(x: np.ndarray, response: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Apply `response`, which takes float64 [m] Hz and returns complex [m], to the last axis."""
    n = x.shape[-1]
    size = _fast_size(n + int(_TAIL_S * SAMPLE_RATE))
    spectrum = np.fft.rfft(x, size)
    spectrum *= response(np.fft.rfftfreq(size, 1.0 / SAMPLE_RATE))
    return np.fft.irfft(spectrum, size)[..., :n].astype(np.float32)


def low_pass(x: np.ndarray, hz: float, q: float = 0.707) -> np.ndarray:
    """12 dB an octave, with resonance `q`."""
    return apply(x, lambda f: 1.0 / (1.0 + 1j * f / (hz * q) - (f / hz) ** 2))


def high_pass(x: np.ndarray, hz: float, q: float = 0.707) -> np.ndarray:
    """12 dB an octave, with resonance `q`."""
    return apply(x, lambda f: -((f / hz) ** 2) / (1.0 + 1j * f / (hz * q) - (f / hz) ** 2))


def band_pass(x: np.ndarray, low: float, high: float) -> np.ndarray:
    """12 dB an octave on either side."""
    return low_pass(high_pass(x, low), high)


def noise(n: int, low: float, high: float, rng: np.random.Generator, sides: int = 1) -> np.ndarray:
    """Noise between two edges in Hz, float32 [n] or [sides, n], rms 0.3."""
    white = rng.standard_normal((sides, n) if sides > 1 else n).astype(np.float32)
    out = band_pass(white, low, high)
    return out * np.float32(0.3 / (np.sqrt(np.mean(out**2)) + 1e-9))


def convolve(x: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Convolve along the last axis and cut to the length of x."""
    n = x.shape[-1]
    size = _fast_size(n + kernel.shape[-1])
    return np.fft.irfft(np.fft.rfft(x, size) * np.fft.rfft(kernel, size), size)[..., :n].astype(np.float32)


def room(seconds: float, rng: np.random.Generator, bright: float = 5000.0) -> np.ndarray:
    """Return a room's answer without the direct sound, float32 [2, n]: noise, 60 dB down after `seconds`, energy 1."""
    n = int(seconds * SAMPLE_RATE)
    t = np.arange(n, dtype=np.float32) / np.float32(SAMPLE_RATE)
    answer = noise(n, 120.0, bright, rng, 2) * np.exp(-6.91 * t / seconds) * np.minimum(1.0, t / 0.008)
    return (answer / np.sqrt(np.sum(answer**2, axis=1, keepdims=True))).astype(np.float32)


def rms(x: np.ndarray) -> float:
    """Return the root of the mean square over everything; 1e-9 for silence."""
    return float(np.sqrt(np.mean(np.square(x, dtype=np.float64)))) + 1e-9


def from_db(db: float) -> np.float32:
    """Return the factor of an amplitude."""
    return np.float32(10.0 ** (db / 20.0))
