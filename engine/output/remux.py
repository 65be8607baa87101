"""Copies the packets of a working file into a plain MP4 or MOV, without encoding again.

Called by the recorder thread and by offline renders when a file ends, and by tools on torn files. Never decodes.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import av

from phosphene.engine.core.media import create_media, open_media, open_stream
from phosphene.engine.core.placing import Working, claim, discarding
from phosphene.engine.output.safe_file import SafeFile

AUDIO_RATE = 48_000  # Hz
AAC_FRAME = 1024  # samples in a packet; the encoder also starts with one packet of priming
# Without it libav writes its own name and version, and Matroska a random number, into every file.
BITEXACT = {"fflags": "+bitexact"}
# Edit lists count in this clock. libav's own choice, milliseconds, cuts up to 47 samples off the end of a sound, and with
# them, now and then, its last packet.
MOVIE_CLOCK = {"movie_timescale": str(AUDIO_RATE)}


def remux(source: Path | BinaryIO, target: Path | Working, fps: Fraction, samples: int | None = None) -> Path:
    """Copy a movie, also a torn one, into a plain MP4 or MOV with the index first; return where that is (`placing`).

    source: constant frame rate, one video stream, at most one of AAC. Matroska counts milliseconds; the frame grid and the
    sample count are put back exactly. target: where it goes, or what is claimed for it already. `samples`: length of the
    sound where it is known; else whole packets.
    Raises OSError, UserError or av.FFmpegError, and then leaves no trace but `source`.
    """
    name = target.target if isinstance(target, Working) else target
    ending = ".part.mov" if name.suffix.lower() == ".mov" else ".part.mp4"
    claimed = target.again(ending) if isinstance(target, Working) else claim(name, ending)
    with discarding(claimed) as copy:  # it holds nothing that `source` does not
        assert copy.file is not None
        contents = survey(source, fps)
        payload = _copy_packets(source, copy, fps, samples, contents.delay)
        # libav can lose a failed write, above all while it moves the index to the front: look at what is there.
        if os.fstat(copy.file.fileno()).st_size < payload or survey(copy.file, fps).packets != contents.packets:
            raise OSError(errno.ENOSPC, "the copy is not whole")
        return copy.hand_over()


@dataclass(frozen=True)
class Contents:
    """packets: how many each stream has. delay: frames by which decoding must run ahead of showing (B-frames)."""

    packets: tuple[int, ...]
    delay: int


@contextmanager
def _reading(source: Path | BinaryIO) -> Iterator[Any]:
    if isinstance(source, Path):
        with open_media(source) as container:
            yield container
        return
    source.seek(0)
    with open_stream(source) as container:
        yield container


def survey(source: Path | BinaryIO, fps: Fraction) -> Contents:
    """Read through the packets of a movie, a path or an open file. Raises UserError or av.FFmpegError."""
    with _reading(source) as file:
        found, delay = [0] * len(file.streams), 0
        for packet in file.demux():
            if packet.size == 0 or packet.is_corrupt:  # corrupt: cut short by the end of a torn file
                continue
            if packet.stream.type == "video" and packet.pts is not None:
                delay = max(delay, found[packet.stream_index] - frame_number(packet, fps))
            found[packet.stream_index] += 1
    return Contents(tuple(found), delay)


def frame_number(packet: Any, fps: Fraction) -> int:
    """Return which frame a video packet shows; its clock may be as coarse as half a frame."""
    return round(packet.pts * packet.time_base * fps)


@contextmanager
def open_plain(working: Working) -> Iterator[av.container.OutputContainer]:
    """Yield a plain MP4 or MOV (by the target's suffix) to copy packets into; its index goes to the front at the end.

    Raises OSError there when it could not be written.
    """
    assert working.file is not None
    file = SafeFile(working.file, working.path)
    with create_media(
        file,
        "mov" if working.target.suffix.lower() == ".mov" else "mp4",
        options=BITEXACT,
        container_options={"movflags": "+faststart"} | MOVIE_CLOCK,
        again=lambda: open(working.path, "rb", buffering=0),
    ) as container:
        yield container
    if file.error:
        raise file.error


def add_copy(outside: av.container.OutputContainer, template: Any, time_base: Fraction) -> Any:
    """Add a stream for packets of `template`'s kind, whose clock ticks in `time_base`."""
    stream: Any = outside.add_stream_from_template(template)
    if template.codec_context.name == "hevc":
        stream.codec_context.codec_tag = "hvc1"  # with libav's own choice, hev1, players of Apple show nothing
    # Else the muxer picks a clock that the frame rate does not divide.
    stream.time_base = time_base
    return stream


def _copy_packets(source: Path | BinaryIO, copy: Working, fps: Fraction, samples: int | None, delay: int) -> int:
    payload = 0
    with _reading(source) as inside, open_plain(copy) as outside:
        ticks = {s.index: 1 / fps if s.type == "video" else Fraction(1, AUDIO_RATE) for s in inside.streams}
        streams: dict[int, Any] = {s.index: add_copy(outside, s, ticks[s.index]) for s in inside.streams}
        position = -AAC_FRAME  # priming: the edit list cuts it off again
        decoded = -delay
        for packet in inside.demux():
            if packet.size == 0:
                continue
            index = packet.stream.index
            if packet.stream.type == "video":
                packet.pts, packet.dts = frame_number(packet, fps), decoded
                packet.duration = 1
                decoded += 1
            else:
                packet.pts = packet.dts = position
                left = AAC_FRAME if samples is None else samples - position
                packet.duration = max(1, min(AAC_FRAME, left))
                position += AAC_FRAME
            packet.time_base = ticks[index]
            packet.stream = streams[index]
            payload += packet.size
            outside.mux(packet)
    return payload
