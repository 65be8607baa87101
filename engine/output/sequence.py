"""Writes the frames of an offline render as PNG or EXR files in a folder, and the sound beside them. Called by `movie.py`.

The folder is `NAME.part` until it is complete, then takes its name in one step. Every failure is raised, none is kept.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorRange

from engine.core.errors import UserError
from engine.output.flac import FlacWriter
from engine.output.movie_spec import SOUND_NAME, MovieSpec, encoder_of, sequence_of
from engine.output.remux import AUDIO_RATE

_BT709, _RGB, _SRGB = 1, 0, 13  # ITU-T H.273: primaries; matrix; transfer


class Sequence:
    """One folder of frames. Raises UserError for a folder that holds other things, OSError when it cannot be written."""

    def __init__(self, path: Path, spec: MovieSpec) -> None:
        """path, spec: as `movie_spec.check` has let them pass."""
        self.spec = spec
        self.path, self._pattern = sequence_of(path, spec.codec)
        self.frames = 0
        self.working_path = self.path.with_name(self.path.name + ".part")
        for earlier in (self.path, self.working_path):
            self._refuse_strangers(earlier)
        if self.working_path.exists():
            shutil.rmtree(self.working_path)
        self.working_path.mkdir(parents=True)
        self._written = 0
        self._ended = False
        self._sound = FlacWriter(self.working_path / SOUND_NAME) if spec.audio else None
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

    def _refuse_strangers(self, folder: Path) -> None:
        """An earlier render of the same name is replaced; a folder with anything else in it is not."""
        if not folder.exists():
            return
        remedy = "name an empty folder, or remove this one"
        if not folder.is_dir():
            raise UserError("the frames need a folder", where=str(folder), got="a file", remedy=remedy)
        before, after = re.split(r"%0?\d*d", self._pattern)
        frame = re.compile(re.escape(before) + r"\d+" + re.escape(after))
        for entry in sorted(folder.iterdir()):
            if entry.name != SOUND_NAME and not frame.fullmatch(entry.name):
                raise UserError("the folder holds other things", where=str(folder), got=entry.name, remedy=remedy)

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
            file = self.working_path / (self._pattern % self._written)
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
        aside = self.path.with_name(self.path.name + ".old")
        if self.path.exists():
            os.replace(self.path, aside)
        os.replace(self.working_path, self.path)
        if aside.exists():
            shutil.rmtree(aside)
        return self.path

    def abort(self) -> tuple[Path | None, int]:
        """Keep the frames that there are; return where, or None, and how many. Raises nothing."""
        with contextlib.suppress(OSError, ValueError, av.FFmpegError):
            self._finish()
        if self._written:
            return self.working_path, self._written
        shutil.rmtree(self.working_path, ignore_errors=True)
        return None, 0
