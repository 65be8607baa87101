"""Mixes to learn drums from: any drums over any music, thousands of them, each from its seed, with the truth of every hit.

A `Sounds` is a box of voices and notes, made once; a mix takes some of them, bends each (pitch, length, drive, brightness),
has them played in patterns and in rhythms that are drawn, puts music beside them and treats the sum as a mixing desk, a room
and a cheap loudspeaker would. Mono, at 48 kHz. Some 0.05 s of a core for a mix of 6 s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from phosphene.engine.core.signals import SAMPLE_RATE
from phosphene.tools.lab.ears import backing, filters, wide_drums
from phosphene.tools.lab.ears.drums import CLASSES
from phosphene.tools.lab.ears.patterns import PATTERNS, VELOCITY, hits, pick

SECONDS = 6.0
_OWN = 77_003  # beside every seed: neither the benchmark's cases nor `random_piece` have it
_LEVELS = {"kick": 0.9, "snare": 0.6, "hat": 0.28}
_ONE_SHOT = 0.5  # the chance of one where there are any


@dataclass(frozen=True)
class Sounds:
    """made: float32 voices by name of CLASSES, of `backing.NOTES`, and "bed"; found: the same out of a folder, or none."""

    made: Mapping[str, list[np.ndarray]]
    found: Mapping[str, list[np.ndarray]]

    @classmethod
    def of(cls, seed: int, count: int, found: Mapping[str, list[np.ndarray]] | None = None) -> Sounds:
        """Make `count` voices of every name, a fifth as many beds. Some 0.03 s of a core each."""
        rng = np.random.default_rng([_OWN, seed])
        made = {name: [draw(rng) for _ in range(count)] for name, draw in (wide_drums.DRUMS | backing.NOTES).items()}
        made["bed"] = [backing.bed(rng) for _ in range(max(2, count // 5))]
        groups = {**(found or {})}
        groups["melody"] = groups["chord"] = groups.pop("note", [])
        return cls(made, groups)

    def any(self, name: str, rng: np.random.Generator) -> np.ndarray:
        """Return one of a name."""
        found = self.found.get(name, [])
        group = found if found and rng.random() < _ONE_SHOT else self.made[name]
        return group[int(rng.integers(len(group)))]


@dataclass(frozen=True)
class Mix:
    """pcm: float32 [n]. hits: class -> float64 s, rising."""

    pcm: np.ndarray
    hits: dict[str, np.ndarray]


def mix(seed: int, sounds: Sounds, seconds: float = SECONDS) -> Mix:
    """Return mix number `seed`. One in ten has no drums at all, one in ten no music."""
    rng = np.random.default_rng([_OWN, seed, 1])
    n = round(seconds * SAMPLE_RATE)
    bpm = float(np.exp(rng.uniform(np.log(65.0), np.log(185.0))))
    step, swing = 15.0 / bpm, float(rng.choice([0.0, rng.uniform(0.0, 0.4)]))
    start = float(rng.uniform(0.0, 4.0 * step))
    grid = start + step * (np.arange(int(seconds / step) + 1) + swing * (np.arange(int(seconds / step) + 1) % 2))
    grid = grid[grid < seconds - 0.05]
    with_drums, with_music = rng.random() > 0.1, rng.random() > 0.1
    beaten, truth = np.zeros(n, np.float32), {name: np.zeros(0) for name in CLASSES}
    if with_drums:
        score = _score(len(grid), rng)
        for name in CLASSES:
            if rng.random() < 0.88:
                truth[name] = _play(beaten, name, score[name], grid, step, sounds, rng)
    music = np.zeros(n, np.float32)
    if with_music or not with_drums:
        _accompany(music, grid, step, sounds, rng)
        if rng.random() < 0.4:
            music *= _ducked(n, truth["kick"], rng)
        if with_drums:
            music *= filters.from_db(rng.uniform(-14.0, 5.0)) * np.float32(filters.rms(beaten) / filters.rms(music))
    return Mix(_treated(beaten + music, rng), {name: np.sort(times[times < seconds]) for name, times in truth.items()})


def steady(seed: int, seconds: float = SECONDS) -> Mix:
    """Return what has no hit at all and goes on as it is: noise of any colour, hum, a held tone, which may swell slowly."""
    rng = np.random.default_rng([_OWN, seed, 2])
    n = round(seconds * SAMPLE_RATE)
    t = np.arange(n, dtype=np.float32) / np.float32(SAMPLE_RATE)
    out = np.zeros(n, np.float32)
    for _ in range(int(rng.integers(1, 4))):
        low = float(np.exp(rng.uniform(np.log(30.0), np.log(6000.0))))
        high = min(20_000.0, low * float(rng.uniform(1.5, 100.0)))
        out += filters.noise(n, low, high, rng) * np.float32(rng.uniform(0.05, 1.0))
    if rng.random() < 0.4:
        hz = float(rng.choice([50.0, 60.0, rng.uniform(40.0, 2000.0)]))
        for k in range(1, int(rng.integers(2, 8))):
            out += np.sin(2 * np.pi * hz * k * t, dtype=np.float32) * np.float32(rng.uniform(0.0, 0.5))
    out *= 1.0 + np.float32(rng.uniform(0.0, 0.7)) * np.sin(2 * np.pi * rng.uniform(0.02, 0.5) * t, dtype=np.float32)
    return Mix(out * np.float32(0.1 / filters.rms(out)), {name: np.zeros(0) for name in CLASSES})


def _score(steps: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return for each class float32 [steps], how hard each sixteenth is hit, 0: not."""
    out = {name: np.zeros(steps, np.float32) for name in CLASSES}
    if rng.random() < 0.5:
        pattern = PATTERNS[str(rng.choice(list(PATTERNS)))]
        for name, choices in zip(CLASSES, (pattern.kick, pattern.snare, pattern.hat), strict=True):
            line = pick(choices, rng)
            for bar in range(-(-steps // pattern.bar_steps)):
                for at, mark in hits(line, bar):
                    if bar * pattern.bar_steps + at < steps:
                        out[name][bar * pattern.bar_steps + at] = VELOCITY[mark]
    else:  # a bar or two of chance, again and again: what lies together with what must not be learnt
        bar = int(rng.choice([8, 12, 16, 32]))
        for name, most in zip(CLASSES, (0.4, 0.3, 0.9), strict=True):
            drawn = (rng.random(bar) < rng.uniform(0.05, most)) * rng.uniform(0.3, 1.0, bar)
            out[name][:] = np.resize(drawn, steps)
    for name in CLASSES:  # a player is no machine
        out[name] *= (rng.random(steps) > 0.05) * np.clip(1.0 + 0.12 * rng.standard_normal(steps), 0.5, 1.4).astype(
            np.float32
        )
    if rng.random() < 0.25:
        at, length = int(rng.integers(max(1, steps - 8))), int(rng.integers(3, 9))
        out["snare"][at : at + length] = np.linspace(0.4, 1.0, length, dtype=np.float32)[: steps - at]
    return out


def _play(
    out: np.ndarray, name: str, score: np.ndarray, grid: np.ndarray, step: float, sounds: Sounds, rng: np.random.Generator
) -> np.ndarray:
    """Add a class's hits to float32 [n]; return their times in s."""
    level = _LEVELS[name] * float(np.exp(rng.normal(0.0, 0.4)))
    voices = [_bent(sounds.any(name, rng), rng)]
    voices += [_bent(sounds.any(name, rng), rng) for _ in range(2 if name == "hat" else int(rng.random() < 0.2))]
    loose, times = float(rng.uniform(0.0, 0.006)), []
    rolls = name == "hat" and rng.random() < 0.25
    for k in np.flatnonzero(score):
        voice = voices[0 if rng.random() < 0.75 else int(rng.integers(len(voices)))]
        parts = int(rng.choice([2, 3])) if rolls and rng.random() < 0.15 and step > 0.1 else 1
        for part in range(parts):
            at = max(0.0, grid[k] + part * step / parts + float(np.clip(loose * rng.standard_normal(), -0.015, 0.015)))
            _add(out, voice * np.float32(level * score[k]), at)
            times.append(at)
    return np.array(times, np.float64)


def _bent(voice: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a voice at another pitch, shorter, driven, brighter or duller."""
    voice = _pitched(voice, float(np.exp(rng.normal(0.0, 0.15))))
    if rng.random() < 0.4:
        voice = voice * np.exp(-np.arange(len(voice), dtype=np.float32) / np.float32(SAMPLE_RATE * rng.uniform(0.03, 0.4)))
    if rng.random() < 0.3:
        voice = np.tanh(voice * np.float32(rng.uniform(1.0, 5.0)))
    if rng.random() < 0.5:
        slope = float(rng.uniform(-0.35, 0.35))
        voice = filters.apply(voice, lambda f: (np.maximum(f, 30.0) / 1000.0) ** slope + 0j)
    return (voice / (np.abs(voice).max() + 1e-9)).astype(np.float32)


def _accompany(out: np.ndarray, grid: np.ndarray, step: float, sounds: Sounds, rng: np.random.Generator) -> None:
    """Add music to float32 [n]: some of bass, chords, melody, voice, percussion, each in a rhythm that repeats; beds."""
    for name, chance in (("bass", 0.75), ("chord", 0.5), ("melody", 0.5), ("voice", 0.4), ("other", 0.3)):
        if rng.random() > chance:
            continue
        notes = [sounds.any(name, rng) for _ in range(3 if name == "voice" else 2)]
        notes = [_pitched(notes[k % len(notes)], 2.0 ** (int(rng.integers(-5, 8)) / 12.0)) for k in range(4)]
        length = int(rng.choice([8, 16, 32]))
        rhythm = np.resize(rng.random(length) < rng.uniform(0.08, 0.6), len(grid))
        loose = float(rng.uniform(0.0, 0.03 if name == "voice" else 0.008))
        level = float(np.exp(rng.normal(0.0, 0.5)))
        cut = int(SAMPLE_RATE * step * float(rng.uniform(0.8, 6.0)))
        for k in np.flatnonzero(rhythm):
            note = notes[int(rng.integers(4))]
            if len(note) > cut:
                note = note[:cut].copy()
                note[-240:] *= np.linspace(1.0, 0.0, 240, dtype=np.float32)[: len(note)]
            _add(out, note * np.float32(level * rng.uniform(0.5, 1.0)), max(0.0, grid[k] + loose * rng.standard_normal()))
    for _ in range(int(rng.integers(0, 3))):
        bed = np.resize(sounds.any("bed", rng), len(out) * 2)
        at = int(rng.integers(len(out)))
        out += bed[at : at + len(out)] * np.float32(rng.uniform(0.02, 0.4) / filters.rms(bed))
    if not out.any():
        out += filters.noise(len(out), 50.0, 12000.0, rng)


def _ducked(n: int, kicks: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return float32 [n]: how a compressor that listens to the kick turns the music down."""
    deep, slow = rng.uniform(0.2, 0.9), rng.uniform(0.05, 0.2)
    curve = np.ones(n, np.float32)
    dip = (1.0 - deep * np.exp(-np.arange(int(4 * slow * SAMPLE_RATE)) / (slow * SAMPLE_RATE))).astype(np.float32)
    for start in (kicks * SAMPLE_RATE).astype(np.int64):
        part = curve[start : start + len(dip)]
        np.minimum(part, dip[: len(part)], out=part)
    return curve


def _treated(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the mix as it comes out of a room, a compressor, filters and a limiter, any of them or none."""
    x = x * np.float32(0.1 / filters.rms(x))
    if rng.random() < 0.3:
        answer = filters.room(float(rng.uniform(0.2, 1.5)), rng, float(rng.uniform(2000.0, 9000.0)))[0]
        x = x + filters.convolve(x, answer) * filters.from_db(rng.uniform(-20.0, 0.0))
    if rng.random() < 0.4:
        x = x * _compressed(x, float(rng.uniform(1.5, 6.0)), float(rng.uniform(0.005, 0.04)), float(rng.uniform(0.05, 0.3)))
    if rng.random() < 0.15:
        x = filters.low_pass(x, float(rng.uniform(3000.0, 12000.0)))
    if rng.random() < 0.15:
        x = filters.high_pass(x, float(rng.uniform(40.0, 250.0)))
    x = x * filters.from_db(rng.uniform(-8.0, 8.0)) * np.float32(0.1 / filters.rms(x))
    if rng.random() < 0.7:
        x = np.tanh(x)
    return x + rng.standard_normal(len(x)).astype(np.float32) * filters.from_db(rng.uniform(-95.0, -50.0))


def _compressed(x: np.ndarray, ratio: float, up_s: float, down_s: float) -> np.ndarray:
    """Return the gain of a compressor, float32 [n], worked out every 2.5 ms."""
    block = 120
    level = np.abs(np.resize(x, -(-len(x) // block) * block).reshape(-1, block)).max(axis=1)
    up, down = (1.0 - float(np.exp(-block / SAMPLE_RATE / s)) for s in (up_s, down_s))
    held, now = np.zeros_like(level), float(level.mean())
    for k, loud in enumerate(level.tolist()):
        now += (loud - now) * (up if loud > now else down)
        held[k] = now
    gain = (np.maximum(held, 0.03) / 0.1) ** (1.0 / ratio - 1.0)
    return np.interp(np.arange(len(x)), np.arange(len(gain)) * block, gain).astype(np.float32)


def _pitched(voice: np.ndarray, by: float) -> np.ndarray:
    """Return a voice played `by` times as fast."""
    at = np.arange(int((len(voice) - 1) / by)) * by
    return np.interp(at, np.arange(len(voice)), voice).astype(np.float32)


def _add(out: np.ndarray, voice: np.ndarray, at: float) -> None:
    start = round(at * SAMPLE_RATE)
    end = min(len(out), start + len(voice))
    if start < end:
        out[start:end] += voice[: end - start]
