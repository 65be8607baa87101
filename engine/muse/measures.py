"""Measures what of two aligned pieces a third one holds, and the same of ways that know nothing: numbers beside their nulls.

A share is 0.5 where both are there alike, 1 where only the wanted one is. Attacks are rises of log power over 21 ms
in 64 bands, weighted by how broad the sound is; harmony is the square root of magnitudes at 48 semitones from 110 Hz,
windows of 341 ms, weighted by how steady it is. Each is fitted as a sum of A's and B's, no weight below 0. All of
them can be raised by stripping a sound bare: read them together.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from phosphene.engine.core.signals import SAMPLE_RATE
from phosphene.engine.muse.interlock import slots_of, spread
from phosphene.engine.muse.mix import Heard, Masks, mixed
from phosphene.engine.muse.parts import drum_share
from phosphene.engine.muse.stft import FREQUENCIES, HOP, stft

_BANDS, _RISE = 64, 2  # bands; frames, 21 ms
_EDGES = np.unique(np.round(np.geomspace(2, len(FREQUENCIES), 100)).astype(int))[-_BANDS - 1 :]
_LONG_SIZE, _LONG_HOP, _NOTES = 16384, 2048, 48
_SHIFT_S = 0.7  # of masks that know nothing of the moment
_ONSET_S = 0.03
Row = dict[str, float]


def shares(out: np.ndarray, a: np.ndarray, b: np.ndarray) -> Row:
    """Return rhythm (A's share of the attacks), harmony (B's share of the notes), transfer (their sum less 1).

    All three are float32 [n, 2], aligned and at equal loudness.
    """
    rhythm = _share(*(_attacks(x) for x in (out, a, b)))
    harmony = 1.0 - _share(*(_notes(x) for x in (out, a, b)))
    return {"rhythm": rhythm, "harmony": harmony, "transfer": rhythm + harmony - 1.0}


def nulls(a: Heard, b: Heard, masks: Masks, beats: np.ndarray, samples: int, seed: int) -> Iterator[tuple[str, np.ndarray]]:
    """Yield (name, float32 [n, 2]) of the mixes that the masks have to beat."""
    one = np.ones(1, np.float32)
    yield "plain mix", mixed(a, b, one, one, samples)
    slots = slots_of(len(a.size), beats)
    coin = np.random.default_rng(seed).random((int(slots[-1]) + 1, 32)) < float(masks.b.mean())
    tossed = spread(coin.astype(np.float64), slots)
    yield "random tied masks", mixed(a, b, 1 - tossed, tossed, samples)
    outer = ((FREQUENCIES < 250) | (FREQUENCIES > 5000)).astype(np.float32)
    yield "EQ swap", mixed(a, b, outer, 1 - outer, samples)
    late = round(_SHIFT_S * SAMPLE_RATE / HOP)
    yield "shifted masks", mixed(a, b, np.roll(masks.a, late, axis=0), np.roll(masks.b, late, axis=0), samples)
    yield "roles swapped", mixed(a, b, masks.b, masks.a, samples)


def si_sdr(out: np.ndarray, ideal: np.ndarray) -> float:
    """Return the scale-invariant signal-to-distortion ratio in dB (Le Roux et al. 2019), at most 200."""
    x, y = out.astype(np.float64).ravel(), ideal.astype(np.float64).ravel()
    wanted = y * ((x @ y) / max(float(y @ y), 1e-30))
    rest = float(((x - wanted) ** 2).sum())
    return float(10 * np.log10(max(float(wanted @ wanted), 1e-30) / max(rest, float(wanted @ wanted) * 1e-20 + 1e-30)))


def onsets_together(a: np.ndarray, b: np.ndarray) -> float:
    """Return the share of B's onsets within 30 ms of one of A's, 0..1; nan where B has none."""
    at_a, at_b = onsets(a), onsets(b)
    if not len(at_b) or not len(at_a):
        return float("nan")
    near = np.abs(at_b[:, None] - at_a[None, :]).min(axis=1)
    return float((near <= _ONSET_S).mean())


def onsets(pcm: np.ndarray) -> np.ndarray:
    """Return when attacks begin, s: peaks of the summed rises that are over twice the mean around them (1 s)."""
    strength = _attacks(pcm).reshape(-1, _BANDS).sum(axis=1)
    around = np.convolve(strength, np.ones(95) / 95, "same")
    inner = strength[1:-1]
    peaks = (inner > strength[:-2]) & (inner >= strength[2:]) & (inner > 2 * around[1:-1])
    return (np.flatnonzero(peaks) + 2) * HOP / SAMPLE_RATE  # the middle of the rise


def _attacks(pcm: np.ndarray) -> np.ndarray:
    size = np.abs(stft(pcm.mean(axis=1, keepdims=True))[0])
    bands = np.add.reduceat(size**2, _EDGES[:-1], axis=1)
    level = np.log(bands + 1e-6 * max(float(bands.max()), 1e-12))
    rise = np.maximum(0.0, level[_RISE:] - level[:-_RISE])
    out: np.ndarray = (rise * drum_share(np.sqrt(bands), 17, 9)[_RISE:]).ravel()
    return out


def _notes(pcm: np.ndarray) -> np.ndarray:
    mono = np.pad(pcm.mean(axis=1), (0, _LONG_SIZE))
    views = np.lib.stride_tricks.sliding_window_view(mono, _LONG_SIZE)[::_LONG_HOP]
    window = np.hanning(_LONG_SIZE).astype(np.float32)
    edges = np.round(110 * 2 ** ((np.arange(_NOTES + 1) - 0.5) / 12) * _LONG_SIZE / SAMPLE_RATE).astype(int)
    rows = [np.maximum.reduceat(np.abs(np.fft.rfft(view * window))[: edges[-1]], edges[:-1]) for view in views]
    size = np.sqrt(np.array(rows, np.float32))
    out: np.ndarray = (size * (1.0 - drum_share(size, 9, 7))).ravel()
    return out


def _share(out: np.ndarray, a: np.ndarray, b: np.ndarray) -> float:
    """Return A's part of the best sum of A and B (unit norm) for `out`, weights not below 0; 0.5 where there is neither."""
    a, b = (x.astype(np.float64) / max(float(np.linalg.norm(x)), 1e-12) for x in (a, b))
    ab, ao, bo = float(a @ b), float(a @ out), float(b @ out)
    rest = 1.0 - ab * ab
    w_a, w_b = ((ao - ab * bo) / rest, (bo - ab * ao) / rest) if rest > 1e-9 else (ao / 2, bo / 2)
    if w_a < 0 or w_b < 0:
        w_a, w_b = (0.0, max(bo, 0.0)) if w_a < w_b else (max(ao, 0.0), 0.0)
    return w_a / (w_a + w_b) if w_a + w_b > 0 else 0.5
