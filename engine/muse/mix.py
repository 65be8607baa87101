"""Masks for both pieces by mode, and the sum of what they let through.

`drums`: the drums of A over bass and tonal sound of B. `interlock`: both share every bar by one ranked field. `transition`:
the same with a fader that moves from A to B; the bass changes hands once, on a downbeat.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from phosphene.engine.muse.interlock import SLOTS, cells, own, slots_of, spread
from phosphene.engine.muse.match import BEATS
from phosphene.engine.muse.parts import BASS_HZ, Parts, split
from phosphene.engine.muse.stft import FREQUENCIES, istft, stft

MODES = ("drums", "interlock", "transition")
_HARMONY = 4.0  # how much more B is wanted for what is steady, and A for what is broad


@dataclass(frozen=True, eq=False)
class Heard:
    """One aligned piece. spectrum: complex64 [2, frames, 1025]; size: float32 [frames, 1025], of both channels; parts."""

    spectrum: np.ndarray
    size: np.ndarray
    parts: Parts


@dataclass(frozen=True, eq=False)
class Masks:
    """a, b: float32 [frames, 1025], 0..1. wanted, share: of B in the energy of the cells; None in mode drums."""

    a: np.ndarray
    b: np.ndarray
    wanted: float | None
    share: float | None


def heard(pcm: np.ndarray) -> Heard:
    """Return the spectrum and the parts of float32 [n, 2]."""
    spectrum = stft(pcm)
    size = np.sqrt((np.abs(spectrum) ** 2).sum(axis=0))
    return Heard(spectrum, size, split(size))


def masks_of(a: Heard, b: Heard, mode: str, fader: np.ndarray, beats: np.ndarray) -> Masks:
    """Return who is heard where. fader: float64 [bars], B's share in each bar; beats: float64 [4 * bars + 1], samples."""
    if mode == "drums":
        return Masks(a.parts.drums, 1.0 - b.parts.drums, None, None)
    slots = slots_of(len(a.size), beats)
    energy_a, energy_b = a.size**2, b.size**2
    weight = cells(energy_a + energy_b, slots)
    want_a = cells(energy_a * (1.0 + _HARMONY * a.parts.drums), slots)
    want_b = cells(energy_b * (1.0 + _HARMONY * (1.0 - b.parts.drums)), slots)
    bar_of = np.minimum(np.arange(len(weight)) // (BEATS * SLOTS), len(fader) - 1)
    owned = np.zeros_like(weight)
    for share in np.unique(fader):
        rows = fader[bar_of] == share
        owned[rows] = own(want_a[rows], want_b[rows], weight[rows], float(share))
    wanted = float((fader[bar_of][:, None] * weight).sum() / max(weight.sum(), 1e-30))
    mask = spread(owned, slots)
    if mode == "transition":
        later = (fader >= 0.5)[bar_of][slots]
        mask[:, FREQUENCIES < BASS_HZ] = later[:, None]
    told = float((mask * (energy_a + energy_b)).sum(dtype=np.float64) / max(float(weight.sum()), 1e-30))
    return Masks(1.0 - mask, mask, wanted, told)


def mixed(a: Heard, b: Heard, mask_a: np.ndarray, mask_b: np.ndarray, samples: int) -> np.ndarray:
    """Return float32 [samples, 2]: what the masks let through, added."""
    return istft(a.spectrum * mask_a + b.spectrum * mask_b, samples)


def fader_of(points: Sequence[tuple[float, float]], bars: int) -> np.ndarray:
    """Return float64 [bars], 0..1: straight lines between points (bar, share), read at the middle of each bar."""
    at, share = zip(*points, strict=True)
    curve: np.ndarray = np.interp(np.arange(bars) + 0.5, at, share)
    return curve
