"""Writes the picture and sound of an offline render into one file of H.264, HEVC or ProRes. Called by `movie.py`.

While it runs H.264 and HEVC go into Matroska, which plays as far as it was written, whatever happens; `close` copies the
packets into an MP4 or MOV with its index in front. ProRes, ten times as large, goes into its MOV at once, in fragments
that become a plain file when it is closed. One thread at a time. Every failure is raised, none is kept. Names are given by
`core/placing.py`: a film that is there already is not written over, and nothing that holds a picture is removed.
"""

from __future__ import annotations

import contextlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.media import create_media
from phosphene.engine.core.placing import claim, discarding
from phosphene.engine.output.movie_spec import MovieSpec, encoder_of
from phosphene.engine.output.muxer import CLUSTER_MS
from phosphene.engine.output.remux import AUDIO_RATE, BITEXACT, MOVIE_CLOCK, remux, survey
from phosphene.engine.output.safe_file import SafeFile

_BT709 = 1  # ITU-T H.273: primaries, transfer and matrix
_SCALING = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.BITEXACT | Interpolation.FULL_CHR_H_INP

_MATROSKA = {"cluster_time_limit": str(CLUSTER_MS), "cluster_size_limit": str(4 << 20), "write_crc32": "0"}
_MOV = {"movflags": "+hybrid_fragmented", "frag_duration": "1000000"} | MOVIE_CLOCK


class MovieFile:
    """One movie of constant frame rate. Raises OSError when the file does not open, av.FFmpegError for the encoder.

    `path` is where it goes: what was asked for, or a numbered name where another program is writing that.
    """

    def __init__(self, path: Path, spec: MovieSpec) -> None:
        """path, spec: as `movie_spec.check` has let them pass."""
        self.spec = spec
        self.frames = 0
        self.samples = 0
        self._pictures = 0  # encoded ones that went into the file
        self._ended = False
        self._direct = spec.codec == "prores" or path.suffix.lower() == ".mkv"
        self._working = claim(path, ".part" + (path.suffix.lower() if self._direct else ".mkv"))
        self.path = self._working.target
        assert self._working.file is not None
        self._file = SafeFile(self._working.file, self._working.path)
        self._reformatter = VideoReformatter()
        with discarding(self._working):
            self._open(encoder_of(spec))

    def _open(self, encoder: Any) -> None:
        spec, prores = self.spec, self.spec.codec == "prores"
        self._container = create_media(
            self._file,
            "mov" if prores else "matroska",
            options=BITEXACT,
            container_options={"flush_packets": "1"} | (_MOV if prores else _MATROSKA),
        )
        video: Any = self._container.add_stream(encoder.name, rate=spec.fps, options=encoder.options)
        video.width, video.height, video.pix_fmt = spec.size.width, spec.size.height, encoder.pixel_format
        video.time_base = 1 / spec.fps
        context = video.codec_context
        context.time_base = 1 / spec.fps
        encoder.settle(context, spec.fps)
        context.color_primaries = context.color_trc = context.colorspace = _BT709
        context.color_range = ColorRange.MPEG
        context.open()  # now, not at the first frame: an encoder that does not open is known before rendering
        self._video, self._audio = video, None
        if spec.audio:
            name, kind = ("pcm_s24le", "s32") if prores else ("aac", "fltp")
            audio: Any = self._container.add_stream(name, rate=AUDIO_RATE, layout="stereo", format=kind)
            if not prores:
                audio.codec_context.bit_rate = spec.audio_bitrate
            audio.codec_context.flags |= 1 << 23
            audio.time_base = Fraction(1, AUDIO_RATE)
            self._audio = audio

    def video(self, picture: np.ndarray) -> None:
        """Encode the next frame."""
        if self.spec.codec == "prores":
            frame = ten_bits(picture, self.spec.alpha)
        else:
            frame = self._eight_bits(picture)
        frame.pts = self.frames
        frame.time_base = 1 / self.spec.fps
        self._encode(self._video, frame)
        self.frames += 1

    def _eight_bits(self, picture: np.ndarray) -> av.VideoFrame:
        return self._reformatter.reformat(
            av.VideoFrame.from_numpy_buffer(np.ascontiguousarray(picture), format="rgba"),
            format="yuv420p",
            src_color_range=ColorRange.JPEG,
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
            interpolation=_SCALING,
            threads=1,
        )

    def audio(self, pcm: np.ndarray) -> None:
        """Encode the next samples: float32[n, 2]."""
        if not len(pcm):
            return
        frame = sound_frame(pcm, self._audio.format.name)
        frame.pts = self.samples
        self._encode(self._audio, frame)
        self.samples += len(pcm)

    def _encode(self, stream: Any, frame: Any) -> None:
        packets = stream.encode(frame)
        self._container.mux(packets)
        self._pictures += len(packets) if stream is self._video else 0
        if self._file.error:
            raise self._file.error

    def _finish(self) -> None:
        """Bring the sound to the length of the picture, empty the encoders, write the end of the file; once."""
        if self._ended:
            return
        self._ended = True
        try:
            if self._audio is not None:
                missing = round(self.frames * AUDIO_RATE / self.spec.fps) - self.samples
                self.audio(np.zeros((max(0, missing), 2), np.float32))
                self._encode(self._audio, None)
            self._encode(self._video, None)
        finally:
            self._container.close()
        if self._file.error:
            raise self._file.error

    def close(self) -> Path:
        """Finish the file under its own name. Raises OSError or av.FFmpegError; what was written then stays."""
        self._finish()
        if self._direct:
            self.path = self._working.hand_over()
        else:
            assert self._working.file is not None
            self.path = remux(self._working.file, self._working, self.spec.fps, self.samples)
            self._working.discard()  # the copy was compared with it
        return self.path

    def abort(self) -> tuple[Path | None, int]:
        """Keep what there is; return where, or None when there is nothing, and how many frames play. Raises nothing."""
        kept = 0
        with contextlib.suppress(OSError, ValueError, av.FFmpegError):  # ValueError: nothing was ever written
            self._finish()
        part = self._working.lies
        if self._pictures == 0:
            self._working.discard()
            return None, 0
        # Counted and not remembered: after a full disk the file has fewer than the encoder was given.
        with contextlib.suppress(OSError, ValueError, UserError, av.FFmpegError):
            assert self._working.file is not None
            kept = survey(self._working.file, self.spec.fps).packets[0]
        self._working.close()
        return part, kept


def ten_bits(picture: np.ndarray, alpha: bool) -> av.VideoFrame:
    """Return float[h, w, 4], sRGB 0..1, as yuv444p10le or yuva444p10le: BT.709, limited range, rounded once.

    libswscale's own conversion to ten bits puts white at 943 instead of 940. Bands of rows stay in the cache: 26 ms for
    1920x1080 on one core, a tenth of what the encoder takes.
    """
    height, width = picture.shape[:2]
    frame = av.VideoFrame(width, height, "yuva444p10le" if alpha else "yuv444p10le")
    # ProRes has its tags in every frame, and takes them from there.
    frame.color_primaries = frame.color_trc = frame.colorspace = _BT709
    frame.color_range = ColorRange.MPEG
    planes = [np.frombuffer(p, np.uint16).reshape(p.height, -1)[:, : p.width] for p in frame.planes]
    one = np.float32
    for top in range(0, height, 16):
        rows = slice(top, top + 16)
        channels = np.ascontiguousarray(np.moveaxis(picture[rows], -1, 0)).astype(np.float32)
        r, g, b, a = np.clip(channels, 0.0, 1.0, out=channels)
        y = one(0.2126) * r + one(0.7152) * g + one(0.0722) * b
        planes[0][rows] = one(876) * y + one(64.5)
        planes[1][rows] = one(896 / 1.8556) * (b - y) + one(512.5)
        planes[2][rows] = one(896 / 1.5748) * (r - y) + one(512.5)
        if alpha:
            planes[3][rows] = one(1023) * a + one(0.5)
    return frame


def sound_frame(pcm: np.ndarray, kind: str) -> av.AudioFrame:
    """Return float32[n, 2], full scale 1, as a frame at 48 kHz: `fltp`, or `s32` of 24 bits, clipped."""
    if kind == "s32":
        packed = (np.clip(pcm, -1.0, 1.0 - 2.0**-23).astype(np.float64) * 2.0**31).astype(np.int32).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(packed, format="s32", layout="stereo")
    else:
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(pcm.T, np.float32), format="fltp", layout="stereo")
    frame.sample_rate = AUDIO_RATE
    frame.time_base = Fraction(1, AUDIO_RATE)
    return frame
