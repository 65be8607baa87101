"""Numbers that describe pictures without a trained network, all differentiable: distances between palettes, how edges lie,
how fine a pattern is, how symmetric; and (`texture`, `colour_edges`) what oriented filters at several scales answer.

`palette` and `images` score with them. Pure functions of tensors: no files, no words, no state.

Sliced Wasserstein distance: Rabin, Peyre, Delon & Bernot 2011; Bonneel, Rabin, Peyre & Pfister 2015. Statistics of oriented
filters as a description of texture: Heeger & Bergen 1995; Portilla & Simoncelli 2000.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import torch

TRIADS = 8
"""Directions come in right-angled triads: the squared shift of a palette is then measured exactly, not on average."""

PIXELS = 4096
"""So many pixels of a picture are sorted along one direction, at most. More pixels are dealt out among the triads, so that
each of up to 32,768 is pulled, at the cost of 4,096."""


class SlicedPalette:
    """A wanted distribution of OKLab colours, to be compared with pixels by the sliced 2-Wasserstein distance."""

    def __init__(self, points: np.ndarray, lightness_only: bool = False) -> None:
        """points: OKLab [m, 3], each of the same weight. lightness_only: a and b of a picture are free."""
        rng = np.random.default_rng(20110529)
        if lightness_only:
            directions = np.tile([1.0, 0.0, 0.0], (TRIADS, 1, 1))
        else:
            directions = np.stack([np.linalg.qr(rng.normal(size=(3, 3)))[0].T for _ in range(TRIADS)])
        quantiles = np.sort(directions @ np.asarray(points, np.float64).T, axis=-1)
        self._directions = torch.tensor(directions, dtype=torch.float32)
        self._quantiles = torch.tensor(quantiles, dtype=torch.float32)

    def distance(self, lab: torch.Tensor) -> torch.Tensor:
        """Return the distance of each picture's palette from the wanted one, float [n], in OKLab units (0.02 is just seen).

        lab: float [n, 3, h, w]. Where the palettes differ by a shift only, the distance is the length of that shift.
        """
        hands = dealt_pixels(lab)
        n, groups, _, count = hands.shape
        directions = self._directions.to(hands).reshape(groups, -1, 3)
        lines = (directions @ hands).sort(dim=3).values
        wanted = _at_ranks(self._quantiles.to(hands).reshape(groups, directions.shape[1], -1), count)
        squares = (lines - wanted).square().mean(3).reshape(n, TRIADS, -1)
        return (squares.sum(2).mean(1) + 1e-8).sqrt()


def dealt_pixels(pictures: torch.Tensor) -> torch.Tensor:
    """Return the pixels of each picture in 1, 2, 4 or 8 hands, float [n, hands, c, k] of [n, c, h, w], k <= PIXELS; the same
    pixels each time.
    """
    n, c, h, w = pictures.shape
    hands = min(TRIADS, 1 << max(0, math.ceil(math.log2(h * w / PIXELS))))
    count = min(h * w // hands, PIXELS)
    flat = pictures.reshape(n, c, h * w)
    if hands > 1:
        order = np.random.default_rng(h * 100_003 + w).permutation(h * w)[: hands * count]
        flat = flat[:, :, torch.tensor(order, device=pictures.device)]
    return flat.reshape(n, c, hands, count).transpose(1, 2)


def _at_ranks(quantiles: torch.Tensor, count: int) -> torch.Tensor:
    """Return sorted lines [..., m] read at `count` ranks, [..., count]."""
    m = quantiles.shape[-1]
    at = ((torch.arange(count, device=quantiles.device) + 0.5) * (m / count) - 0.5).clamp(0, m - 1)
    low = at.floor().long().clamp_max(max(m - 2, 0))
    part = (at - low).to(quantiles)
    return quantiles[..., low] * (1 - part) + quantiles[..., (low + 1).clamp_max(m - 1)] * part


def spread(channel: torch.Tensor) -> torch.Tensor:
    """Return the standard deviation of [n, h, w] over its pixels, [n]; finite slope where it is 0."""
    return (channel.flatten(1).var(1, correction=0) + 1e-8).sqrt()


def _slopes(channel: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the slopes along x and y of [n, h, w], smoothed across by (1, 2, 1), [n, h - 2, w - 2] each (Sobel)."""
    down = channel[:, :-2] + 2 * channel[:, 1:-1] + channel[:, 2:]
    across = channel[:, :, :-2] + 2 * channel[:, :, 1:-1] + channel[:, :, 2:]
    return (down[:, :, 2:] - down[:, :, :-2]) / 8, (across[:, 2:] - across[:, :-2]) / 8


def orientation(light: torch.Tensor, polar: bool = False) -> torch.Tensor:
    """Return which way light changes, as a double-angle vector [n, 2] of length 0 (every way alike) to 1 (one way only).

    light: float [n, h, w], at least 3 x 3. Structure tensor (Bigun & Granlund 1987) over the whole picture. On the page,
    (1, 0) are vertical stripes, (-1, 0) horizontal ones, (0, +-1) diagonals. polar: about the middle, (1, 0) are rings,
    (-1, 0) rays, (0, +-1) spirals of 45 degrees.
    """
    gx, gy = _slopes(light)
    if polar:
        h, w = gx.shape[1:]
        y = torch.arange(h, device=light.device, dtype=light.dtype)[:, None] - (h - 1) / 2
        x = torch.arange(w, device=light.device, dtype=light.dtype)[None] - (w - 1) / 2
        r = (x * x + y * y).sqrt().clamp_min(1e-3)
        gx, gy = (gx * x + gy * y) / r, (gy * x - gx * y) / r
    xx, yy, xy = gx.square().mean((1, 2)), gy.square().mean((1, 2)), (gx * gy).mean((1, 2))
    return torch.stack([xx - yy, 2 * xy], 1) / (xx + yy + 1e-7)[:, None]


def spectrum(light: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return (slope, fineness) of the power spectrum of [n, h, w], [n] each.

    slope: of log power per cycle against log frequency, above 4 cycles per height: about -2 for hard edges, -3 and below
    for soft ones, 0 for noise. fineness: log2 of the mean frequency in cycles per picture height, weighted by power: 1 is
    a few big shapes, 4 a dense pattern. Field 1987 for the slope of natural pictures (-2).
    """
    h, w = light.shape[1:]
    window = torch.hann_window(h, device=light.device)[:, None] * torch.hann_window(w, device=light.device)[None]
    window = window.to(light)
    centred = light - (light * window).sum((1, 2), keepdim=True) / window.sum()
    power = torch.fft.rfft2(centred * window).abs().square() / window.square().sum()
    fy = torch.fft.fftfreq(h, device=light.device)[:, None] * h
    fx = torch.fft.rfftfreq(w, device=light.device)[None] * h
    frequency = (fx * fx + fy * fy).sqrt().to(light)
    within = ((frequency >= 0.9) & (frequency <= h / 2)).to(light)
    octave = frequency.clamp_min(0.5).log2()
    weight = power * within
    fineness = (weight * octave).sum((1, 2)) / (weight.sum((1, 2)) + 1e-7)
    edges = torch.arange(2.0, math.log2(h / 2) + 0.01, 0.5, device=light.device)
    low, high = edges[:-1, None, None], edges[1:, None, None]
    bands = ((octave >= low) & (octave < high)).to(light) * within
    mean = torch.einsum("nhw,bhw->nb", power, bands) / bands.sum((1, 2)).clamp_min(1)
    height = (mean + 1e-7).log2()
    at = (edges[:-1] + edges[1:]).to(light) / 2
    at = at - at.mean()
    return (height * at).sum(1) / at.square().sum(), fineness


def mirror_likeness(light: torch.Tensor) -> torch.Tensor:
    """Return the correlation of [n, h, w] with its mirror image, left to right or top to bottom, the better of both, [n]."""
    return torch.maximum(_correlation(light, light.flip(2)), _correlation(light, light.flip(1)))


def turn_likeness(light: torch.Tensor) -> torch.Tensor:
    """Return the correlation of [n, h, w] with itself turned by a third, quarter, fifth, sixth or eighth about the middle:
    the best of these, [n]. A picture of rings has 1 as well.
    """
    n, h, w = light.shape
    turns = 120
    angle = torch.arange(turns, device=light.device) * (2 * math.pi / turns)
    radius = torch.linspace(0.12, 0.97, 16, device=light.device)
    x = radius[:, None] * angle.cos()[None] * (min(h, w) / w)
    y = radius[:, None] * angle.sin()[None] * (min(h, w) / h)
    grid = torch.stack([x, y], 2).to(light).expand(n, -1, -1, -1)
    polar = torch.nn.functional.grid_sample(light[:, None], grid, align_corners=False, padding_mode="border")[:, 0]
    return torch.stack([_correlation(polar, polar.roll(turns // k, 2)) for k in (3, 4, 5, 6, 8)]).amax(0)


def _correlation(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Return the correlation of two [n, h, w] over pixels, [n]; 0 where one is flat."""
    a, b = a.flatten(1), b.flatten(1)
    a, b = a - a.mean(1, keepdim=True), b - b.mean(1, keepdim=True)
    return (a * b).mean(1) / ((a.square().mean(1) * b.square().mean(1)) + 1e-9).sqrt()


SCALES = (3.0, 6.0, 12.0, 24.0)
"""Middles of the scales in cycles per picture height; each reaches an octave to either side, so 96 px show all of them."""

ORIENTATIONS = 6
_FAINT = 2e-3  # of OKLab: a response as faint as this counts as none, and logarithms stay finite


def texture(light: torch.Tensor) -> dict[str, torch.Tensor]:
    """Return what a steerable pyramid (Simoncelli & Freeman 1995) answers to [n, h, w], each statistic [n, numbers].

    level: log of the mean local amplitude for each scale and orientation. variance: log of its standard deviation over its
    mean (more where a pattern is in few places). kinship: correlation of the amplitude with that of the next finer scale at
    the same orientation (edges have it, noise has not). crossing: correlation of the amplitude with that of the orientation
    at a right angle (grids have it). Scales finer than h/2 cycles answer nothing.
    """
    n, h, w = light.shape
    # Reflected borders would be true to a picture but cost four times the transform: a window that falls off does.
    window = (_fall(h, light)[:, None] * _fall(w, light)[None]).to(light)
    centred = (light - light.mean((1, 2), keepdim=True)) * window
    bank = _bank(h, w).to(light.device)
    # One side of the spectrum only: the answer is complex, and its size is the amplitude, whatever the phase.
    amplitude = (torch.fft.ifft2(torch.fft.fft2(centred)[:, None, None] * bank).abs().square() + 1e-10).sqrt()
    weight = window / window.sum()
    mean = (amplitude * weight).sum((3, 4))
    away = amplitude - mean[..., None, None]
    power = (away.square() * weight).sum((3, 4)) + 1e-9

    def likeness(a: torch.Tensor, b: torch.Tensor, of_a: torch.Tensor, of_b: torch.Tensor) -> torch.Tensor:
        return ((a * b * weight).sum((3, 4)) / (of_a * of_b).sqrt()).reshape(n, -1)

    half = ORIENTATIONS // 2
    return {
        "level": (mean + _FAINT).log().reshape(n, -1),
        "variance": ((power.sqrt() + _FAINT) / (mean + _FAINT)).log().reshape(n, -1),
        "kinship": likeness(away[:, :-1], away[:, 1:], power[:, :-1], power[:, 1:]),
        "crossing": likeness(away[:, :, :half], away[:, :, half:], power[:, :, :half], power[:, :, half:]),
    }


def colour_edges(lab: torch.Tensor) -> dict[str, torch.Tensor]:
    """Return how colours change from place to place in OKLab [n, 3, h, w], at three sizes; each statistic [n, numbers].

    steps: log of the mean slope of L, a and b in OKLab per hundredth of the height. with_light: correlation of the slopes
    of a and of b with those of L: whether bright is also redder, yellower. clear: log of the fourth root of the fourth
    moment over the mean: high where a few hard edges part even areas.
    """
    n, _, h, _ = lab.shape
    steps, with_light, clear = [], [], []
    for size in (2, 4, 8):
        reach = max(1, round(h / 128 * size / 2))
        small = torch.nn.functional.avg_pool2d(lab, reach) if reach > 1 else lab
        gx, gy = _slopes(small.flatten(0, 1))
        per_height = small.shape[2] / 100
        gx, gy = (g.reshape(n, 3, -1) * per_height for g in (gx, gy))
        squared = gx.square() + gy.square()
        strength = (squared + 1e-10).sqrt()
        mean = strength.mean(2)
        steps.append((mean + _FAINT).log())
        clear.append(((squared.square().mean(2) + 1e-16) ** 0.25 + _FAINT).log() - (mean + _FAINT).log())
        both = (gx[:, :1] * gx[:, 1:] + gy[:, :1] * gy[:, 1:]).mean(2)
        with_light.append(both / (squared[:, :1].mean(2) * squared[:, 1:].mean(2) + 1e-10).sqrt())
    return {"steps": torch.cat(steps, 1), "with_light": torch.cat(with_light, 1), "clear": torch.cat(clear, 1)}


def _fall(size: int, like: torch.Tensor) -> torch.Tensor:
    """Return a window [size]: 1, and falling to 0 over an eighth at either end (Tukey)."""
    at = (torch.arange(size, device=like.device) + 0.5) / size
    edge = torch.minimum(at, 1 - at) * 8
    return (0.5 - 0.5 * (edge.clamp_max(1) * math.pi).cos()).to(like)


@lru_cache(maxsize=8)
def _bank(h: int, w: int) -> torch.Tensor:
    """Return the filters in the frequency domain, complex64-ready float32 [scales, orientations, h, w]."""
    fy = torch.fft.fftfreq(h)[:, None] * h
    fx = torch.fft.fftfreq(w)[None] * w * (h / w)
    octave = (fx * fx + fy * fy).sqrt().clamp_min(1e-3).log2()
    angle = torch.atan2(fy.expand(h, w), fx.expand(h, w))
    order = ORIENTATIONS - 1
    filters = []
    for scale in SCALES:
        away = (octave - math.log2(scale)).abs().clamp_max(1)
        radial = (away * math.pi / 2).cos() * (octave < math.log2(h / 2))
        for k in range(ORIENTATIONS):
            turn = torch.cos(angle - math.pi * k / ORIENTATIONS)
            filters.append(radial * 2 * turn.clamp_min(0) ** order)
    return torch.stack(filters).reshape(len(SCALES), ORIENTATIONS, h, w)
