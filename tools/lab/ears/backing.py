"""What plays beside the drums, note by note: basses, chords, strings, bells, voices, percussion that is none of the three.

All of it is learnt from as what is not a drum. A note is float32 [n] at 48 kHz, peak 1; a bed is a sound of ten seconds.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from phosphene.engine.audio import synth
from phosphene.engine.core.signals import SAMPLE_RATE
from phosphene.tools.lab.ears import filters, spoiling

BED_S = 10.0


def bass(rng: np.random.Generator) -> np.ndarray:
    """Return a bass note: a filtered saw, a sub, two operators of FM, or a plucked string."""
    note, seconds, kind = int(rng.integers(26, 48)), float(rng.uniform(0.1, 0.8)), int(rng.integers(4))
    if kind == 0:
        return _peak(synth.bass(note, seconds, float(rng.uniform(200.0, 2500.0))))
    t, hz = _time(seconds), synth.frequency(note)
    envelope = np.minimum(1.0, t / rng.uniform(0.002, 0.03)) * np.minimum(1.0, (seconds - t) / 0.01)
    if kind == 1:
        return _peak(np.tanh(rng.uniform(1.0, 4.0) * np.sin(2 * np.pi * hz * t)) * envelope)
    if kind == 2:
        index = rng.uniform(0.5, 5.0) * np.exp(-t / rng.uniform(0.03, 0.4))
        return _peak(np.sin(2 * np.pi * hz * t + index * np.sin(2 * np.pi * hz * rng.integers(1, 4) * t)) * envelope)
    return string(rng, note)


def string(rng: np.random.Generator, note: int | None = None) -> np.ndarray:
    """Return a plucked or struck string: partials that die the faster the higher they are; a third is driven."""
    note = int(rng.integers(40, 80)) if note is None else note
    t, hz = _time(float(rng.uniform(0.3, 1.5))), synth.frequency(note)
    stiff, slope, dying = rng.uniform(0.0, 4e-4), rng.uniform(0.6, 1.6), rng.uniform(0.2, 1.2)
    out = np.zeros_like(t)
    for k in range(1, min(30, int(14000.0 / hz)) + 1):
        partial = k * hz * np.sqrt(1.0 + stiff * k * k)
        out += np.sin(2 * np.pi * (partial * t + rng.random())) * np.exp(-t * (1.0 + 0.25 * k) / dying) / k**slope
    out += rng.uniform(0.0, 0.6) * filters.noise(len(t), 500.0, 6000.0, rng) * np.exp(-t / 0.006)  # pick or hammer
    if rng.random() < 0.33:
        out = np.tanh(rng.uniform(2.0, 15.0) * out)
    return _peak(out * np.minimum(1.0, t / 0.001))


def chord(rng: np.random.Generator) -> np.ndarray:
    """Return a chord: a stab of saws, an organ, or a strum of strings."""
    root, steps = int(rng.integers(45, 65)), (0, int(rng.integers(3, 5)), 7, int(rng.integers(9, 13)))
    kind = int(rng.integers(3))
    if kind == 0:
        voices = [synth.lead(root + step, float(rng.uniform(0.15, 1.2))).mean(axis=0) for step in steps]
        return _peak(filters.low_pass(_sum([v[: min(map(len, voices))] for v in voices]), float(rng.uniform(600.0, 9000.0))))
    if kind == 1:
        t = _time(float(rng.uniform(0.2, 1.5)))
        tones = [synth.frequency(root + step) * k for step in steps for k in (1, 2, 3, 4)]
        organ = _sum([np.sin(2 * np.pi * (hz * t + rng.random())) * rng.random() for hz in tones])
        return _peak(organ * np.minimum(1.0, t / 0.006) * np.minimum(1.0, (t[-1] - t) / 0.02))
    late, strums = rng.uniform(0.0, 0.02), [string(rng, root + step) for step in steps]
    out = np.zeros(int(2.0 * SAMPLE_RATE), np.float32)
    for k, voice in enumerate(strums):
        at = int(k * late * SAMPLE_RATE)
        out[at : at + len(voice)] += voice[: len(out) - at]
    return _peak(out)


def melody(rng: np.random.Generator) -> np.ndarray:
    """Return a note of a melody: a pluck, a string, a bell of FM, or a lead that trembles."""
    note, kind = int(rng.integers(55, 90)), int(rng.integers(4))
    if kind == 0:
        return _peak(synth.pluck(note, float(rng.uniform(1000.0, 8000.0))))
    if kind == 1:
        return string(rng, note)
    t, hz = _time(float(rng.uniform(0.15, 1.2))), synth.frequency(note)
    if kind == 2:
        bell = rng.uniform(0.5, 6.0) * np.exp(-t / 0.2) * np.sin(2 * np.pi * hz * rng.choice([1.41, 2.0, 3.5, 7.0]) * t)
        return _peak(np.sin(2 * np.pi * hz * t + bell) * np.exp(-t / rng.uniform(0.1, 0.5)) * np.minimum(1.0, t / 0.001))
    phase = hz * t + rng.uniform(0.0, 0.01) * hz / 30.0 * np.sin(2 * np.pi * rng.uniform(4.0, 7.0) * t)
    wave = np.where(phase % 1.0 < rng.uniform(0.1, 0.5), 1.0, -1.0) if rng.random() < 0.5 else 2.0 * (phase % 1.0) - 1.0
    lead = filters.low_pass(wave.astype(np.float32), float(rng.uniform(1200.0, 8000.0)))
    return _peak(lead * np.minimum(1.0, t / rng.uniform(0.002, 0.05)) * np.minimum(1.0, (t[-1] - t) / 0.02))


def voice(rng: np.random.Generator) -> np.ndarray:
    """Return a sung syllable: a consonant of noise, which may hiss like a hat, then a vowel of three formants."""
    t, hz = _time(float(rng.uniform(0.12, 0.9))), float(np.exp(rng.uniform(np.log(90.0), np.log(500.0))))
    cycles = np.cumsum(hz * (1.0 + 0.015 * np.sin(2 * np.pi * 5.5 * t) * np.minimum(1.0, t / 0.3)) / SAMPLE_RATE)
    glottis = (2.0 * (cycles % 1.0) - 1.0).astype(np.float32)
    formants = ((280.0, 900.0, 1.0), (900.0, 2300.0, 0.6), (2300.0, 3600.0, 0.35))
    sung = _sum([filters.low_pass(glottis, float(rng.uniform(a, b)), 6.0) * np.float32(g) for a, b, g in formants])
    sung = sung * np.minimum(1.0, t / rng.uniform(0.01, 0.08)) * np.minimum(1.0, (t[-1] - t) / 0.04)
    if rng.random() < 0.6:
        low = float(rng.uniform(1500.0, 6000.0))
        hiss = filters.noise(len(t), low, 2.2 * low, rng) * np.exp(-(((t - 0.04) / rng.uniform(0.01, 0.05)) ** 2))
        sung = sung + hiss * np.float32(rng.uniform(0.2, 2.0) * np.abs(sung).max())
    return _peak(sung)


def other(rng: np.random.Generator) -> np.ndarray:
    """Return percussion that is none of the three: toms and congas, blocks, bells, bells of two pitches."""
    kind, t = int(rng.integers(3)), _time(float(rng.uniform(0.15, 0.6)))
    if kind == 0:  # a tom or a conga
        hz = rng.uniform(110.0, 420.0)
        out = np.sin(2 * np.pi * (hz * t + 0.02 * hz * (1.0 - np.exp(-t / 0.02)))) * np.exp(-t / rng.uniform(0.04, 0.2))
        out += rng.uniform(0.0, 0.4) * filters.noise(len(t), 300.0, 3000.0, rng) * np.exp(-t / 0.01)
    elif kind == 1:  # a block
        hz = rng.uniform(500.0, 2500.0)
        out = _sum([np.sin(2 * np.pi * hz * r * t) for r in (1.0, rng.uniform(1.3, 2.8))]) * np.exp(
            -t / rng.uniform(0.01, 0.05)
        )
    else:  # a bell of two squares
        hz = rng.uniform(400.0, 900.0)
        squares = np.sign(np.sin(2 * np.pi * hz * t)) + np.sign(np.sin(2 * np.pi * 1.48 * hz * t))
        out = filters.band_pass(squares.astype(np.float32), hz, 4.0 * hz) * np.exp(-t / rng.uniform(0.03, 0.2))
    return _peak(out)


NOTES: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
    "bass": bass,
    "chord": chord,
    "melody": melody,
    "voice": voice,
    "other": other,
}


def bed(rng: np.random.Generator) -> np.ndarray:
    """Return float32 [n], BED_S long, rms about 1: pads, people, speech, hiss."""
    n, kind = int(BED_S * SAMPLE_RATE), str(rng.choice(["pads", "pads", "pads", "crowd", "speech", "hiss"]))
    if kind == "hiss":
        low = float(np.exp(rng.uniform(np.log(100.0), np.log(4000.0))))
        return filters.noise(n, low, low * float(rng.uniform(2.0, 20.0)), rng) / np.float32(0.3)
    return spoiling.BEATLESS[kind](n, rng).mean(axis=0)


def _sum(parts: list[np.ndarray]) -> np.ndarray:
    return np.sum(parts, axis=0, dtype=np.float32)


def _time(seconds: float) -> np.ndarray:
    return np.arange(int(seconds * SAMPLE_RATE), dtype=np.float32) / np.float32(SAMPLE_RATE)


def _peak(note: np.ndarray) -> np.ndarray:
    return (note / (np.abs(note).max() + 1e-9)).astype(np.float32)
