"""Writes the frames of an offline render as PNG or EXR files in a folder, and the sound beside them. Called by `movie.py`.

The folder is `NAME.part` until it is complete, then takes its name in one step (`core/placing.py`). The folder of an earlier
render gives way and is kept, one with anything else in it is refused. Every failure is raised, none is kept.
"""

from __future__ import annotations

import contextlib
import os
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorRange

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.placing import claim
from phosphene.engine.output.flac import FlacWriter
from phosphene.engine.output.movie_spec import SOUND_NAME, MovieSpec, encoder_of, sequence_of
from phosphene.engine.output.remux import AUDIO_RATE

_BT709, _RGB, _SRGB = 1, 0, 13  # ITU-T H.273: primaries; matrix; transfer


class Sequence:
    """One folder of frames. Raises UserError for a folder that holds other things, OSError when it cannot be written."""

    def __init__(self, path: Path, spec: MovieSpec) -> None:
        """path, spec: as `movie_spec.check` has let them pass."""
        self.spec = spec
        folder, self._pattern = sequence_of(path, spec.codec)
        self.frames = 0
        refuse_strangers(folder, self._pattern)
        if folder.is_symlink():  # the frames belong where it leads
            folder = Path(os.path.realpath(folder))
        self._working = claim(folder, ".part", folder=True, left=self._is_frames)
        self.path = self._working.target
        self._written = 0
        self._ended = False
        try:
            self._open(spec)
        except BaseException:
            self._discard()
            raise

    def _open(self, spec: MovieSpec) -> None:
        self._sound: FlacWriter | None = None
        if spec.audio:
            self._sound = FlacWriter(self._working.path / SOUND_NAME)
        encoder = encoder_of(spec)
        context: Any = av.CodecContext.create(encoder.name, "w")
        context.width, context.height, context.pix_fmt = spec.size.width, spec.size.height, encoder.pixel_format
        context.time_base = 1 / spec.fps
        context.options = encoder.options
        encoder.settle(context, spec.fps)
        context.colorspace, context.color_range = _RGB, ColorRange.JPEG
        context.sample_aspect_ratio = 1
        context.open()
        self._context = context

    def video(self, picture: np.ndarray) -> None:
        """Write the next frame."""
        if self.spec.codec == "exr":
            picture = np.ascontiguousarray(picture, np.float32)
            channels, kind = (4, "gbrapf32le") if self.spec.alpha else (3, "gbrpf32le")
        else:
            channels, kind = (4, "rgba") if self.spec.alpha else (3, "rgb24")
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture[..., :channels]), format=kind)
        frame.pts = self.frames
        frame.time_base = 1 / self.spec.fps
        if self.spec.codec == "png":
            frame.color_primaries, frame.color_trc = _BT709, _SRGB
        self._write(self._context.encode(frame))
        self.frames += 1

    def audio(self, pcm: np.ndarray) -> None:
        """Write the next samples: float32[n, 2]."""
        assert self._sound is not None
        self._sound.write(pcm)
        if self._sound.failure:
            raise self._sound.failure

    def _write(self, packets: list[Any]) -> None:
        for packet in packets:
            file = self._working.path / (self._pattern % self._written)
            try:
                file.write_bytes(bytes(packet))
            except OSError:
                file.unlink(missing_ok=True)  # half a picture
                raise
            self._written += 1

    def _finish(self) -> None:
        if self._ended:
            return
        self._ended = True
        try:
            self._write(self._context.encode(None))
            if self._sound:
                missing = round(Fraction(self.frames * AUDIO_RATE) / self.spec.fps) - self._sound.samples
                self.audio(np.zeros((max(0, missing), 2), np.float32))
        finally:
            if self._sound:
                self._sound.close()
        if self._sound and self._sound.failure:
            raise self._sound.failure

    def close(self) -> Path:
        """Finish the folder under its own name and return it. Raises OSError or av.FFmpegError; the frames then stay."""
        self._finish()
        self.path = self._working.hand_over(self._is_frames)
        return self.path

    def _is_frames(self, path: Path) -> bool:
        return path.is_dir() and _stranger(path, self._pattern) is None

    def abort(self) -> tuple[Path | None, int]:
        """Keep the frames that there are; return where, or None, and how many. Raises nothing."""
        with contextlib.suppress(OSError, ValueError, av.FFmpegError):
            self._finish()
        if self._written == 0:
            self._discard()
            return None, 0
        part = self._working.lies
        self._working.close()
        return part, self._written

    def _discard(self) -> None:
        with contextlib.suppress(OSError):
            if self._sound is not None:
                self._sound.discard()
        self._working.discard()


def refuse_strangers(folder: Path, pattern: str) -> None:
    """Raise UserError for what is no folder of frames: an earlier render gives way, whatever else is there does not.

    pattern: of the frames' names. Raises OSError where the folder cannot be read.
    """
    if not os.path.lexists(folder):
        return
    remedy = "name an empty folder, or remove this one"
    if not folder.is_dir():
        raise UserError("the frames need a folder", where=str(folder), got="a file", remedy=remedy)
    if (stranger := _stranger(folder, pattern)) is not None:
        raise UserError("the folder holds other things", where=str(folder), got=stranger, remedy=remedy)


def _stranger(folder: Path, pattern: str) -> str | None:
    """Return the name of something in a folder that no render of frames puts there."""
    before, after = re.split(r"%0?\d?d", pattern)
    frame = re.compile(re.escape(before) + r"\d+" + re.escape(after))
    names = (entry.name for entry in sorted(folder.iterdir()))
    return next((name for name in names if name != SOUND_NAME and not frame.fullmatch(name)), None)
