"""Whole tracks of one to two minutes with the truth of their structure: where breaks, builds and drops are.

What the words mean, and so what is scored:

break   kick and bass were there, and are gone while music goes on: also when a DJ filters the lows away for some bars.
build   tension rises: a roll that thickens, noise or a tone that climbs, a filter that opens, a level that rises.
drop    the first kick of a part with kick and bass, after a break or a build. The first beat after an intro is none.

Random numbers are drawn from (`purpose`, seed): `LEARNING` is what constants were fitted on, `JUDGING` what is scored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from phosphene.engine.core.signals import SAMPLE_RATE
from phosphene.tools.lab.ears import filters, spoiling
from phosphene.tools.lab.ears.arranger import Band, Part, play, random_band
from phosphene.tools.lab.ears.piece import Piece

LEARNING, JUDGING = 31_337, 14_900
DANCE = ("house", "techno", "disco", "dubstep", "dnb", "hip-hop", "trap", "garage", "rock")
WITH = ("break build drop", "break drop", "build drop", "twice", "filtered", "long")
WITHOUT = ("steady", "crossfade", "levels", "fades", "ballad")

Span = tuple[float, float]


@dataclass(frozen=True)
class Arrangement:
    """pcm: float32 [n, 2] at 48 kHz. breaks, builds: (from, to) in s, rising; drops: float64 s. parts: (name, from, to)."""

    pcm: np.ndarray
    breaks: tuple[Span, ...]
    builds: tuple[Span, ...]
    drops: np.ndarray
    parts: tuple[tuple[str, float, float], ...]
    what: str

    @property
    def seconds(self) -> float:
        """Return the length in s."""
        return len(self.pcm) / SAMPLE_RATE


def arrange(
    seed: int, purpose: int = LEARNING, what: str | None = None, kits: Sequence[str] | None = None, spoilt: bool = False
) -> Arrangement:
    """Return track number `seed`, of the kind `what` in WITH or WITHOUT; None: drawn. Some 4 s of one core.

    spoilt: in a room, among people, tilted or at another level.
    """
    rng = np.random.default_rng([purpose, seed])
    if what is None:
        what = str(rng.choice(WITH if rng.random() < 0.75 else WITHOUT))
    if what == "crossfade":
        track = _crossfaded(rng, kits)
    else:
        band = random_band(str(rng.choice(DANCE)), rng, kits)
        parts = _parts(what, band, rng)
        pcm, edges = play(band, parts, rng)
        track = with_truth(pcm, parts, edges, what)
    if what in ("levels", "fades"):
        track = replace(track, pcm=track.pcm * _course(what, len(track.pcm), rng)[:, None])
    return _spoil(track, rng) if spoilt else track


def _parts(what: str, band: Band, rng: np.random.Generator) -> list[Part]:
    verse = Part("verse", _bars(band, 14.0, 24.0, rng), 1.0, 1.0, 1.0, 1.0, float(rng.uniform(0.5, 1.0)))
    verse = replace(verse, lead=float(rng.choice([0.0, 0.8])))
    drop = replace(verse, name="drop", bars=_bars(band, 14.0, 24.0, rng), crash=bool(rng.random() < 0.6), hat=1.2)
    drop = replace(drop, lead=float(rng.choice([verse.lead, 1.0])))
    outro = Part("outro", _bars(band, 5.0, 9.0, rng), hat=0.5, pad=0.8)
    intro = _intro(band, rng)
    match what:
        case "break build drop":
            return [intro, verse, *_before_drop(band, rng, True, True), drop, outro]
        case "break drop":
            return [intro, verse, *_before_drop(band, rng, True, False), drop, outro]
        case "build drop":
            return [intro, verse, *_before_drop(band, rng, False, True), drop, outro]
        case "twice":
            return [intro, *_before_drop(band, rng, False, True), drop, *_before_drop(band, rng, True, True), drop, outro]
        case "long":
            again = replace(verse, name="drop")
            return [verse, *_before_drop(band, rng, True, False), again, *_before_drop(band, rng, False, True), drop]
        case "filtered":
            hz, lasting = float(rng.uniform(180.0, 450.0)), _bars(band, 6.0, 14.0, rng)
            ramp = bool(rng.random() < 0.5)
            thin = replace(verse, name="filtered", bars=lasting, thin=(0.6 if ramp else 1.0, 1.0), cut_hz=hz, lead=0.8)
            return [intro, replace(verse, cut_hz=hz), thin, replace(drop, cut_hz=hz), outro]
        case "ballad":
            slow = Part("ballad", _bars(band, 40.0, 60.0, rng), pad=1.0, lead=1.0, bass=float(rng.choice([0.0, 0.6])))
            return [slow]
    return [intro, replace(verse, bars=2 * verse.bars), replace(verse, bars=2 * verse.bars, lead=1.0), outro]


def _bars(band: Band, least_s: float, most_s: float, rng: np.random.Generator) -> int:
    wanted = float(rng.uniform(least_s, most_s)) / band.bar_s
    return int(min((2, 4, 8, 12, 16), key=lambda bars: abs(np.log(bars / wanted))))


def _intro(band: Band, rng: np.random.Generator) -> Part:
    part = Part("intro", _bars(band, 6.0, 14.0, rng))
    kind = int(rng.integers(4))
    voices = ({"hat": 0.7, "pad": 0.8}, {"pad": 1.2}, {"kick": 1.0, "hat": 0.6}, {"hat": 0.8, "snare": 0.6, "lead": 0.7})
    return replace(part, **voices[kind])  # type: ignore[arg-type]


def _before_drop(band: Band, rng: np.random.Generator, rest: bool, build: bool) -> list[Part]:
    """Return a break, a build or both. A gap, or a kick that comes early, may stand before the drop."""
    parts, sung = [], float(rng.choice([0.0, rng.uniform(0.6, 1.3)]))
    pad = float(rng.uniform(0.7, 2.2))
    quiet = Part("break", _bars(band, 7.0, 17.0, rng), pad=pad, lead=sung)
    quiet = replace(
        quiet,
        hat=float(rng.choice([0.0, rng.uniform(0.2, 0.6)], p=[0.7, 0.3])),
        snare=float(rng.choice([0.0, rng.uniform(0.2, 0.6)], p=[0.85, 0.15])),
        drone=float(rng.choice([0.0, rng.uniform(0.2, 0.8)], p=[0.8, 0.2])),
        boom=float(rng.choice([0.0, rng.uniform(0.3, 0.9)], p=[0.7, 0.3])),
        opening=bool(rng.random() < 0.3 and not build),
    )
    gap = float(rng.choice([0.0, 1.0, 2.0, 4.0], p=[0.65, 0.15, 0.12, 0.08]))
    if rest:
        parts.append(quiet if build else replace(quiet, gap=gap, pickup=bool(not gap and rng.random() < 0.15)))
    if build:
        ways = rng.random(6) < (0.65, 0.6, 0.3, 0.25, 0.6, 0.25)
        if not ways[:2].any():
            ways[int(rng.integers(2))] = True
        roll, riser, sweep, kicks = (float(rng.uniform(0.5, 1.2)) * bool(way) for way in ways[:4])
        tense = replace(quiet, name="build", bars=_bars(band, 6.0, 15.0, rng), boom=0.0, opening=bool(ways[4]))
        rise_db = float(rng.uniform(0.0, 6.0))
        tense = replace(tense, roll=roll, riser=riser, sweep=sweep, kicks=kicks, rise_db=rise_db, gap=gap)
        parts.append(replace(tense, thin=(0.0, 1.0) if ways[5] else (0.0, 0.0)))
    return parts


def with_truth(pcm: np.ndarray, parts: Sequence[Part], edges: np.ndarray, what: str) -> Arrangement:
    """Return the track of these parts, float32 [2, n], that begin and end at `edges`, s."""
    named = tuple((part.name, float(a), float(b)) for part, a, b in zip(parts, edges, edges[1:], strict=False))
    breaks = tuple((a, b) for name, a, b in named if name in ("break", "filtered"))
    builds = tuple((a, b) for name, a, b in named if name == "build")
    drops = np.array([a for name, a, _ in named if name == "drop"])
    return Arrangement(np.ascontiguousarray(pcm.T), breaks, builds, drops, named, what)


def _crossfaded(rng: np.random.Generator, kits: Sequence[str] | None) -> Arrangement:
    """Two steady tracks, mixed into each other over 6 to 16 s by somebody who does not match their levels."""
    sides = []
    for _ in "ab":
        band = random_band(str(rng.choice(DANCE)), rng, kits)
        verse = Part("verse", max(8, round(45.0 / band.bar_s)), 1.0, 1.0, 1.0, 1.0, 0.8, 0.8)
        sides.append(play(band, [verse], rng)[0] * filters.from_db(float(rng.uniform(-6.0, 0.0))))
    n = min(side.shape[1] for side in sides)
    length = round(float(rng.uniform(6.0, 16.0)) * SAMPLE_RATE)
    share = np.linspace(0.0, 1.0, length, dtype=np.float32)
    out = np.concatenate([sides[0][:, :n], sides[1][:, length:n]], axis=1)
    out[:, n - length : n] = sides[0][:, n - length : n] * np.cos(share * np.pi / 2) + sides[1][:, :length] * np.sin(
        share * np.pi / 2
    )
    parts = (("verse", 0.0, out.shape[1] / SAMPLE_RATE),)
    return Arrangement(np.ascontiguousarray(out.T), (), (), np.zeros(0), parts, "crossfade")


def _course(what: str, n: int, rng: np.random.Generator) -> np.ndarray:
    """Return float32 [n]: a hand that moves the level by up to 12 dB, or fades the whole out and in again."""
    t = np.arange(n) / SAMPLE_RATE
    if what == "levels":
        at = np.sort(rng.uniform(8.0, t[-1] - 5.0, 4))
        db = rng.choice([-12.0, -6.0, 0.0], 5)
        course = np.interp(t, np.repeat(at, 2) + np.tile([0.0, float(rng.uniform(0.02, 2.0))], 4), np.repeat(db, 2)[1:-1])
    else:
        down, length = float(rng.uniform(0.4, 0.5)) * t[-1], float(rng.uniform(4.0, 10.0))
        course = np.interp(t, [down, down + length, down + length + 3.0, down + 2 * length + 3.0], [0.0, -60.0, -60.0, 0.0])
    return (10.0 ** (course / 20.0)).astype(np.float32)


def _spoil(track: Arrangement, rng: np.random.Generator) -> Arrangement:
    piece = Piece(track.pcm, np.zeros(0), np.zeros(0, np.int64))
    effects = spoiling.EFFECTS
    kind = int(rng.integers(4))
    if kind == 0:
        piece = effects["room"](piece, rng, float(rng.uniform(0.4, 1.5)), float(rng.uniform(-12.0, 0.0)))
    elif kind == 1:
        piece = effects["crowd"](piece, rng, float(rng.uniform(-24.0, -6.0)))
    elif kind == 2:
        tilted = piece.pcm.T + filters.high_pass(piece.pcm.T, 2000.0) * np.float32(rng.uniform(-0.7, 1.0))
        tilted *= np.float32(min(1.0, 0.98 / (float(np.abs(tilted).max()) + 1e-9)))
        piece = replace(piece, pcm=np.ascontiguousarray(tilted.T))
    else:
        piece = effects["level"](piece, rng, float(rng.uniform(-50.0, -30.0)))
    return replace(track, pcm=piece.pcm)
