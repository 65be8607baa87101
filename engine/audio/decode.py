"""Reads any audio file that FFmpeg reads, as stereo float32 at 48 kHz. Called on worker or player threads: it may block.

PyAV bundles FFmpeg, so no program of the system is needed. Imported late by its callers: a show on a sound card never
pays for it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np

from engine.core.errors import UserError
from engine.core.signals import SAMPLE_RATE

_log = logging.getLogger(__name__)


def load_audio(path: str | Path) -> np.ndarray:
    """Return the whole file as float32[samples, 2] at 48 kHz, full scale 1. Raises UserError."""
    blocks = list(stream_audio(path))
    return np.concatenate(blocks) if blocks else np.zeros((0, 2), np.float32)


def stream_audio(path: str | Path, start: int = 0) -> Iterator[np.ndarray]:
    """Yield float32[n, 2] blocks at 48 kHz from sample `start` on; their concatenation does not depend on how far you read.

    Raises UserError when the file cannot be opened or holds no sound. A damaged stretch within the file is skipped; where
    the file breaks off, so does the sound, with a line in the log.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError("no such audio file", where=str(path), remedy="check the path")
    try:
        container = av.open(str(path))
    except (av.FFmpegError, OSError) as error:
        raise UserError("cannot read this file", where=str(path), got=error, remedy="use WAV, FLAC, OGG or MP3") from error
    with container:
        if not container.streams.audio:
            raise UserError("no sound in this file", where=str(path), remedy="use a file with an audio stream")
        # Decoding from the top and dropping `start` samples: seeking is not sample-exact in every format, and this runs
        # at some 300 times real time only when a crashed player resumes.
        skip, heard = start, False
        try:
            for block in _resampled(container):
                heard = True
                if skip >= len(block):
                    skip -= len(block)
                    continue
                yield block[skip:]
                skip = 0
        except av.FFmpegError as error:
            if not heard:
                remedy = "use WAV, FLAC, OGG or MP3"
                raise UserError("cannot read this file", where=str(path), got=error, remedy=remedy) from error
            _log.warning("%s breaks off: %s", path, error)


def told_seconds(path: str | Path) -> float | None:
    """Return what the file says of its length in s; None when it says nothing or is no sound (decoding will tell)."""
    try:
        with av.open(str(path)) as container:
            return container.duration / av.time_base if container.duration else None
    except (av.FFmpegError, OSError):
        return None


def _resampled(container: av.container.InputContainer) -> Iterator[np.ndarray]:
    resampler = av.AudioResampler(format="fltp", layout="stereo", rate=SAMPLE_RATE)
    stream = container.streams.audio[0]
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except av.error.InvalidDataError:
            continue
        for frame in frames:
            for out in resampler.resample(frame):
                yield np.ascontiguousarray(out.to_ndarray().T)
    for out in resampler.resample(None):
        yield np.ascontiguousarray(out.to_ndarray().T)
