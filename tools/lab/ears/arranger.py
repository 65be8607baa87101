"""Who plays an arrangement: drums, bass, chords and melody part by part, rolls, risers, filters, the mixing desk.

Called by `arrangement.arrange`. Everything is drawn from the generator of random numbers that is handed in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from phosphene.engine.audio import synth
from phosphene.engine.core.signals import SAMPLE_RATE
from phosphene.tools.lab.ears import drums, filters, playing
from phosphene.tools.lab.ears.patterns import PATTERNS, VELOCITY, Line, Pattern, hits, pick

_SCALE = (0, 2, 3, 5, 7, 10)


@dataclass(frozen=True)
class Part:
    """Some bars of a track. Levels of the voices: 0 is absent, 1 as in a verse; drone: a low note under a break.

    roll, riser, sweep: levels of a snare roll that thickens, of noise and of a tone that climb to the end. kicks: a kick
    that comes ever faster. opening: the filter of the chords opens. rise_db: of everything, from its first to its last
    moment. thin: how far the lows are filtered away at its start and end, 0..1, above `cut_hz`. gap: beats of silence before
    its end. boom: a single low hit at its start. pickup: the kick plays the last beat.
    """

    name: str
    bars: int
    kick: float = 0.0
    snare: float = 0.0
    hat: float = 0.0
    bass: float = 0.0
    pad: float = 0.0
    lead: float = 0.0
    drone: float = 0.0
    roll: float = 0.0
    riser: float = 0.0
    sweep: float = 0.0
    kicks: float = 0.0
    opening: bool = False
    rise_db: float = 0.0
    thin: tuple[float, float] = (0.0, 0.0)
    cut_hz: float = 250.0
    gap: float = 0.0
    boom: float = 0.0
    pickup: bool = False
    crash: bool = False


@dataclass(frozen=True)
class Band:
    """What stays the same through a track. lines: of kick, snare, hat, bass. glue: 0..1, how far levels are evened out."""

    pattern: Pattern
    bpm: float
    kit: drums.Kit
    lines: tuple[Line, Line, Line, Line]
    chords: tuple[tuple[int, tuple[int, ...]], ...]
    key: int
    melody: tuple[int, ...]
    duck: float
    dark: float
    bass_hz: float
    levels: dict[str, float]
    glue: float
    end_db: float

    @property
    def bar_s(self) -> float:
        """Return the length of a bar in s."""
        return self.pattern.beats * 60.0 / self.bpm


def random_band(name: str, rng: np.random.Generator, kits: Sequence[str] | None = None) -> Band:
    """Return who plays pattern `name`. kits: of KITS, to draw from."""
    pattern = PATTERNS[name]
    kit = drums.vary(drums.KITS[str(rng.choice(sorted(drums.KITS if kits is None else kits)))], rng, 0.25)
    voices = ("kick", "snare", "hat", "bass", "pad", "lead", "drums")
    return Band(
        pattern,
        float(rng.uniform(*pattern.bpm)),
        kit,
        (pick(pattern.kick, rng), pick(pattern.snare, rng), pick(pattern.hat, rng), pick(pattern.bass, rng)),
        playing.PROGRESSIONS[int(rng.integers(len(playing.PROGRESSIONS)))],
        int(rng.integers(-4, 5)),
        tuple(int(k) for k in np.cumsum(rng.integers(-3, 4, 16)) % 12),
        float(rng.choice([0.0, rng.uniform(0.2, 0.8)])),
        float(rng.uniform(350.0, 1300.0)),
        float(rng.uniform(300.0, 1200.0)),
        {voice: float(np.exp(rng.normal(0.0, 0.25))) for voice in voices},
        float(rng.choice([0.0, rng.uniform(0.2, 0.7)])),
        float(rng.uniform(-22.0, -11.0)),
    )


def play(band: Band, parts: Sequence[Part], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return (float32 [2, n], edges float64 [len(parts) + 1] in s) of the parts one after the other."""
    edges = np.concatenate([[0.0], np.cumsum([part.bars * band.bar_s for part in parts])])
    n = round(float(edges[-1]) * SAMPLE_RATE)
    beaten, music = np.zeros((2, n), np.float32), np.zeros((2, n), np.float32)
    voices, duck = drums.voices(band.kit, rng), np.ones(n, np.float32)
    for part, start in zip(parts, edges, strict=False):
        _drums(band, part, float(start), voices, beaten, duck, rng)
        _music(band, part, float(start), music, rng)
        _tension(band, part, float(start), voices, beaten, music, rng)
    mix = beaten + music * duck
    mix += np.float32(0.08) * filters.convolve(mix.mean(axis=0), filters.room(0.7, rng))
    return playing.master(_desk(band, parts, edges, mix), band.end_db), edges


def _drums(
    band: Band,
    part: Part,
    start: float,
    voices: dict[str, list[np.ndarray]],
    out: np.ndarray,
    duck: np.ndarray,
    rng: np.random.Generator,
) -> None:
    steps, step_s = band.pattern.bar_steps, 60.0 / band.bpm / band.pattern.steps
    hollow = 1.0 - np.float32(band.duck) * np.exp(-np.arange(SAMPLE_RATE // 2, dtype=np.float32) / np.float32(4800))
    own = dict(zip(drums.CLASSES, band.kit.levels, strict=True))
    for bar in range(part.bars):
        fill = str(rng.choice(band.pattern.fills)) if band.pattern.fills and bar % 4 == 3 and rng.random() < 0.6 else ""
        last = bar == part.bars - 1
        for k, name in enumerate(drums.CLASSES):
            level = {"kick": part.kick, "snare": part.snare, "hat": part.hat}[name]
            line = (fill,) if name == "snare" and fill.strip() else band.lines[k]
            if name == "kick" and part.pickup and last and not level:
                line, level = ("." * (steps - 4) + "X.Xx",), 1.0
            for step, mark in hits(line, bar):
                if not level:
                    break
                voice = voices["open" if mark == "O" else name]
                gain = level * VELOCITY[mark] * rng.uniform(0.9, 1.0) * own[name] * band.levels[name] * band.levels["drums"]
                at = start + bar * band.bar_s + step * step_s + abs(float(rng.normal(0.0, 0.001)))
                _add(out, voice[int(rng.integers(len(voice)))] * np.float32(gain), at)
                if name == "kick" and band.duck:
                    first = round(at * SAMPLE_RATE)
                    end = min(len(duck), first + len(hollow))
                    duck[first:end] = np.minimum(duck[first:end], hollow[: end - first])
    if part.crash:
        _add(out, voices["crash"][0] * np.float32(0.3), start)
    if part.boom:
        t = np.arange(int(1.8 * SAMPLE_RATE), dtype=np.float32) / np.float32(SAMPLE_RATE)
        low = np.sin(2 * np.pi * (38.0 * t + 4.0 * (1 - np.exp(-t / 0.08)))) * np.exp(-t / 0.5)
        _add(out, low * np.float32(part.boom), start)


def _music(band: Band, part: Part, start: float, out: np.ndarray, rng: np.random.Generator) -> None:
    steps, step_s = band.pattern.bar_steps, 60.0 / band.bpm / band.pattern.steps
    levels = band.levels
    for bar in range(part.bars):
        root, chord = band.chords[bar // 2 % len(band.chords)]
        at = start + bar * band.bar_s
        share = bar / max(1, part.bars)
        bright = band.dark * (1.0 + 5.0 * share**2 if part.opening else 1.0)
        if bar % 2 == 0 and (part.pad or part.drone):
            seconds = min(2, part.bars - bar) * band.bar_s + 0.3
            if part.pad:
                notes = tuple(float(note + band.key) for note in chord)
                voice = synth.pad(notes, seconds, bright, bright * (1.6 if part.opening else 1.2))
                _add(out, voice * np.float32(0.16 * part.pad * levels["pad"]), at)
            if part.drone:
                _add(out, synth.pad((float(root + band.key),), seconds, 120.0, 120.0) * np.float32(0.3 * part.drone), at)
        if part.bass:
            for step, mark in hits(band.lines[3], bar):
                voice = synth.bass(root + band.key, max(0.12, 1.8 * step_s), band.bass_hz)
                _add(out, voice * np.float32(0.35 * part.bass * VELOCITY[mark] * levels["bass"]), at + step * step_s)
        if part.lead:
            for k, step in enumerate(range(0, steps, 2)):
                degree = band.melody[(bar * 8 + k) % len(band.melody)]
                if degree % 3 == 2:
                    continue
                voice = synth.pluck(60 + band.key + _SCALE[degree % 6] + 12 * (degree // 6), 2.5 * bright)
                _add(out, voice * np.float32(0.16 * part.lead * levels["lead"]), at + step * step_s)


def _tension(
    band: Band,
    part: Part,
    start: float,
    voices: dict[str, list[np.ndarray]],
    beaten: np.ndarray,
    music: np.ndarray,
    rng: np.random.Generator,
) -> None:
    """Add what makes a build: rolls of snare and kick, noise and a tone that climb. All end where the gap begins."""
    beats = part.bars * band.pattern.beats - part.gap
    seconds, beat_s = beats * 60.0 / band.bpm, 60.0 / band.bpm
    levels = dict(zip(drums.CLASSES, band.kit.levels, strict=True))
    for name, level in (("snare", part.roll), ("kick", part.kicks)):
        at = 0.0
        while level and at < beats - 1e-6:
            share = at / beats
            strength = level * (0.35 + 0.65 * share) * levels[name] * band.levels["drums"]
            voice = voices[name][int(rng.integers(len(voices[name])))]
            _add(beaten, voice * np.float32(strength), start + at * beat_s)
            at += (1.0, 0.5, 0.25, 0.125)[min(3, int(share * (4.0 if name == "snare" else 3.0)))]
    t = np.arange(int(seconds * SAMPLE_RATE), dtype=np.float32) / np.float32(SAMPLE_RATE)
    if part.riser:
        _add(music, synth.riser(seconds, int(rng.integers(1000))) * np.float32(1.2 * part.riser), start)
    if part.sweep:
        octaves = float(rng.uniform(1.0, 3.0))
        cycles = 220.0 * seconds / (octaves * np.log(2.0)) * (2.0 ** (octaves * t / seconds) - 1.0)
        tone = (2.0 * (cycles % 1.0) - 1.0) * (t / seconds) ** 1.5
        _add(music, tone.astype(np.float32) * np.float32(0.12 * part.sweep), start)


def _desk(band: Band, parts: Sequence[Part], edges: np.ndarray, mix: np.ndarray) -> np.ndarray:
    """Return the mix with each part's filter, rise and gap, and evened out by the band's glue."""
    n = mix.shape[1]
    gain, thin = np.ones(n, np.float32), np.zeros(n, np.float32)
    for part, start, end in zip(parts, edges, edges[1:], strict=False):
        first, last = round(start * SAMPLE_RATE), min(n, round(end * SAMPLE_RATE))
        gain[first:last] *= (10.0 ** (np.linspace(0.0, part.rise_db, last - first) / 20.0)).astype(np.float32)
        thin[first:last] = np.linspace(*part.thin, last - first, dtype=np.float32)
        if part.gap:
            gain[last - round(part.gap * 60.0 / band.bpm * SAMPLE_RATE) : last] = 0.0
    hz = max(part.cut_hz for part in parts)
    if thin.any():
        thinned = filters.high_pass(filters.high_pass(mix, hz), hz)
        mix = mix * (1.0 - thin) + thinned * thin
    smooth = np.convolve(np.pad(gain, 240, "edge"), np.full(481, 1 / 481, np.float32), "valid")  # no click, 5 ms either way
    mix = mix * smooth
    if band.glue:
        block = 4800
        power = np.sqrt(np.mean(np.square(mix[:, : n // block * block]).reshape(2, -1, block), axis=(0, 2))) + 1e-4
        loud = np.quantile(power, 0.8)
        held = np.convolve(np.pad(power, 3, "edge"), np.full(7, 1 / 7), "valid")
        even = np.clip(held / loud, 0.05, 1.5) ** -band.glue
        mix = mix * np.interp(np.arange(n), (np.arange(len(even)) + 0.5) * block, even).astype(np.float32)
    return mix


def _add(out: np.ndarray, voice: np.ndarray, at: float) -> None:
    start = round(at * SAMPLE_RATE)
    end = min(out.shape[1], start + voice.shape[-1])
    if start < end:
        out[:, start:end] += np.atleast_2d(voice)[:, : end - start].astype(np.float32)
