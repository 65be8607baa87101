"""Chooses the H.264 encoder of recordings: the first of the hardware's that encodes a picture, else x264.

Called by the muxer and `vj doctor`; asks the machine once per process and size. Renders that must repeat to the byte do not
come here: `movie_spec.py` holds their x264.

No encoder may hold frames back, because what it holds is lost when the process is killed: no look-ahead, no B-frames, one
picture at a time. A hardware encoder is trusted only once it has opened and has turned a picture into a packet: that the
libraries list it says nothing about the machine. VAAPI is not tried: the libav that comes with PyAV is built without it.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

import av

from phosphene.engine.core.errors import UserError, one_line
from phosphene.engine.core.frame import Size

# Pixels a second and core up to which x264 may take its better preset; beyond, recording would cost the show its frames.
# Two cores: 1280x720 at 30 fps is just below, at 60 fps above (docs/decisions/recording.md).
_PIXELS_A_CORE = 14e6
# A picture that every encoder takes, and the longest side that NVENC takes in H.264: up to there the one stands for all.
_SMALL = Size(256, 144)
_NVENC_SIDE = 4096
# Tried in this order. AMD's encoder needs its driver for Windows; Linux has it only with a driver that few install.
_HARDWARE = {"win32": ("nvenc", "qsv", "amf"), "darwin": ("videotoolbox",)}
_ELSEWHERE = ("nvenc", "qsv")
_LAMBDA = 118  # libav counts a quantiser so many times finer in `global_quality` (FF_QP2LAMBDA)
# Bits for each pixel where VideoToolbox knows no quality, only a rate: 11 Mbit/s for 1280x720 at 60 fps. Without a rate
# libav asks for 200 kbit/s.
_BITS_A_PIXEL = 0.2


@dataclass(frozen=True)
class H264:
    """An encoder of this machine: libav's name, its options, the pixels it takes, and why others were refused."""

    name: str
    options: tuple[tuple[str, str], ...]
    refused: tuple[tuple[str, str], ...] = ()
    pixels: str = "yuv420p"

    def line(self) -> str:
        """Return its name and why others were refused, for people."""
        return "; ".join([self.name, *(f"{name} refused: {why}" for name, why in self.refused)])


def x264(preset: str, crf: int) -> H264:
    """Return x264 at a preset (`ultrafast` .. `slow`) and quality (0..51, lower is better)."""
    return H264("libx264", (("preset", preset), ("crf", str(crf)), ("tune", "zerolatency")))


def nvenc(cq: int) -> H264:
    """Return NVENC at a quality (0..51, lower is better)."""
    options = {"preset": "p4", "rc": "vbr", "cq": str(cq), "b": "0", "bf": "0", "delay": "0"}
    return H264("h264_nvenc", tuple(options.items()))


def qsv(crf: int) -> H264:
    """Return Intel's Quick Sync with a constant quantiser, the one mode that all its generations have.

    x264's quality wanders around its quantiser by what the eye forgives; a constant one forgives nothing: hence the 2.
    """
    quality = str((crf + 2) * _LAMBDA)
    options = {"preset": "medium", "flags": "+qscale", "global_quality": quality, "bf": "0", "async_depth": "1"}
    return H264("h264_qsv", (*options.items(), ("look_ahead", "0")), pixels="nv12")


def amf(crf: int) -> H264:
    """Return AMD's encoder with constant quantisers (see `qsv`). libav's own depth would let it hold 16 pictures."""
    quantisers = {"rc": "cqp", "qp_i": str(crf), "qp_p": str(crf + 2)}
    options = {"usage": "lowlatency", "quality": "balanced", "bf": "0", "async_depth": "1", "preanalysis": "0"}
    return H264("h264_amf", (*options.items(), *quantisers.items()), pixels="nv12")


def videotoolbox(crf: int) -> H264:
    """Return the encoder of Apple silicon at a constant quality; Intel Macs refuse that and take `videotoolbox_rate`.

    Its scale runs from 1 to 100, higher is better; CRF 18, 23 and 28 of x264 look like 75, 64 and 53 there.
    """
    quality = min(100, max(1, round(75 - 2.2 * (crf - 18))))
    options = {"realtime": "1", "allow_sw": "0", "bf": "0", "flags": "+qscale", "global_quality": str(quality * _LAMBDA)}
    return H264("h264_videotoolbox", tuple(options.items()), pixels="nv12")


def videotoolbox_rate(size: Size, fps: Fraction) -> H264:
    """Return Apple's encoder at the bit rate for pictures of this size and rate."""
    rate = round(_BITS_A_PIXEL * size.pixels * fps)
    options = {"realtime": "1", "allow_sw": "0", "bf": "0", "b": str(rate)}
    return H264("h264_videotoolbox", tuple(options.items()), pixels="nv12")


def refusal(encoder: H264, size: Size, fps: Fraction) -> str:
    """Return why `encoder` cannot be used here for pictures of this size and rate; empty when it encodes one."""
    try:
        context = av.CodecContext.create(encoder.name, "w")
        context.width, context.height, context.pix_fmt = size.width, size.height, encoder.pixels
        context.time_base, context.framerate = 1 / fps, fps
        context.options = dict(encoder.options)
        context.open()
        picture = av.VideoFrame(size.width, size.height, encoder.pixels)
        for plane in picture.planes:  # what the memory held before is not for encoding
            plane.update(bytes(plane.buffer_size))
        picture.pts, picture.time_base = 0, 1 / fps
        if sum(packet.size for packet in (*context.encode(picture), *context.encode(None))) == 0:
            return "it gave no packet for a picture"
    except av.codec.codec.UnknownCodecError:
        return "the libav here is built without it"
    except (av.FFmpegError, ValueError, OSError) as error:
        return _reason(error)
    return ""


def _reason(error: Exception) -> str:
    log = getattr(error, "log", None)  # (level, who, what) where libav's log is on: far more than its number tells
    return one_line(str(log[2]).strip() if log else getattr(error, "strerror", None) or str(error))


_refusal = functools.cache(refusal)


@functools.cache
def nvenc_refusal() -> str:
    """Return why NVENC cannot be used here; empty when a 256x144 encoder opens and encodes."""
    return refusal(nvenc(19), _SMALL, Fraction(30))


def hardware() -> tuple[str, ...]:
    """Return the names of the hardware encoders that are tried on this system, in their order."""
    return _HARDWARE.get(sys.platform, _ELSEWHERE)


def pick_h264(wish: str, size: Size, fps: Fraction, crf: int = 19) -> H264:
    """Return the encoder for `wish` and pictures of this size and rate. Raises UserError.

    wish: auto, x264, or one of the hardware's: nvenc, qsv, amf, videotoolbox. crf: quality, 0..51, lower is better.
    """
    wishes = ("auto", "nvenc", "qsv", "amf", "videotoolbox", "x264")
    if wish not in wishes:
        raise UserError("unknown video encoder", allowed=", ".join(wishes), got=wish)
    refused: list[tuple[str, str]] = []
    for name in {"auto": hardware(), "x264": ()}.get(wish, (wish,)):
        for encoder, why in _tries(name, size, fps, crf):
            if not why:
                return replace(encoder, refused=tuple(refused))
            refused.append((name, why))
    if wish not in ("auto", "x264"):
        remedy = "use x264, or bring the driver of the graphics card up to date"
        raise UserError(f"the encoder {wish} does not open", got="; ".join(why for _, why in refused), remedy=remedy)
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    easy = float(size.pixels * fps) <= _PIXELS_A_CORE * cores
    return replace(x264("superfast" if easy else "ultrafast", crf), refused=tuple(refused))


def _tries(name: str, size: Size, fps: Fraction, crf: int) -> Iterator[tuple[H264, str]]:
    """Yield each way to use an encoder, with why it is refused. The next one is tried only when it is asked for."""
    if name == "nvenc":
        large = max(size.width, size.height) > _NVENC_SIDE
        yield nvenc(crf), nvenc_refusal() or (_refusal(nvenc(crf), size, fps) if large else "")
    elif name == "videotoolbox":
        for encoder in (videotoolbox(crf), videotoolbox_rate(size, fps)):
            yield encoder, _refusal(encoder, size, fps)
    else:
        encoder = qsv(crf) if name == "qsv" else amf(crf)
        yield encoder, _refusal(encoder, size, fps)
