"""What names of pictures mean: where they are looked for, what they never reach, and how content is told apart."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from phosphene.engine.core.errors import UserError
from phosphene.engine.models import media
from phosphene.engine.models.media import digest, given_source, is_source, list_media, named
from phosphene.engine.models.style import check_style, load_style, meta_of


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of media with a picture in it, one in a folder of that, one with an @, and a clip by its name."""
    found = tmp_path / "media"
    (found / "trip").mkdir(parents=True)
    for name in ("lake.png", "trip/hill.png", "me@home.png"):
        Image.new("RGB", (8, 6), (200, 90, 30)).save(found / name)
    (found / "loop.mp4").write_bytes(b"no film")
    (found / "notes.txt").write_text("no picture")
    monkeypatch.setenv("PHOSPHENE_MEDIA", str(found))
    return found


def test_what_lies_in_the_folder_is_listed_by_kind(folder: Path) -> None:
    assert list_media() == ["clip:loop.mp4", "image:lake.png", "image:me@home.png", "image:trip/hill.png"]


@pytest.mark.parametrize(
    ("name", "file", "book", "given"),
    [
        ("image:lake.png", "lake.png", media.BOOK, False),
        ("image:trip/hill.png", "trip/hill.png", media.BOOK, False),
        ("image:me@home.png", "me@home.png", media.BOOK, False),
        ("image:lake.png@night-pond", "lake.png", "night-pond", True),
        ("image:me@home.png@toy-blocks", "me@home.png", "toy-blocks", True),
    ],
)
def test_a_name_is_a_file_and_perhaps_a_codebook(folder: Path, name: str, file: str, book: str, given: bool) -> None:
    found = named(name)
    assert (found.file, found.book, found.given) == (folder / file, book, given)


def test_a_whole_path_and_a_camera(folder: Path) -> None:
    assert named(f"image:{folder / 'lake.png'}").file == folder / "lake.png"
    camera = named("camera:USB Cam@night-pond")
    assert (camera.device, camera.book, camera.file) == ("USB Cam", "night-pond", None)


@pytest.mark.parametrize("name", ["image:", "image:..", "image:../media/lake.png", "image:none.png", "clip:trip", "camera:",
                                  "image:a\0b", "image:/"])  # fmt: skip
def test_what_is_none_is_refused(folder: Path, name: str) -> None:
    with pytest.raises(UserError):
        named(name)
    with pytest.raises(UserError):
        check_style(name)


def test_a_slip_of_the_pen_is_told(folder: Path) -> None:
    with pytest.raises(UserError, match=r"did you mean 'lake.png'"):
        named("image:lale.png")


def test_on_a_command_line_what_lies_here_is_found(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = tmp_path / "here"
    here.mkdir()
    Image.new("RGB", (4, 4)).save(here / "holiday.png")
    monkeypatch.chdir(here)
    assert given_source("image:holiday.png") == f"image:{here / 'holiday.png'}"
    assert given_source("image:holiday.png@night-pond") == f"image:{here / 'holiday.png'}@night-pond"
    assert named(given_source("image:holiday.png@night-pond")).book == "night-pond"
    # The folder of media comes first, and what is no picture stays as it was.
    assert [given_source(each) for each in ("image:lake.png", "neon-tide", "camera:0", "image:none.png")] == [
        "image:lake.png", "neon-tide", "camera:0", "image:none.png",
    ]  # fmt: skip
    with pytest.raises(UserError):
        named("image:holiday.png")  # in a scene or over the network only what lies in the folder has a short name


def test_the_fingerprint_is_of_the_content_and_the_codebook(folder: Path) -> None:
    before = load_style("image:lake.png").sha256
    assert load_style("image:lake.png@night-pond").sha256 != before
    assert digest(named("image:lake.png")) == digest(named("image:trip/hill.png"))
    Image.new("RGB", (8, 6), (0, 90, 30)).save(folder / "lake.png")
    os.utime(folder / "lake.png", (1e9, 1e9))
    assert load_style("image:lake.png").sha256 != before


def test_a_style_with_the_name_of_its_file(folder: Path) -> None:
    style = load_style("image:trip/hill.png")
    assert (style.slug, style.name, style.kind) == ("image:trip/hill.png", "hill", "image")
    assert meta_of("camera:0").name == "Camera 0"
    assert [is_source(each) for each in ("clip:x", "shader:x", "image")] == [True, False, False]


@pytest.mark.parametrize(("book", "said"), [("neon-tide", "no codebook"), ("none-such", "no such style")])
def test_a_codebook_that_is_asked_for_and_cannot_be_had(folder: Path, book: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        load_style(f"image:lake.png@{book}")


def test_a_file_beyond_the_limit(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(media.MOST_BYTES, "image", 10)
    with pytest.raises(UserError, match="too large"):
        load_style("image:lake.png")
