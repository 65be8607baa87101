"""Pictures as the world has them: deep, floating, turned, clear, indexed, broken, monstrous, or something else."""

from __future__ import annotations

import io
import os
import struct
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from phosphene.engine.core import metrics
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.pictures import MOST_PIXELS, read_image


def saved(picture: Image.Image, kind: str, **options: object) -> io.BytesIO:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    file.seek(0)
    return file


def tiff(samples: np.ndarray, kind: int, photometric: int = 1) -> io.BytesIO:
    """Return an uncompressed TIFF of [h, w] or [h, w, n] little-endian samples. kind: 1 whole, 2 with a sign, 3 float."""
    height, width, count = (*samples.shape, 1)[:3]
    data, bits = samples.tobytes(), samples.dtype.itemsize * 8
    table, extra = b"", b""
    fields = (
        (256, 4, 1, width), (257, 4, 1, height), (258, 3, count, bits), (259, 3, 1, 1), (262, 3, 1, photometric),
        (273, 4, 1, 8), (277, 3, 1, count), (278, 4, 1, height), (279, 4, 1, len(data)), (339, 3, count, kind),
    )  # fmt: skip
    beyond = 8 + len(data) + 2 + 12 * len(fields) + 4
    for tag, size, n, value in fields:
        if size == 3 and n > 2:
            table += struct.pack("<HHII", tag, size, n, beyond + len(extra))
            extra += struct.pack("<H", value) * n
        else:
            table += struct.pack("<HHI", tag, size, n) + (
                struct.pack("<HH", value, 0) if size == 3 else struct.pack("<I", value)
            )
    head = b"II*\0" + struct.pack("<I", 8 + len(data))
    return io.BytesIO(head + data + struct.pack("<H", len(fields)) + table + bytes(4) + extra)


def ramp(low: float, high: float, dtype: str) -> np.ndarray:
    """Return [8, 32] rising from left to right."""
    return np.tile(np.linspace(low, high, 32), (8, 1)).astype(dtype)


def levels(file: io.BytesIO | Path) -> np.ndarray:
    """Return the red of the middle row, checked to be grey."""
    pixels = np.asarray(read_image(file).convert("RGB"))
    assert pixels.dtype == np.uint8
    assert np.ptp(pixels, axis=2).max() == 0
    return pixels[len(pixels) // 2, :, 0].astype(int)


FULL = np.linspace(0, 255, 32)


@pytest.mark.parametrize(
    ("samples", "kind"),
    [
        (ramp(0, 65535, "<u2"), 1),
        (ramp(-32768, 32767, "<i2"), 2),
        (ramp(0, 2**32 - 1, "<u4"), 1),
        (ramp(-(2**31), 2**31 - 1, "<i4"), 2),
        (ramp(0, 1, "<f4"), 3),
        (ramp(-4, 12, "<f4"), 3),
        (ramp(0, 40_000, "<f4"), 3),
        (ramp(0, 255, "u1"), 1),
    ],
)
def test_levels_are_scaled_by_the_range_of_their_kind(samples: np.ndarray, kind: int) -> None:
    assert np.abs(levels(tiff(samples, kind)) - FULL).max() <= 1


def test_a_dark_deep_picture_stays_dark() -> None:
    """By the range of the type, not by what is in it: or a night would be bright."""
    assert np.abs(levels(tiff(ramp(0, 200, "<u2"), 1))).max() <= 1
    assert levels(tiff(ramp(0, 0.25, "<f4"), 3)).max() == pytest.approx(64, abs=1)


def test_white_that_is_zero_is_white() -> None:
    assert np.abs(levels(tiff(ramp(65535, 0, "<u2"), 1, photometric=0)) - FULL).max() <= 1


def test_floats_that_are_no_numbers_are_dark() -> None:
    samples = ramp(0, 1, "<f4")
    samples[:, 5], samples[:, 6], samples[:, 7] = np.nan, np.inf, -np.inf
    found = levels(tiff(samples, 3))
    assert found[5:8].tolist() == [0, 0, 0]
    assert np.abs(np.delete(found - FULL, [5, 6, 7])).max() <= 1
    assert levels(tiff(np.full((8, 8), np.nan, "<f4"), 3)).max() == 0
    assert levels(tiff(np.full((8, 8), 3e38, "<f4"), 3)).max() == 0


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bits_of_grey_and_of_colour(kind: str) -> None:
    assert np.abs(levels(saved(Image.fromarray(ramp(0, 65535, "<u2")), kind)) - FULL).max() <= 1
    colours = np.stack([ramp(0, 65535, "<u2")] * 3, axis=2)
    if kind == "TIFF":
        assert np.abs(levels(tiff(colours, 1, photometric=2)) - FULL).max() <= 1
        return
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in colours)
    assert np.abs(levels(png(32, 8, rows, depth=16)) - FULL).max() <= 1


def png(width: int, height: int, rows: bytes, depth: int = 8) -> io.BytesIO:
    """Return a PNG of RGB rows, each with its filter byte."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, depth, 2, 0, 0, 0)
    body = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return io.BytesIO(body)


def test_every_mode_that_files_have_is_read() -> None:
    red = (200, 0, 0)
    for mode, kind in (("CMYK", "JPEG"), ("CMYK", "TIFF"), ("L", "PNG"), ("1", "PNG"), ("LA", "PNG"), ("RGB", "BMP")):
        assert read_image(saved(Image.new(mode, (8, 8)), kind)).mode in ("RGB", "RGBA")
    indexed = Image.new("RGB", (8, 8), red).quantize(4)
    assert read_image(saved(indexed, "PNG")).convert("RGB").getpixel((3, 3)) == red
    clear = read_image(saved(indexed, "PNG", transparency=0))
    assert clear.mode == "RGBA"
    assert clear.getpixel((3, 3))[3] == 0


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_of_several_pictures_the_first_counts(kind: str) -> None:
    pictures = [Image.new("RGB", (16, 16), colour) for colour in ((250, 0, 0), (0, 250, 0), (0, 0, 250))]
    file = saved(
        pictures[0], kind, save_all=True, append_images=pictures[1:], **({"lossless": True} if kind == "WEBP" else {})
    )
    assert read_image(file).convert("RGB").getpixel((3, 3))[0] > 240


def test_odd_tags_are_no_reason_to_lose_a_picture() -> None:
    file = saved(
        Image.new("RGB", (32, 16), (10, 200, 30)), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\x01\x12" * 40
    )
    assert read_image(file).size == (32, 16)


def claim(width: int, height: int, kind: str) -> bytes:
    """Return the beginning of a file that says it is so large."""
    if kind == "PNG":
        return png(width, height, b"").getvalue()
    if kind == "GIF":
        return (
            b"GIF89a"
            + struct.pack("<HH", width, height)
            + b"\x80\0\0"
            + bytes(6)
            + b","
            + struct.pack("<HHHH", 0, 0, width, height)
            + b"\0\2\2D\1\0;"
        )
    if kind == "BMP":
        return b"BM" + struct.pack("<IHHIIiiHHIIiiII", 54, 0, 0, 54, 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    return (
        b"RIFF"
        + struct.pack("<I", 22)
        + b"WEBPVP8L"
        + struct.pack("<I", 10)
        + b"/"
        + struct.pack("<I", (width - 1) | (height - 1) << 14)
        + bytes(5)
    )


@pytest.mark.parametrize(
    ("kind", "side"), [("PNG", 13_000), ("PNG", 2_000_000), ("GIF", 60_000), ("BMP", 50_000), ("WEBP", 16_000)]
)
def test_what_claims_to_be_monstrous_is_refused_by_its_header(tmp_path, kind: str, side: int) -> None:
    path = tmp_path / f"a.{kind.lower()}"
    path.write_bytes(claim(side, side, kind))
    before = metrics.peak_rss_mb()
    tracemalloc.start()
    with pytest.raises(UserError) as refused:
        read_image(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "too large" in refused.value.what
    assert peak < 5e6
    assert metrics.peak_rss_mb() < before + 50


def test_the_largest_that_cameras_make_is_read(tmp_path) -> None:
    path = tmp_path / "a.jpg"
    Image.new("RGB", (12_000, 9_000), (0, 120, 200)).save(path, quality=30)
    assert MOST_PIXELS > 12_000 * 9_000
    assert min(read_image(path, 1024).size) >= 1024 / 2


def test_only_pictures_are_pictures(tmp_path) -> None:
    """PostScript would start a program, a pipe wait for ever."""
    script = tmp_path / "a.png"
    script.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n")
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "empty.png").write_bytes(b"")
    cut = saved(Image.effect_noise((64, 64), 90).convert("RGB"), "PNG").getvalue()
    (tmp_path / "cut.png").write_bytes(cut[: len(cut) // 2])
    (tmp_path / "text.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"zTXt" * 100)
    for name in ("a.png", "pipe.png", "folder.png", "empty.png", "cut.png", "text.png", "nothing.png", "/dev/zero"):
        with pytest.raises(UserError) as refused:
            read_image(tmp_path / name)
        assert "\n" not in refused.value.line()
        assert "0x" not in refused.value.line()
