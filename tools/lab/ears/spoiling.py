"""What a room, a crowd, a cable or a microphone does to music; and sounds that have no beat at all.

Effects take a Piece and a generator of random numbers, and return a Piece whose truth is still right: sound that comes
later (silence first) moves its beats along, a second record does not count. `EFFECTS` names them for the tables of cases.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from phosphene.engine.audio import synth
from phosphene.engine.core.signals import SAMPLE_RATE
from phosphene.tools.lab.ears import filters
from phosphene.tools.lab.ears.piece import Piece, joined

Effect = Callable[..., Piece]


def crowd(n: int, rng: np.random.Generator, claps_s: float = 12.0) -> np.ndarray:
    """Return float32 [2, n] of a crowd, rms about 1: voices as noise in bands that swell by syllables, and stray claps."""
    t = np.arange(n) / SAMPLE_RATE
    out = np.zeros((2, n), np.float32)
    for low in (250.0, 500.0, 900.0, 1600.0, 2600.0):
        at = np.arange(0.0, t[-1] + 1.0, 0.12) if n else np.zeros(1)
        for side in range(2):
            swell = np.interp(t, at, np.exp(0.35 * rng.standard_normal(len(at)))).astype(np.float32)
            out[side] += filters.noise(n, low, 1.8 * low, rng) * swell * np.float32((500.0 / (low + 250.0)) ** 0.5)
    claps = np.zeros((2, n), np.float32)
    for at in (rng.random(int(claps_s * n / SAMPLE_RATE)) * n).astype(np.int64):
        claps[:, at] += rng.uniform(0.2, 1.0, 2).astype(np.float32)
    slap = np.arange(2400, dtype=np.float32) / np.float32(SAMPLE_RATE)
    burst = filters.noise(2400, 700.0, 3500.0, rng) * np.exp(-slap / 0.006)
    out += 2.0 * filters.convolve(claps, burst)
    return out / np.float32(filters.rms(out))


def applause(n: int, rng: np.random.Generator) -> np.ndarray:
    """Return float32 [2, n], rms about 1: hundreds of claps a second that rise and fall."""
    out = crowd(n, rng, 400.0)
    swell = 0.4 + 0.6 * np.sin(np.pi * np.linspace(0.0, 1.0, n)) ** 2
    return (out + 0.15 * crowd(n, rng)) * swell.astype(np.float32)


def speech(n: int, rng: np.random.Generator) -> np.ndarray:
    """Return float32 [2, n], rms about 1: syllables of a gliding voice through three formants, below 4 kHz, with pauses."""
    t, at, out = np.arange(n) / SAMPLE_RATE, 0.2, np.zeros(n, np.float32)
    while at < n / SAMPLE_RATE - 0.5:
        seconds = float(rng.uniform(0.09, 0.32))
        first, count = int(at * SAMPLE_RATE), int(seconds * SAMPLE_RATE)
        u = t[:count] / seconds
        cycles = np.cumsum((115.0 + 40.0 * rng.standard_normal() * (u - 0.5) + 12.0 * rng.standard_normal()) / SAMPLE_RATE)
        voiced = (2.0 * (cycles % 1.0) - 1.0 if rng.random() < 0.8 else 0.5 * rng.standard_normal(count)).astype(np.float32)
        formants = [float(np.exp(rng.uniform(np.log(a), np.log(b)))) for a, b in ((280, 800), (900, 2200), (2300, 3300))]
        shaped = sum(filters.low_pass(voiced, hz, 6.0) * gain for hz, gain in zip(formants, (1.0, 0.5, 0.3), strict=True))
        out[first : first + count] += shaped * (np.sin(np.pi * u) ** 0.6).astype(np.float32)
        at += seconds + (float(rng.exponential(0.6)) if rng.random() < 0.15 else float(rng.uniform(0.0, 0.05)))
    out = filters.low_pass(filters.high_pass(out, 200.0), 3600.0)
    return np.repeat(out[None] / np.float32(filters.rms(out)), 2, axis=0)


def pads(n: int, rng: np.random.Generator) -> np.ndarray:
    """Return float32 [2, n], rms about 1: chords that swell and overlap, at no regular times."""
    out, at = np.zeros((2, n), np.float32), 0.0
    root = int(rng.integers(48, 60))
    while at < n / SAMPLE_RATE:
        seconds = float(rng.uniform(4.0, 9.0))
        notes = tuple(root + int(step) for step in rng.choice([0, 2, 3, 5, 7, 9, 10, 12, 14], 4, replace=False))
        voice = synth.pad(notes, seconds, float(rng.uniform(300, 900)), float(rng.uniform(300, 1500)))
        start = round(at * SAMPLE_RATE)
        end = min(n, start + voice.shape[1])
        out[:, start:end] += voice[:, : end - start]
        at += seconds * float(rng.uniform(0.5, 0.9))
    return out / np.float32(filters.rms(out))


BEATLESS: dict[str, Callable[[int, np.random.Generator], np.ndarray]] = {
    "pads": pads,
    "crowd": crowd,
    "applause": applause,
    "speech": speech,
}


def beatless(kind: str, seconds: float, rng: np.random.Generator, level_db: float = -20.0) -> Piece:
    """Return a piece without a beat, of BEATLESS."""
    made = BEATLESS[kind](round(seconds * SAMPLE_RATE), rng) * filters.from_db(level_db)
    return Piece(_bent(made).T.copy(), np.zeros(0), np.zeros(0, np.int64))


def _bent(x: np.ndarray) -> np.ndarray:
    """Bend what would go beyond full scale; below half of it nothing changes."""
    over = np.abs(x) > 0.5
    return np.where(over, np.sign(x) * (0.5 + 0.48 * np.tanh((np.abs(x) - 0.5) / 0.48)), x).astype(np.float32)


def _heard(piece: Piece, sides: np.ndarray) -> Piece:
    return replace(piece, pcm=np.ascontiguousarray(sides.T, np.float32))


def _room(piece: Piece, rng: np.random.Generator, seconds: float, wet_db: float) -> Piece:
    """A room that sounds for `seconds`, its answer `wet_db` beside the direct sound."""
    dry = piece.pcm.T
    wet = filters.convolve(dry.mean(axis=0), filters.room(seconds, rng))
    level = filters.from_db(wet_db) * np.float32(filters.rms(dry) / filters.rms(wet))
    return _heard(piece, _bent((dry + wet * level) * np.float32(0.7)))


def _crowd(piece: Piece, rng: np.random.Generator, db: float) -> Piece:
    """A crowd `db` beside the music."""
    people = crowd(len(piece.pcm), rng) * np.float32(filters.rms(piece.pcm)) * filters.from_db(db)
    return _heard(piece, _bent((piece.pcm.T + people) * np.float32(0.7)))


def _inverted(piece: Piece, rng: np.random.Generator) -> Piece:
    """L = -R."""
    mono = piece.pcm.mean(axis=1)
    return _heard(piece, np.stack([mono, -mono]))


def _dead_channel(piece: Piece, rng: np.random.Generator) -> Piece:
    return _heard(piece, piece.pcm.T * np.float32([[1.0], [0.0]]))


def _silence_first(piece: Piece, rng: np.random.Generator, seconds: float) -> Piece:
    return replace(joined([_silence(seconds), piece]), divided=piece.divided)


def _after(piece: Piece, rng: np.random.Generator, gap_s: float) -> Piece:
    """The music stops half way, and comes back after `gap_s` of silence where it had stopped."""
    half = round(piece.seconds / 2)
    parts = [piece.part(0.0, half), _silence(gap_s), piece.part(half, piece.seconds)]
    return replace(joined(parts), cuts=(half + gap_s,), divided=piece.divided)


def _silence(seconds: float) -> Piece:
    return Piece(np.zeros((round(seconds * SAMPLE_RATE), 2), np.float32), np.zeros(0), np.zeros(0, np.int64))


def _hum(piece: Piece, rng: np.random.Generator, db: float) -> Piece:
    """A bad earth, 50 Hz and its odd harmonics, `db` beside the music."""
    t = np.arange(len(piece.pcm)) / SAMPLE_RATE
    hum = sum(np.sin(2 * np.pi * 50.0 * k * t + k) / k for k in (1, 3, 5, 7))
    hum *= filters.rms(piece.pcm) / filters.rms(hum) * float(filters.from_db(db))
    return _heard(piece, _bent((piece.pcm.T + hum[None].astype(np.float32)) * np.float32(0.7)))


def _clip(piece: Piece, rng: np.random.Generator, db: float) -> Piece:
    return _heard(piece, np.clip(piece.pcm.T * filters.from_db(db), -1.0, 1.0))


def _offset(piece: Piece, rng: np.random.Generator, share: float) -> Piece:
    """A direct current of `share` of full scale."""
    return _heard(piece, np.clip(piece.pcm.T * np.float32(0.7) + np.float32(share), -1.0, 1.0))


def _phone(piece: Piece, rng: np.random.Generator) -> Piece:
    """A telephone's microphone: 250 Hz to 6 kHz, noise, and a compressor that holds every level to the same."""
    mono = filters.low_pass(filters.high_pass(filters.high_pass(piece.pcm.mean(axis=1), 250.0), 180.0), 6000.0)
    mono = mono + filters.noise(len(mono), 200.0, 6000.0, rng) * np.float32(0.02 * filters.rms(mono) / 0.3)
    block = 240
    power = np.sqrt(np.mean(np.square(mono[: len(mono) // block * block].reshape(-1, block)), axis=1)) + 1e-5
    held = np.zeros_like(power)
    level = float(power[0])
    for k, now in enumerate(power):  # fast up, slow down
        level += (float(now) - level) * (0.5 if now > level else 0.03)
        held[k] = level
    gain = (0.1 / np.interp(np.arange(len(mono)), np.arange(len(held)) * block, held)).astype(np.float32)
    return _heard(piece, np.repeat(_bent(mono * np.minimum(gain, 30.0))[None], 2, axis=0))


def _level(piece: Piece, rng: np.random.Generator, db: float) -> Piece:
    """The whole at an rms of `db`, beside a converter's own noise at -92 dB."""
    pcm = piece.pcm * (filters.from_db(db) / np.float32(filters.rms(piece.pcm)))
    return replace(piece, pcm=pcm + rng.standard_normal(pcm.shape).astype(np.float32) * filters.from_db(-92.0))


EFFECTS: dict[str, Effect] = {
    "room": _room,
    "crowd": _crowd,
    "inverted": _inverted,
    "dead channel": _dead_channel,
    "silence first": _silence_first,
    "stops": _after,
    "hum": _hum,
    "clip": _clip,
    "offset": _offset,
    "phone": _phone,
    "level": _level,
}
