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


class MelBank:
    """Triangles of height 1 on the mel scale (2595 log10(1 + f/700)), applied without a matrix.

    A bin lies under two triangles at most, the falling side of one and the rising side of the next. So two weighted
    spectra summed from edge to edge do what a dense matrix of 82 KB does, which would be cold in cache at every hop.
    The triangles are not area-normalised: wide treble bands gather more, which makes up for music's fall of about 4 dB
    an octave.
    """

    def __init__(self, frequencies: np.ndarray, bands: int, low_hz: float = 30.0, high_hz: float = 16_000.0) -> None:
        """`frequencies`: float32[bins] in Hz, ascending. Low bands narrower than a bin are widened to hold one."""
        mels = np.linspace(_mel(low_hz), _mel(high_hz), bands + 2)
        edges = 700.0 * (10.0 ** (mels / 2595.0) - 1.0)
        first = np.searchsorted(frequencies, edges)
        first = np.maximum(first, first[0] + np.arange(bands + 2))  # at least one bin between edges
        self._bins = slice(int(first[0]), int(first[-1]))
        self._starts = (first[:-1] - first[0]).astype(np.intp)
        segment = np.repeat(np.arange(bands + 1), np.diff(first))
        f = frequencies[self._bins].astype(np.float64)
        rise = ((f - edges[segment]) / (edges[segment + 1] - edges[segment])).clip(0.0, 1.0)
        self._rise, self._fall = rise.astype(np.float32), (1.0 - rise).astype(np.float32)
        self._weighted = np.zeros(len(f), np.float32)
        self._sums = np.zeros(bands + 1, np.float32)

    def apply(self, power: np.ndarray, out: np.ndarray) -> None:
        """Sum `power` float32[bins] into `out` float32[bands]."""
        part = power[self._bins]
        np.multiply(part, self._rise, out=self._weighted)
        np.add.reduceat(self._weighted, self._starts, out=self._sums)
        out[:] = self._sums[:-1]
        np.multiply(part, self._fall, out=self._weighted)
        np.add.reduceat(self._weighted, self._starts, out=self._sums)
        out += self._sums[1:]


def chroma_filters(frequencies: np.ndarray, low_hz: float = 120.0, high_hz: float = 4000.0) -> tuple[np.ndarray, slice]:
    """Return (float32[12, n], the n bins they are for): each bin shared out to pitch classes by a bell of half a semitone.

    C comes first. Bins are weighted by a bell of three octaves around 500 Hz, because low ones are wider than a
    semitone and high ones are mostly overtones and cymbals.
    """
    bins = slice(*np.searchsorted(frequencies, (low_hz, high_hz)).tolist())
    f = frequencies[bins].astype(np.float64)
    pitch = 12.0 * np.log2(f / A4_HZ) + 9.0  # semitones above the C below A4
    distance = (pitch[None, :] - np.arange(12)[:, None] + 6.0) % 12.0 - 6.0
    weights = np.exp(-0.5 * (distance / 0.5) ** 2) * np.exp(-0.5 * (np.log2(f / 500.0) / 1.5) ** 2)
    return weights.astype(np.float32), bins


def _mel(hz: float) -> float:
    return 2595.0 * float(np.log10(1.0 + hz / 700.0))
