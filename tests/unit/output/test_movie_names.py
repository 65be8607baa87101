"""What an offline film is called, and what becomes of what was there: read back by another path than it was written."""

from __future__ import annotations

import os
import shutil
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.engine.core.media import open_media
from phosphene.engine.output import movie_file
from phosphene.engine.output.joining import join_movies
from phosphene.engine.output.movie import MovieSpec, check_place, open_movie

SIZE = Size(64, 48)
NAMES = {
    "colon": b"Artist: Mix",
    "protocol": b"http:--x",
    "percent": b"100%d %06d",
    "dash": b"-x",
    "newline": b"a\nb",
    "no text": b"caf\xe9 \xff",
    "quotes": b"a'b\"c",
    "long": "é".encode() * 122 + b"x",  # 245 bytes, with its suffix 249
    "stops": b"a. Live at 12. And a very long title after the full stop",
}


def picture(k: int) -> np.ndarray:
    return np.random.default_rng(k).integers(0, 255, (SIZE.height, SIZE.width, 4)).astype(np.uint8)


def write(path: Path, spec: MovieSpec, frames: int) -> Path:
    with open_movie(path, spec) as movie:
        for k in range(frames):
            movie.video(picture(k))
            if spec.audio:
                movie.audio(np.zeros((2000, 2), np.float32))
        return movie.close()


def frames_in(path: Path) -> int:
    if path.is_dir():
        return len(list(path.glob("*.png")))
    with open_media(path) as file:
        return sum(1 for _ in file.decode(video=0))


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ""])
def test_a_name_is_a_name(tmp_path: Path, name: bytes, suffix: str) -> None:
    """Twice, so that the first is set aside as well, and then joined."""
    path = tmp_path / (os.fsdecode(name) + suffix)
    spec = MovieSpec(SIZE, Fraction(24), "h264" if suffix else "png", preset="ultrafast")
    check_place(path, spec)
    for frames in (2, 3):
        assert write(path, spec, frames) == path
        assert frames_in(path) == frames
    (aside,) = [p for p in tmp_path.iterdir() if p != path]
    assert frames_in(aside) == 2
    if suffix in (".mp4", ".mov"):
        film = join_movies([path, aside], tmp_path / f"film: {os.fsdecode(name[:100])}{suffix}", spec)
        assert frames_in(film.path) == 5


def test_a_film_is_not_joined_over_one_of_its_parts(tmp_path: Path) -> None:
    spec = MovieSpec(SIZE, Fraction(24), preset="ultrafast")
    parts = [write(tmp_path / name, spec, 2) for name in ("a.mp4", "b.mp4")]
    (tmp_path / "link.mp4").symlink_to(parts[0])
    os.link(parts[1], tmp_path / "hard.mp4")
    held = [part.read_bytes() for part in parts]
    for out in (parts[0], tmp_path / "x" / ".." / "b.mp4", tmp_path / "link.mp4", tmp_path / "hard.mp4"):
        (tmp_path / "x").mkdir(exist_ok=True)
        with pytest.raises(UserError, match="made of"):
            join_movies(parts, out, spec)
    assert [part.read_bytes() for part in parts] == held
    (tmp_path / "film.mp4").write_bytes(b"mine")
    assert join_movies(parts, tmp_path / "film.mp4", spec).path == tmp_path / "film.mp4"
    assert (tmp_path / "film-1.mp4").read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("name", "codec", "says"),
    [
        ("file/a.mp4", "h264", "a part of the path is a file"),
        ("folder.mp4", "h264", "a folder has this name"),
        ("n" * 252 + ".mp4", "h264", "too long for this disk; choose a shorter name"),
        ("file/shots", "png", "a part of the path is a file"),
        ("file", "png", "a file"),
        ("n" * 256, "png", "too long for this disk"),
        ("folder.mp4", "png", "one file a frame"),
        ("full", "png", "other things"),
    ],
)
def test_a_place_that_cannot_be_written_is_known_before_anything_is_heard(tmp_path, name, codec, says) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    for refuse in (check_place, open_movie):
        with pytest.raises(UserError) as refused:
            refuse(tmp_path / name, MovieSpec(SIZE, Fraction(24), codec))
        assert says in refused.value.line()
    assert sorted(tmp_path.rglob("*")) == before


def test_frames_of_an_earlier_render_are_kept_and_a_folder_with_other_things_is_refused(tmp_path):
    spec = MovieSpec(SIZE, Fraction(24), "png", audio=False)
    for name in ("shots", "shots/frame_%06d.png"):
        write(tmp_path / "shots", spec, 5)
        write(tmp_path / name, spec, 3)
        assert len(list((tmp_path / "shots").iterdir())) == 3
        assert len(list((tmp_path / "shots-1").iterdir())) == 5
        (tmp_path / "shots" / "notes.txt").write_text("mine")
        with pytest.raises(UserError, match=r"notes\.txt"):
            open_movie(tmp_path / name, spec)
        assert sorted(p.name for p in tmp_path.iterdir()) == ["shots", "shots-1"]
        for folder in list(tmp_path.iterdir()):
            shutil.rmtree(folder)


def test_frames_go_into_an_empty_folder_and_where_a_link_leads(tmp_path):
    spec = MovieSpec(SIZE, Fraction(24), "png", audio=False)
    (tmp_path / "big" / "shots").mkdir(parents=True)
    (tmp_path / "shots").symlink_to(tmp_path / "big" / "shots")
    assert write(tmp_path / "shots", spec, 2) == tmp_path / "big" / "shots"
    assert len(list((tmp_path / "shots").iterdir())) == 2
    assert sorted(p.name for p in tmp_path.iterdir()) == ["big", "shots"]


def test_a_folder_that_a_person_fills_while_it_is_rendered_is_left_alone(tmp_path):
    spec = MovieSpec(SIZE, Fraction(24), "png", audio=False)
    with open_movie(tmp_path / "shots", spec) as movie:
        movie.video(picture(0))
        (tmp_path / "shots").mkdir()
        (tmp_path / "shots" / "notes.txt").write_text("mine")
        assert movie.close() == tmp_path / "shots-1"
    assert [p.name for p in (tmp_path / "shots").iterdir()] == ["notes.txt"]


def test_a_folder_of_the_films_name_that_comes_while_it_is_rendered_is_left_alone(tmp_path):
    spec = MovieSpec(SIZE, Fraction(24))
    with open_movie(tmp_path / "a.mp4", spec) as movie:
        movie.video(picture(0))
        (tmp_path / "a.mp4").mkdir()
        assert movie.close() == tmp_path / "a-1.mp4"
    assert (tmp_path / "a.mp4").is_dir()


@pytest.mark.parametrize("codec", ["h264", "hevc", "png"])
def test_two_that_are_written_to_one_name_are_whole_under_two(tmp_path, codec):
    spec, name = MovieSpec(SIZE, Fraction(24), codec, audio=False), {"h264": "a.mp4", "hevc": "a.mov", "png": "shots"}[codec]
    first, second = (open_movie(tmp_path / name, spec) for _ in range(2))
    for k in range(3):
        first.video(picture(k))
        second.video(picture(k))
    found = [first.close(), second.close()]
    assert [path.name for path in found] == [name, name.replace("a.", "a-1.") if "." in name else "shots-1"]
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(path.name for path in found)


def test_what_cannot_be_looked_at_is_not_removed(tmp_path, monkeypatch):
    """A part that holds pictures stays, although nobody can tell how many."""
    spec = MovieSpec(SIZE, Fraction(24), preset="ultrafast")

    def broken(*_):
        raise ValueError("not today")

    monkeypatch.setattr(movie_file, "survey", broken)
    movie = open_movie(tmp_path / "a.mp4", spec)
    for k in range(40):
        movie.video(picture(k))
    part = movie.abort()
    assert part == tmp_path / "a.mp4.part.mkv"
    assert frames_in(part) == 40
