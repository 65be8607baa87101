"""Clips: each picture at its own time, within bounded memory; what is none is refused in one line."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.engine.sources.clip import Clip, read_clip
from tests.films import grey_film, write_film

SCREEN = Size(64, 48)


def levels(clip: Clip, places: np.ndarray) -> list[int]:
    return [round(float(clip.at(float(place))[1].mean())) for place in places]


def test_each_picture_has_its_share_of_the_clip(tmp_path: Path) -> None:
    greys = [20, 60, 100, 140, 180]
    clip = read_clip(grey_film(tmp_path / "a.mp4", greys), SCREEN)
    assert [number for number, _ in map(clip.at, (0.0, 0.19, 0.21, 0.5, 0.99))] == [0, 0, 1, 2, 4]
    assert np.abs(np.array(levels(clip, np.arange(5) / 5 + 0.1)) - greys).max() <= 3
    assert clip.seconds == pytest.approx(0.2, abs=0.01)
    assert clip.told.startswith("5 pictures of 64x48, 0.2 s")
    first = clip.at(0.5)[1]
    assert first is clip.at(0.5)[1]


def test_a_rate_that_varies(tmp_path: Path) -> None:
    clip = read_clip(grey_film(tmp_path / "a.mkv", [10, 90, 170, 250], times=[0.0, 0.1, 0.2, 1.8]), SCREEN)
    assert clip.seconds > 1.8
    assert (
        np.abs(np.array(levels(clip, np.array([0.0, 0.15, 0.5, 1.0, 1.75]) / clip.seconds)) - [10, 90, 170, 170, 170]).max()
        <= 3
    )


def test_what_is_larger_than_the_screen_is_kept_at_its_size(tmp_path: Path) -> None:
    clip = read_clip(grey_film(tmp_path / "a.mp4", [90, 91], size=(640, 480)), Size(160, 90))
    assert clip.at(0.0)[1].shape == (120, 160, 3), "it covers the screen"
    assert read_clip(grey_film(tmp_path / "b.mp4", [90], size=(64, 48)), Size(640, 360)).at(0)[1].shape == (48, 64, 3)


def test_8k(tmp_path: Path) -> None:
    clip = read_clip(grey_film(tmp_path / "a.mp4", [90, 120], size=(7680, 4320)), Size(160, 90))
    assert clip.at(0.0)[1].shape == (90, 160, 3)
    assert len(clip.pictures) == 2


def test_more_than_fits_is_kept_smaller_and_then_cut_off(tmp_path: Path) -> None:
    path = grey_film(tmp_path / "a.mp4", range(40), size=(128, 96))
    whole = 128 * 96 * 3 * 40
    some = read_clip(path, Size(128, 96), most_bytes=whole // 3)
    assert len(some.pictures) == 40
    assert sum(each.nbytes for each in some.pictures) <= whole // 3
    assert not some.cut
    few = read_clip(path, Size(128, 96), most_bytes=whole // 16)
    assert sum(each.nbytes for each in few.pictures) <= whole // 16
    assert few.at(0.0)[1].shape == (48, 64, 3)
    assert "cut off after 0.4 s" in few.told
    assert few.seconds == pytest.approx(len(few.pictures) / 25, abs=0.01)
    assert len(read_clip(path, Size(128, 96), most_decoded=128 * 96 * 7).pictures) == 7


def test_whether_the_end_leads_into_the_beginning(tmp_path: Path) -> None:
    there = [40, 60, 80, 100, 120, 140]
    assert read_clip(grey_film(tmp_path / "a.mp4", there + there[-2:0:-1]), SCREEN).loops
    cut = read_clip(grey_film(tmp_path / "b.mp4", there), SCREEN)
    assert not cut.loops
    assert "forth and back" in cut.told
    assert read_clip(grey_film(tmp_path / "c.mp4", [40]), SCREEN).loops


def test_colours_of_large_films_without_a_word_on_them(tmp_path: Path) -> None:
    """PyAV writes BT.601 by default; read as BT.709, red is another red by some levels, and no green."""
    red = np.full((720, 1280, 3), (200, 30, 30), np.uint8)
    found = read_clip(write_film(tmp_path / "a.mp4", [red]), Size(160, 90)).at(0)[1][40, 80].astype(int)
    assert found[0] > 180 > 60 > found[2]


def test_a_camera_that_was_held_upright(tmp_path: Path) -> None:
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:24] = 230  # what was left when the camera stood upright
    path = write_film(tmp_path / "a.mp4", [picture] * 3)
    data = path.read_bytes()
    one, none, minus = b"\0\1\0\0", b"\0\0\0\0", b"\xff\xff\0\0"
    straight = one + none * 3 + one
    at = data.index(straight, data.index(b"tkhd"))
    path.write_bytes(data[:at] + none + one + none + minus + none + data[at + 20 :])  # a quarter to the right
    found = read_clip(path, SCREEN).at(0.0)[1]
    assert found.shape == (64, 48, 3)
    assert found[:, -12:].mean() > 200 > 30 > found[:, :12].mean()


def no_film(path: Path) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(b"\0\0" * 8000)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: path.write_text("hello " * 100), "no film"),
        (lambda path: path.write_bytes(b""), "no film"),
        (no_film, "no film in this file"),
        (lambda path: path.mkdir(), "no regular file"),
        (lambda path: None, "no such clip"),
    ],
    ids=["text", "empty", "sound", "folder", "missing"],
)
def test_what_is_none(tmp_path: Path, make, said: str) -> None:
    make(tmp_path / "a.mp4")
    with pytest.raises(UserError, match=said):
        read_clip(tmp_path / "a.mp4", SCREEN)


def test_a_playlist_opens_nothing(tmp_path: Path) -> None:
    grey_film(tmp_path / "real.ts", [1, 2, 3])
    (tmp_path / "a.mp4").write_text(f"#EXTM3U\n#EXTINF:1,\n{tmp_path / 'real.ts'}\n#EXT-X-ENDLIST\n")
    with pytest.raises(UserError):
        read_clip(tmp_path / "a.mp4", SCREEN)


def tried(path: Path) -> tuple[Clip | None, str]:
    """Return the clip, or the line that refuses it."""
    try:
        return read_clip(path, SCREEN), ""
    except UserError as error:
        return None, error.line()


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9])
@pytest.mark.parametrize("ending", ["mp4", "mkv", "ts"])
def test_broken_files_end_as_a_clip_or_as_one_line(tmp_path: Path, ending: str, share: float) -> None:
    rng = np.random.default_rng(4)
    path = write_film(tmp_path / f"a.{ending}", list(rng.integers(0, 256, (20, 48, 64, 3), np.uint8)))
    data = bytearray(path.read_bytes())
    for damage in ("cut", "noise"):
        broken = bytearray(data)
        if damage == "cut":
            broken = broken[: int(share * len(data))]
        else:
            at = int(share * len(data))
            broken[at : at + 200] = rng.bytes(200)
        path.write_bytes(broken)
        clip, said = tried(path)
        if clip is None:
            assert str(path) in said
        else:
            assert 1 <= len(clip.pictures) <= 20
            assert clip.starts[0] == 0.0
            assert (np.diff(clip.starts) > 0.0).all()
            assert clip.starts[-1] < 1.0
