"""What the command line accepts, and what it says of the rest."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from phosphene.engine.app.live import HARDWARE_FORMAT, SOFTWARE_FORMAT, default_format
from phosphene.engine.app.options import parse_channels, parse_fps, parse_record, parse_size
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size


@pytest.mark.parametrize(
    ("text", "fps"),
    [
        ("60", 60),
        ("24.0", 24),
        ("12.5", Fraction(25, 2)),
        *((text, Fraction(24000, 1001)) for text in ("23.976", "23.98", "23.97", "23.976024", "24000/1001", "24000:1001")),
        *((text, Fraction(30000, 1001)) for text in ("29.97", "29.970", "29.97003", "30000/1001", " 29.97 ")),
        *((text, Fraction(60000, 1001)) for text in ("59.94", "59.9401", "60000/1001")),
        *((text, Fraction(120000, 1001)) for text in ("119.88", "120000:1001")),
    ],
)
def test_frame_rates(text: str, fps: Fraction) -> None:
    assert parse_fps(text) == fps


@pytest.mark.parametrize(
    "text",
    ["", "fast", "0", "-24", "1/0", "1000", "nan", "inf", "-inf", "1e1", "1e999999999", "9" * 5000, "24/1/1", "٢٤", "24,5"],
)
def test_no_frame_rates(text: str) -> None:
    with pytest.raises(UserError, match="not a frame rate"):
        parse_fps(text)


def test_sizes() -> None:
    assert parse_size("1280x720") == Size(1280, 720)
    for text in ("1280", "0x10", "axb", "99999x720", "-1x5", "²x²", "infxnan", f"{'9' * 5000}x9"):
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
