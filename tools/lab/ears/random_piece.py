"""Any number of pieces to learn from and to calibrate on: everything that a recipe can be, drawn from a seed.

None of them is a case of the benchmark: their generators are seeded with a number of their own beside `seed`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from phosphene.tools.lab.ears import filters, spoiling
from phosphene.tools.lab.ears.drums import KITS
from phosphene.tools.lab.ears.patterns import PATTERNS
from phosphene.tools.lab.ears.piece import Piece, Points, Recipe, joined, make

SLOWEST_BPM, FASTEST_BPM = 60.0, 190.0
_OWN = 99_991  # beside every seed: the cases of the benchmark have none
_SWUNG = ("hip-hop", "garage", "house", "trap", "rock", "dnb")


def random_recipe(seed: int, seconds: float = 30.0, kits: Sequence[str] | None = None) -> Recipe:
    """Return the recipe that `random_piece` begins with. kits: of KITS, to draw from: so others can be held out."""
    rng = np.random.default_rng([_OWN, seed])
    name = str(rng.choice(list(PATTERNS)))
    low, high = PATTERNS[name].bpm
    # Mostly at a tempo that such music has, now and then at any: the two must not be the same thing to who learns from it.
    bpm = float(rng.uniform(low, high) if rng.random() < 0.75 else np.exp(rng.uniform(np.log(60.0), np.log(190.0))))
    bpm = min(FASTEST_BPM, max(SLOWEST_BPM if name != "6/8" else 46.0, bpm))
    tempo, ride = _tempo(bpm, seconds, rng)
    mixed = {voice: float(np.exp(rng.normal(0.0, 0.35))) for voice in ("drums", "kick", "snare", "hat")}
    return Recipe(
        name,
        str(rng.choice(sorted(KITS if kits is None else kits))),
        tempo,
        seconds,
        int(rng.integers(1 << 40)) + 1_000_000,
        float(rng.uniform(0.05, 0.5)) if name in _SWUNG and rng.random() < 0.5 else 0.0,
        ride,
        vary=0.3,
        **mixed,
        bass=float(rng.choice([0.0, rng.uniform(0.1, 0.8)], p=[0.15, 0.85])),
        pad=float(rng.choice([0.0, rng.uniform(0.1, 1.0)], p=[0.2, 0.8])),
        duck=float(rng.choice([0.0, rng.uniform(0.2, 0.85)])),
        loose=float(rng.uniform(0.0, 0.008)),
        intro=int(rng.choice([0, 2, 4])),
        breaks=int(rng.choice([0, 0, 2, 4])),
        fills=bool(rng.random() < 0.8),
        ambience=float(rng.uniform(0.0, 0.25)),
        end_db=float(rng.uniform(-24.0, -10.0)),
        lead=float(rng.choice([0.0, rng.uniform(0.1, 0.7)], p=[0.4, 0.6])),
    )


def random_piece(seed: int, seconds: float = 30.0, kits: Sequence[str] | None = None) -> Piece:
    """Return piece number `seed`: pattern, kit, tempo and its course, swing, mix, harmony, room, crowd and level are drawn.

    One in twelve has no beat at all, one in eight is cut hard into another, one in five is heard in a room or among people.
    """
    rng = np.random.default_rng([_OWN, seed, 1])
    kind = float(rng.random())
    if kind < 1 / 12:
        return spoiling.beatless(str(rng.choice(list(spoiling.BEATLESS))), seconds, rng, float(rng.uniform(-35.0, -14.0)))
    recipe = random_recipe(seed, seconds, kits)
    piece = make(recipe)
    if kind < 1 / 12 + 1 / 8:
        cut = float(rng.uniform(0.35, 0.65)) * seconds
        other = make(random_recipe(seed + (1 << 32), seconds, kits))
        start = float(rng.uniform(0.0, cut))
        piece = replace(joined([piece.part(0.0, cut), other.part(start, start + seconds - cut)]), divided=piece.divided)
    return _spoil(piece, rng)


def _tempo(bpm: float, seconds: float, rng: np.random.Generator) -> tuple[float | Points, Points]:
    """Return (bpm or its points, points of the turntable)."""
    still: Points = Recipe.ride
    kind = float(rng.random())
    start = float(rng.uniform(0.1, 0.5)) * seconds
    length = float(rng.uniform(4.0, max(5.0, seconds - start)))
    change = float(np.clip(rng.normal(0.0, 0.06), -0.15, 0.15))
    if kind < 0.45:
        return bpm, still
    if kind < 0.6:
        return ((0.0, bpm), (start, bpm), (start + length, bpm * (1.0 + change))), still
    if kind < 0.7:
        return ((0.0, bpm), (start, bpm), (start, bpm * (1.0 + change))), still
    if kind < 0.85:
        up, down = (float(1.0 + sign * rng.uniform(0.005, 0.06)) for sign in rng.permutation([1.0, -1.0]))
        points = ((0.0, 1.0), (start, 1.0), (start + length / 4, up), (start + length * 0.75, down), (start + length, 1.0))
        return bpm, points
    # A band: the tempo wanders, a point every two seconds or so.
    times = np.arange(0.0, seconds + 2.0, 2.0)
    wander = np.cumsum(rng.normal(0.0, float(rng.uniform(0.003, 0.02)), len(times)))
    wander -= np.linspace(0.0, 1.0, len(times)) * wander[-1] * 0.5
    return tuple((float(t), bpm * float(np.exp(np.clip(w, -0.2, 0.2)))) for t, w in zip(times, wander, strict=True)), still


def _spoil(piece: Piece, rng: np.random.Generator) -> Piece:
    effects = spoiling.EFFECTS
    if rng.random() < 0.2:
        piece = effects["room"](piece, rng, float(rng.uniform(0.3, 2.0)), float(rng.uniform(-12.0, 3.0)))
    if rng.random() < 0.2:
        piece = effects["crowd"](piece, rng, float(rng.uniform(-24.0, 0.0)))
    if rng.random() < 0.06:
        piece = effects["phone"](piece, rng)
    if rng.random() < 0.06:
        piece = effects["clip"](piece, rng, float(rng.uniform(3.0, 18.0)))
    if rng.random() < 0.06:
        piece = effects["hum"](piece, rng, float(rng.uniform(-20.0, 0.0)))
    if rng.random() < 0.3:  # what a master or a loudspeaker does: a tilt
        tilted = piece.pcm.T + filters.high_pass(piece.pcm.T, 2000.0) * np.float32(rng.uniform(-0.7, 1.0))
        peak = float(np.abs(tilted).max())
        piece = replace(piece, pcm=np.ascontiguousarray(tilted.T * np.float32(min(1.0, 0.98 / (peak + 1e-9)))))
    if rng.random() < 0.15:
        piece = effects["level"](piece, rng, float(rng.uniform(-58.0, -30.0)))
    if rng.random() < 0.05:
        piece = effects["silence first"](piece, rng, float(rng.uniform(1.0, 4.0)))
    return piece
