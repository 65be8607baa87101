"""Who plays a recipe: the drummer's score, the mixing desk, the turntable, the last limiter. Called by `piece.make`.

The score is drawn from the recipe's seed alone: an intro of a few bars that the voices enter by turns, phrases of four
bars with a fill at the end of each, a chord for two bars. Hits lie a little beside the grid, as a player's do; the truth of
a hit is where it was put, the truth of a beat is the grid.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from phosphene.engine.audio import synth
from phosphene.engine.core.signals import SAMPLE_RATE
from phosphene.tools.lab.ears import drums, filters
from phosphene.tools.lab.ears.patterns import VELOCITY, Pattern, hits, pick
from phosphene.tools.lab.ears.recipe import Recipe
from phosphene.tools.lab.ears.tempo_map import Curve, TempoMap

PROGRESSIONS = (  # (bass note, chord), MIDI
    ((33, (57, 60, 64, 67)), (29, (53, 57, 60, 64)), (36, (55, 60, 64, 71)), (31, (55, 59, 62, 69))),
    ((38, (57, 62, 65, 69)), (34, (58, 62, 65, 69)), (31, (55, 58, 62, 65)), (33, (57, 61, 64, 67))),
    ((28, (52, 55, 59, 62)), (28, (52, 55, 59, 66)), (33, (52, 57, 60, 64)), (31, (50, 55, 59, 66))),
    ((36, (52, 55, 60, 64)), (33, (52, 57, 60, 64)), (38, (53, 57, 62, 65)), (31, (53, 55, 59, 62))),
    ((29, (53, 56, 60, 63)), (25, (53, 56, 61, 65)), (32, (51, 56, 60, 63)), (27, (51, 55, 58, 65))),
)


CLASS = {"kick": "kick", "snare": "snare", "hat": "hat", "open": "hat", "crash": "hat"}


@dataclass(frozen=True)
class Hit:
    """A drum is hit. voice: of `drums.voices`; at: s of the player's time; strength: 0..1."""

    voice: str
    at: float
    strength: float


def drum_score(recipe: Recipe, pattern: Pattern, tempo: TempoMap, beats: int, rng: np.random.Generator) -> list[Hit]:
    """Return every hit of the drums, not in order; beats: how many the piece has."""
    lines = [
        pick(choices, rng, which)
        for choices, which in zip((pattern.kick, pattern.snare, pattern.hat), recipe.lines, strict=False)
    ]
    enters = rng.permutation([0, 0, min(2, recipe.intro)])  # the bar of the intro that each voice comes in at
    if not lines[0]:
        enters[0] = 0
    out: list[Hit] = []
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
                out.append(Hit("open" if mark == "O" else name, at, min(1.0, strength)))
        if bar and bar % 8 == 0 and rng.random() < 0.6:
            out.append(Hit("crash", _played_step(recipe, pattern, tempo, bar * pattern.bar_steps, rng), 0.7))
    return out


def _played_step(recipe: Recipe, pattern: Pattern, tempo: TempoMap, step: int, rng: np.random.Generator) -> float:
    """Return the player's time of a sixteenth, with swing and a hand's spread; never before 0."""
    at = float(tempo.played((step + recipe.swing * (step % 2)) / pattern.steps))
    return max(0.0, at + float(np.clip(recipe.loose * rng.standard_normal(), -0.012, 0.012)))


def mix(
    recipe: Recipe,
    pattern: Pattern,
    tempo: TempoMap,
    kit: drums.Kit,
    played: list[Hit],
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
        gain = hit.strength * levels[CLASS[hit.voice]] * own[CLASS[hit.voice]] * recipe.drums
        start = round(hit.at * SAMPLE_RATE)
        end = min(n, start + len(voice))
        for side, sign in enumerate((-1.0, 1.0)):
            beaten[side, start:end] += voice[: end - start] * np.float32(gain * min(1.0, 1.0 + sign * pans[hit.voice]))
        if hit.voice == "kick" and recipe.duck:
            end = min(n, start + len(hollow))
            duck[start:end] = np.minimum(duck[start:end], hollow[: end - start])
    _play_music(recipe, pattern, tempo, music, rng)
    if recipe.lead:
        _play_lead(recipe, pattern, tempo, music)
    music *= duck
    mix = beaten + music
    if recipe.ambience:
        mix += np.float32(recipe.ambience) * filters.convolve((beaten + music).mean(axis=0), filters.room(0.5, rng))
    return mix


def _play_music(recipe: Recipe, pattern: Pattern, tempo: TempoMap, out: np.ndarray, rng: np.random.Generator) -> None:
    """Add the pad, two bars a chord, and the bass line to float32 [2, n]."""
    seconds = out.shape[1] / SAMPLE_RATE
    chords = PROGRESSIONS[int(rng.integers(len(PROGRESSIONS)))]
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


def _play_lead(recipe: Recipe, pattern: Pattern, tempo: TempoMap, out: np.ndarray) -> None:
    """Add a melody of plucks to float32 [2, n]: a rhythm of two bars that repeats, most of it beside the beat."""
    rng = np.random.default_rng([recipe.seed, 72])  # its own: the rest of a piece is the same with a melody and without
    every, notes = int(rng.choice([1, 2, 2, 3])), np.cumsum(rng.integers(-3, 4, 16)) % 12
    steps = [step for step in range(0, 2 * pattern.bar_steps, every) if rng.random() < 0.55]
    key, bright, scale = int(rng.integers(57, 70)), float(rng.uniform(1500.0, 6000.0)), np.array([0, 2, 3, 5, 7, 10])
    last = int(tempo.bpm.total(out.shape[1] / SAMPLE_RATE) / 60.0 * pattern.steps)
    for first in range(0, last, 2 * pattern.bar_steps):
        for k, step in enumerate(steps):
            degree = int(notes[k % len(notes)])
            voice = synth.pluck(key + int(scale[degree % 6]) + 12 * (degree // 6), bright)
            level = np.float32(recipe.lead * rng.uniform(0.5, 1.0))
            _add(out, voice * level, _played_step(recipe, pattern, tempo, first + step, rng))


def _add(out: np.ndarray, voice: np.ndarray, at: float) -> None:
    start = round(at * SAMPLE_RATE)
    end = min(out.shape[1], start + voice.shape[-1])
    if start < end:
        out[:, start:end] += np.atleast_2d(voice)[:, : end - start]


def turntable(pcm: np.ndarray, speed: Curve, seconds: float) -> np.ndarray:
    """Return float32 [2, n] of `seconds` as heard from a turntable: pitch goes with the tempo."""
    at = speed.total(np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE) * SAMPLE_RATE
    before = np.minimum(at.astype(np.int64), pcm.shape[1] - 2)
    share = (at - before).astype(np.float32)
    return pcm[:, before] * (1.0 - share) + pcm[:, before + 1] * share


def master(mix: np.ndarray, rms_db: float) -> np.ndarray:
    """Return float32 [2, n] at that rms, peaks bent below 0.97: louder music is limited, as it is in the shops."""
    mix = mix * (filters.from_db(rms_db) / np.float32(filters.rms(mix)))
    for _ in range(3):
        bent = np.float32(0.97) * np.tanh(mix / np.float32(0.97))
        mix = mix * (filters.from_db(rms_db) / np.float32(filters.rms(bent)))
    return (np.float32(0.97) * np.tanh(mix / np.float32(0.97))).astype(np.float32)
