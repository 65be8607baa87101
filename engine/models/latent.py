"""Where a latent is at a time: a walk on the sphere that is seeded, locked to the beat, and the same at any frame rate.

Called by generators on the render thread, offline; frozen and pure: a function of time, beat and onset, so a render can
begin anywhere and a frame does not depend on the ones before. Latents of a generator are drawn from a normal distribution,
whose points lie on a sphere of RMS 1; blends of them fall to an RMS of 0.6, where pictures turn dull, so every step here
goes along the sphere (slerp: Shoemake 1985) or back onto it.

    anchors, one for each so many beats --slerp--> path;  path + wander in seconds --> onto the sphere;  onsets push it
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from phosphene.engine.core.errors import UserError

_WAVES = 3  # sinusoids in each dimension of the wander: enough never to be seen to repeat
_PUSHES = 8  # directions in which onsets push, one beat each
_RANGES = {"beats": (0, 1024), "hold": (0, 0.95), "wander": (0, 1), "wander_s": (0.1, 600), "push": (0, 1)}


@dataclass(frozen=True, slots=True)
class Walk:
    """How latents move.

    seed: of anchors and wander. beats: from one anchor to the next, 0: no anchors. hold: share of that time at rest before
    moving on. wander: how far it strays from its path, 0..1 (1: a walk of its own). wander_s: s it takes to stray. push:
    how far an onset pushes it, 0..1. anchors: where to go, in order and over again; empty: seeded ones, never the same.
    """

    seed: int = 0
    beats: float = 16.0
    hold: float = 0.25
    wander: float = 0.35
    wander_s: float = 9.0
    push: float = 0.15
    anchors: tuple[tuple[float, ...], ...] = ()

    def __post_init__(self) -> None:
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise UserError("value out of range", where=f"walk.{name}", allowed=f"{low:g} to {high:g}", got=value)


def unit_rms(z: np.ndarray) -> np.ndarray:
    """Return `z` scaled to an RMS of 1 over its last axis; a zero becomes ones."""
    rms = np.sqrt(np.mean(np.square(z), axis=-1, keepdims=True))
    return np.where(rms > 1e-9, z / np.maximum(rms, 1e-9), 1.0)


def slerp(a: np.ndarray, b: np.ndarray, t: float) -> np.ndarray:
    """Return the point `t` 0..1 of the way from `a` to `b` along their sphere (both of RMS 1, [dims])."""
    cosine = float(np.clip(np.mean(a * b), -1.0, 1.0))
    angle = math.acos(cosine)
    if angle < 1e-4 or math.pi - angle < 1e-4:  # no direction, or every one: the chord is as good
        return unit_rms((1.0 - t) * a + t * b)
    return (math.sin((1.0 - t) * angle) * a + math.sin(t * angle) * b) / math.sin(angle)


class Trajectory:
    """A `Walk` of `dims` latents. Raises UserError for anchors of another length."""

    def __init__(self, walk: Walk, dims: int) -> None:
        self.walk, self.dims = walk, dims
        for i, anchor in enumerate(walk.anchors, 1):
            if len(anchor) != dims:
                where = f"walk.anchors[{i}]"
                raise UserError("an anchor has another length", where=where, allowed=f"{dims} numbers", got=len(anchor))
        self._given = [unit_rms(np.array(anchor, np.float64)) for anchor in walk.anchors]
        rng = _stream(walk.seed, "wander")
        # Around one turn in `wander_s`, in no simple ratio to each other.
        self._rates = 2.0 * math.pi / walk.wander_s * rng.uniform(0.4, 1.3, (_WAVES, dims))
        self._phases = rng.uniform(0.0, 2.0 * math.pi, (_WAVES, dims))
        self._pushes = unit_rms(_stream(walk.seed, "push").standard_normal((_PUSHES, dims)))
        self._drawn = lru_cache(maxsize=8)(self._draw)

    def at(self, t: float, beat: float, onset: float = 0.0) -> np.ndarray:
        """Return float64 [dims] of RMS 1 at `t` s and `beat` beats, while an onset rings with 0..1."""
        walk = self.walk
        stray = unit_rms(np.sin(self._rates * t + self._phases).sum(axis=0))
        z = slerp(self._path(beat), stray, walk.wander) if walk.beats > 0.0 else stray
        if walk.push > 0.0 and onset > 0.0:
            n = math.floor(beat)
            direction = slerp(self._pushes[n % _PUSHES], self._pushes[(n + 1) % _PUSHES], beat - n)
            z = unit_rms(z + walk.push * onset * direction)
        return z

    def _path(self, beat: float) -> np.ndarray:
        place = beat / self.walk.beats
        n = math.floor(place)
        hold = self.walk.hold
        moved = max(0.0, place - n - hold) / (1.0 - hold)
        return slerp(self._anchor(n), self._anchor(n + 1), moved * moved * (3.0 - 2.0 * moved))

    def _anchor(self, n: int) -> np.ndarray:
        return self._given[n % len(self._given)] if self._given else self._drawn(n)

    def _draw(self, n: int) -> np.ndarray:
        return unit_rms(_stream(self.walk.seed, f"anchor {n}").standard_normal(self.dims))


def latent_values(z: np.ndarray) -> Mapping[str, float]:
    """Return the network inputs `latent0`, `latent1`, ... of a latent."""
    return {f"latent{i}": float(v) for i, v in enumerate(z)}


def _stream(seed: int, name: str) -> np.random.Generator:
    """Return the random stream `name` of `seed`: independent of every other, so that adding one changes none."""
    words: Sequence[int] = [seed & 0xFFFFFFFF, seed >> 32 & 0xFFFFFFFF, *name.encode()]
    return np.random.default_rng(np.random.SeedSequence(words))
