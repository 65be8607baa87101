"""A small synthesiser: instruments as functions, a score as events, a renderer that mixes them.

Called by `engine.audio.demo` when a track is made: offline, on any thread, never in an audio callback. It reads no file and
no clock; the same score gives the same samples. Every oscillator is a wavetable of a few harmonics, which is free of
aliasing and lets a "filter" be nothing but the harmonics' weights.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from phosphene.engine.core.signals import SAMPLE_RATE

_TABLE = 2048  # samples a cycle; read without interpolation the error lies below -60 dB
_DUCK_DEPTH, _DUCK_S = 0.75, 0.11  # sidechain: a kick takes 75 % of the music away, back with this time constant
_REVERB_S = 1.6
_FADE = 96  # samples, 2 ms: removes the click where a voice is cut


@dataclass(frozen=True, slots=True)
class Event:
    """One note. beat: straight beats from the start; voice: (instrument, *arguments); pan -1..1; echoes are quieter repeats.

    percussive: whether its start is an onset one can hear (a pad that swells is not).
    """

    beat: float
    voice: tuple
    gain: float = 1.0
    pan: float = 0.0
    percussive: bool = True
    echoes: int = 0


@dataclass(frozen=True, slots=True)
class Grid:
    """Beats to seconds. swing 0..1/3 is how late the off-step is, in steps of `swing_step` beats (1/3 = triplet feel)."""

    bpm: float
    swing: float = 0.0
    swing_step: float = 0.5

    def seconds(self, beat: float) -> float:
        """Return the time of a straight beat after swing: piecewise linear, so no two notes ever change order."""
        pair = 2.0 * self.swing_step
        whole, u = divmod(beat, pair)
        u /= pair
        u = u * (1.0 + self.swing) if u < 0.5 else 1.0 - (1.0 - u) * (1.0 - self.swing)
        return (whole + u) * pair * 60.0 / self.bpm


_VELOCITY = {"X": 1.0, "x": 0.8, "o": 0.5, "-": 0.3}


def pattern(text: str, first_bar: int, bars: int = 1) -> list[tuple[float, float]]:
    """Read a drum line: 16 steps a bar (spaces are ignored), X x o - from loud to ghost, anything else a rest.

    Returns (beat, velocity) pairs; a text of several bars is repeated until `bars` bars are full.
    """
    steps = text.replace(" ", "")
    return [
        (first_bar * 4 + i / 4, _VELOCITY[steps[i % len(steps)]])
        for i in range(bars * 16)
        if steps[i % len(steps)] in _VELOCITY
    ]


def frequency(note: float) -> float:
    """Return the frequency in Hz of a MIDI note (69 = 440 Hz)."""
    return 440.0 * 2.0 ** ((note - 69.0) / 12.0)


# Instruments: each returns float32 [n] or [2, n], about full scale, and begins with its attack.


def _time(seconds: float) -> np.ndarray:
    return np.arange(int(seconds * SAMPLE_RATE), dtype=np.float32) / np.float32(SAMPLE_RATE)


def _noise(seconds: float, low: float, high: float, seed: int) -> np.ndarray:
    """White noise between two soft band edges in Hz, at RMS 0.3."""
    n = int(seconds * SAMPLE_RATE)
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(n).astype(np.float32))
    f = np.fft.rfftfreq(n, 1.0 / SAMPLE_RATE) + 1e-3
    spectrum *= 1.0 / np.sqrt((1.0 + (low / f) ** 4) * (1.0 + (f / high) ** 4))
    out = np.fft.irfft(spectrum, n).astype(np.float32)
    return out * np.float32(0.3 / np.sqrt(np.mean(out**2)))


def _saw(freq: float, t: np.ndarray, cutoff: float, phase: float = 0.0) -> np.ndarray:
    """Sawtooth through a 12 dB/octave low-pass at `cutoff` Hz."""
    k = np.arange(1, min(int(0.45 * SAMPLE_RATE / freq), _TABLE // 2 - 1) + 1)
    spectrum = np.zeros(_TABLE // 2 + 1, np.complex128)
    spectrum[k] = -0.5j * _TABLE * (0.6 / k) / (1.0 + (k * freq / cutoff) ** 2)
    table = np.fft.irfft(spectrum, _TABLE).astype(np.float32)
    index = (np.arange(len(t), dtype=np.float64) * (freq / SAMPLE_RATE * _TABLE) + phase * _TABLE).astype(np.int64)
    return table[index & (_TABLE - 1)]


def _cut(voice: np.ndarray) -> np.ndarray:
    voice[..., -_FADE:] *= np.linspace(1.0, 0.0, _FADE, dtype=np.float32)
    return voice


def kick(pitch: float = 48.0, decay: float = 0.16) -> np.ndarray:
    t = _time(0.45)
    cycles = pitch * t + 130.0 * 0.028 * (1.0 - np.exp(-t / 0.028))
    return _cut(np.sin(2 * np.pi * cycles) * np.exp(-t / decay) + 0.25 * np.exp(-t / 0.0015))


def snare(tone: float = 185.0, decay: float = 0.09, seed: int = 1) -> np.ndarray:
    t = _time(0.35)
    body = np.sin(2 * np.pi * tone * t) * np.exp(-t / 0.05)
    return _cut(0.5 * body + 1.3 * _noise(0.35, 900, 9000, seed) * np.exp(-t / decay))


def clap(seed: int = 2) -> np.ndarray:
    t = _time(0.3)
    bursts = sum(np.exp(-np.abs(t - d) / 0.004) * (t >= d) for d in (0.0, 0.011, 0.021))
    return _cut(_noise(0.3, 1000, 6000, seed) * (bursts + 0.7 * np.exp(-t / 0.07) * (t >= 0.021)))


def hat(decay: float = 0.03, seed: int = 3) -> np.ndarray:
    t = _time(min(0.6, 7 * decay))
    return _cut(_noise(len(t) / SAMPLE_RATE + 1e-9, 7500, 16000, seed) * np.exp(-t / decay))


def crash(seed: int = 4) -> np.ndarray:
    t = _time(2.5)
    return _cut(_noise(2.5, 4000, 14000, seed) * np.exp(-t / 0.7))


def riser(seconds: float, seed: int = 5) -> np.ndarray:
    u = _time(seconds) / np.float32(seconds)
    return _cut(_noise(seconds, 300, 1500, seed) * (1 - u) * u + _noise(seconds, 3000, 12000, seed + 1) * u**3)


def bass(note: float, seconds: float, cutoff: float = 700.0) -> np.ndarray:
    t, f = _time(seconds), frequency(note)
    bright, dark = _saw(f, t, cutoff), _saw(f, t, cutoff / 5)
    w = np.exp(-t / 0.09)
    envelope = np.minimum(1.0, t / 0.003) * np.exp(-t / 0.6)
    return _cut((0.8 * (bright * w + dark * (1 - w)) + 0.5 * np.sin(2 * np.pi * f * t)) * envelope)


def pluck(note: float, brightness: float = 4000.0) -> np.ndarray:
    t, f = _time(0.5), frequency(note)
    w = np.exp(-t / 0.06)
    wave = _saw(f, t, brightness) * w + _saw(f * 1.003, t, brightness / 6) * (1 - w)
    return _cut(wave * np.minimum(1.0, t / 0.002) * np.exp(-t / 0.14))


def lead(note: float, seconds: float) -> np.ndarray:
    t, f = _time(seconds), frequency(note)
    sides = [_saw(f * d, t, 3500) + _saw(f / d, t, 2500, 0.3) for d in (1.004, 1.007)]
    return _cut(np.stack(sides) * 0.6 * (np.minimum(1.0, t / 0.006) * np.exp(-t / (0.6 * seconds))))


def pad(notes: tuple[float, ...], seconds: float, dark: float = 500.0, bright: float = 500.0) -> np.ndarray:
    """A chord that swells over 0.5 s and moves from a dark to a bright filter; slightly another tuning on each side."""
    t = _time(seconds)
    u = t / np.float32(seconds)
    sides = []
    for side, detune in enumerate((1.003, 0.9965)):
        wave = np.zeros_like(t)
        for i, note in enumerate(notes):
            f, phase = frequency(note), 0.37 * i + 0.19 * side
            wave += (
                _saw(f * detune, t, dark, phase)
                if dark == bright
                else (_saw(f * detune, t, dark, phase) * (1 - u) + _saw(f * detune, t, bright, phase) * u)
            )
            wave += 0.5 * _saw(f / detune, t, dark, phase + 0.5)
        sides.append(wave)
    envelope = np.minimum(1.0, t / 0.5) ** 2 * np.minimum(1.0, (np.float32(seconds) - t) / 0.5)
    return np.stack(sides) * (envelope * np.float32(0.5))


INSTRUMENTS: dict[str, Callable[..., np.ndarray]] = {
    f.__name__: f for f in (kick, snare, clap, hat, crash, riser, bass, pluck, lead, pad)
}
DRUMS = ("kick", "snare", "clap", "hat", "crash")


def render(events: Iterable[Event], grid: Grid, seconds: float, *, loop: bool, rms_db: float = -12.0) -> np.ndarray:
    """Mix a score down to float32 [n, 2] at 48 kHz with that RMS and a peak below 0.95.

    loop: tails run over the end into the start, so that the track repeats without a seam; else they are cut there.
    """
    n = round(seconds * SAMPLE_RATE)
    drums, music = np.zeros((2, n), np.float32), np.zeros((2, n), np.float32)
    duck = np.ones(n, np.float32)
    hollow = 1.0 - _DUCK_DEPTH * np.exp(-_time(5 * _DUCK_S) / _DUCK_S)
    voice_of = functools.cache(lambda voice: np.atleast_2d(INSTRUMENTS[voice[0]](*voice[1:]).astype(np.float32)))
    for event in events:
        voice = voice_of(event.voice)
        bus = drums if event.voice[0] in DRUMS else music
        sides = event.gain * np.float32([[min(1.0, 1.0 - event.pan)], [min(1.0, 1.0 + event.pan)]])
        for echo in range(event.echoes + 1):
            start = round(grid.seconds(event.beat + 0.75 * echo) * SAMPLE_RATE)
            _add(bus, voice * (sides * 0.42**echo), start, loop)
        if event.voice[0] == "kick":
            _multiply(duck, hollow, round(grid.seconds(event.beat) * SAMPLE_RATE), loop)
    music *= duck
    music += _reverb(music.sum(axis=0), loop)
    mix = drums + music
    mix -= mix.mean(axis=1, keepdims=True)
    return np.ascontiguousarray(_master(mix, rms_db).T)


def _spans(start: int, length: int, n: int, loop: bool) -> list[tuple[slice, slice]]:
    """Return (place on the tape, part of the voice) pairs: one, or two where a voice crosses the seam of a loop."""
    start = start % n if loop else start
    end = min(start + length, n)
    spans = [(slice(start, end), slice(0, end - start))] if start < n else []
    if loop and start + length > n:
        spans.append((slice(0, start + length - n), slice(n - start, length)))
    return spans


def _add(bus: np.ndarray, voice: np.ndarray, start: int, loop: bool) -> None:
    for place, part in _spans(start, voice.shape[1], bus.shape[1], loop):
        bus[:, place] += voice[:, part]


def _multiply(curve: np.ndarray, shape: np.ndarray, start: int, loop: bool) -> None:
    for place, part in _spans(start, len(shape), len(curve), loop):
        curve[place] = np.minimum(curve[place], shape[part])


def _reverb(send: np.ndarray, loop: bool) -> np.ndarray:
    """Convolve with decaying noise, another one for each side: circular for a loop, so that the room has no seam either."""
    n = len(send)
    size = n if loop else 1 << (n + int(_REVERB_S * SAMPLE_RATE)).bit_length()
    t = _time(_REVERB_S)
    spectrum = np.fft.rfft(send, size)
    sides = []
    for seed in (11, 12):
        room = _noise(_REVERB_S, 250, 5000, seed) * np.exp(-t / 0.4) * np.minimum(1.0, t / 0.01)
        sides.append(np.fft.irfft(spectrum * np.fft.rfft(room * np.float32(0.012), size), size)[:n])
    return np.stack(sides).astype(np.float32)


def _master(mix: np.ndarray, rms_db: float) -> np.ndarray:
    """Drive a soft limiter until its output has the RMS wanted; repeated, because it eats some of the gain."""
    goal = 10.0 ** (rms_db / 20.0)
    drive = goal / float(np.sqrt(np.mean(mix[:, ::7] ** 2)) + 1e-12)
    for _ in range(4):
        limited = 0.94 * np.tanh(mix[:, ::7] * np.float32(drive / 0.94))
        drive *= goal / float(np.sqrt(np.mean(limited**2)) + 1e-12)
    mix *= np.float32(drive / 0.94)
    np.tanh(mix, out=mix)
    mix *= np.float32(0.94)
    return mix
