"""The audio process on a device that refuses 48 kHz, as hardware under ALSA and JACK does. Its argument: see `process`.

PulseAudio converts to any rate that is asked for, so the refusal is put before it; the rest is real.
"""

from __future__ import annotations

import sys

import sounddevice

from phosphene.engine.audio.process import main
from phosphene.engine.core.signals import SAMPLE_RATE

_open = sounddevice.InputStream


def _refusing(**given):
    if given["samplerate"] == SAMPLE_RATE:
        raise sounddevice.PortAudioError("Error opening InputStream: Invalid sample rate [PaErrorCode -9997]")
    return _open(**given)


if __name__ == "__main__":
    sounddevice.InputStream = _refusing
    raise SystemExit(main(sys.argv[1:]))
