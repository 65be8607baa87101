"""Five drum kits, synthesised: what a kick, a snare and a hat are made of, as numbers that can be varied.

Every voice is float32 [n] at 48 kHz, peak about 1, and begins with its attack at sample 0: the truth of a hit is the time of
its first sample.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from phosphene.engine.core.signals import SAMPLE_RATE
from phosphene.tools.lab.ears import filters

CLASSES = ("kick", "snare", "hat")
_METAL_HZ = (205.3, 304.4, 369.6, 522.7, 540.0, 800.0)  # of the six square waves of a drum machine's cymbals
_FADE = 96  # samples, 2 ms


@dataclass(frozen=True)
class Kick:
    """A sine that falls to `pitch` Hz from `sweep` Hz above it within `sweep_s`, and dies away over `decay` s.

    attack: s until it is fully there; click: level of the beater's noise; modes: level of a skin's overtones; drive:
    1 is clean.
    """

    pitch: float = 50.0
    sweep: float = 130.0
    sweep_s: float = 0.03
    decay: float = 0.16
    attack: float = 0.0005
    click: float = 0.2
    modes: float = 0.0
    drive: float = 1.0


@dataclass(frozen=True)
class Snare:
    """Modes of a skin at `tone` Hz, and noise from `low` to `high` Hz; bursts: 0 a drum, 3 or 4 a clap."""

    tone: float = 185.0
    tone_s: float = 0.05
    body: float = 0.5
    low: float = 900.0
    high: float = 9000.0
    decay: float = 0.09
    bursts: int = 0
    drive: float = 1.0


@dataclass(frozen=True)
class Hat:
    """Noise from `low` to `high` Hz and square waves, `metal` 0..1 of it, dying away over `decay` s; open: over so many."""

    decay: float = 0.03
    open: float = 0.18
    low: float = 7500.0
    high: float = 16000.0
    metal: float = 0.0
    pitch: float = 1.0
    drive: float = 1.0


@dataclass(frozen=True)
class Kit:
    """levels: of kick, snare, hat in a mix. crunch: 0, or the rate in Hz that a cheap sampler holds samples at."""

    kick: Kick = Kick()
    snare: Snare = Snare()
    hat: Hat = Hat()
    levels: tuple[float, float, float] = (0.9, 0.5, 0.22)
    crunch: float = 0.0


KITS: dict[str, Kit] = {
    # a boom that has hardly gone when the next one comes, without a click, and a hat that is all noise
    "808": Kit(
        Kick(46.0, 40.0, 0.035, 0.42, 0.009, 0.0, 0.0, 1.25),
        Snare(180.0, 0.06, 0.35, 1000.0, 6000.0, 0.07, 4),
        Hat(0.035, 0.22, 6500.0, 15000.0, 0.25),
        (0.95, 0.45, 0.42),
    ),
    "909": Kit(
        Kick(52.0, 190.0, 0.022, 0.17, 0.0003, 0.35, 0.0, 1.8),
        Snare(195.0, 0.045, 0.55, 800.0, 10000.0, 0.1),
        Hat(0.03, 0.16, 7000.0, 16000.0, 0.1),
        (0.95, 0.5, 0.26),
    ),
    "acoustic": Kit(
        Kick(62.0, 45.0, 0.015, 0.11, 0.0012, 0.45, 0.35),
        Snare(188.0, 0.08, 0.8, 350.0, 8000.0, 0.12),
        Hat(0.045, 0.35, 5000.0, 14000.0, 0.3, 1.7),
        (0.8, 0.6, 0.2),
    ),
    "lo-fi": Kit(
        Kick(58.0, 90.0, 0.03, 0.13, 0.0015, 0.25, 0.15, 3.5),
        Snare(210.0, 0.05, 0.6, 500.0, 6000.0, 0.08, 0, 3.0),
        Hat(0.03, 0.12, 4500.0, 9500.0, 0.1, 1.2, 2.0),
        (0.85, 0.6, 0.25),
        11025.0,
    ),
    "electro": Kit(
        Kick(44.0, 260.0, 0.05, 0.2, 0.0005, 0.1, 0.0, 2.2),
        Snare(240.0, 0.03, 0.4, 1500.0, 12000.0, 0.06, 3, 1.5),
        Hat(0.02, 0.25, 6000.0, 16000.0, 0.85, 1.35),
        (0.9, 0.5, 0.24),
    ),
}


def vary(kit: Kit, rng: np.random.Generator, by: float = 0.2) -> Kit:
    """Return a kit like this one: every number times e^N(0, by), within what such a drum can be."""

    def varied(part: Kick | Snare | Hat) -> Kick | Snare | Hat:
        new = {f.name: getattr(part, f.name) * float(np.exp(rng.normal(0.0, by))) for f in fields(part) if f.type == "float"}
        return replace(part, **new)

    kick, snare, hat = varied(kit.kick), varied(kit.snare), varied(kit.hat)
    assert isinstance(kick, Kick)
    assert isinstance(snare, Snare)
    assert isinstance(hat, Hat)
    kick = replace(kick, pitch=float(np.clip(kick.pitch, 35.0, 90.0)), drive=max(1.0, kick.drive))
    hat = replace(hat, high=min(hat.high, 18000.0), low=min(hat.low, 0.6 * hat.high), metal=min(1.0, hat.metal))
    snare = replace(snare, low=min(snare.low, 0.3 * snare.high), drive=max(1.0, snare.drive))
    low, middle, high = (float(level * np.exp(rng.normal(0.0, by))) for level in kit.levels)
    crunch = kit.crunch * float(np.exp(rng.normal(0.0, by)))
    return Kit(kick, snare, hat, (low, middle, high), crunch)


def voices(kit: Kit, rng: np.random.Generator, takes: int = 3) -> dict[str, list[np.ndarray]]:
    """Return `takes` of kick, snare, hat and open hat, and one crash: the same drum, its noise never quite the same."""
    made = {
        "kick": [kick(kit.kick, rng) for _ in range(takes)],
        "snare": [snare(kit.snare, rng) for _ in range(takes)],
        "hat": [hat(kit.hat, kit.hat.decay, rng) for _ in range(takes)],
        "open": [hat(kit.hat, kit.hat.open, rng) for _ in range(takes)],
        "crash": [hat(replace(kit.hat, low=3500.0, metal=0.3), 0.6, rng)],
    }
    return {name: [finished(voice, kit.crunch) for voice in several] for name, several in made.items()}


def _time(seconds: float) -> np.ndarray:
    return np.arange(int(seconds * SAMPLE_RATE), dtype=np.float32) / np.float32(SAMPLE_RATE)


def kick(k: Kick, rng: np.random.Generator) -> np.ndarray:
    """Return one stroke, not yet `finished`."""
    t = _time(min(1.6, 0.05 + 5.0 * k.decay))
    swept = k.sweep * k.sweep_s * (1.0 - np.exp(-t / k.sweep_s))
    out = np.sin(2 * np.pi * (k.pitch * t + swept)) * np.exp(-t / k.decay)
    for ratio, level in ((1.59, 0.6), (2.14, 0.4), (2.65, 0.25)):
        out += k.modes * level * np.sin(2 * np.pi * (ratio * (k.pitch * t + swept))) * np.exp(-t / (0.4 * k.decay))
    out *= np.minimum(1.0, t / k.attack)
    if k.click:
        out += k.click * 2.0 * filters.noise(len(t), 1200.0, 6000.0, rng) * np.exp(-t / 0.003)
        out[:48] += k.click * np.exp(-t[:48] / 0.0004)
    return np.tanh(k.drive * out)


def snare(s: Snare, rng: np.random.Generator) -> np.ndarray:
    """Return one stroke, not yet `finished`."""
    t = _time(min(0.8, 0.1 + 5.0 * s.decay))
    hiss = filters.noise(len(t), s.low, s.high, rng) * 2.2
    if s.bursts:
        late = 0.0105 * np.arange(s.bursts)
        claps = sum(np.exp(-(t - d) / 0.0045) * (t >= d) for d in late[:-1])
        return np.tanh(s.drive * 0.6 * hiss * (claps + 0.8 * np.exp(-(t - late[-1]) / s.decay) * (t >= late[-1])))
    modes = sum(a * np.sin(2 * np.pi * r * s.tone * t) for r, a in ((1.0, 1.0), (1.78, 0.5), (2.6, 0.25)))
    return np.tanh(s.drive * (s.body * modes * np.exp(-t / s.tone_s) + 0.7 * hiss * np.exp(-t / s.decay)))


def hat(h: Hat, decay: float, rng: np.random.Generator) -> np.ndarray:
    """Return one stroke that dies away over `decay` s, not yet `finished`."""
    t = _time(min(2.5, 0.02 + 6.0 * decay))
    out = (1.0 - h.metal) * filters.noise(len(t), h.low, h.high, rng)
    if h.metal:
        squares = sum(np.sign(np.sin(2 * np.pi * hz * h.pitch * (t + rng.random()))) for hz in _METAL_HZ)
        bright = filters.band_pass(np.asarray(squares, np.float32), h.low, h.high)
        out += h.metal * bright * np.float32(0.3 / filters.rms(bright))
    return np.tanh(h.drive * 1.8 * out * np.exp(-t / decay))


def finished(voice: np.ndarray, crunch: float) -> np.ndarray:
    """Return a voice at peak 1 whose end is faded, float32; crunch: as in Kit."""
    voice = voice.astype(np.float32)
    if crunch:
        held = (np.arange(len(voice)) * crunch // SAMPLE_RATE * SAMPLE_RATE / crunch).astype(np.int64)
        voice = np.round(voice[held] * 48.0) / np.float32(48.0)  # as of seven bits
    voice[-_FADE:] *= np.linspace(1.0, 0.0, _FADE, dtype=np.float32)
    return voice / np.float32(np.abs(voice).max() + 1e-9)
