"""What a live show is asked for, checked before anything is opened."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from engine.core.errors import UserError
from engine.core.frame import Size
from engine.output.muxer import SUFFIXES

# The rates of film and television are ratios; written as decimals they would drift a frame in a quarter of an hour.
_BROADCAST = {"23.976": Fraction(24000, 1001), "29.97": Fraction(30000, 1001), "59.94": Fraction(60000, 1001)}
_FPS_RANGE = (1, 240)
_SIDE_RANGE = (16, 8192)


@dataclass(frozen=True, slots=True)
class LiveOptions:
    """`vj live`. size, fps None: chosen by what draws (see `live.default_format`)."""

    scene: str | None = None
    style: str | None = None
    input: str = "auto"
    output: str = "auto"
    monitor: str | None = None
    windowed: bool = False
    size: Size | None = None
    fps: Fraction | None = None
    internal: Size | None = None
    backend: str = "auto"
    record: Path | None = None
    seconds: float | None = None
    report: Path | None = None
    osc_host: str = "127.0.0.1"
    osc_port: int = 9000
    osc_out: int = 9001
    show: bool = False
    gain: float = 1.0
    channels: tuple[int, ...] = ()
    listen: bool = False
    takes: Path | None = None
    guard: bool = True


def parse_fps(text: str) -> Fraction:
    """Read `60`, `29.97`, `30000/1001`. Raises UserError."""
    try:
        fps = _BROADCAST.get(text) or Fraction(text)
    except (ValueError, ZeroDivisionError):
        fps = Fraction(0)
    if not _FPS_RANGE[0] <= fps <= _FPS_RANGE[1]:
        raise UserError("not a frame rate", where="--fps", allowed="1 to 240, such as 60, 29.97 or 30000/1001", got=text)
    return fps


def parse_size(text: str, where: str = "--size") -> Size:
    """Read `1280x720`. Raises UserError."""
    try:
        size = Size.parse(text)
    except ValueError:
        size = Size(0, 0)
    if not all(_SIDE_RANGE[0] <= side <= _SIDE_RANGE[1] for side in (size.width, size.height)):
        raise UserError(
            "not a picture size", where=where, allowed="WIDTHxHEIGHT, 16 to 8192 each, such as 1280x720", got=text
        )
    return size


def parse_channels(text: str) -> tuple[int, ...]:
    """Read `1,2` (counted from 1; one or two channels). Raises UserError."""
    parts = [p.strip() for p in text.split(",") if p.strip()]
    if not 1 <= len(parts) <= 2 or not all(p.isdigit() and int(p) >= 1 for p in parts):
        raise UserError("not input channels", where="--channels", allowed="one or two, from 1, such as 3 or 3,4", got=text)
    return tuple(int(p) for p in parts)


def parse_record(path: Path) -> Path:
    """Read where to record to. Raises UserError: a show that was to be recorded must not run without."""
    if path.suffix.lower() not in SUFFIXES:
        raise UserError("unknown kind of recording", where="--record", allowed=", ".join(SUFFIXES), got=path)
    return path
