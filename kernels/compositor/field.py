"""The field behind the interlock transition: smooth noise in which every value is equally often."""

from __future__ import annotations

import numpy as np


def field(width: int = 192, height: int = 108, seed: int = 7, scale: float = 5.0) -> np.ndarray:
    """Return float32 [height, width], values 0..1, smooth, repeating at all edges, uniformly distributed.

    `scale`: blotches across the width, about. Noise filtered in the frequency domain repeats by construction; replacing
    values by their ranks makes the share of the field below any threshold equal to that threshold.
    """
    rng = np.random.default_rng(seed)
    fy = np.fft.fftfreq(height)[:, None] * width
    fx = np.fft.rfftfreq(width)[None, :] * width
    radius = np.hypot(fx, fy)
    # A band around `scale` (no continents, no dust).
    band = np.exp(-((np.log((radius + 1e-9) / scale)) ** 2) / 0.5)
    noise = np.fft.irfft2(np.fft.rfft2(rng.standard_normal((height, width))) * band, s=(height, width))
    ranks = np.empty(noise.size)
    ranks[np.argsort(noise, axis=None)] = np.arange(noise.size)
    return ((ranks + 0.5) / noise.size).reshape(height, width).astype(np.float32)
