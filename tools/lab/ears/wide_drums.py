"""Drums of every kind to learn from, drawn without regard to the five kits of `drums.KITS`, which are left to be tested on.

Two sources: the synthesis of `drums` and a few voices of its own, every number drawn from as wide a range as such a drum
has; and one-shots out of a folder, such as Sonic Pi's samples (CC0), told apart by their names. Every voice is float32 [n]
at 48 kHz, peak 1, and begins with its attack.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from phosphene.engine.audio.decode import load_audio
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.signals import SAMPLE_RATE
from phosphene.tools.lab.ears import drums, filters

# How the names of Sonic Pi's samples begin. What is in no group is left out: loops, and what may pass for a drum.
NAMES = {
    "kick": ("bd_", "drum_bass_", "drum_heavy_kick", "elec_soft_kick", "elec_hollow_kick"),
    "snare": ("sn_", "drum_snare_", "elec_snare", "elec_lo_snare", "elec_mid_snare", "elec_hi_snare", "elec_filt_snare"),
    "hat": ("hat_", "drum_cymbal_", "drum_splash_", "ride_", "elec_cymbal"),
    "bass": ("bass_", "glitch_bass"),
    "note": (
        "guit_",
        "elec_bell",
        "elec_chime",
        "elec_ping",
        "elec_twang",
        "elec_beep",
        "elec_bong",
        "ambi_piano",
        "perc_bell",
    ),
    "other": ("drum_tom_", "drum_cowbell", "elec_fuzz_tom", "tabla_", "elec_blip", "elec_wood", "elec_pop", "elec_triangle"),
    "bed": ("ambi_", "vinyl_hiss", "loop_drone"),
}
_TRIMMED = 0.03  # of the peak: there a one-shot begins, less
_EARLIER = 24  # samples, 0.5 ms
_LONGEST_S = 2.5
_HELD_OUT = 3  # of so many one-shots one is never learnt from


def kick(rng: np.random.Generator) -> np.ndarray:
    """Return any bass drum: booms, clicks, skins, distorted ones; one in five is two of them together."""
    made = drums.Kick(
        pitch=_between(rng, 34.0, 95.0),
        sweep=_between(rng, 8.0, 450.0),
        sweep_s=_between(rng, 0.005, 0.08),
        decay=_between(rng, 0.04, 0.6),
        attack=_between(rng, 0.0002, 0.012),
        click=float(rng.choice([0.0, rng.uniform(0.0, 1.0)])),
        modes=float(rng.choice([0.0, rng.uniform(0.0, 0.8)])),
        drive=_between(rng, 1.0, 6.0),
    )
    voice = drums.kick(made, rng)
    if rng.random() < 0.3:  # what a microphone before the skin hears: a dull slap
        slap = filters.noise(len(voice), 60.0, _between(rng, 400.0, 3000.0), rng)
        voice = voice + _between(rng, 0.3, 2.0) * slap * np.exp(-_time(len(voice)) / _between(rng, 0.008, 0.04))
    return drums.finished(voice, _crunch(rng))


def snare(rng: np.random.Generator) -> np.ndarray:
    """Return any snare or clap; one in six is a snare with a clap on it."""
    high = _between(rng, 3500.0, 16000.0)

    def one(bursts: int) -> np.ndarray:
        made = drums.Snare(
            tone=_between(rng, 120.0, 330.0),
            tone_s=_between(rng, 0.015, 0.15),
            body=float(rng.uniform(0.0, 1.3)),
            low=min(0.3 * high, _between(rng, 150.0, 2500.0)),
            high=high,
            decay=_between(rng, 0.025, 0.3),
            bursts=bursts,
            drive=_between(rng, 1.0, 5.0),
        )
        return drums.snare(made, rng)

    voice = one(int(rng.choice([0, 0, 0, 3, 4])))
    if rng.random() < 1 / 6:
        clap = one(int(rng.integers(2, 5)))
        n = min(len(clap), len(voice))
        voice = voice[:n] + np.float32(rng.uniform(0.3, 1.0)) * clap[:n]
    return drums.finished(voice, _crunch(rng))


def hat(rng: np.random.Generator) -> np.ndarray:
    """Return any hat, closed or open, or a cymbal, whose partials ring."""
    kind = float(rng.random())
    decay = _between(rng, 0.008, 0.1) if kind < 0.6 else _between(rng, 0.1, 0.8)
    high = _between(rng, 8000.0, 18000.0)
    made = drums.Hat(decay, 0.2, min(0.6 * high, _between(rng, 2500.0, 9500.0)), high)
    made = drums.Hat(
        made.decay,
        made.open,
        made.low,
        made.high,
        metal=float(rng.choice([0.0, rng.uniform(0.0, 1.0)])),
        pitch=_between(rng, 0.6, 2.0),
        drive=_between(rng, 1.0, 3.0),
    )
    voice = drums.hat(made, decay, rng)
    if kind > 0.8:  # a ride: a ping of many partials, and little hiss
        t = _time(len(voice))
        hz = np.exp(rng.uniform(np.log(1500.0), np.log(13000.0), 24))
        ring = sum(
            np.sin(2 * np.pi * (f * t + rng.random())) * np.exp(-t / (0.3 * decay + rng.random() * decay)) for f in hz
        )
        voice = np.float32(rng.uniform(0.1, 0.6)) * voice + np.asarray(ring, np.float32) * np.float32(0.12)
    return drums.finished(voice, _crunch(rng))


DRUMS: dict[str, Callable[[np.random.Generator], np.ndarray]] = {"kick": kick, "snare": snare, "hat": hat}


def one_shots(folder: Path, held_out: bool) -> dict[str, list[np.ndarray]]:
    """Return the voices of a folder of Sonic Pi's samples by the groups of NAMES: those to learn from, or those held out.

    A third is held out by its file's name, whole recordings with all of their strokes. Raises UserError for a folder
    without such files.
    """
    found: dict[str, list[np.ndarray]] = {group: [] for group in NAMES}
    for path in sorted(folder.glob("*.flac")):
        group = next((group for group, starts in NAMES.items() if path.stem.startswith(starts)), None)
        recording = path.stem.removesuffix("_hard").removesuffix("_soft").rstrip("0123456789")
        if group is None or (zlib.crc32(recording.encode()) % _HELD_OUT == 0) != held_out:
            continue
        voice = load_audio(path).mean(axis=1)
        if group != "bed":
            voice = _trimmed(voice)
        found[group].append(voice / np.float32(np.abs(voice).max() + 1e-9))
    if not any(found.values()):
        raise UserError("no one-shots here", where=str(folder), allowed="the folder etc/samples of Sonic Pi")
    return found


def _trimmed(voice: np.ndarray) -> np.ndarray:
    loud = np.abs(voice) > _TRIMMED * np.abs(voice).max()
    start = max(0, int(np.argmax(loud)) - _EARLIER)
    voice = voice[start : start + int(_LONGEST_S * SAMPLE_RATE)].copy()
    voice[-96:] *= np.linspace(1.0, 0.0, min(96, len(voice)), dtype=np.float32)
    return voice


def _between(rng: np.random.Generator, low: float, high: float) -> float:
    """Return a number whose logarithm is spread evenly."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _crunch(rng: np.random.Generator) -> float:
    return _between(rng, 8000.0, 30000.0) if rng.random() < 0.12 else 0.0


def _time(n: int) -> np.ndarray:
    return np.arange(n, dtype=np.float32) / np.float32(SAMPLE_RATE)
