"""The stress cases of `vj bench ears`, a row each, and how a row becomes a piece."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from phosphene.tools.lab.ears import spoiling
from phosphene.tools.lab.ears.piece import Piece, Recipe, joined, make

# What the benchmark is made from. `random_piece` adds another number to its seeds, so that the two never meet.
FIRST_SEED = 14_000

SpoiltBy = tuple[str, *tuple[float, ...]]


@dataclass(frozen=True)
class Case:
    """music: makes the piece before it is spoilt. spoilt: (name of EFFECTS, arguments) in turn.

    judged: "beats", or "confidence" alone, where there is no one truth to the beat.
    """

    name: str
    group: str
    music: Callable[[], Piece]
    spoilt: tuple[SpoiltBy, ...] = ()
    judged: str = "beats"
    seed: int = FIRST_SEED

    def piece(self) -> Piece:
        """Make it: the same samples every time."""
        piece = self.music()
        for k, (effect, *arguments) in enumerate(self.spoilt):
            piece = spoiling.EFFECTS[effect](piece, np.random.default_rng([self.seed, k]), *arguments)
        return piece


def _cut(*stretches: tuple[Recipe, float, float]) -> Piece:
    """Return stretches of several pieces, cut hard: (recipe, from, to), in beats."""
    parts = []
    for recipe, first, last in stretches:
        assert isinstance(recipe.bpm, float)
        parts.append(make(recipe).part(first * 60.0 / recipe.bpm, last * 60.0 / recipe.bpm))
    return joined(parts)


def _two_at_once(one: Recipe, other: Recipe) -> Piece:
    """Return the first piece with a second record as loud; the truth is the first one's."""
    first, second = make(one), make(other)
    return replace(first, pcm=((first.pcm + second.pcm) * np.float32(0.5)).astype(np.float32))


def _techno(k: int) -> Callable[[], Piece]:
    return partial(make, replace(_TECHNO, seed=FIRST_SEED + k, lines=(0, 0, 0, k // 2)))


def _beatless(kind: str, seed: int) -> Piece:
    return spoiling.beatless(kind, 25.0, np.random.default_rng([FIRST_SEED, seed]))


# A soft boom on the beat; between the beats a loud hat and a bass that rolls, or answers off the beat.
_TECHNO = Recipe("techno", "808", 130.0, 40.0, vary=0.05, bass=0.5, pad=0.12, duck=0.6, fills=False)
_HOUSE = Recipe("house", "909", 126.0, 30.0, FIRST_SEED + 40, lines=(0, 0, 0, None))
_LONG = replace(_HOUSE, seconds=60.0)
_RAMP_8 = ((0.0, 120.0), (12.0, 120.0), (20.0, 128.0))
_RAMP_30 = ((0.0, 120.0), (6.0, 120.0), (36.0, 132.0))
_FALL_30 = ((0.0, 136.0), (6.0, 136.0), (36.0, 122.0))
# Twice up and down by 4 %, 10 s each.
_RIDE = ((0.0, 1.0), (10.0, 1.0), (12.5, 1.04), (17.5, 0.96), (22.5, 1.04), (27.5, 0.96), (30.0, 1.0))
_JUMP = ((0.0, 124.0), (15.0, 124.0), (15.0, 131.44))


def _plain(name: str, pattern: str, kit: str, bpm: float, k: int, group: str = "patterns", **how: object) -> Case:
    recipe = Recipe(pattern, kit, bpm, seed=FIRST_SEED + 60 + k, **{"seconds": 35.0, **how})  # type: ignore[arg-type]
    return Case(name, group, partial(make, recipe))


def _spoilt(name: str, k: int, *spoilt: SpoiltBy) -> Case:
    recipe = replace(_HOUSE, seed=FIRST_SEED + 40 + k % 3)
    return Case(name, "spoilt", partial(make, recipe), spoilt, seed=FIRST_SEED + 200 + k)


def _alone(name: str, kind: str) -> Case:
    return Case(name, "no beat", partial(_beatless, kind, len(kind)), judged="confidence")


def _tempo(name: str, **how: object) -> Case:
    return Case(name, "tempo moves", partial(make, replace(_HOUSE, **how)))  # type: ignore[arg-type]


CASES: tuple[Case, ...] = (
    *(Case(f"techno, 808 kick, off-beat noise hat {k + 1}", "808", _techno(k)) for k in range(4)),
    _tempo("ramp 120-128 in 8 s", bpm=_RAMP_8, seconds=35.0),
    _tempo("ramp 120-132 in 30 s", bpm=_RAMP_30, seconds=42.0),
    _tempo("ramp 136-122 in 30 s", bpm=_FALL_30, seconds=42.0),
    _tempo("ride +-4 % in 10 s", ride=_RIDE, seconds=38.0),
    _tempo("jump +6 %", bpm=_JUMP, seconds=32.0),
    Case("cut, same tempo, half a beat off", "cuts", partial(_cut, (_LONG, 0.0, 32.0), (_LONG, 32.5, 72.0))),
    Case(
        "cuts 126-140-100-174-128",
        "cuts",
        partial(
            _cut,
            (_HOUSE, 0.0, 28.0),
            (Recipe("techno", "electro", 140.0, 30.0, FIRST_SEED + 50), 16.0, 48.0),
            (Recipe("disco", "acoustic", 100.0, 40.0, FIRST_SEED + 51), 16.0, 36.0),
            (Recipe("dnb", "909", 174.0, 30.0, FIRST_SEED + 52), 16.0, 56.0),
            (Recipe("house", "lo-fi", 128.0, 30.0, FIRST_SEED + 53), 16.0, 44.0),
        ),
    ),
    _plain("dubstep 140, 1", "dubstep", "lo-fi", 140.0, 252, bass=0.9, lines=(1, 2, 2, 0), hat=1.2),
    _plain("dubstep 140, 2", "dubstep", "lo-fi", 140.0, 1),
    _plain("dnb 174, 1", "dnb", "acoustic", 174.0, 2),
    _plain("dnb 174, 2", "dnb", "909", 174.0, 3),
    _plain("hip-hop 85", "hip-hop", "lo-fi", 85.0, 4),
    _plain("hip-hop 85, swung", "hip-hop", "lo-fi", 85.0, 270, swing=0.5, lines=(2, 1, 2, 1), bass=0.6),
    _plain("trap 140", "trap", "808", 140.0, 281, lines=(1, 0, 1, 1), bass=0.8, pad=0.5, kick=0.8, snare=0.7, hat=1.6),
    _plain("garage 132, swung", "garage", "909", 132.0, 7, swing=0.3),
    _plain("rock 120", "rock", "acoustic", 120.0, 8),
    _plain("disco 118", "disco", "acoustic", 118.0, 9),
    _plain("house 124", "house", "909", 124.0, 10),
    _plain("waltz 150", "waltz", "acoustic", 150.0, 11, group="metres"),
    _plain("6/8 at 60, 1", "6/8", "acoustic", 60.0, 260, group="metres", lines=(2, 1, 0, 1), seconds=28.0),
    _plain("6/8 at 60, 2", "6/8", "909", 60.0, 262, group="metres", lines=(2, 1, 2, 1)),
    _plain("5/4 at 140", "5/4", "acoustic", 140.0, 13, group="metres"),
    _plain("7/4 at 130", "7/4", "electro", 130.0, 14, group="metres"),
    _spoilt("reverb 1.5 s, crowd at 0 dB", 0, ("room", 1.5, 10.0), ("crowd", 0.0)),
    _spoilt("crowd at -6 dB", 1, ("crowd", -6.0)),
    _spoilt("L = -R", 2, ("inverted",)),
    _spoilt("silence first", 3, ("silence first", 10.0)),
    _spoilt("hum", 4, ("hum", 0.0)),
    _spoilt("clipping +18 dB", 5, ("clip", 18.0)),
    _spoilt("DC", 6, ("offset", 0.25)),
    _spoilt("phone microphone", 7, ("phone",)),
    _spoilt("one dead channel", 8, ("dead channel",)),
    _spoilt("music after silence", 9, ("stops", 8.0)),
    _spoilt("-50 dBFS", 10, ("level", -50.0)),
    _spoilt("-60 dBFS", 11, ("level", -60.0)),
    _alone("pads alone", "pads"),
    _alone("crowd alone", "crowd"),
    _alone("applause alone", "applause"),
    _alone("speech, 8 kHz", "speech"),
    Case(
        "two tracks at once",
        "no beat",
        partial(_two_at_once, _HOUSE, Recipe("rock", "acoustic", 113.0, 30.0, FIRST_SEED + 55)),
        judged="confidence",
    ),
)
