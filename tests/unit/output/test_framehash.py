"""Hashes of frames: the same as FFmpeg's own, torn files, what differs first."""

from __future__ import annotations

import hashlib
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.engine.output.framehash import FrameHashes, compare, pixel_format_of, read_hashes

SIZE, FPS = Size(48, 20), Fraction(30000, 1001)


def pictures(count: int) -> list[np.ndarray]:
    return list(np.random.default_rng(7).integers(0, 255, (count, 20, 48, 4)).astype(np.uint8))


def write(path: Path, frames: list[np.ndarray], fps: Fraction = FPS) -> FrameHashes:
    with FrameHashes(path, SIZE, fps) as hashes:
        for picture in frames:
            hashes.add(picture)
    return hashes


def write_with_ffmpeg(path: Path, frames: list[np.ndarray], muxer: str) -> None:
    with av.open(str(path), "w", format=muxer) as file:
        stream = file.add_stream("rawvideo", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = SIZE.width, SIZE.height, "rgba"
        stream.time_base = 1 / FPS
        for k, picture in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(picture, format="rgba")
            frame.pts, frame.time_base = k, 1 / FPS
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))


def test_the_lines_are_those_of_ffmpegs_own_framehash(tmp_path):
    write(tmp_path / "ours", pictures(12))
    write_with_ffmpeg(tmp_path / "theirs", pictures(12), "framehash")

    def kept(path: Path) -> list[str]:
        lines = path.read_text().splitlines()
        return [line for line in lines if not line.startswith(("#software", "#pixel_format", "#sar"))]

    assert kept(tmp_path / "ours") == kept(tmp_path / "theirs")
    assert compare(tmp_path / "ours", tmp_path / "theirs") is None


def test_framemd5_is_read_too_but_not_compared_with_another_kind(tmp_path):
    write(tmp_path / "ours", pictures(3))
    write_with_ffmpeg(tmp_path / "theirs", pictures(3), "framemd5")
    hashes = read_hashes(tmp_path / "theirs")
    assert [f.hash for f in hashes.frames] == [hashlib.md5(p.tobytes()).hexdigest() for p in pictures(3)]
    assert compare(hashes, tmp_path / "theirs") is None
    with pytest.raises(UserError, match="two kinds"):
        compare(tmp_path / "ours", hashes)


def test_what_is_read_is_what_was_written(tmp_path):
    frames = pictures(5)
    hashes = write(tmp_path / "a", frames)
    read = read_hashes(tmp_path / "a")
    assert (read.size, read.fps, read.pixel_format) == (SIZE, FPS, "rgba")
    assert read.software.startswith("phosphene ")
    assert read.digest == hashes.digest
    assert [f.index for f in read.frames] == [f.pts for f in read.frames] == [0, 1, 2, 3, 4]
    assert [f.hash for f in read.frames] == [hashlib.sha256(p.tobytes()).hexdigest() for p in frames]
    assert {f.size for f in read.frames} == {20 * 48 * 4}


def test_a_view_has_the_hash_of_its_copy(tmp_path):
    picture = pictures(1)[0]
    with FrameHashes(tmp_path / "a", SIZE, FPS) as hashes:
        assert hashes.add(picture[::-1]) == hashes.add(picture[::-1].copy()) != hashes.add(picture)


@pytest.mark.parametrize("bit", [0, 7])
def test_one_bit_of_one_frame_is_found(tmp_path, bit):
    frames = pictures(9)
    one = write(tmp_path / "a", frames)
    frames[6] = frames[6].copy()
    frames[6][3, 4, 1] ^= 1 << bit
    other = write(tmp_path / "b", frames)
    assert compare(tmp_path / "a", tmp_path / "b") == 6
    assert one.digest != other.digest


def test_a_shorter_render_differs_where_it_ends_and_another_rate_from_the_start(tmp_path):
    write(tmp_path / "a", pictures(9))
    write(tmp_path / "b", pictures(7))
    write(tmp_path / "c", pictures(9), Fraction(30))
    assert compare(tmp_path / "a", tmp_path / "b") == compare(tmp_path / "b", tmp_path / "a") == 7
    assert compare(tmp_path / "a", tmp_path / "c") == 0
    assert compare(tmp_path / "a", tmp_path / "a") is None


def test_the_file_has_its_name_only_when_it_is_whole(tmp_path):
    with pytest.raises(KeyboardInterrupt), FrameHashes(tmp_path / "a", SIZE, FPS) as hashes:  # noqa: PT012
        for picture in pictures(3):
            hashes.add(picture)
        raise KeyboardInterrupt
    assert [p.name for p in tmp_path.iterdir()] == ["a.part"]
    assert len(read_hashes(tmp_path / "a.part").frames) == 3


@pytest.mark.parametrize("torn", ["0,          3,", "0, 3, 3, 1, 3840, 12ab", "hello"])
def test_a_torn_or_foreign_line_is_named(tmp_path, torn):
    write(tmp_path / "a", pictures(3))
    with open(tmp_path / "a", "a") as file:
        file.write(torn)
    with pytest.raises(UserError, match="a:15"):
        read_hashes(tmp_path / "a")


def test_other_files_are_refused(tmp_path):
    (tmp_path / "a").write_text("#format: frame checksums\n")
    with pytest.raises(UserError, match="not a file of frame hashes"):
        read_hashes(tmp_path / "a")
    with pytest.raises(UserError, match="no such file"):
        compare(tmp_path / "b", tmp_path / "a")


def test_floating_pictures_have_names_too():
    assert pixel_format_of(np.zeros((2, 2, 4), np.float16)) == "rgbaf16le"
    assert {pixel_format_of(np.zeros((2, 2, 4), kind)) for kind in (np.uint8, np.float32)} == {"rgba", "rgbaf32le"}


def test_a_full_disk_is_one_line(small_disk):
    picture = pictures(1)[0]
    hashes = FrameHashes(small_disk / "a", SIZE, FPS)
    with pytest.raises(UserError, match=r"frame hashes .*got: disk full"):  # noqa: PT012
        for _ in range(20_000):
            hashes.add(picture)
        hashes.close()
    assert [p.name for p in small_disk.iterdir()] == ["a.part"]
