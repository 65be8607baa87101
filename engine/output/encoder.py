"""Chooses the H.264 encoder: NVENC where it opens, else x264. Called by the muxer; asks the machine once per process."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from fractions import Fraction

import av

from engine.core.errors import UserError

# Measured on two cores, 640x360 and 1280x720, a moving picture with noise, CRF 19 (milliseconds of CPU a frame, Mbit/s):
#   ultrafast 2.9 / 10.9, 1.7 / 5.6    superfast 3.6 / 13.5, 1.1 / 3.8    veryfast 6.2 / 22, 1.0 / 3.4
# The show needs those cores: superfast saves a third of the disk for a fifth more CPU, veryfast a tenth for twice as much.
_X264_PRESET = "superfast"


@dataclass(frozen=True)
class H264:
    """An encoder that opens on this machine: libav's name, its options, and why others were refused."""

    name: str
    options: tuple[tuple[str, str], ...]
    refused: tuple[tuple[str, str], ...] = ()


@functools.cache
def nvenc_refusal() -> str:
    """Return why NVENC cannot be used here; empty when a 256x144 encoder opens and encodes."""
    try:
        context = av.CodecContext.create("h264_nvenc", "w")
        context.width, context.height, context.pix_fmt = 256, 144, "yuv420p"
        context.time_base = Fraction(1, 30)
        context.open()
        context.encode(av.VideoFrame(256, 144, "yuv420p"))
    except (av.FFmpegError, ValueError, OSError) as error:
        return str(error)
    return ""


def pick_h264(wish: str = "auto", crf: int = 19) -> H264:
    """Return the encoder for `wish`: auto, nvenc, x264. `crf` 0..51, lower is better. Raises UserError."""
    # No encoder may hold frames back: what it holds is lost when the process is killed. So no look-ahead, no B-frames.
    x264 = (("preset", _X264_PRESET), ("crf", str(crf)), ("tune", "zerolatency"))
    nvenc = (
        ("preset", "p4"),
        ("rc", "vbr"),
        ("cq", str(crf)),
        ("b", "0"),
        ("bf", "0"),
        ("zerolatency", "1"),
        ("delay", "0"),
    )
    if wish == "x264":
        return H264("libx264", x264)
    if wish not in ("auto", "nvenc"):
        raise UserError("unknown video encoder", allowed="auto, nvenc, x264", got=wish)
    refusal = nvenc_refusal()
    if not refusal:
        return H264("h264_nvenc", nvenc)
    if wish == "nvenc":
        raise UserError("NVENC does not open", got=refusal, remedy="use x264, or check the NVIDIA driver")
    return H264("libx264", x264, (("nvenc", refusal),))
