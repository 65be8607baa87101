"""Glitch waves: a wave picture torn into rows and blocks, its channels apart. Called through `painting.BUCKETS`."""

from __future__ import annotations

import numpy as np

from phosphene.tools.datasets.painting.sheet import TURN, Sheet, glow, sine, smooth


def glitch_waves(s: Sheet) -> np.ndarray:
    """Return linear light [h, w, 3]."""
    base = (_bars, _scope, _moire)[s.pick(4, 3, 3)]
    tear, blocks = _tears(s), _blocks(s)
    apart = s.num(0.01, 0.06) * (1 + 3 * np.abs(tear))
    state = s.recipe.bit_generator.state, s.view.bit_generator.state
    channels = []
    for channel in range(3):
        # The same wave three times, each channel where the tear has left it.
        s.recipe.bit_generator.state, s.view.bit_generator.state = state
        channels.append(base(s, s.x + tear + blocks + (channel - 1) * apart)[..., channel])
    light = np.stack(channels, -1)
    rows = max(1, round(light.shape[0] / s.recipe.integers(60, 140)))
    scan = 1 - s.num(0.1, 0.4) * ((np.arange(light.shape[0]) // rows) % 2).astype(np.float32)
    return light * scan[:, None, None]


def _tears(s: Sheet) -> np.ndarray:
    """Return how far each row is displaced, float32 [h, w] constant along rows: stretches of torn and of whole rows."""
    height, width = s.x.shape
    offset = np.zeros(height, np.float32)
    for _ in range(int(s.recipe.integers(5, 14))):
        start, length = int(s.view.integers(height)), max(2, int(height * s.view.exponential(0.06)))
        offset[start : start + length] += np.float32(s.view.normal(0, 0.25))
    return np.broadcast_to(offset[:, None], (height, width))


def _blocks(s: Sheet) -> np.ndarray:
    """Return displacement of rectangles, float32 [h, w]."""
    height, width = s.x.shape
    offset = np.zeros((height, width), np.float32)
    for _ in range(int(s.recipe.integers(0, 9))):
        top, left = int(s.view.integers(height)), int(s.view.integers(width))
        tall, wide = max(2, int(height * s.view.exponential(0.07))), max(4, int(width * s.view.exponential(0.25)))
        offset[top : top + tall, left : left + wide] += np.float32(s.view.normal(0, 0.3))
    return offset


def _bars(s: Sheet, x: np.ndarray) -> np.ndarray:
    """Bands that swing, each of one colour, lit at one edge."""
    f, swing = s.num(2.0, 5.0), s.num(0.15, 0.5)
    t = s.y * f + swing * np.sin(TURN * (x * s.num(0.4, 1.1) + s.vary(0, 1))) * 2
    t = t + s.num(0.1, 0.5) * np.sin(TURN * (x * s.num(1.5, 3) + s.y))
    index = np.floor(t)
    inside = t - index
    lit = s.recipe.random(64, dtype=np.float32).take(index.astype(np.int32) & 63)
    level = 0.1 + 0.75 * lit * inside ** s.num(0.6, 2.5) * smooth(1 - inside, 0, 0.06)
    return s.palette(lit * 1.7 + 0.25 * x + s.num(0, 1), level)


def _scope(s: Sheet, x: np.ndarray) -> np.ndarray:
    """Traces of an oscilloscope, one under another."""
    count = int(s.recipe.integers(6, 18))
    light = s.palette(0.5, 0.1 + 0.1 * sine(x * 0.4)) * np.float32(0.4)
    for k in range(count):
        place = np.float32((k + 0.5) / count * 2.6 - 1.3)
        envelope = np.exp(-(((x - s.num(-0.6, 0.6)) / s.num(0.3, 0.9)) ** 2))
        wave = np.sin(TURN * (x * s.num(0.8, 3.5) + s.vary(0, 1))) + 0.5 * np.sin(TURN * (x * s.num(3, 7) + s.vary(0, 1)))
        distance = s.y - place - s.num(0.05, 0.2) * envelope * wave
        light = light + s.palette(k / count * s.num(0.8, 1.6), 0.72) * glow(distance, s.num(0.008, 0.022))[..., None]
    return light


def _moire(s: Sheet, x: np.ndarray) -> np.ndarray:
    """Two gratings over each other, beating."""
    f = s.num(5, 11)
    a = sine(f * (x * s.num(0.7, 1) + s.y * s.num(-0.3, 0.3)) + s.num(0.3, 1.2) * np.sin(TURN * (s.y * 0.5 + s.vary(0, 1))))
    b = sine(f * s.num(0.9, 1.1) * np.hypot(x - s.vary(-0.5, 0.5), s.y - s.vary(-0.5, 0.5)) * s.num(0.5, 1))
    beat = a * b
    level = 0.08 + 0.85 * smooth(beat, 0.15, 0.9) * (0.3 + 0.7 * sine(0.4 * s.y + 0.3 * x + s.vary(0, 1)))
    return s.palette(s.num(0.3, 0.9) * (a - b) + 0.5 * s.y + s.num(0, 1), level)
