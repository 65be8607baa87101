"""What the command line accepts, and what it says of the rest."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from engine.app.live import HARDWARE_FORMAT, SOFTWARE_FORMAT, default_format
from engine.app.options import parse_channels, parse_fps, parse_record, parse_size
from engine.core.errors import UserError
from engine.core.frame import Size


@pytest.mark.parametrize(
    ("text", "fps"),
    [("60", 60), ("29.97", Fraction(30000, 1001)), ("30000/1001", Fraction(30000, 1001)), ("12.5", Fraction(25, 2))],
)
def test_frame_rates(text: str, fps: Fraction) -> None:
    assert parse_fps(text) == fps


@pytest.mark.parametrize("text", ["", "fast", "0", "-24", "1/0", "1000", "nan"])
def test_no_frame_rates(text: str) -> None:
    with pytest.raises(UserError, match="not a frame rate"):
        parse_fps(text)


def test_sizes() -> None:
    assert parse_size("1280x720") == Size(1280, 720)
    for text in ("1280", "0x10", "axb", "99999x720", "-1x5"):
        with pytest.raises(UserError, match="not a picture size"):
            parse_size(text)


def test_channels() -> None:
    assert parse_channels("3, 4") == (3, 4)
    assert parse_channels("1") == (1,)
    for text in ("", "0", "1,2,3", "left"):
        with pytest.raises(UserError, match="not input channels"):
            parse_channels(text)


def test_format_follows_what_draws() -> None:
    assert default_format("llvmpipe (LLVM 15.0.6, 256 bits)") == SOFTWARE_FORMAT
    assert default_format("NVIDIA GeForce RTX 4070/PCIe/SSE2") == HARDWARE_FORMAT


def test_a_recording_has_a_known_suffix() -> None:
    assert parse_record(Path("a/b.MP4")) == Path("a/b.MP4")
    for name in ("show", "show.avi", "show.mp4.txt"):
        with pytest.raises(UserError, match="unknown kind of recording"):
            parse_record(Path(name))
