"""The parts of a piece: where they begin, which are alike, how much energy each has.

Called by `engine.audio.prepared` once per piece. A piece is cut at downbeats so that the bars of a part resemble each other:
every block on the diagonal of the self-distance matrix is as even as it can be, for a price per block (the best cut is found
exactly, by dynamic programming). Parts that resemble each other then share a label. Nothing here reads sound or clocks.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

_LEAST_S, _LEAST_BARS = 10.0, (4, 8)  # a part lasts 8 bars, or 4 where those take 10 s
# Prices in units of "one bar as far from its part's mean as bars are from the piece's": of a part, and on top of that of
# one whose length is no multiple of 8 bars, or not even of 4. Bars drawn at random save about 1 by being cut once more.
_PART, _UNEVEN, _ODD = 3.0, 2.5, 3.0
_ALIKE = 0.3  # parts nearer than this, in the same units, share a label
_CHROMA = 0.3  # weight of harmony beside the spectrum: chords change within a part too
_QUIET_BAND = 0.25  # a band that moves less than this share of the average is not blown up to the others' size
_LIMIT = 1.5  # of a band, in its own standard deviations: one loud effect must not outweigh the rest of the piece
_EVEN = 1e-3  # squared log-mel; a piece that moves less than this has one part
_RANGE = 1.5  # log-mel: the least difference between energies 0 and 1
_FADE_S = 2.0


@dataclass(frozen=True)
class Section:
    """A part of a piece. start, end: s; label: 0, 1, ... in order of appearance, shared by parts alike; energy: 0..1."""

    start: float
    end: float
    label: int
    energy: float


def find_sections(bars: np.ndarray, mel: np.ndarray, chroma: np.ndarray, seconds: float) -> tuple[Section, ...]:
    """Return the sections, in order, from 0 to `seconds` without a gap: at least one.

    bars: float64 [n], s, where the bars begin; mel: float [n, 40] log-mel and chroma: float [n, 12], their means over each.
    """
    energy = _energy(mel)
    if len(bars) < 2 * _LEAST_BARS[0]:
        return (Section(0.0, seconds, 0, float(energy.mean()) if len(energy) else 0.0),)
    x = _coordinates(mel, chroma)
    least = next((n for n in _LEAST_BARS if n * float(np.median(np.diff(bars))) >= _LEAST_S), _LEAST_BARS[-1])
    cuts = _cut(x, least)
    labels = _labels(x, cuts)
    times = [0.0, *(float(bars[c]) for c in cuts[1:-1]), seconds]
    return tuple(
        Section(times[k], times[k + 1], labels[k], float(energy[cuts[k] : cuts[k + 1]].mean())) for k in range(len(labels))
    )


def energy_curve(sections: Sequence[Section], t: float) -> float:
    """Return the energy at `t` in s, 0..1: that of its section, gliding over 2 s around every border."""
    starts = [section.start for section in sections[1:]]
    k = bisect_right(starts, t)
    level = sections[k].energy
    for border, other in ((k - 1, k - 1), (k, k + 1)):
        if 0 <= border < len(starts) and abs(t - starts[border]) < _FADE_S / 2:
            u = 0.5 - abs(t - starts[border]) / _FADE_S
            level += (sections[other].energy - level) * u * u * (3.0 - 2.0 * u)
            break
    return level


def _coordinates(mel: np.ndarray, chroma: np.ndarray) -> np.ndarray:
    """Return float64 [bars, 52] whose mean squared distance from its mean is 1; all zeros for a piece that does not move."""
    mel = mel - mel.mean(axis=0, dtype=np.float64)
    spread = mel.std(axis=0)
    if float(np.square(spread).mean()) < _EVEN:
        return np.zeros((len(mel), 1))
    mel = np.tanh(mel / np.maximum(spread, _QUIET_BAND * spread.mean()) / _LIMIT) * _LIMIT / np.sqrt(mel.shape[1])
    chroma = chroma - chroma.mean(axis=0, dtype=np.float64)
    size = np.sqrt(np.square(chroma).sum(axis=1).mean())
    x = np.concatenate([mel, _CHROMA * chroma / max(size, 1e-6)], axis=1)
    x -= x.mean(axis=0)
    return x / np.sqrt(np.square(x).sum(axis=1).mean())


def _cut(x: np.ndarray, least: int) -> list[int]:
    """Return the borders of the best parts, the first 0 and the last len(x)."""
    n = len(x)
    total = np.concatenate([np.zeros((1, x.shape[1])), np.cumsum(x, axis=0)])
    power = np.concatenate([[0.0], np.cumsum(np.square(x).sum(axis=1))])
    lengths = np.arange(n + 1)
    price = np.where(lengths % 8 == 0, _PART, np.where(lengths % 4 == 0, _PART + _UNEVEN, _PART + _ODD))
    best, came = np.full(n + 1, np.inf), np.zeros(n + 1, np.int64)
    best[0] = 0.0
    for end in range(least, n + 1):
        begin = np.arange(0, end - least + 1)
        size = end - begin
        unlike = power[end] - power[begin] - np.square(total[end] - total[begin]).sum(axis=1) / size
        # The last part is as long as the piece happens to be.
        options = best[begin] + unlike + (price[size] if end < n else _PART)
        k = int(options.argmin())
        best[end], came[end] = options[k], begin[k]
    cuts = [n]
    while cuts[-1]:
        cuts.append(int(came[cuts[-1]]))
    return cuts[::-1]


def _labels(x: np.ndarray, cuts: list[int]) -> list[int]:
    """Return a label per part: the two groups whose means are nearest are joined until none are near."""
    groups = [[k] for k in range(len(cuts) - 1)]
    means = [x[a:b].mean(axis=0) for a, b in pairwise(cuts)]
    sizes = [b - a for a, b in pairwise(cuts)]
    while len(groups) > 1:
        apart = np.square(np.array(means)[:, None] - np.array(means)[None]).sum(axis=2)
        np.fill_diagonal(apart, np.inf)
        a, b = sorted(divmod(int(apart.argmin()), len(groups)))
        if apart[a, b] > _ALIKE:
            break
        means[a] = (means[a] * sizes[a] + means[b] * sizes[b]) / (sizes[a] + sizes[b])
        sizes[a] += sizes[b]
        groups[a] += groups[b]
        del groups[b], means[b], sizes[b]
    groups.sort(key=min)
    return [next(label for label, group in enumerate(groups) if k in group) for k in range(len(cuts) - 1)]


def _energy(mel: np.ndarray) -> np.ndarray:
    """Return 0..1 per bar: how full the spectrum is, between the emptiest and the fullest bars of the piece."""
    if not mel.any():
        return np.zeros(len(mel))
    full = mel.mean(axis=1, dtype=np.float64)
    low, high = np.percentile(full, (5, 95))
    return np.clip(0.5 + (full - (low + high) / 2) / max(high - low, _RANGE), 0.0, 1.0)
