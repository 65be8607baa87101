"""What the tagging network is given: 3 s of sound at 16 kHz as a mel spectrogram of 187 frames and 96 bands, on a log scale.

The same numbers as librosa's `melspectrogram` gives with its defaults (Slaney's mel scale and areas, periodic Hann, power),
on which musicnn was trained: within 0.0002 below 6.8 kHz. Brought from 48 to 16 kHz by a filter of 127 taps: within 0.1 dB
up to 7.0 kHz, -15 dB at 8 kHz, and what would fold down 57 dB lower from 8.5 kHz on. No BLAS; 4 ms for a window.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from phosphene.engine.audio.tag_network import BANDS, FRAMES
from phosphene.engine.core.signals import SAMPLE_RATE

_FACTOR = 3
_RATE = SAMPLE_RATE // _FACTOR
_FFT, _STEP = 512, 256
_TAPS, _PASS_HZ = 127, 7_700.0
_NEEDED = (FRAMES - 1) * _STEP + _FFT  # at 16 kHz
WINDOW = _FACTOR * (_NEEDED - 1) + _TAPS  # samples at 48 kHz: 3.01 s
_GAIN = 10_000.0
_MOST = 1e6  # of a band's power: 40 dB over full scale; the logarithm of more says nothing
# Slaney's mel: linear below 1 kHz, 200/3 Hz each; from there on 27 to a factor of 6.4.
_LINEAR_HZ, _BREAK_HZ, _LOG_STEP = 200.0 / 3.0, 1000.0, np.log(6.4) / 27.0


def log_mel(mono: np.ndarray) -> np.ndarray:
    """Return float32 [187, 96], 0 or more, of float32 [`WINDOW`], one channel at 48 kHz. What is not finite counts as 0."""
    heard = np.nan_to_num(np.asarray(mono, np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    taps = np.lib.stride_tricks.sliding_window_view(heard, _TAPS)[::_FACTOR]
    low = np.einsum("ij,j->i", taps, _low_pass())
    frames = np.lib.stride_tricks.sliding_window_view(low, _FFT)[::_STEP]
    spectrum = np.fft.rfft(frames * _hann(), axis=1)
    power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
    bands = np.minimum(np.einsum("ij,jk->ik", power, mel_filters()), np.float32(_MOST))
    return np.log10(np.float32(_GAIN) * bands + np.float32(1.0))


@cache
def mel_filters() -> np.ndarray:
    """Return float32 [257, 96]: triangles over the bins of 0 to 8 kHz, of equal area."""
    top = _to_mel(np.array(_RATE / 2.0))
    edges = _to_hz(np.linspace(0.0, top, BANDS + 2))
    bins = np.linspace(0.0, _RATE / 2.0, _FFT // 2 + 1)[:, None]
    low, centre, high = edges[:-2], edges[1:-1], edges[2:]
    up, down = (bins - low) / (centre - low), (high - bins) / (high - centre)
    return (np.maximum(0.0, np.minimum(up, down)) * (2.0 / (high - low))).astype(np.float32)


def _to_mel(hz: np.ndarray) -> np.ndarray:
    above = _BREAK_HZ / _LINEAR_HZ + np.log(np.maximum(hz, _BREAK_HZ) / _BREAK_HZ) / _LOG_STEP
    return np.where(hz < _BREAK_HZ, hz / _LINEAR_HZ, above)


def _to_hz(mel: np.ndarray) -> np.ndarray:
    bend = _BREAK_HZ / _LINEAR_HZ
    return np.where(mel < bend, mel * _LINEAR_HZ, _BREAK_HZ * np.exp(_LOG_STEP * (np.maximum(mel, bend) - bend)))


@cache
def _low_pass() -> np.ndarray:
    """Return float32 [taps]: a sinc under a Kaiser window (beta 7), 1 at 0 Hz."""
    t = np.arange(_TAPS) - (_TAPS - 1) / 2.0
    made = np.sinc(2.0 * _PASS_HZ / SAMPLE_RATE * t) * np.kaiser(_TAPS, 7.0)
    return (made / made.sum()).astype(np.float32)


@cache
def _hann() -> np.ndarray:
    return np.hanning(_FFT + 1)[:-1].astype(np.float32)
