"""Flux: ribbons of light, warped fields, and currents drawn along a flow. Called through `painting.BUCKETS`."""

from __future__ import annotations

import numpy as np

from phosphene.tools.datasets.painting.sheet import TURN, Sheet, glow, sine, smooth


def flux(s: Sheet) -> np.ndarray:
    """Return linear light [h, w, 3]."""
    return (_ribbons, _warped, _currents, _threads)[s.pick(3, 3, 3, 2)](s)


def _ribbons(s: Sheet) -> np.ndarray:
    """Bundles of glowing lines that swing together and cross."""
    x, y = s.turned()
    x, y = s.warped(x, y, s.num(0.2, 0.8), 0.5)
    light = s.palette(0.3, 0.1 + 0.12 * s.noise("smooth", x, y, 0.4)) * np.float32(0.5)
    hue = s.num(0, 1)
    for bundle in range(int(s.recipe.integers(2, 4))):
        f, swing, phase = s.num(0.35, 0.8), s.num(0.2, 0.5), s.vary(0, 1)
        count, spread = int(s.recipe.integers(5, 14)), s.num(0.3, 1.1)
        centre, width = s.num(-0.5, 0.5), s.num(0.01, 0.025)
        for k in range(count):
            place = np.float32(k / count)
            path = centre + swing * np.sin(TURN * (f * x + phase + 0.35 * place)) + swing * np.float32(0.4) * np.sin(
                TURN * (f * 2.1 * x - phase + 0.6 * place)
            )  # fmt: skip
            path = path + (place - 0.5) * spread * (0.25 + 0.75 * sine(x * f * 0.7 + phase))
            strength = (0.35 + 0.65 * sine(place * 2 + x * 0.3 + phase)) * s.num(0.5, 1.2)
            colour = s.palette(hue + 0.45 * bundle + 0.5 * place, 0.68)
            light = light + colour * (strength * glow(y - path, width))[..., None]
    return light


def _warped(s: Sheet) -> np.ndarray:
    """Noise bent by noise bent by noise: liquid light with bright crests."""
    x, y = s.turned()
    zoom, amount = s.num(0.3, 0.6), s.num(0.9, 2.0)
    a, b = s.noise("smooth", x, y, zoom), s.noise("smooth", x, y, zoom)
    wx, wy = x + amount * (a - 0.5), y + amount * (b - 0.5)
    c, d = s.noise("smooth", wx, wy, zoom * 1.2), s.noise("smooth", wx, wy, zoom * 1.2)
    field = s.noise("smooth", wx + amount * (c - 0.5), wy + amount * (d - 0.5), zoom * 1.3)
    crest = np.exp(-np.abs(np.sin(field * TURN * s.num(1.0, 2.5))) * s.num(3, 8))
    level = 0.08 + 0.55 * field * smooth(c, 0.15, 0.85) + s.num(0.2, 0.5) * crest * smooth(d, 0.3, 0.9)
    return s.palette(a * s.num(0.6, 1.3) + 0.7 * d + s.num(0, 1), level)


def _currents(s: Sheet) -> np.ndarray:
    """Fine noise smeared along a flow: hair, water, field lines."""
    x, y = s.turned()
    zoom, stride = s.num(0.35, 0.7), s.num(0.018, 0.035)
    heading = s.noise("smooth", x, y, zoom) * TURN * s.num(0.8, 1.6) + s.vary(0, 6.2)
    dx, dy = np.cos(heading) * stride, np.sin(heading) * stride
    streak, place = np.zeros_like(x), s.view.bit_generator.state
    tile = s.recipe.bit_generator.state
    for k in range(-7, 8):
        # The same noise each time, a step farther along the flow.
        s.view.bit_generator.state, s.recipe.bit_generator.state = place, tile
        streak += s.noise("fine", x + k * dx, y + k * dy, s.num(0.32, 0.4)) * np.float32(np.cos(k / 9))
    streak = (streak - streak.mean()) / (streak.std() + np.float32(1e-6))
    body = s.noise("smooth", x, y, zoom * 0.8)
    level = 0.12 + 0.55 * smooth(streak, -0.6, 2.4) * (0.2 + 0.8 * smooth(body, 0.2, 0.8)) + 0.22 * smooth(streak, 1.4, 2.6)
    return s.palette(heading / TURN * s.num(0.5, 1.1) + s.num(0, 1), level)


def _threads(s: Sheet) -> np.ndarray:
    """Contours of a moving sheet, near and far, as threads of light."""
    x, y = s.turned()
    light = np.zeros((*x.shape, 3), np.float32)
    for layer in range(2):
        wx, wy = s.warped(x, y, s.num(0.6, 1.4), 0.45)
        field = s.noise("smooth", wx, wy, s.num(0.3, 0.5)) + s.num(0.2, 0.5) * wy
        t = field * s.num(7, 16)
        slope = np.hypot(*np.gradient(t)) * np.float32(0.5 * min(x.shape)) + np.float32(1e-3)
        distance = np.abs(t - np.round(t)) / slope
        strength = (0.2 + 0.8 * smooth(s.noise("smooth", x, y, 0.6), 0.3, 0.85)) * s.num(0.6, 1.2)
        colour = s.palette(np.round(t) * s.num(0.04, 0.12) + s.num(0, 1), 0.7)
        light = light + colour * (strength * glow(distance, s.num(0.008, 0.02)))[..., None]
        light = light + s.palette(field + 0.4 * layer, 0.1 + 0.25 * field) * np.float32(0.5)
    return light
