"""Reads any audio file that FFmpeg reads, as stereo float32 at 48 kHz. Called on worker or player threads: it may block.

PyAV bundles FFmpeg, so no program of the system is needed. Imported late by its callers: a show on a sound card never
pays for it. Whatever a file says of itself is a claim: its length, its rate from frame to frame, its channels. Two channels
are heard as they are, one on both sides; more are mixed down where the file says which speakers they are for, and otherwise
the first two are heard, as from a sound card.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler

from phosphene.engine.audio.mending import SoundFaults, all_sound, mend
from phosphene.engine.audio.stretches import Window, after_junk, after_tags, stretches
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.files import open_regular, reason
from phosphene.engine.core.media import open_stream
from phosphene.engine.core.signals import SAMPLE_RATE

RATES = (1000, 1_000_000)  # Hz that are resampled: at 1 Hz a file of 20 KB would become 2 GB
_FLOATS = {"flt": np.float32, "fltp": np.float32, "dbl": np.float64, "dblp": np.float64}
_LONGS = ("s64", "s64p")
_NO_STREAM = "no sound in this file"
_REMEDY = "use WAV, FLAC, OGG or MP3"

_log = logging.getLogger(__name__)


def load_audio(path: str | Path) -> np.ndarray:
    """Return the whole file as float32[samples, 2] at 48 kHz, full scale 1. Raises UserError."""
    return np.concatenate(list(stream_audio(path)))


def stream_audio(path: str | Path, start: int = 0, faults: SoundFaults | None = None) -> Iterator[np.ndarray]:
    """Yield float32[n, 2] blocks at 48 kHz from sample `start` on; their concatenation does not depend on how far you read.

    Every sample is a number and sound: see `mending`. A damaged stretch within the file is skipped; where the file breaks
    off, so does the sound. What was made good goes into `faults`, or else, at the end, into the log. Raises UserError at
    the first block when the file cannot be opened or holds no sound.
    """
    found, here = SoundFaults() if faults is None else faults, SoundFaults()
    skip, heard = start, False
    with open_regular(path, "audio file") as file:
        try:
            # Decoding from the top and dropping `start` samples: seeking is not sample-exact in every format, and this
            # runs at some 300 times real time only when a crashed player resumes.
            for block in _blocks(file, here):
                heard = True
                broken, here.broken = here.broken, 0
                if skip >= len(block):
                    skip -= len(block)
                    continue
                found.broken += broken
                yield block[skip:]
                skip = 0
        except (av.FFmpegError, OSError, UserError) as error:
            if not heard:
                what = "no sound can be read in this file"
                raise UserError(what, where=str(path), got=_told(error), remedy=_REMEDY) from error
            found.ended = _told(error)
    if not heard:
        raise UserError(_NO_STREAM, where=str(path), remedy=_REMEDY)
    if faults is None:
        for line in found.lines():
            _log.warning("%s: %s", path, line)


def _told(error: Exception) -> str:
    if isinstance(error, UserError):
        return error.what
    # What libav says of a format that is not in the list of those that are opened, a picture's for one.
    return "not a format of sound" if isinstance(error, av.error.ArgumentError) else reason(error)


def told_seconds(path: str | Path) -> float | None:
    """Return what the file says of its length in s; None when it says nothing or is no sound (decoding will tell).

    It may be anything: files are cut, joined and written by programs that crash.
    """
    total = 0.0
    try:
        with open_regular(path, "audio file") as file:
            for container in _containers(file):
                total += (container.duration or 0) / av.time_base
    except (av.FFmpegError, OSError, UserError):
        return None
    return total if total > 0.0 and math.isfinite(total) else None


def _containers(file: BinaryIO) -> Iterator[av.container.InputContainer]:
    """Yield an open container for each sound in the file, each with an audio stream. Raises av.FFmpegError, UserError."""
    at = after_tags(file)
    try:
        _open(Window(file, at, file.seek(0, 2))).close()
    except (av.FFmpegError, UserError):
        if (found := after_junk(file, at)) is None:
            raise
        at = found
    for window in stretches(file, at):
        with closing(_open(window)) as container:
            yield container


def _open(window: Window) -> av.container.InputContainer:
    container = open_stream(window)
    if not container.streams.audio:
        container.close()
        raise UserError(_NO_STREAM)
    return container


def _blocks(file: BinaryIO, faults: SoundFaults) -> Iterator[np.ndarray]:
    for container in _containers(file):
        resampled = _Resampled(faults)
        stream = next((s for s in container.streams.audio if s.codec_context is not None), container.streams.audio[0])
        for packet in container.demux(stream):
            try:
                frames = packet.decode()
            except (av.error.InvalidDataError, av.error.PatchWelcomeError):
                continue
            for frame in frames:
                yield from resampled.take(frame)
        yield from resampled.rest()


class _Resampled:
    """Frames of any kind into blocks float32 [n, 2] at 48 kHz; what they are may change from one to the next."""

    def __init__(self, faults: SoundFaults) -> None:
        self._faults = faults
        self._kind: tuple[object, ...] = ()
        self._resampler: AudioResampler | None = None
        self._unmixable: set[str] = set()  # layouts that libav has no way to mix down

    def take(self, frame: AudioFrame) -> Iterator[np.ndarray]:
        """Yield what is there after `frame`. A frame of a rate that no sound has is skipped, as damage is."""
        if not RATES[0] <= frame.sample_rate <= RATES[1]:
            return
        try:
            yield from self._resample(self._plain(frame))
        except av.error.ArgumentError:
            if frame.layout.name in self._unmixable or frame.layout.nb_channels <= 2:
                raise
            self._unmixable.add(frame.layout.name)
            self._kind, self._resampler = (), None
            yield from self._resample(self._plain(frame))

    def rest(self) -> Iterator[np.ndarray]:
        """Yield what the resampler still holds."""
        if self._resampler is not None:
            yield from self._sound(self._resampler.resample(None))
        self._kind, self._resampler = (), None

    def _resample(self, frame: AudioFrame) -> Iterator[np.ndarray]:
        kind = (frame.format.name, frame.layout.name, frame.sample_rate)
        if kind != self._kind:
            yield from self.rest()
            self._resampler = AudioResampler(format="fltp", layout="stereo", rate=SAMPLE_RATE)
            self._kind = kind
        frame.pts = None  # of a clock that may jump: what comes is what is heard
        yield from self._sound(self._resampler.resample(frame))

    def _plain(self, frame: AudioFrame) -> AudioFrame:
        """Return the frame with channels that can be mixed, and all of it sound: a filter would spread what is none."""
        layout, channels = frame.layout.name, frame.layout.nb_channels
        if frame.format.name in _FLOATS:
            self._mend(frame, channels)
        if channels == 2 or (channels > 2 and not layout.endswith("channels") and layout not in self._unmixable):
            return frame
        samples, form = _samples(frame)
        samples = samples if frame.format.is_planar else samples.reshape(-1, channels).T
        # One channel is heard on both sides as it is: libav would make it 3 dB quieter.
        samples = np.ascontiguousarray(samples[[0, min(1, channels - 1)]])
        plain = AudioFrame.from_ndarray(samples, form, "stereo")
        plain.sample_rate = frame.sample_rate
        return plain

    def _mend(self, frame: AudioFrame, channels: int) -> None:
        """Mend the samples of a frame of floats where they are."""
        count = frame.samples * (1 if frame.format.is_planar else channels)
        kind = _FLOATS[frame.format.name]
        for k in range(len(frame.planes)):
            samples = np.frombuffer(frame.planes[k], kind, count)
            if not all_sound(samples):
                frame.make_writable()
                self._faults.broken += mend(np.frombuffer(frame.planes[k], kind, count))

    def _sound(self, frames: list[AudioFrame]) -> Iterator[np.ndarray]:
        for frame in frames:
            block = np.ascontiguousarray(frame.to_ndarray().T)
            if not all_sound(block):
                self._faults.broken += mend(block)
            if len(block):
                yield block


def _samples(frame: AudioFrame) -> tuple[np.ndarray, str]:
    """Return the samples, a row a plane, and what their format is called in planes: doubles where PyAV knows no array."""
    if frame.format.name not in _LONGS:
        return frame.to_ndarray(), frame.format.planar.name
    count = frame.samples * (1 if frame.format.is_planar else frame.layout.nb_channels)
    return np.stack([np.frombuffer(plane, np.int64, count) / 2.0**63 for plane in frame.planes]), "dblp"
