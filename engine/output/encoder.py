"""Chooses the H.264 encoder: NVENC where it opens, else x264. Called by the muxer; asks the machine once per process.

No encoder may hold frames back, because what it holds is lost when the process is killed: no look-ahead, no B-frames.
"""

from __future__ import annotations

import functools
import os
import sys
from dataclasses import dataclass
from fractions import Fraction

import av

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size

# Pixels a second and core up to which x264 may take its better preset; beyond, recording would cost the show its frames.
# Two cores: 1280x720 at 30 fps is just below, at 60 fps above (docs/decisions/recording.md).
_PIXELS_A_CORE = 14e6


@dataclass(frozen=True)
class H264:
    """An encoder of this machine: libav's name, its options, and why others were refused."""

    name: str
    options: tuple[tuple[str, str], ...]
    refused: tuple[tuple[str, str], ...] = ()


def x264(preset: str, crf: int) -> H264:
    """Return x264 at a preset (`ultrafast` .. `slow`) and quality (0..51, lower is better)."""
    return H264("libx264", (("preset", preset), ("crf", str(crf)), ("tune", "zerolatency")))


def nvenc(cq: int) -> H264:
    """Return NVENC at a quality (0..51, lower is better)."""
    options = {"preset": "p4", "rc": "vbr", "cq": str(cq), "b": "0", "bf": "0", "delay": "0"}
    return H264("h264_nvenc", tuple(options.items()))


@functools.cache
def nvenc_refusal() -> str:
    """Return why NVENC cannot be used here; empty when a 256x144 encoder opens and encodes."""
    try:
        context = av.CodecContext.create("h264_nvenc", "w")
        context.width, context.height, context.pix_fmt = 256, 144, "yuv420p"
        context.time_base = Fraction(1, 30)
        context.options = dict(nvenc(19).options)
        context.open()
        context.encode(av.VideoFrame(256, 144, "yuv420p"))
    except (av.FFmpegError, ValueError, OSError) as error:
        return str(error)
    return ""


def pick_h264(wish: str, size: Size, fps: Fraction, crf: int = 19) -> H264:
    """Return the encoder for `wish` (auto, nvenc, x264) and pictures of this size and rate. Raises UserError."""
    if wish not in ("auto", "nvenc", "x264"):
        raise UserError("unknown video encoder", allowed="auto, nvenc, x264", got=wish)
    refused: tuple[tuple[str, str], ...] = ()
    if wish != "x264":
        refusal = nvenc_refusal()
        if not refusal:
            return nvenc(crf)
        if wish == "nvenc":
            raise UserError("NVENC does not open", got=refusal, remedy="use x264, or check the NVIDIA driver")
        refused = (("nvenc", refusal),)
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    easy = float(size.pixels * fps) <= _PIXELS_A_CORE * cores
    chosen = x264("superfast" if easy else "ultrafast", crf)
    return H264(chosen.name, chosen.options, refused)
