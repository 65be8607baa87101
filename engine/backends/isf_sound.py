"""Sound as the pictures that ISF shaders have for it: a function of a frame's signals."""

from __future__ import annotations

import numpy as np

from phosphene.engine.core.signals import Signals
from phosphene.engine.models.isf_input import IsfInput

_LEVEL = 12.0  # log-mel of full scale, about
_WAVE, _RATE = 256, 48_000.0  # samples of a wave that asks for no number, and a second


def sound_picture(each: IsfInput, signals: Signals, react: float = 1.0) -> np.ndarray:
    """Return a sound as the picture that an input gets: float32 [1, columns, 3], grey.

    audioFFT: the 40 mel bands, low ones first, 0 to 1. audio: a wave around 0.5 that has these bands, each a sine; the sound
    itself does not come as far as here. react: how strong they are, 0 to 2.
    """
    levels = np.clip(signals.mel / _LEVEL, 0.0, 1.0) * react
    if each.kind == "audioFFT":
        columns = each.samples or len(levels)
        at = (np.arange(columns) + 0.5) / columns * len(levels) - 0.5
        row = np.interp(at, np.arange(len(levels)), levels)
    else:
        columns = each.samples or _WAVE
        pitch = 700.0 * (10.0 ** (np.linspace(80.0, 3000.0, len(levels)) / 2595.0) - 1.0)  # Hz: bands are even in mel
        t = (signals.t_audio if np.isfinite(signals.t_audio) else 0.0) + np.arange(columns) / _RATE
        wave = (levels**2) @ np.sin(2.0 * np.pi * np.outer(pitch, t) + np.arange(len(levels))[:, None])
        row = 0.5 + 0.5 * np.tanh(wave / 2.0)
    return np.repeat(row.astype(np.float32)[None, :, None], 3, axis=2)
