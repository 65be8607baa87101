"""The one input encoding of every network: preview, live show, offline render and trainer all come through here.

Inputs are of two kinds. *Spatial* ones differ from pixel to pixel (x, y, radius, folds); *uniform* ones are the same for
the whole frame (time, sound, beat, latents), so a backend folds them into the bias of the first layer and pays for two or
three inputs instead of twelve. Pure functions of their arguments but for `Motion`, which integrates time. Called by
generators and tools on their own thread; never reads a clock.

    coordinates   pi at the top, -pi at the bottom of a landscape picture (the short side), pixel centres, y up
    sound         normalised 0..1, smoothed by attack and release in seconds, x react x the style's scale
    time          an integral of speed, so that changing the speed never jumps; louder music moves it faster
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NotRequired, TypedDict

import numpy as np

from phosphene.engine.core.frame import Size
from phosphene.kernels.cppn.projection import KINDS, TURN, project

# The twelve of the first networks, in their order.
BASE_INPUTS = (
    "x", "y", "time", "bass", "mid", "treble", "centroid", "rolloff", "onset", "beat", "rms", "time_ramp",
)  # fmt: skip
LATENTS = 8
AUDIO_INPUTS = ("bass", "mid", "treble", "centroid", "rolloff", "onset", "beat", "rms")
CYCLE_INPUTS = ("beat_sin", "beat_cos", "bar_sin", "bar_cos")
PLACE = "place"  # how far round a style with several variations the picture is, in turns
UNIFORM_INPUTS = ("time", *AUDIO_INPUTS, "time_ramp", *CYCLE_INPUTS, *(f"latent{i}" for i in range(LATENTS)), PLACE)
# radius: distance from the origin. abs_x, abs_y: mirror symmetry. foldN_x, foldN_y: the N-fold map r (cos N a, sin N a).
PLAIN_SPATIAL = ("x", "y", "radius", "abs_x", "abs_y")
FOLDS = range(2, 9)
SPATIAL_INPUTS = (*PLAIN_SPATIAL, *(f"fold{n}_{axis}" for n in FOLDS for axis in "xy"))
INPUTS = frozenset(SPATIAL_INPUTS) | frozenset(UNIFORM_INPUTS)

# (attack, release) in s. A kick must show at once, and the level it leaves behind must glide: raw band levels change by
# up to 0.3 between hops, which flickers. onset and beat are envelopes already.
_SMOOTHING = {
    "bass": (0.012, 0.18),
    "mid": (0.03, 0.25),
    "treble": (0.03, 0.25),
    "rms": (0.03, 0.40),
    "centroid": (0.15, 0.50),
    "rolloff": (0.15, 0.50),
}
_CHUNK = 8192  # pixels whose coordinates are made at a time: arrays of 32 KB are taken from the heap and stay in the cache
# rad of each latent per rad of `time`: ratios of the golden mean's powers never line up, so the walk does not repeat.
_LATENT_RATES = tuple(0.35 * 1.6180339887498949 ** (-0.37 * i) for i in range(LATENTS))


@dataclass(frozen=True, slots=True)
class Projection:
    """How the plane stands in space. kind: 0 tunnel, 1 floor, 2 sphere, 3 spiral (`kernels.cppn.projection.KINDS`), in
    between both; depth: 0 flat, 1 all of it; travel: how far the camera has gone, in turns: after a whole one it is where it
    was."""

    kind: float = 0.0
    depth: float = 0.0
    travel: float = 0.0


FLAT = Projection()


@dataclass(frozen=True, slots=True)
class View:
    """Where the viewer looks. zoom > 1 magnifies; rotate in turns, counter-clockwise; pan moves the picture right and up,
    1.0 = half of the short side. The projection comes after them: pan moves its vanishing point."""

    zoom: float = 1.0
    rotate: float = 0.0
    pan_x: float = 0.0
    pan_y: float = 0.0
    projection: Projection = FLAT


STRAIGHT_VIEW = View()


def is_spatial(name: str) -> bool:
    """Tell whether an input differs from pixel to pixel."""
    return name in SPATIAL_INPUTS


@lru_cache(maxsize=8)
def pixel_grid(size: Size) -> tuple[np.ndarray, np.ndarray]:
    """Return x and y of every pixel centre before the view, float32 [pixels] each, row 0 at the top, read-only."""
    unit = 2.0 * math.pi / min(size.width, size.height)
    x = (np.arange(size.width) + 0.5 - size.width / 2) * unit
    y = (size.height / 2 - np.arange(size.height) - 0.5) * unit
    xs = np.ascontiguousarray(np.broadcast_to(x.astype(np.float32), (size.height, size.width)).reshape(-1))
    ys = np.repeat(y.astype(np.float32), size.width)
    xs.flags.writeable = ys.flags.writeable = False
    return xs, ys


def extent(size: Size) -> tuple[float, float]:
    """Return x at the right edge and y at the top edge of a picture, before the view."""
    unit = math.pi / min(size.width, size.height)
    return unit * size.width, unit * size.height


def view_matrix(view: View) -> tuple[float, float, float, float]:
    """Return (a, b, tx, ty) with x' = a x - b y + tx, y' = b x + a y + ty taking a screen point to the network's plane."""
    angle = -2.0 * math.pi * view.rotate
    a, b = math.cos(angle) / view.zoom, math.sin(angle) / view.zoom
    px, py = view.pan_x * math.pi, view.pan_y * math.pi
    return a, b, -(a * px - b * py), -(b * px + a * py)


def projection_vector(projection: Projection) -> tuple[float, ...]:
    """Return the weights of the four kinds, what is left of the flat plane, and the travel in units of it: all >= 0."""
    depth = min(1.0, max(0.0, projection.depth))
    weights = [depth * max(0.0, 1.0 - abs(projection.kind - k)) for k in range(len(KINDS))]
    return *weights, 1.0 - sum(weights), TURN * (projection.travel % 1.0)


def coordinates(size: Size, view: View = STRAIGHT_VIEW, names: Sequence[str] = ("x", "y")) -> np.ndarray:
    """Return the spatial inputs `names` of every pixel: float32 [pixels, len(names)], C order, row 0 at the top."""
    gx, gy = pixel_grid(size)
    a, b, tx, ty = (np.float32(v) for v in view_matrix(view))
    *weights, plain, shift = projection_vector(view.projection)
    out = np.empty((size.pixels, len(names)), np.float32)
    for start in range(0, size.pixels, _CHUNK):
        part = slice(start, start + _CHUNK)
        x = a * gx[part] - b * gy[part] + tx
        y = b * gx[part] + a * gy[part] + ty
        if plain < 1.0:
            x, y = project(np, x, y, weights, plain, shift)
        for i, name in enumerate(names):
            out[part, i] = spatial_input(name, x, y)
    return out


def spatial_input(name: str, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the spatial input `name` at the points (x, y), in their dtype. Raises KeyError for any other name."""
    if name == "x":
        return x
    if name == "y":
        return y
    if name == "radius":
        return np.sqrt(x * x + y * y)
    if name == "abs_x":
        return np.abs(x)
    if name == "abs_y":
        return np.abs(y)
    match = re.fullmatch(r"fold([2-8])_([xy])", name)
    if match is None:
        raise KeyError(name)
    # (x + iy)^n / r^(n-1), by products: atan2 over 57,600 pixels would cost ten times as much.
    n = int(match[1])
    radius = np.maximum(np.sqrt(x * x + y * y), np.float32(1e-6))
    ux, uy = x / radius, y / radius
    px, py = x, y
    for _ in range(n - 1):
        px, py = px * ux - py * uy, px * uy + py * ux
    return px if match[2] == "x" else py


def input_values(
    phase: float, levels: Mapping[str, float], signals: Mapping[str, float], react: float = 1.0
) -> dict[str, float]:
    """Return the value of every uniform input before the style's scale.

    phase: integrated time in s. levels: smoothed audio inputs 0..1 (missing ones are 0). signals: beat_phase, bar_phase
    and phrase_phase, 0..1 each (missing ones are 0). react: how strongly sound moves the picture, 0..2.
    """
    values = {"time": phase, PLACE: 0.0}
    values |= {name: react * levels.get(name, 0.0) for name in AUDIO_INPUTS}
    # A ramp that falls back to 0 would jump once a phrase; up and down again does not.
    values["time_ramp"] = 1.0 - abs(2.0 * (signals.get("phrase_phase", 0.0) % 1.0) - 1.0)
    for name in ("beat", "bar"):
        turn = 2.0 * math.pi * signals.get(f"{name}_phase", 0.0)
        values[f"{name}_sin"], values[f"{name}_cos"] = math.sin(turn), math.cos(turn)
    for i, rate in enumerate(_LATENT_RATES):
        values[f"latent{i}"] = math.sin(rate * phase + 2.4 * i)
    return values


def uniform_vector(names: Sequence[str], values: Mapping[str, float], scales: Mapping[str, float]) -> np.ndarray:
    """Return float64 [len(names)]: each uniform input times the style's scale for it (1.0 where it names none)."""
    return np.array([values[name] * scales.get(name, 1.0) for name in names], np.float64)


class MotionMemory(TypedDict):
    """Where a `Motion` stands. phase: integrated time in s. levels: the smoothed audio inputs, 0..1. travel: turns, 0..1."""

    phase: float
    levels: dict[str, float]
    travel: NotRequired[float]


class Motion:
    """Turns the signals of successive frames into input values: integrates time, smooths the audio inputs.

    `drive` is how much faster full-level music runs time than silence does; an onset adds as much again while it rings.
    That makes a kick push the picture along its path: it lurches but cannot jump, because time is an integral.
    """

    def __init__(self, drive: float = 0.0, phase: float = 0.0) -> None:
        self.drive = drive
        self.phase = phase
        self.travel = 0.0  # turns that the camera of a projection has gone, 0..1
        self._levels = dict.fromkeys(AUDIO_INPUTS, 0.0)

    def settle(self, signals: Mapping[str, float]) -> None:
        """Take the levels as if `signals` had been sounding for ever; time stands still. For stills and tests."""
        self._levels = {name: signals.get(name, 0.0) for name in AUDIO_INPUTS}

    @property
    def levels(self) -> dict[str, float]:
        """The smoothed audio inputs."""
        return dict(self._levels)

    def memory(self) -> MotionMemory:
        """See `core.resumable.Resumable`."""
        return {"phase": self.phase, "levels": self.levels, "travel": self.travel}

    def resume(self, memory: MotionMemory) -> None:
        """See `core.resumable.Resumable`; levels of other inputs are left alone."""
        self.phase = memory["phase"]
        self.travel = memory.get("travel", 0.0)
        self._levels |= {name: float(level) for name, level in memory["levels"].items() if name in self._levels}

    def step(
        self,
        signals: Mapping[str, float],
        dt: float,
        speed: float = 1.0,
        react: float = 1.0,
        latents: Mapping[str, float] | None = None,
        fly: float = 0.0,
    ) -> dict[str, float]:
        """Advance by `dt` s and return `input_values`. speed: 0 stands still. Any missing signal counts as 0.

        latents: `latent0`, ... where something else than time moves them, and `place`. fly: speed of the camera, turns/s in
        silence; louder music moves it faster, as it does time.
        """
        for name in AUDIO_INPUTS:
            target = signals.get(name, 0.0)
            if name in _SMOOTHING:
                level = self._levels[name]
                tau = _SMOOTHING[name][0 if target > level else 1]
                target = level + (target - level) * -math.expm1(-dt / tau)
            self._levels[name] = target
        energy = 0.5 * (self._levels["rms"] + self._levels["onset"])
        self.phase += dt * speed * (1.0 + self.drive * react * energy)
        self.travel = (self.travel + dt * fly * (1.0 + self.drive * react * energy)) % 1.0
        return input_values(self.phase, self._levels, signals, react) | dict(latents or {})


def fold_bias(w0: np.ndarray, b0: np.ndarray, columns: Sequence[int], uniforms: np.ndarray, periodic: bool) -> np.ndarray:
    """Return the first layer's bias with the uniform inputs folded in, float32 [out].

    w0: [out, in], columns: which inputs the uniforms are. In float64, and modulo 2 pi where the first activation is
    periodic: after 5 hours `time` is 18,000 and a float32 sum would be off by up to 1e-3 rad x weight, in steps that show.
    """
    bias = b0.astype(np.float64) + w0[:, list(columns)].astype(np.float64) @ uniforms
    if periodic:
        bias = np.remainder(bias + math.pi, 2.0 * math.pi) - math.pi
    return bias.astype(np.float32)
