"""Depth for nothing: where a network is asked instead of on its flat plane, and what light comes back from there.

A CPPN can be asked anywhere, so a tunnel costs a few operations a pixel and no memory. Four kinds, each a map of the plane
into the square -pi..pi that networks were trained in; places beyond it fold back in (mirrored repeat), so that there is no
seam, no detail that was never trained, and the same scenery after one turn of the travel.

    tunnel   round walls, the angle folded left and right; the travel goes in
    floor    a floor and its ceiling up to the horizon; the travel goes ahead
    sphere   a lit ball in front of the flat picture; the travel spins it
    spiral   log-polar: every turn about the middle is one repeat further in; the travel zooms

`project` is written once for numpy, torch and whatever else has the few functions it takes (`xp`); `projection.glsl` and
`cppn_fused/paint.cu` are its twins, operation by operation. `lit` is the reference of `lit.glsl` alone. Called by the
encoding, backends and tests, on any thread; no files, no OpenGL. The reasons, in numbers: docs/decisions/projections.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

KINDS = ("tunnel", "floor", "sphere", "spiral")
TURN = 4.0 * math.pi  # of the travel, in units of the plane: a mirrored repeat and its mirror image

_TUNNEL = 3.6 * math.pi  # units of a tunnel's depth, over the distance from its far end
_TUNNEL_END = 0.6  # added to the distance from the middle: the far end is near enough for a pattern that can be seen
_FLOOR = math.pi  # units across the floor for a unit of the screen, over the distance from its vanishing line
_FLOOR_END = 0.35  # that line lies so far beyond the horizon
_MIDDLE = 1e-3  # keeps the logarithm of a spiral finite, units squared
_FLOOR_DEPTH = 0.7 * math.pi  # units along it for one across
_RADIUS = 0.72 * math.pi  # of the ball
_RADIUS2 = _RADIUS * _RADIUS
_RIM = 1e-6  # squared depth at which a ball's rim ends
_TINY = 1e-12  # keeps quotients of nothing by nothing at 0
# arctangent of -1..1 within 1.2e-5 rad, a least-maximum fit. Every backend has these five numbers, because the functions
# built in differ (GLSL promises 4096 ulp), and a steep network turns 5e-4 rad into a level or two.
_ARC = (0.99986633, -0.33030479, 0.1801593, -0.08515635, 0.02084511)

# Units of the plane that a pixel may span: networks have details down to about 0.15 units, so from 0.25 on it is noise.
FINE, FINEST = 0.045, 0.25


def project(xp: Any, x: Any, y: Any, weights: Sequence[Any], plain: Any, shift: Any) -> tuple[Any, Any]:
    """Return the places at which the network is asked for the points (x, y) of the plane, in their dtype.

    xp: `numpy`, or anything with abs, sqrt, floor, log, reciprocal, where and maximum. weights: of KINDS; kinds whose
    weight is the float 0.0 are left out. plain: what is left of the flat plane, 1 - their sum. shift: the travel, 0..TURN.
    """
    u, v = plain * x, plain * y
    for kind, weight in zip((tunnel, floor, sphere, spiral), weights, strict=True):
        if isinstance(weight, float) and weight == 0.0:
            continue
        px, py = kind(xp, x, y, shift)
        if isinstance(weight, float) and weight == 1.0:
            return px, py
        u, v = u + weight * px, v + weight * py
    return u, v


def tunnel(xp: Any, x: Any, y: Any, shift: Any) -> tuple[Any, Any]:
    """Return the wall's places: along its circumference, and into the depth."""
    r = xp.sqrt(x * x + y * y)
    up = xp.abs(y)
    # 4 radians a radian, folded where it reaches pi: an eighth of the circle is seen eight times.
    along = math.pi - xp.abs(4.0 * _beyond(xp, xp.abs(x), up))
    return along * (y * xp.reciprocal(up + _TINY)), fold(xp, _TUNNEL * xp.reciprocal(r + _TUNNEL_END) + shift)


def floor(xp: Any, x: Any, y: Any, shift: Any) -> tuple[Any, Any]:
    """Return the places of a floor below and its mirror image above: across, and towards the horizon."""
    scale = _FLOOR * xp.reciprocal(xp.abs(y) + _FLOOR_END)
    return fold(xp, x * scale), fold(xp, _FLOOR_DEPTH * scale + shift)


def sphere(xp: Any, x: Any, y: Any, shift: Any) -> tuple[Any, Any]:
    """Return longitude and latitude on the ball, twice over, and the plane itself around it."""
    across = _RADIUS2 - y * y
    z2 = across - x * x
    longitude = _angle(xp, x, xp.sqrt(xp.maximum(z2, _RIM)))
    latitude = _angle(xp, y, xp.sqrt(xp.maximum(across, _RIM)))
    inside = z2 > 0.0
    return xp.where(inside, fold(xp, 2.0 * longitude + shift), x), xp.where(inside, 2.0 * latitude, y)


def spiral(xp: Any, x: Any, y: Any, shift: Any) -> tuple[Any, Any]:
    """Return 2 (1 - i) times the logarithm of the place: conformal, so details keep their shape."""
    depth = xp.log(x * x + y * y + _MIDDLE) - shift
    side = xp.abs(x)
    right = _angle(xp, y, side)
    angle = math.pi - (math.pi - 2.0 * right) * ((x + _TINY) * xp.reciprocal(side + _TINY))
    return fold(xp, angle + depth), fold(xp, angle - depth)


def fold(xp: Any, v: Any) -> Any:
    """Return `v` in -pi..pi by mirrored repeat: itself in there, back again beyond, with a period of TURN."""
    turns = v * (1.0 / TURN) - 0.25
    return xp.abs((turns - xp.floor(turns)) * TURN - 0.5 * TURN) - math.pi


def _angle(xp: Any, y: Any, x: Any) -> Any:
    """Return the angle of (x, y) for x >= 0, in rad."""
    up = xp.abs(y)
    return (0.25 * math.pi + _beyond(xp, x, up)) * (y * xp.reciprocal(up + _TINY))


def _beyond(xp: Any, x: Any, y: Any) -> Any:
    """Return the angle of (x, y), neither negative, less an eighth of a turn, in rad: no branch, and no jump anywhere."""
    m = (y - x) * xp.reciprocal(y + x + _TINY)
    q = m * m
    a, b, c, d, e = _ARC
    return m * (a + q * (b + q * (c + q * (d + q * e))))


def lit(
    x: np.ndarray, y: np.ndarray, weights: Sequence[float], plain: float, fog: float, pixel: float, texel: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """Return what is left of the network's light at the points (x, y), 0..1, and how much of the far light is added, 0..1.

    fog: 0..1. pixel: what a pixel spans of the plane. texel: what one of a decoded picture spans of it, 0 for a CPPN.
    """
    r = np.sqrt(x * x + y * y + _MIDDLE)
    h = np.abs(y) + _FLOOR_END
    scale = _FLOOR / h
    z = np.sqrt(np.maximum(_RADIUS2 - x * x - y * y, _RIM)) / _RADIUS
    across = np.maximum(_RADIUS2 - y * y, _RIM)
    inside = x * x + y * y < _RADIUS2
    lamp = np.maximum(0.65 * z + (0.55 * y - 0.45 * x) / _RADIUS, 0.0)
    beside = np.maximum(r - _RADIUS, 0.0)
    # Of each kind: how much finer the pattern is than on the flat plane (the norm of the Jacobian, or just above it), the
    # light that is left, and the light from behind.
    finer = (
        np.maximum(4.0 / r, _TUNNEL / ((r + _TUNNEL_END) * (r + _TUNNEL_END))),
        scale / h * np.sqrt(h * h + _FLOOR_DEPTH**2 + x * x),
        # Endless at the rim: cut off where it is too fine for any screen, so that little depth has no dots there.
        np.where(
            inside,
            np.minimum(2.0 / (z * _RADIUS) * np.sqrt(1.0 + (x * y / across) ** 2 + z * z * _RADIUS2 / across), 60.0),
            1.0,
        ),
        math.sqrt(8.0) / r,
    )
    near = np.maximum(1.145 - np.log(r), 0.0) * 0.5  # log pi
    left = (
        np.exp(-fog * (0.8 / r) ** 1.5),
        np.exp(-fog * (0.8 / h) ** 1.5),
        np.where(inside, _smooth(z / 0.6) * (0.12 + lamp), np.exp(-2.4 * fog) * (1.0 - np.exp(-((beside / 1.57) ** 2)))),
        np.exp(-fog * near * near),
    )
    behind = (
        np.exp(-r / 0.3),
        np.exp(-np.abs(y) / 0.15),
        np.where(inside, (1.0 - z) ** 5, np.exp(-beside / 0.45)),
        np.exp(-r / 0.25),
    )
    spans = pixel * (plain + sum(w * each for w, each in zip(weights, finer, strict=True)))
    fine, finest = (0.6 * texel, 2.5 * texel) if texel > 0.0 else (FINE, FINEST)
    low, high = max(fine, pixel), max(finest, 4.0 * pixel)  # the flat plane is never faded
    seen = 1.0 - _smooth(np.log2(spans / low) / math.log2(high / low))
    # The places jump at the rim of the ball, at any depth of it: an outline of three pixels covers that.
    outline = 1.0 - min(1.0, 4.0 * weights[KINDS.index("sphere")]) * (1.0 - _smooth(np.abs(r - _RADIUS) / (3.0 * pixel)))
    total = plain + sum(w * each for w, each in zip(weights, left, strict=True))
    return seen * outline * total, sum(w * each for w, each in zip(weights, behind, strict=True))


def _smooth(t: np.ndarray) -> np.ndarray:
    t = np.clip(t, 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)
