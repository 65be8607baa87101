"""Stills: upright, over black, bounded; what is none is refused in one line."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from phosphene.engine.core.errors import UserError
from phosphene.engine.sources.still import MOST_SIDE, read_still


def test_a_picture_as_it_is(tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (5, 7, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    still = read_still(tmp_path / "a.png")
    number, found = still.at(0.7)
    assert number == 0
    assert np.array_equal(found, pixels)
    assert (still.told, still.fault, still.moves) == ("7x5", "", False)


def test_a_turned_camera_and_what_is_transparent(tmp_path: Path) -> None:
    image = Image.new("RGB", (20, 10), (255, 255, 255))
    image.paste((0, 0, 0), (0, 0, 10, 10))
    exif = image.getexif()
    exif[0x0112] = 6  # the camera was held upright: turn it a quarter to the right
    image.save(tmp_path / "turned.jpg", exif=exif)
    found = read_still(tmp_path / "turned.jpg").at(0)[1]
    assert found.shape == (20, 10, 3)
    assert found[2].mean() < 20 < 235 < found[-3].mean()
    Image.new("RGBA", (4, 4), (200, 100, 50, 128)).save(tmp_path / "glass.webp", lossless=True)
    assert np.abs(read_still(tmp_path / "glass.webp").at(0)[1][0, 0].astype(int) - (100, 50, 25)).max() <= 1


@pytest.mark.parametrize("size", [(1, 1), (1, 900), (9000, 40)])
def test_sizes_at_the_ends(tmp_path: Path, size: tuple[int, int]) -> None:
    Image.new("RGB", size, (10, 200, 30)).save(tmp_path / "a.png")
    found = read_still(tmp_path / "a.png").at(0)[1]
    assert max(found.shape) <= MOST_SIDE
    assert found.shape[0] >= 1 <= found.shape[1]
    assert np.array_equal(found[0, 0], (10, 200, 30))


def test_8k_is_scaled_down(tmp_path: Path) -> None:
    Image.new("RGB", (7680, 4320), (90, 90, 90)).save(tmp_path / "a.jpg")
    assert read_still(tmp_path / "a.jpg").at(0)[1].shape[:2] == (2304, 4096)


def bomb() -> bytes:
    """A PNG of 2 KB whose head says 60000 x 60000."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 100_000)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"hello", "no such format"), (b"", "cannot read"), (bomb(), "too large"), (None, "no such picture")],
)
def test_what_is_none(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "a.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=said):
        read_still(path)


def test_a_truncated_one(tmp_path: Path) -> None:
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (200, 200, 3), np.uint8)).save(tmp_path / "a.jpg")
    data = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(data[: len(data) // 2])
    with pytest.raises(UserError, match="cannot read a picture"):
        read_still(tmp_path / "a.jpg")
