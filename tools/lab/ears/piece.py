"""A recipe into a piece of music with its truth: beats, bars and drum hits to the sample.

The score is drawn from the recipe's seed alone: an intro of a few bars that the voices enter by turns, phrases of four
bars with a fill at the end of each, a chord for two bars. Hits lie a little beside the grid, as a player's do; the truth of
a hit is where it was put, the truth of a beat is the grid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from phosphene.engine.audio import synth
from phosphene.engine.core.signals import SAMPLE_RATE
from phosphene.tools.lab.ears import drums, filters
from phosphene.tools.lab.ears.patterns import PATTERNS, VELOCITY, Pattern, hits, pick
from phosphene.tools.lab.ears.tempo_map import Curve, TempoMap

Points = tuple[tuple[float, float], ...]

_PROGRESSIONS = (  # (bass note, chord), MIDI
    ((33, (57, 60, 64, 67)), (29, (53, 57, 60, 64)), (36, (55, 60, 64, 71)), (31, (55, 59, 62, 69))),
    ((38, (57, 62, 65, 69)), (34, (58, 62, 65, 69)), (31, (55, 58, 62, 65)), (33, (57, 61, 64, 67))),
    ((28, (52, 55, 59, 62)), (28, (52, 55, 59, 66)), (33, (52, 57, 60, 64)), (31, (50, 55, 59, 66))),
    ((36, (52, 55, 60, 64)), (33, (52, 57, 60, 64)), (38, (53, 57, 62, 65)), (31, (53, 55, 59, 62))),
    ((29, (53, 56, 60, 63)), (25, (53, 56, 61, 65)), (32, (51, 56, 60, 63)), (27, (51, 55, 58, 65))),
)


@dataclass(frozen=True)
class Recipe:
    """What a piece is made from; everything else follows from `seed`.

    bpm: beats a minute (dotted quarters of 6/8), or points (s, bpm). ride: points (s, speed of the turntable). swing: how
    late the odd sixteenths are, in sixteenths, 0..0.5. lines: which of the pattern's lines kick, snare, hat and bass take,
    None: any. kit: of KITS; vary: how far each drum differs from it. Then levels of the voices. duck: 0..1, how far a kick
    takes the music away. loose: s, the spread of the hits. intro: bars; breaks: bars of every 16 that have no drums.
    ambience: level of a small room. end_db: rms of the whole.
    """

    pattern: str
    kit: str
    bpm: float | Points
    seconds: float = 30.0
    seed: int = 0
    swing: float = 0.0
    ride: Points = ((0.0, 1.0),)
    lines: tuple[int | None, int | None, int | None, int | None] = (None, None, None, None)
    vary: float = 0.1
    drums: float = 1.0
    kick: float = 1.0
    snare: float = 1.0
    hat: float = 1.0
    bass: float = 0.35
    pad: float = 0.3
    duck: float = 0.4
    loose: float = 0.002
    intro: int = 4
    breaks: int = 0
    fills: bool = True
    ambience: float = 0.06
    end_db: float = -15.0


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


@dataclass(frozen=True)
class _Hit:
    voice: str
    at: float  # s of the player's time
    strength: float


def make(recipe: Recipe) -> Piece:
    """Render a recipe. About 0.02 s of one core for a second of music."""
    rng = np.random.default_rng([recipe.seed, 71])
    pattern = PATTERNS[recipe.pattern]
    tempo = TempoMap(Curve.of(recipe.bpm), Curve.of(recipe.ride))
    played_s = float(tempo.speed.total(recipe.seconds)) + 0.01
    beats = np.arange(int(tempo.bpm.total(played_s) / 60.0 + 1e-9) + 1, dtype=np.float64)
    kit = drums.vary(drums.KITS[recipe.kit], rng, recipe.vary) if recipe.vary else drums.KITS[recipe.kit]
    played = [hit for hit in _drum_score(recipe, pattern, tempo, len(beats), rng) if hit.at < played_s]
    pcm = _mix(recipe, pattern, tempo, kit, played, played_s, rng)
    if recipe.ride != Recipe.ride:
        pcm = _turntable(pcm, tempo.speed, recipe.seconds)
    pcm = pcm[:, : round(recipe.seconds * SAMPLE_RATE)]

    heard = tempo.heard(beats)
    kept = heard < recipe.seconds
    numbers = beats.astype(np.int64) % pattern.beats + 1
    truth: dict[str, np.ndarray] = {}
    strengths: dict[str, np.ndarray] = {}
    for name in drums.CLASSES:
        of_class = [hit for hit in played if _CLASS[hit.voice] == name]
        times = tempo.speed.when(np.array([hit.at for hit in of_class], np.float64))
        order = np.argsort(times, kind="stable")
        order = order[times[order] < recipe.seconds]
        truth[name] = times[order]
        strengths[name] = np.array([hit.strength for hit in of_class], np.float32)[order]
    mastered = _master(pcm, recipe.end_db)
    return Piece(np.ascontiguousarray(mastered.T), heard[kept], numbers[kept], truth, strengths, (), pattern.divided)


_CLASS = {"kick": "kick", "snare": "snare", "hat": "hat", "open": "hat", "crash": "hat"}


def _drum_score(recipe: Recipe, pattern: Pattern, tempo: TempoMap, beats: int, rng: np.random.Generator) -> list[_Hit]:
    lines = [
        pick(choices, rng, which)
        for choices, which in zip((pattern.kick, pattern.snare, pattern.hat), recipe.lines, strict=False)
    ]
    enters = rng.permutation([0, 0, min(2, recipe.intro)])  # the bar of the intro that each voice comes in at
    if not lines[0]:
        enters[0] = 0
    out: list[_Hit] = []
    for bar in range(-(-beats // pattern.beats)):
        if recipe.breaks and bar % 16 >= 16 - recipe.breaks:
            continue
        fill = pattern.fills[int(rng.integers(len(pattern.fills)))] if pattern.fills else ""
        filled = recipe.fills and bar % 4 == 3 and rng.random() < 0.7 and fill.strip()
        for k, name in enumerate(drums.CLASSES):
            if bar < recipe.intro and bar < enters[k]:
                continue
            for step, mark in hits((fill,) if filled and name == "snare" else lines[k], bar):
                strength = VELOCITY[mark] * float(np.clip(1.0 + 0.07 * rng.standard_normal(), 0.75, 1.25))
                if name == "hat" and mark in "-o" and rng.random() < 0.1:
                    continue  # a player leaves one out, now and then
                at = _played_step(recipe, pattern, tempo, bar * pattern.bar_steps + step, rng)
                out.append(_Hit("open" if mark == "O" else name, at, min(1.0, strength)))
        if bar and bar % 8 == 0 and rng.random() < 0.6:
            out.append(_Hit("crash", _played_step(recipe, pattern, tempo, bar * pattern.bar_steps, rng), 0.7))
    return out


def _played_step(recipe: Recipe, pattern: Pattern, tempo: TempoMap, step: int, rng: np.random.Generator) -> float:
    """Return the player's time of a sixteenth, with swing and a hand's spread; never before 0."""
    at = float(tempo.played((step + recipe.swing * (step % 2)) / pattern.steps))
    return max(0.0, at + float(np.clip(recipe.loose * rng.standard_normal(), -0.012, 0.012)))


def _mix(
    recipe: Recipe,
    pattern: Pattern,
    tempo: TempoMap,
    kit: drums.Kit,
    played: list[_Hit],
    seconds: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return float32 [2, n] of the player's time."""
    n = round(seconds * SAMPLE_RATE) + 1
    beaten, music = np.zeros((2, n), np.float32), np.zeros((2, n), np.float32)
    voices = drums.voices(kit, rng)
    levels = dict(zip(drums.CLASSES, kit.levels, strict=True))
    own = {"kick": recipe.kick, "snare": recipe.snare, "hat": recipe.hat}
    pans = {"kick": 0.0, "snare": 0.05, "hat": float(rng.uniform(-0.3, 0.3)), "open": 0.2, "crash": -0.3}
    duck = np.ones(n, np.float32)
    hollow = 1.0 - np.float32(recipe.duck) * np.exp(-np.arange(SAMPLE_RATE // 2, dtype=np.float32) / np.float32(4800))
    for hit in played:
        voice = voices[hit.voice][int(rng.integers(len(voices[hit.voice])))]
        gain = hit.strength * levels[_CLASS[hit.voice]] * own[_CLASS[hit.voice]] * recipe.drums
        start = round(hit.at * SAMPLE_RATE)
        end = min(n, start + len(voice))
        for side, sign in enumerate((-1.0, 1.0)):
            beaten[side, start:end] += voice[: end - start] * np.float32(gain * min(1.0, 1.0 + sign * pans[hit.voice]))
        if hit.voice == "kick" and recipe.duck:
            end = min(n, start + len(hollow))
            duck[start:end] = np.minimum(duck[start:end], hollow[: end - start])
    _play_music(recipe, pattern, tempo, music, rng)
    music *= duck
    mix = beaten + music
    if recipe.ambience:
        mix += np.float32(recipe.ambience) * filters.convolve((beaten + music).mean(axis=0), filters.room(0.5, rng))
    return mix


def _play_music(recipe: Recipe, pattern: Pattern, tempo: TempoMap, out: np.ndarray, rng: np.random.Generator) -> None:
    """Add the pad, two bars a chord, and the bass line to float32 [2, n]."""
    seconds = out.shape[1] / SAMPLE_RATE
    chords = _PROGRESSIONS[int(rng.integers(len(_PROGRESSIONS)))]
    key, dark = int(rng.integers(-4, 5)), float(rng.uniform(400.0, 1500.0))
    cutoff, line = float(rng.uniform(300.0, 1200.0)), pick(pattern.bass, rng, recipe.lines[3])
    step_s = 60.0 / float(np.median(tempo.bpm.at(np.linspace(0.0, seconds, 9)))) / pattern.steps
    for bar in range(int(tempo.bpm.total(seconds) / 60.0 / pattern.beats) + 1):
        root, chord = chords[bar // 2 % len(chords)]
        first = bar * pattern.bar_steps
        at = float(tempo.played(first / pattern.steps))
        if recipe.pad and bar % 2 == 0 and at < seconds:
            until = float(tempo.played((first + 2 * pattern.bar_steps) / pattern.steps))
            voice = synth.pad(tuple(note + key for note in chord), until - at + 0.4, dark, dark * 1.5)
            _add(out, voice * np.float32(0.5 * recipe.pad), at)
        if not recipe.bass or bar < recipe.intro // 2:
            continue
        for step, mark in hits(line, bar):
            at = _played_step(recipe, pattern, tempo, first + step, rng)
            note = root + key + (12 if mark == "x" and rng.random() < 0.2 else 0)
            _add(out, synth.bass(note, max(0.12, 1.8 * step_s), cutoff) * np.float32(recipe.bass * VELOCITY[mark]), at)


def _add(out: np.ndarray, voice: np.ndarray, at: float) -> None:
    start = round(at * SAMPLE_RATE)
    end = min(out.shape[1], start + voice.shape[-1])
    if start < end:
        out[:, start:end] += np.atleast_2d(voice)[:, : end - start]


def _turntable(pcm: np.ndarray, speed: Curve, seconds: float) -> np.ndarray:
    """Return float32 [2, n] of `seconds` as heard from a turntable: pitch goes with the tempo."""
    at = speed.total(np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE) * SAMPLE_RATE
    before = np.minimum(at.astype(np.int64), pcm.shape[1] - 2)
    share = (at - before).astype(np.float32)
    return pcm[:, before] * (1.0 - share) + pcm[:, before + 1] * share


def _master(mix: np.ndarray, rms_db: float) -> np.ndarray:
    """Return float32 [2, n] at that rms, peaks bent below 0.97: louder music is limited, as it is in the shops."""
    mix = mix * (filters.from_db(rms_db) / np.float32(filters.rms(mix)))
    for _ in range(3):
        bent = np.float32(0.97) * np.tanh(mix / np.float32(0.97))
        mix = mix * (filters.from_db(rms_db) / np.float32(filters.rms(bent)))
    return (np.float32(0.97) * np.tanh(mix / np.float32(0.97))).astype(np.float32)
