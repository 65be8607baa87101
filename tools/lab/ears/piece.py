"""A piece of music with its truth: beats, bars and drum hits to the sample. `make` renders one from a Recipe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from phosphene.engine.core.signals import SAMPLE_RATE
from phosphene.tools.lab.ears import drums, playing
from phosphene.tools.lab.ears.patterns import PATTERNS
from phosphene.tools.lab.ears.recipe import Points, Recipe
from phosphene.tools.lab.ears.tempo_map import Curve, TempoMap

__all__ = ["Piece", "Points", "Recipe", "joined", "make"]


@dataclass(frozen=True)
class Piece:
    """pcm: float32 [n, 2] at 48 kHz, within full scale. beats: float64 s, rising; numbers: int64, 1 is the one.

    hits: class (kick, snare, hat) -> float64 s, rising; strengths: the same -> float32 0..1. cuts: s at which the
    music becomes another. divided: into how many parts a beat falls, 2 or 3. Music without a beat has no beats.
    """

    pcm: np.ndarray
    beats: np.ndarray
    numbers: np.ndarray
    hits: dict[str, np.ndarray] = field(default_factory=dict)
    strengths: dict[str, np.ndarray] = field(default_factory=dict)
    cuts: tuple[float, ...] = ()
    divided: int = 2

    @property
    def seconds(self) -> float:
        """Return the length in s."""
        return len(self.pcm) / SAMPLE_RATE

    @property
    def bars(self) -> np.ndarray:
        """Return where bars begin, float64 s."""
        return self.beats[self.numbers == 1]

    def part(self, start: float, end: float, gain: float = 1.0) -> Piece:
        """Return what lies between two times in s as a piece that begins at 0."""
        first, last = round(start * SAMPLE_RATE), round(end * SAMPLE_RATE)
        start, end = first / SAMPLE_RATE, last / SAMPLE_RATE
        kept = (self.beats >= start) & (self.beats < end)
        inside = {name: (times >= start) & (times < end) for name, times in self.hits.items()}
        return replace(
            self,
            pcm=self.pcm[first:last] * np.float32(gain),
            beats=self.beats[kept] - start,
            numbers=self.numbers[kept],
            hits={name: times[inside[name]] - start for name, times in self.hits.items()},
            strengths={name: values[inside[name]] for name, values in self.strengths.items()},
            cuts=tuple(cut - start for cut in self.cuts if start < cut < end),
        )


def joined(pieces: Sequence[Piece]) -> Piece:
    """Return the pieces one after the other, cut hard; where one ends is a cut."""
    starts = np.concatenate([[0.0], np.cumsum([piece.seconds for piece in pieces])])
    names = sorted({name for piece in pieces for name in piece.hits})
    pairs = list(zip(pieces, starts, strict=False))
    empty = np.zeros(0)
    return Piece(
        np.concatenate([piece.pcm for piece in pieces]),
        np.concatenate([piece.beats + start for piece, start in pairs]),
        np.concatenate([piece.numbers for piece in pieces]),
        {name: np.concatenate([piece.hits.get(name, empty) + start for piece, start in pairs]) for name in names},
        {name: np.concatenate([piece.strengths.get(name, empty) for piece in pieces]) for name in names},
        tuple(float(start) for start in starts[1:-1]),
        pieces[0].divided,
    )


def make(recipe: Recipe) -> Piece:
    """Render a recipe. About 0.03 s of one core for a second of music."""
    rng = np.random.default_rng([recipe.seed, 71])
    pattern = PATTERNS[recipe.pattern]
    tempo = TempoMap(Curve.of(recipe.bpm), Curve.of(recipe.ride))
    played_s = float(tempo.speed.total(recipe.seconds)) + 0.01
    beats = np.arange(int(tempo.bpm.total(played_s) / 60.0 + 1e-9) + 1, dtype=np.float64)
    kit = drums.vary(drums.KITS[recipe.kit], rng, recipe.vary) if recipe.vary else drums.KITS[recipe.kit]
    played = [hit for hit in playing.drum_score(recipe, pattern, tempo, len(beats), rng) if hit.at < played_s]
    pcm = playing.mix(recipe, pattern, tempo, kit, played, played_s, rng)
    if recipe.ride != Recipe.ride:
        pcm = playing.turntable(pcm, tempo.speed, recipe.seconds)
    pcm = pcm[:, : round(recipe.seconds * SAMPLE_RATE)]

    heard = tempo.heard(beats)
    kept = heard < recipe.seconds
    numbers = beats.astype(np.int64) % pattern.beats + 1
    truth: dict[str, np.ndarray] = {}
    strengths: dict[str, np.ndarray] = {}
    for name in drums.CLASSES:
        of_class = [hit for hit in played if playing.CLASS[hit.voice] == name]
        times = tempo.speed.when(np.array([hit.at for hit in of_class], np.float64))
        order = np.argsort(times, kind="stable")
        order = order[times[order] < recipe.seconds]
        truth[name] = times[order]
        strengths[name] = np.array([hit.strength for hit in of_class], np.float32)[order]
    mastered = playing.master(pcm, recipe.end_db)
    return Piece(np.ascontiguousarray(mastered.T), heard[kept], numbers[kept], truth, strengths, (), pattern.divided)
