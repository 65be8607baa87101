"""What an offline render is written as: codecs, their files, their settings. Checked before anything is rendered.

Read by the command line, the renderer and the writers of `movie.py`. Opens nothing, writes nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size

# What x264 and x265 write depends on how many frames they work on at once, so that number is a constant and not the
# machine's count of cores: 2 cores and 16 then give the same bytes. 8 keeps 16 cores three quarters busy at `medium`,
# and costs 2 cores nothing.
X264_THREADS = 8
X265_FRAME_THREADS = 3
X265_POOL = 8  # its wavefronts do not change the picture, but without a pool they are off, and that does

PRESETS = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow")
MOVIES = {"h264": (".mp4", ".mkv", ".mov"), "hevc": (".mp4", ".mkv", ".mov"), "prores": (".mov",)}
SEQUENCES = {"png": ".png", "exr": ".exr"}
CODECS = (*MOVIES, *SEQUENCES)
FRAME_NAME = "frame_%06d"
SOUND_NAME = "audio.flac"
_KNOWN = {suffix for suffixes in MOVIES.values() for suffix in suffixes} | set(SEQUENCES.values())


@dataclass(frozen=True)
class MovieSpec:
    """How a movie is encoded. Two specs that are equal, given equal pictures and sound, make equal bytes.

    size: of the pictures. fps: any rational from 1 to 1000. codec: h264, hevc, prores, png, exr. crf: 0 (lossless) .. 51.
    preset: of x264 and x265, ultrafast .. veryslow. audio: whether there is sound. audio_bitrate: of AAC, bit/s; ProRes has
    24-bit PCM and sequences FLAC instead. alpha: kept in prores, png and exr. half: exr in 16 instead of 32 bits.
    Pictures and streams are tagged BT.709 (limited range where they are YUV).
    """

    size: Size
    fps: Fraction
    codec: str = "h264"
    crf: int = 18
    preset: str = "medium"
    audio: bool = True
    audio_bitrate: int = 320_000
    alpha: bool = False
    half: bool = True

    @property
    def is_float(self) -> bool:
        """Whether pictures are float16 or float32 instead of uint8."""
        return self.codec in ("prores", "exr")

    @property
    def is_linear(self) -> bool:
        """Whether pictures are linear light, premultiplied, instead of sRGB with straight alpha."""
        return self.codec == "exr"

    def check_picture(self, picture: np.ndarray) -> None:
        """Raise ValueError unless `picture` has the shape and type that this codec takes."""
        shape = (self.size.height, self.size.width, 4)
        types = (np.float16, np.float32) if self.is_float else (np.uint8,)
        if picture.shape != shape or picture.dtype not in types:
            raise ValueError(f"{self.codec} takes {shape} of {types}; got {picture.shape} of {picture.dtype}")


@dataclass(frozen=True)
class Encoder:
    """libav's settings for one video stream. threads: 0 is libav's choice, where the result does not depend on it."""

    name: str
    pixel_format: str
    options: dict[str, str] = field(default_factory=dict)
    threads: int = 0

    def settle(self, context: Any, fps: Fraction) -> None:
        """Set a codec context that is not open yet."""
        context.thread_count = self.threads
        context.flags |= 1 << 23  # AV_CODEC_FLAG_BITEXACT, which PyAV's enum holds as a number that does not fit its own
        # A key frame every two seconds: what an editor needs to seek.
        context.gop_size = max(1, round(2 * fps))


def encoder_of(spec: MovieSpec) -> Encoder:
    """Return the settings for `spec`."""
    quality = {"preset": spec.preset, "crf": str(spec.crf)}
    if spec.codec == "h264":
        # stitchable: headers that do not depend on the pictures, so that films can be joined without encoding again.
        x264 = {"x264-params": "stitchable=1:cpu-independent=1"}
        return Encoder("libx264", "yuv420p", quality | x264, X264_THREADS)
    if spec.codec == "hevc":
        x265 = {"x265-params": f"log-level=error:info=0:open-gop=0:pools={X265_POOL}"}
        return Encoder("libx265", "yuv420p", quality | x265, X265_FRAME_THREADS)
    if spec.codec == "prores":
        options = {"profile": "4444", "vendor": "apl0", "alpha_bits": "16" if spec.alpha else "0"}
        return Encoder("prores_ks", "yuva444p10le" if spec.alpha else "yuv444p10le", options)
    if spec.codec == "png":
        # 31 ms of one core for 1280x720 where zlib's default level takes 268, for 8 % more bytes.
        return Encoder("png", "rgba" if spec.alpha else "rgb24", {"compression_level": "1"})
    # Line by line: 170 ms where blocks of 16 lines take 333, for 9 % more bytes.
    options = {"compression": "zip1", "format": "half" if spec.half else "float"}
    return Encoder("exr", "gbrapf32le" if spec.alpha else "gbrpf32le", options)


def sequence_of(path: Path, codec: str) -> tuple[Path, str]:
    """Return (folder, pattern of the frames' names) for a folder or `folder/name_%06d.png`. Raises UserError."""
    suffix = SEQUENCES[codec]
    allowed = f"a folder, or FOLDER/{FRAME_NAME}{suffix}"
    if "%" in path.name and path.suffix.lower() in _KNOWN:  # without a suffix it is a folder: `100 %` is a good name
        if not re.fullmatch(r"[^%]*%0?\d?d[^%]*", path.name) or path.suffix.lower() != suffix:
            raise UserError("not a pattern for the names of frames", where=str(path), allowed=allowed, got=path.name)
        folder, pattern = path.parent, path.name
    elif path.suffix.lower() in _KNOWN:
        raise UserError(f"{codec} writes one file a frame", where=str(path), allowed=allowed, got=path.name)
    else:
        folder, pattern = path, FRAME_NAME + suffix
    if folder.name in ("", ".."):
        raise UserError("the frames need a folder of their own", where=str(path), allowed=allowed)
    return folder, pattern


def place_of(path: Path, codec: str) -> Path:
    """Return the file or folder that is made for `path`. Raises UserError."""
    return sequence_of(path, codec)[0] if codec in SEQUENCES else path


def check(path: Path | str, spec: MovieSpec) -> None:
    """Raise UserError when `spec` cannot be written, or not to a file of this name. Touches no disk."""
    path, where = Path(path), str(path)
    if spec.codec not in CODECS:
        raise UserError("unknown codec", where=where, allowed=", ".join(CODECS), got=spec.codec)
    if spec.codec in SEQUENCES:
        sequence_of(path, spec.codec)
    elif path.suffix.lower() not in MOVIES[spec.codec]:
        remedy = "; for a sequence of frames choose the codec png or exr" if not path.suffix else ""
        allowed = ", ".join(MOVIES[spec.codec])
        raise UserError(f"{spec.codec} does not go into this file{remedy}", where=where, allowed=allowed, got=path.name)
    if not 0 <= spec.crf <= 51:
        raise UserError("quality out of range", where="crf", allowed="0 (lossless) .. 51", got=spec.crf)
    if spec.preset not in PRESETS:
        raise UserError("unknown preset", where="preset", allowed=", ".join(PRESETS), got=spec.preset)
    if not 1 <= spec.fps <= 1000 or max(spec.fps.numerator, spec.fps.denominator) > 2**30:
        raise UserError("frame rate out of range", where="fps", allowed="1 .. 1000, such as 24 or 30000/1001", got=spec.fps)
    if not 32_000 <= spec.audio_bitrate <= 512_000:
        raise UserError("bit rate out of range", where="audio_bitrate", allowed="32000 .. 512000", got=spec.audio_bitrate)
    if min(spec.size.width, spec.size.height) < 16 or max(spec.size.width, spec.size.height) > 16384:
        raise UserError("picture size out of range", where=where, allowed="16x16 .. 16384x16384", got=spec.size)
    if spec.codec not in ("h264", "hevc"):
        return
    if spec.alpha:
        raise UserError(f"{spec.codec} has no alpha", where=where, remedy="choose prores, png or exr, or leave alpha out")
    if spec.size.width % 2 or spec.size.height % 2:
        # Padding would add a line that nobody painted, cropping would lose one: both are for the person to choose.
        even = Size(spec.size.width + 1 & ~1, spec.size.height + 1 & ~1)
        remedy = f"render at {even}, or choose prores, png or exr"
        raise UserError(f"{spec.codec} needs even sides (4:2:0)", where=where, got=spec.size, remedy=remedy)
