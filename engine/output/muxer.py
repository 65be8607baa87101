"""Writes one file of H.264 video and AAC sound that survives a crash, then turns it into a plain MP4.

Called by the recorder thread and by offline renders; one thread at a time. While it runs the file is Matroska in short
clusters, each flushed as it is complete, so that a process killed with -9 leaves a file that plays. `close` copies the
packets, without encoding again, into an MP4 with its index at the front, checks that copy, and only then puts it in place.

It never raises on a failing disk: the first failed write ends the file where it is, and `error` says why.
"""

from __future__ import annotations

import errno
import logging
import os
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

from engine.core.errors import UserError
from engine.core.frame import Size
from engine.output.encoder import H264, pick_h264

log = logging.getLogger(__name__)

AUDIO_RATE = 48_000  # Hz
AUDIO_BITRATE = 192_000
AAC_FRAME = 1024  # samples in a packet; the encoder also starts with one packet of priming
CLUSTER_MS = 500  # the most that a crash may lose besides what the encoders hold
SUFFIXES = (".mp4", ".mkv")

# AVCOL_*_BT709 is 1 in each of primaries, transfer and matrix (ITU-T H.273).
_BT709 = 1


class DevicePicture(Protocol):
    """A picture in the memory of the GPU that encodes it."""

    def video_frame(self) -> av.VideoFrame:
        """Return it as an NV12 frame in device memory; may wait for the GPU."""
        ...


class SafeFile:
    """A file for libav to write to that never raises: the first failure is kept in `error`, later writes go nowhere.

    libav may hold an I/O error back until the trailer, or lose it: with a file of our own nothing is lost. After a
    failure even rewrites in the middle are refused, because a header that points at an index which is not there
    would make a readable file unreadable.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.error: OSError | None = None
        self.bytes = 0  # bytes accepted by the system
        self._raw = open(path, "wb", buffering=0)  # noqa: SIM115 (held until close)
        self._position = 0

    def write(self, data: bytes) -> int:
        """Take all of `data`; always returns its length."""
        left = memoryview(data)
        while left and self.error is None:
            try:
                done = self._raw.write(left) or 0
            except OSError as error:
                self.error = error
                log.error("cannot write %s: %s", self.path, describe(error))
            else:
                left = left[done:]
                self.bytes += done
        self._position += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move to `offset`; the position is virtual once a write has failed."""
        if self.error is None:
            self._position = self._raw.seek(offset, whence)
        elif whence == os.SEEK_SET:
            self._position = offset
        return self._position

    def tell(self) -> int:
        return self._position

    def writable(self) -> bool:
        return True

    def close(self) -> None:
        """Close the file; what is written is on its way to the disk."""
        try:
            self._raw.close()
        except OSError as error:  # network file systems report a full disk here
            self.error = self.error or error


def describe(error: BaseException) -> str:
    """Return a short line for people: `disk full`, `no permission`, ..."""
    number = getattr(error, "errno", None)
    if number in (errno.ENOSPC, errno.EDQUOT):
        return "disk full"
    if number == errno.EFBIG:
        return "file too large for this disk"
    if number == errno.EACCES:
        return "no permission"
    if number == errno.EIO:
        return "disk error"
    return str(error) or type(error).__name__


def set_aside(path: Path, stem: str) -> Path | None:
    """Rename an earlier recording at `path`, whose name begins with `stem`, to `STEM-1...`; return its new place, if any.

    A show that is started again with the same command, perhaps because it crashed, must not write over what it recorded.
    Raises OSError.
    """
    if not path.exists():
        return None
    n, rest = 1, path.name.removeprefix(stem)
    while (aside := path.with_name(f"{stem}-{n}{rest}")).exists():
        n += 1
    path.rename(aside)
    log.info("an earlier %s is now %s", path.name, aside.name)
    return aside


class Muxer:
    """One recording of constant frame rate. `path` ends in .mp4 or .mkv; until `close` it is `working_path`.

    size: of the pictures given to `video`; an odd last row or column is left out (4:2:0 has none).
    """

    def __init__(
        self,
        path: Path | str,
        size: Size,
        fps: Fraction | int,
        *,
        codec: str | H264 = "auto",
        on_device: bool = False,
    ) -> None:
        """Open the file and the encoders. codec: auto, nvenc, x264, or an encoder of one's own choice.

        on_device: pictures are `DevicePicture`s, and NVENC takes them where they are.

        Raises UserError for a suffix that is not known, a folder that cannot be written, an encoder that is not there.
        """
        self.path = Path(path)
        self.fps = Fraction(fps)
        self.size = Size(size.width & ~1, size.height & ~1)
        self.frames = 0
        self.samples = 0
        self.failure = ""  # of an encoder; the disk's is in the file
        if self.path.suffix.lower() not in SUFFIXES:
            raise UserError("unknown kind of recording", where=str(path), allowed=", ".join(SUFFIXES), got=self.path.suffix)
        if min(self.size.width, self.size.height) < 16:
            raise UserError("picture too small to record", where=str(path), allowed="16x16 or more", got=str(size))
        self.on_device = on_device
        self.encoder = codec if isinstance(codec, H264) else pick_h264(codec, self.size, self.fps)
        if on_device and self.encoder.name != "h264_nvenc":
            raise UserError("pictures in device memory need NVENC", where=str(path), got=self.encoder.name)
        self.working_path = self.path.with_name(self.path.name + ".part.mkv")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            for earlier in (self.path, self.working_path):
                set_aside(earlier, self.path.stem)
            self._file = SafeFile(self.working_path)
        except OSError as error:
            raise UserError("cannot write the recording", where=str(path), got=describe(error)) from error
        try:
            self._open_container(self.encoder)
        except BaseException:
            self._file.close()
            self.working_path.unlink(missing_ok=True)
            raise
        self._reformatter = VideoReformatter()
        self._picture: av.VideoFrame | None = None

    def _open_container(self, encoder: H264) -> None:
        self._container = av.open(
            self._file,
            "w",
            format="matroska",
            container_options={
                "flush_packets": "1",
                "cluster_time_limit": str(CLUSTER_MS),
                "cluster_size_limit": str(4 << 20),
                "write_crc32": "0",
            },
        )
        video: Any = self._container.add_stream(encoder.name, rate=self.fps, options=dict(encoder.options))
        video.width, video.height = self.size.width, self.size.height
        video.pix_fmt = "cuda" if self.on_device else "yuv420p"
        video.time_base = 1 / self.fps
        context = video.codec_context
        context.time_base = 1 / self.fps
        # A key frame a second at most: what a player needs to seek and to start in a torn file.
        context.gop_size = max(1, int(self.fps))
        context.color_primaries = context.color_trc = context.colorspace = _BT709
        context.color_range = ColorRange.MPEG
        audio: Any = self._container.add_stream("aac", rate=AUDIO_RATE, layout="stereo")
        audio.codec_context.bit_rate = AUDIO_BITRATE
        audio.time_base = Fraction(1, AUDIO_RATE)
        self._video, self._audio = video, audio

    @property
    def error(self) -> str:
        """Why the file ended early, in a few words; empty while all is well."""
        return describe(self._file.error) if self._file.error else self.failure

    @property
    def bytes(self) -> int:
        """Bytes written so far."""
        return self._file.bytes

    def video(self, picture: np.ndarray | DevicePicture) -> None:
        """Encode the next frame: uint8[h, w, 4], row 0 at the top, sRGB, alpha ignored; read only during the call.

        Or, `on_device`, a DevicePicture: the encoder keeps it until it is done with it, and with its repeats.
        """
        self._picture = self._converted(picture) if isinstance(picture, np.ndarray) else picture.video_frame()
        self.repeat()

    def _converted(self, rgba: np.ndarray) -> av.VideoFrame:
        source = av.VideoFrame.from_numpy_buffer(rgba[: self.size.height, : self.size.width], format="rgba")
        return self._reformatter.reformat(
            source,
            self.size.width,
            self.size.height,
            "yuv420p",
            src_color_range=ColorRange.JPEG,
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
            threads=1,
        )

    def repeat(self) -> None:
        """Encode the last frame once more, as the next one."""
        picture = self._picture
        if picture is None:
            raise ValueError("there is no frame to repeat yet")
        picture.pts = self.frames
        picture.time_base = 1 / self.fps
        self.frames += 1
        self._encode(self._video, picture)

    def audio(self, pcm: np.ndarray) -> None:
        """Encode the next samples: float32[n, 2], full scale 1."""
        if not len(pcm):
            return
        planar = np.ascontiguousarray(pcm.T, np.float32)
        frame = av.AudioFrame.from_ndarray(planar, format="fltp", layout="stereo")
        frame.sample_rate = AUDIO_RATE
        frame.pts = self.samples
        frame.time_base = Fraction(1, AUDIO_RATE)
        self.samples += len(pcm)
        self._encode(self._audio, frame)

    def _encode(self, stream: Any, frame: Any) -> None:
        if self.error:
            return
        try:
            self._container.mux(stream.encode(frame))
        except av.FFmpegError as error:
            self.failure = f"encoder: {error}"
            log.error("recording of %s ended: %s", self.path, error)

    def close(self) -> Path:
        """Finish the file and return where it is: `path`, or `working_path` when the disk or the copy failed.

        After a failure the file holds everything up to it, and `error` is set.
        """
        if not self.error and not self.frames:
            self.failure = "nothing was recorded"
        if not self.error:
            self._encode(self._video, None)
            self._encode(self._audio, None)
        try:
            self._container.close()
        except (av.FFmpegError, ValueError) as error:  # ValueError: nothing was ever written
            self.failure = self.failure or f"end of file: {error}"
        self._file.close()
        self._picture = None  # of a device picture, the encoder was the last holder but this one
        if self.error:
            return self.working_path
        try:
            if self.path.suffix.lower() == ".mkv":
                os.replace(self.working_path, self.path)
            else:
                remux(self.working_path, self.path, self.fps, self.samples)
                self.working_path.unlink()
        except (OSError, av.FFmpegError) as error:
            self.failure = f"no MP4 ({describe(error)}), the recording is whole in {self.working_path.name}"
            return self.working_path
        return self.path


def remux(source: Path, target: Path, fps: Fraction, samples: int | None = None) -> None:
    """Copy a recording, also a torn one, into a plain MP4 with the index first. Replaces `target` in one step.

    Matroska counts milliseconds; the frame grid and the sample count are put back exactly. `samples`: length of the
    sound where it is known; else whole packets. Raises OSError or av.FFmpegError, and then leaves no trace but `source`.
    """
    copy = target.with_name(target.name + ".part.mp4")
    try:
        payload = _copy_packets(source, copy, fps, samples)
        # libav can lose a failed write, above all while it moves the index to the front: look at what is there.
        if copy.stat().st_size < payload or not _same_packets(source, copy):
            raise OSError(errno.ENOSPC, "the copy is not whole")
        with open(copy, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(copy, target)
    except BaseException:
        copy.unlink(missing_ok=True)
        raise


def _copy_packets(source: Path, copy: Path, fps: Fraction, samples: int | None) -> int:
    payload = 0
    with (
        av.open(str(source)) as inside,
        av.open(str(copy), "w", format="mp4", options={"movflags": "+faststart"}) as outside,
    ):
        ticks = {s.index: 1 / fps if s.type == "video" else Fraction(1, AUDIO_RATE) for s in inside.streams}
        streams: dict[int, Any] = {s.index: outside.add_stream_from_template(s) for s in inside.streams}
        for index, stream in streams.items():
            stream.time_base = ticks[index]  # else the muxer picks a clock that the frame rate does not divide
        position = -AAC_FRAME  # priming: the edit list cuts it off again
        for packet in inside.demux():
            if packet.size == 0:
                continue
            index = packet.stream.index
            if packet.stream.type == "video":
                packet.pts = packet.dts = round(packet.pts * packet.time_base * fps)
                packet.duration = 1
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


def _same_packets(source: Path, copy: Path) -> bool:
    def counts(path: Path) -> list[int]:
        with av.open(str(path)) as file:
            found = [0] * len(file.streams)
            for packet in file.demux():
                found[packet.stream_index] += packet.size > 0
            return found

    return counts(source) == counts(copy)
