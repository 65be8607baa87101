"""What a live show is asked for, checked before anything is opened."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.files import read_json
from phosphene.engine.core.frame import Size
from phosphene.engine.core.naming import refuse_inputs, refused, same
from phosphene.engine.core.placing import check_writable
from phosphene.engine.output.muxer import SUFFIXES

# The rates of television are ratios; taken as decimals they would drift a frame in a quarter of an hour. Rounded and cut, as
# programs write them: 23.976, 23.98, 23.97602, 29.97, 59.94, 119.88.
_BROADCAST = tuple(Fraction(n * 1000, 1001) for n in (24, 30, 48, 60, 72, 90, 96, 120, 144, 240))
_NEAR = Fraction(1, 3900)  # of a rate: 23.97 is 1/3979 off, 24 is 1/1001 off
_RATE = re.compile(r"[0-9]{1,9}(\.[0-9]{0,12}|[/:][0-9]{1,9})?")
_FPS_RANGE = (1, 240)
_FINEST_FPS = 1_000_000  # the largest denominator that films and clocks take
_SIDE_RANGE = (16, 8192)
LONGEST_S = 1e7  # s of a show that ends by itself: 115 days


@dataclass(frozen=True, slots=True)
class LiveOptions:
    """`vj live`. size, fps None: chosen by what draws (see `live.default_format`)."""

    scene: str | None = None
    style: str | None = None
    input: str = "auto"
    output: str = "auto"
    monitor: str | None = None
    windowed: bool = False
    operator: bool | None = None  # None: where there are two screens
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
    desk: tuple[str, int] | None = ("127.0.0.1", 8800)  # where the page is served; None: nowhere
    link: bool = False
    midi: bool = True
    autopilot: bool = False
    lookahead: float = 0.0  # ms
    show: bool = False
    gain: float = 1.0
    channels: tuple[int, ...] = ()
    listen: bool = False
    takes: Path | None = None
    guard: bool = True


def parse_fps(text: str, where: str = "--fps") -> Fraction:
    """Read `60`, `29.97`, `30000/1001`, `30000:1001`. A decimal that means a rate of television is that rate.

    Raises UserError.
    """
    try:  # never "1e999999999", which Python would write out
        fps = Fraction(text.strip().replace(":", "/")) if _RATE.fullmatch(text.strip()) else Fraction(0)
    except ZeroDivisionError:
        fps = Fraction(0)
    if not _FPS_RANGE[0] <= fps <= _FPS_RANGE[1]:
        raise UserError("not a frame rate", where=where, allowed="1 to 240, such as 60, 29.97 or 30000/1001", got=text)
    if "." in text:
        near = min(_BROADCAST, key=lambda rate: abs(rate - fps))
        fps = near if abs(fps - near) <= near * _NEAR else fps
    return fps.limit_denominator(_FINEST_FPS)


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


def parse_place(text: str, where: str = "--desk") -> tuple[str, int]:
    """Read `127.0.0.1:8800`, `[::1]:8800`, `0.0.0.0:8800` or a port alone. Raises UserError."""
    host, _, port = text.strip().rpartition(":")
    host = host.removeprefix("[").removesuffix("]") or "127.0.0.1"
    if not (port.isascii() and port.isdigit() and int(port[:6]) <= 65535):
        raise UserError("not an address to serve on", where=where, allowed="HOST:PORT, such as 127.0.0.1:8800", got=text)
    return host, int(port)


def parse_channels(text: str) -> tuple[int, ...]:
    """Read `1,2` (counted from 1; one or two channels). Raises UserError."""
    parts = [p.strip() for p in text.split(",") if p.strip()]
    if not 1 <= len(parts) <= 2 or not all(p.isascii() and p.isdigit() and 1 <= int(p[:4]) <= 512 for p in parts):
        raise UserError("not input channels", where="--channels", allowed="one or two, from 1, such as 3 or 3,4", got=text)
    return tuple(int(p) for p in parts)


def parse_record(path: Path) -> Path:
    """Read where to record to. Raises UserError: a show that was to be recorded must not run without."""
    if path.suffix.lower() not in SUFFIXES:
        raise UserError("unknown kind of recording", where="--record", allowed=", ".join(SUFFIXES), got=path)
    return path


def check_places(options: LiveOptions) -> None:
    """Raise UserError where recording or report cannot be written, or would take the place of something else.

    Touches the disk: before the show, never in it.
    """
    record, report = options.record, options.report
    kind, _, heard = options.input.partition(":")
    if record is not None:
        refuse_inputs([record], [Path(heard)] if kind == "file" else [])
        try:
            check_writable(record)
        except OSError as error:
            raise refused("cannot write the recording", record, error) from error
    if report is None:
        return
    if record is not None and same(record, report):
        raise UserError("that is the recording", where=f"--report {report}", remedy="choose another name for the report")
    if os.path.lexists(report) and not report.is_dir() and not _is_report(report):
        remedy = "choose another name for the report"
        raise UserError("what is there is no report of a show", where=f"--report {report}", remedy=remedy)
    try:
        check_writable(report)
    except OSError as error:
        raise refused("cannot write the report", report, error) from error


def _is_report(path: Path) -> bool:
    try:
        told = read_json(path)
    except UserError:
        return False
    return isinstance(told, dict) and isinstance(told.get("versions"), dict) and "phosphene" in told["versions"]
