"""Writes one file of H.264 video and AAC sound that survives a crash, then turns it into a plain MP4.

Called by the recorder thread and by offline renders; one thread at a time. While it runs the file is Matroska in short
clusters, each flushed as it is complete, so that a process killed with -9 leaves a file that plays. `close` copies the
packets, without encoding again, into an MP4 with its index at the front, checks that copy, and only then puts it in place.

It never raises on a failing disk: the first failed write ends the file where it is, and `error` says why. Names are given
by `core/placing.py`: nothing that is there is written over, and nothing that holds a picture is removed.
"""

from __future__ import annotations

import logging
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

from phosphene.engine.core.errors import UserError, one_line
from phosphene.engine.core.files import reason
from phosphene.engine.core.frame import Size
from phosphene.engine.core.media import create_media
from phosphene.engine.core.naming import refused
from phosphene.engine.core.placing import claim, discarding
from phosphene.engine.output.encoder import H264, pick_h264
from phosphene.engine.output.remux import AUDIO_RATE, remux
from phosphene.engine.output.safe_file import SafeFile

log = logging.getLogger(__name__)

AUDIO_BITRATE = 192_000
CLUSTER_MS = 500  # the most that a crash may lose besides what the encoders hold
SUFFIXES = (".mp4", ".mkv")

# AVCOL_*_BT709 is 1 in each of primaries, transfer and matrix (ITU-T H.273).
_BT709 = 1


class DevicePicture(Protocol):
    """A picture in the memory of the GPU that encodes it."""

    def video_frame(self) -> av.VideoFrame:
        """Return it as an NV12 frame in device memory; may wait for the GPU."""
        ...


class Muxer:
    """One recording of constant frame rate. `path` is where it goes, and what it is called in the end.

    That is the path asked for, or a numbered one where another program is writing that. size: of the pictures given to
    `video`; an odd last row or column is left out (4:2:0 has none).
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
        """Open the file and the encoders. codec: auto, a name that `pick_h264` knows, or an encoder of one's own.

        on_device: pictures are `DevicePicture`s, and NVENC takes them where they are.

        Raises UserError for a suffix that is not known, a folder that cannot be written, an encoder that is not there.
        """
        path = Path(path)
        self.fps = Fraction(fps)
        self.size = Size(size.width & ~1, size.height & ~1)
        self.frames = 0
        self.samples = 0
        self.failure = ""  # of an encoder; the disk's is in the file
        self._pictures = 0  # encoded ones that went into the file
        if path.suffix.lower() not in SUFFIXES:
            raise UserError("unknown kind of recording", where=str(path), allowed=", ".join(SUFFIXES), got=path.suffix)
        if min(self.size.width, self.size.height) < 16:
            raise UserError("picture too small to record", where=str(path), allowed="16x16 or more", got=str(size))
        self.on_device = on_device
        self.encoder = codec if isinstance(codec, H264) else pick_h264(codec, self.size, self.fps)
        if on_device and self.encoder.name != "h264_nvenc":
            raise UserError("pictures in device memory need NVENC", where=str(path), got=self.encoder.name)
        try:
            self._working = claim(path, ".part.mkv")
        except OSError as error:
            raise refused("cannot write the recording", path, error) from error
        self.path = self._working.target
        assert self._working.file is not None
        self._file = SafeFile(self._working.file, self._working.path)
        with discarding(self._working):
            self._open_container(self.encoder)
        self._reformatter = VideoReformatter()
        self._picture: av.VideoFrame | None = None

    def _open_container(self, encoder: H264) -> None:
        self._container = create_media(
            self._file,
            "matroska",
            container_options={
                "flush_packets": "1",
                "cluster_time_limit": str(CLUSTER_MS),
                "cluster_size_limit": str(4 << 20),
                "write_crc32": "0",
            },
        )
        video: Any = self._container.add_stream(encoder.name, rate=self.fps, options=dict(encoder.options))
        video.width, video.height = self.size.width, self.size.height
        video.pix_fmt = "cuda" if self.on_device else encoder.pixels
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
        return reason(self._file.error) if self._file.error else self.failure

    @property
    def empty(self) -> bool:
        """Whether not a single picture has gone into the file."""
        return self._pictures == 0

    @property
    def working_path(self) -> Path:
        """Where the file lies now."""
        return self._working.path

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
            self.encoder.pixels,
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
        if self.error:
            return
        picture.pts = self.frames
        picture.time_base = 1 / self.fps
        self._encode(self._video, picture)
        self.frames += not self.error

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
            packets = stream.encode(frame)
            self._container.mux(packets)
            self._pictures += len(packets) if stream is self._video else 0
        except av.FFmpegError as error:
            self.failure = f"encoder: {error}"
            log.error("recording of %s ended: %s", one_line(str(self.path)), error)

    def close(self) -> Path | None:
        """Finish the file and return where it is; None where it would hold nothing, and where somebody took it away.

        After a failure of the disk or the copy it is the working file, which holds all up to there, and `error` is set.
        """
        if not self.error and not self.frames:
            self.failure = "nothing was recorded"
        try:
            if not self.error:
                self._encode(self._video, None)
                self._encode(self._audio, None)
            self._container.close()
        except Exception as error:  # boundary: whatever an encoder says at its end, what is written plays, and is kept
            log.debug("end of file", exc_info=True)
            self.failure = self.failure or f"end of file: {error}"
        self._picture = None  # of a device picture, the encoder was the last holder but this one
        if self.error:
            return self._left()
        try:
            if self.path.suffix.lower() == ".mkv":
                self.path = self._working.hand_over()
            else:
                self.path = remux(self._working.file, self._working, self.fps, self.samples)
                self._working.discard()  # the copy was compared with it
        except Exception as error:  # boundary: a copy that fails, in whatever way, must not cost the recording
            log.debug("copy", exc_info=True)
            part = self._left()
            kept = f"the recording is whole in {part.name}" if part else "and its working file was taken away"
            self.failure = f"no {self.path.suffix[1:].upper()} ({reason(error)}), {kept}"
            return part
        return self.path

    def _left(self) -> Path | None:
        """Let go of the working file, which stays, and return where it is; remove one that is known to hold nothing."""
        if self.empty:
            self._working.discard()
            return None
        found = self._working.lies
        self._working.close()
        return found
