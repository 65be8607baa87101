"""What a tool has made takes its name last, nothing of that name is lost, and a bad place is said before the work."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from PIL import Image

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.placing import Working
from phosphene.tools.handing_over import check_picture, check_place, hand_over, hand_over_picture


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_an_earlier_file_is_kept_and_the_same_is_not_written_twice(tmp_path: Path) -> None:
    wanted = tmp_path / "deep" / "walk.mp4"
    assert hand_over(wanted, b"one") == wanted
    assert hand_over(wanted, b"one") == wanted
    assert names(wanted.parent) == ["walk.mp4"]
    assert hand_over(wanted, b"two") == wanted
    assert hand_over(wanted, b"six") == wanted
    assert [(wanted.parent / name).read_bytes() for name in names(wanted.parent)] == [b"one", b"two", b"six"]


def test_pipes_and_links_are_set_aside_and_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.json")
    (tmp_path / "outside").write_bytes(b"mine")
    (tmp_path / "b.json").symlink_to(tmp_path / "outside")
    for name in ("a.json", "b.json"):
        assert hand_over(tmp_path / name, b"made").read_bytes() == b"made"
    assert (tmp_path / "a-1.json").is_fifo()
    assert (tmp_path / "outside").read_bytes() == b"mine"


def test_a_folder_of_that_name_is_refused(tmp_path: Path) -> None:
    for ask in (check_place, check_picture, lambda path: hand_over(path, b"")):
        with pytest.raises(UserError):
            ask(tmp_path)


def test_a_place_is_looked_at_before_the_work_and_nothing_is_made_there(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file" / "x.png", tmp_path / f"{'x' * 300}.png", tmp_path / "file"):
        with pytest.raises(UserError):
            check_place(path, [tmp_path / "file"])
    check_picture(tmp_path / "new" / "x.PNG")
    assert names(tmp_path) == ["file"]
    for name in ("x", "x.txt", "x.png.pdf"):
        with pytest.raises(UserError, match="unknown kind of picture"):
            check_picture(tmp_path / name)


def test_a_picture_is_of_the_kind_that_its_name_tells(tmp_path: Path) -> None:
    for name, kind in (("a.png", "PNG"), ("a.jpg", "JPEG"), ("a.WEBP", "WEBP")):
        with Image.open(hand_over_picture(tmp_path / name, Image.new("RGB", (4, 4)), optimize=True)) as image:
            assert image.format == kind


def test_what_cannot_have_its_name_is_said_where_it_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Working, "hand_over", refuse)
    with pytest.raises(UserError, match=r"it is .*out\.mp4\.part"):
        hand_over(tmp_path / "out.mp4", b"hours of work")
    assert (tmp_path / "out.mp4.part").read_bytes() == b"hours of work"
    monkeypatch.setattr(Working, "write", refuse)
    with pytest.raises(UserError, match="read-only"):
        hand_over(tmp_path / "b.mp4", b"half")
    assert names(tmp_path) == ["out.mp4.part"]
