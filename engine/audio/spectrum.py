"""The fixed tables of the Analyzer: windows and filter banks. Built once; called by `analyzer.py` only."""

from __future__ import annotations

import numpy as np

A4_HZ = 440.0


def attack_window(size: int, fall: int) -> np.ndarray:
    """Return float32[size]: half a Hann rising over `size - fall` samples, half a Hann falling over the newest `fall`.

    A symmetric Hann gives the newest quarter of the window 4 % of its energy, so an attack is 14 dB down in the hop
    that holds it. With the fall as long as a hop it is 6 dB down, at the cost of a main lobe 6 % wider.
    """
    rise = size - fall
    up = 0.5 - 0.5 * np.cos(np.pi * (np.arange(rise) + 0.5) / rise)
    down = 0.5 + 0.5 * np.cos(np.pi * (np.arange(fall) + 0.5) / fall)
    return np.concatenate([up, down]).astype(np.float32)


def bin_frequencies(size: int, sample_rate: int) -> np.ndarray:
    """Return float32[size // 2 + 1]: the frequency of every FFT bin in Hz."""
    return (np.arange(size // 2 + 1) * sample_rate / size).astype(np.float32)


def mel_filters(frequencies: np.ndarray, bands: int, low_hz: float = 30.0, high_hz: float = 16_000.0) -> np.ndarray:
    """Return float32[bands, bins]: triangles of height 1 on the mel scale (2595 log10(1 + f/700)).

    Not area-normalised: wide treble bands then gather more, which makes up for music's fall of about 4 dB an octave.
    """
    edges_mel = np.linspace(_mel(low_hz), _mel(high_hz), bands + 2)
    edges = 700.0 * (10.0 ** (edges_mel / 2595.0) - 1.0)
    low, centre, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    f = frequencies[None, :].astype(np.float64)
    filters = np.minimum((f - low) / (centre - low), (high - f) / (high - centre)).clip(0.0, None)
    # The lowest triangles are about as wide as one bin and may fall between two: give those the nearest bin.
    for band in np.flatnonzero(filters.sum(axis=1) < 0.5):
        filters[band, np.argmin(np.abs(frequencies - centre[band, 0]))] = 1.0
    return filters.astype(np.float32)


def chroma_filters(frequencies: np.ndarray, low_hz: float = 120.0, high_hz: float = 4000.0) -> np.ndarray:
    """Return float32[12, bins]: each bin shared out to the pitch classes (C first) by a bell of half a semitone.

    Bins are weighted by an octave-wide bell around 500 Hz, because low ones are wider than a semitone and high ones
    are mostly overtones and cymbals.
    """
    f = np.maximum(frequencies.astype(np.float64), 1.0)
    pitch = 12.0 * np.log2(f / A4_HZ) + 9.0  # semitones above the C below A4
    distance = (pitch[None, :] - np.arange(12)[:, None] + 6.0) % 12.0 - 6.0
    bell = np.exp(-0.5 * (distance / 0.5) ** 2)
    weight = np.exp(-0.5 * (np.log2(f / 500.0) / 1.5) ** 2) * ((f >= low_hz) & (f <= high_hz))
    return (bell * weight).astype(np.float32)


def _mel(hz: float) -> float:
    return 2595.0 * float(np.log10(1.0 + hz / 700.0))
