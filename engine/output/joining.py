"""Joins finished movies of one encoding into one film: the picture by copying packets, the sound encoded again as one.

Called by offline renders, on one thread. Memory does not grow with the length: packets and blocks pass through.
"""

from __future__ import annotations

import errno
import logging
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from phosphene.engine.audio.decode import stream_audio
from phosphene.engine.core.errors import UserError, one_line
from phosphene.engine.core.files import reason
from phosphene.engine.core.media import open_media
from phosphene.engine.core.naming import refuse_inputs, refused
from phosphene.engine.core.placing import Working, claim, discarding
from phosphene.engine.output.loudness import CEILING_DBTP, TARGET_LUFS, Gain, Loudness, gain_to, measure_loudness
from phosphene.engine.output.movie import open_movie
from phosphene.engine.output.movie_file import sound_frame
from phosphene.engine.output.movie_spec import MovieSpec
from phosphene.engine.output.remux import AUDIO_RATE, add_copy, frame_number, open_plain, survey

log = logging.getLogger(__name__)

SUFFIXES = (".mp4", ".mov")
_BLOCK = 4096  # samples encoded at a time

__all__ = ["Film", "JoinedPart", "Loudness", "join_movies", "measure_loudness"]


@dataclass(frozen=True)
class JoinedPart:
    """One part of a film. start, frames: in frames of the film. gain: of its sound. loudness: before the gain."""

    path: Path
    start: int
    frames: int
    gain: Gain
    loudness: Loudness | None


@dataclass(frozen=True)
class Film:
    """What was joined."""

    path: Path
    frames: int
    seconds: float
    parts: tuple[JoinedPart, ...]


@dataclass(frozen=True)
class _Segment:
    """A stretch of the film: whose packets, how many frames, how far decoding runs ahead, whose sound and how loud."""

    path: Path
    frames: int
    delay: int
    sound: Path | None
    gain: float = 1.0


def join_movies(
    parts: Sequence[Path | str],
    out: Path | str,
    spec: MovieSpec,
    gap_s: float = 0.0,
    target_lufs: float | None = TARGET_LUFS,
    ceiling_dbtp: float = CEILING_DBTP,
) -> Film:
    """Write `parts`, in order and with `gap_s` of black and silence between them, into one MP4 or MOV.

    spec: what the parts were rendered with (h264 or hevc). target_lufs: the loudness that each part's sound is brought to,
    as far as its true peak stays below `ceiling_dbtp`; None keeps the sounds as they are. Sound is cut or filled to the
    length of its picture, so that every part starts in step. Raises UserError, and then leaves no part of a film.
    """
    out = Path(out)
    if not parts:
        raise UserError("nothing to join", where=str(out))
    if spec.codec not in ("h264", "hevc") or out.suffix.lower() not in SUFFIXES:
        allowed = "h264 or hevc into " + ", ".join(SUFFIXES)
        raise UserError(
            "these movies cannot be joined", where=str(out), allowed=allowed, got=f"{spec.codec} into {out.name}"
        )
    paths = [Path(p) for p in parts]
    refuse_inputs([out], paths)
    segments, joined = _plan(paths, spec, target_lufs, ceiling_dbtp)
    gap_frames = round(gap_s * spec.fps)
    try:
        with tempfile.TemporaryDirectory(prefix="phosphene-") as folder:
            if gap_frames > 0 and len(segments) > 1:
                black = _black(Path(folder) / "gap.mp4", spec, gap_frames)
                segments = [s for segment in segments for s in (segment, black)][:-1]
                joined = [replace(part, start=part.start + i * gap_frames) for i, part in enumerate(joined)]
            _check_alike([s.path for s in segments], spec)
            with discarding(claim(out, ".part" + out.suffix.lower())) as copy:  # it holds nothing that the parts do not
                _write(copy, segments, spec)
                written = copy.hand_over()
    except OSError as error:
        raise refused("the film could not be written", out, error) from error
    except av.FFmpegError as error:
        raise UserError("the film could not be written", where=str(out), got=reason(error)) from error
    frames = sum(s.frames for s in segments)
    return Film(written, frames, float(frames / spec.fps), tuple(joined))


def _plan(
    parts: list[Path], spec: MovieSpec, target: float | None, ceiling: float
) -> tuple[list[_Segment], list[JoinedPart]]:
    segments, joined, start = [], [], 0
    for path in parts:
        if not path.is_file():
            raise UserError("no such movie", where=str(path))
        try:
            with open_media(path) as file:
                if not file.streams.video:
                    raise UserError("no picture in this movie", where=str(path))
                sounds = bool(file.streams.audio) and spec.audio
                video = file.streams.video[0].index
            contents = survey(path, spec.fps)
        except (OSError, av.FFmpegError) as error:
            raise UserError("cannot read this movie", where=str(path), got=reason(error)) from error
        loudness, gain = None, Gain(0.0, False)
        if sounds and target is not None:
            loudness = measure_loudness(stream_audio(path))
            gain = gain_to(loudness, target, ceiling)
            if gain.limited:
                reached = loudness.integrated + gain.db
                name = one_line(str(path))
                log.warning("%s stays at %.1f LUFS: more would take its peaks over %.1f dBTP", name, reached, ceiling)
        frames = contents.packets[video]
        segments.append(_Segment(path, frames, contents.delay, path if sounds else None, 10 ** (gain.db / 20)))
        joined.append(JoinedPart(path, start, frames, gain, loudness))
        start += frames
    return segments, joined


def _black(path: Path, spec: MovieSpec, frames: int) -> _Segment:
    """Encode the picture of a gap with the parts' own settings."""
    picture = np.zeros((spec.size.height, spec.size.width, 4), np.uint8)
    picture[..., 3] = 255
    with open_movie(path, replace(spec, audio=False)) as movie:
        for _ in range(frames):
            movie.video(picture)
    return _Segment(path, frames, survey(path, spec.fps).delay, None)


def _check_alike(paths: list[Path], spec: MovieSpec) -> None:
    """Packets of different encodings in one stream play on no decoder: refuse them before anything is written."""
    headers: dict[Path, bytes] = {}
    for path in paths:
        with open_media(path) as file:
            video: Any = file.streams.video[0]
            got = (video.codec_context.name, video.width, video.height, video.average_rate)
            headers[path] = bytes(video.codec_context.extradata or b"")
        wanted = (spec.codec, spec.size.width, spec.size.height, spec.fps)
        if got != wanted:
            texts = ["{} {}x{} at {} fps".format(*x) for x in (wanted, got)]
            raise UserError("this movie does not fit the film", where=str(path), allowed=texts[0], got=texts[1])
    first = paths[0]
    for path, header in headers.items():
        if header != headers[first]:
            remedy = "render all parts with the same settings"
            raise UserError("encoded otherwise than the first part", where=str(path), allowed=f"as {first}", remedy=remedy)


def _write(copy: Working, segments: list[_Segment], spec: MovieSpec) -> None:
    delay = max(s.delay for s in segments)
    packets = [0]
    with open_plain(copy) as outside, open_media(segments[0].path) as first:
        video = add_copy(outside, first.streams.video[0], 1 / spec.fps)
        audio: Any = None
        if spec.audio:
            audio = outside.add_stream("aac", rate=AUDIO_RATE, layout="stereo")
            audio.codec_context.bit_rate = spec.audio_bitrate
            audio.codec_context.flags |= 1 << 23  # AV_CODEC_FLAG_BITEXACT
            audio.time_base = Fraction(1, AUDIO_RATE)
            packets.append(0)
        sound, heard = _sound(segments, spec.fps), 0

        def encode(pcm: np.ndarray | None) -> None:
            frame = None
            if pcm is not None:
                frame = sound_frame(pcm, "fltp")
                frame.pts = heard
            for packet in audio.encode(frame):
                packets[1] += 1
                outside.mux(packet)

        for packet in _pictures(segments, spec.fps, delay):
            # The sound keeps in step, or the muxer would hold one of the two in memory.
            while audio is not None and heard < (packets[0] + 1) * AUDIO_RATE / spec.fps:
                pcm = next(sound, None)
                if pcm is None:
                    break
                encode(pcm)
                heard += len(pcm)
            packet.stream = video
            packets[0] += 1
            outside.mux(packet)
        if audio is not None:
            for pcm in sound:
                encode(pcm)
                heard += len(pcm)
            encode(None)
    # libav can lose a failed write, above all while it moves the index to the front: look at what is there.
    assert copy.file is not None
    if survey(copy.file, spec.fps).packets != tuple(packets):
        raise OSError(errno.ENOSPC, "the film is not whole")


def _pictures(segments: list[_Segment], fps: Fraction, delay: int) -> Iterator[Any]:
    """Yield the packets of all segments on one line of frames."""
    decoded, start = -delay, 0
    for segment in segments:
        with open_media(segment.path) as inside:
            for packet in inside.demux(inside.streams.video[0]):
                if packet.size == 0:
                    continue
                packet.pts, packet.dts = start + frame_number(packet, fps), decoded
                packet.duration, packet.time_base = 1, 1 / fps
                decoded += 1
                yield packet
        start += segment.frames


def _sound(segments: list[_Segment], fps: Fraction) -> Iterator[np.ndarray]:
    """Yield the sound of all segments, each as long as its pictures to the sample."""
    start = position = 0
    for segment in segments:
        start += segment.frames
        end = round(start * AUDIO_RATE / fps)
        for block in stream_audio(segment.sound) if segment.sound else ():
            for at in range(0, len(block), _BLOCK):
                pcm = block[at : at + min(_BLOCK, end - position)]
                if len(pcm):
                    yield pcm * np.float32(segment.gain)
                    position += len(pcm)
            if position >= end:
                break
        while position < end:
            pcm = np.zeros((min(_BLOCK, end - position), 2), np.float32)
            yield pcm
            position += len(pcm)
