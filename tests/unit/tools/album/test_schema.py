"""An album file says what is wrong with it: file, key, allowed, got, remedy. Changes are checked like the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from phosphene.tools.album.schema import Faults, read_album


def faults_of(path: Path, text: str = "", changes: tuple[str, ...] = ()) -> list[str]:
    if text:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(Faults) as caught:
        read_album(path, changes)
    return [fault.line() for fault in caught.value.faults]


def test_what_is_left_out_has_defaults(folder: Path) -> None:
    album = read_album(folder / "album.toml")
    assert [track.id for track in album.track] == ["one", "two"]
    assert (album.album.fps, album.album.crf, album.album.film) == ("12", 18, None)
    assert album.track[0].trim.end is None


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("sizee = 1", ["album.sizee", "allowed: title, out, size", "did you mean 'size'"]),
        ('codec = "h265"', ["album.codec", "h264, hevc, prores", "got: h265", "did you mean 'h264'"]),
        ("crf = 99", ["album.crf", "at most 51", "got: 99"]),
        ('crf = "18"', ["album.crf", "a whole number", "got: 18"]),
        ("workers = true", ["album.workers", "a whole number", "got: True"]),
        ("allow_outside = true", ["album.allow_outside", "cannot allow itself", "--allow-outside"]),
        ("film = { gap = 1 }", ["album.film.gap", "gap_s", "did you mean 'gap_s'"]),
    ],
)
def test_a_slip_in_the_settings_is_named(folder: Path, line: str, told: list[str]) -> None:
    text = (folder / "album.toml").read_text("utf-8").replace('title = "Test"', line)
    said = faults_of(folder / "album.toml", text)
    assert len(said) == 1
    assert all(part in said[0] for part in [str(folder / "album.toml"), *told]), said[0]


def test_all_faults_are_told_at_once(folder: Path) -> None:
    text = 'version = 1\n[album]\ncrf = -1\n[[track]]\nid = "Big Song"\nsource = "x"\n[[track]]\nsauce = "x"\n'
    said = "\n".join(faults_of(folder / "album.toml", text))
    for part in ("album.crf", "track[1].id", "lower-case letters", "track[2].sauce", "track[2].id", "add `id = ...`"):
        assert part in said


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("[album\n", "not valid TOML"),
        ("[album]\n", "start the file with `version = 1`"),
        ("version = 2\n", "got: 2"),
        ("version = 1\n", "add a [[track]]"),
    ],
)
def test_a_file_that_is_no_album_is_refused(folder: Path, text: str, part: str) -> None:
    assert part in faults_of(folder / "album.toml", text)[0]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert str(tmp_path / "no.toml") in faults_of(tmp_path / "no.toml")[0]


def test_changes_reach_settings_tracks_and_tables(folder: Path) -> None:
    changes = ("album.size=640x360", "album.film.gap_s=0.5", "album.fps=29.97", "track.two.seed=7", "track.one.trim.end=3")
    album = read_album(folder / "album.toml", (*changes, "track.one.overrides.fx/bloom/amount=0.2", "track.two.title=a = b"))
    assert (album.album.size, album.album.fps) == ("640x360", "29.97")
    assert album.album.film is not None
    assert album.album.film.gap_s == 0.5
    assert (album.track[1].seed, album.track[1].title) == (7, "a = b")
    assert album.track[0].trim.end == 3.0
    assert album.track[0].overrides == {"fx/bloom/amount": 0.2}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("album.crf=high", ["--set, album.crf", "got: high"]),
        ("album.crff=1", ["album.crff", "did you mean 'crf'"]),
        ("track.onne.seed=1", ["allowed: one, two", "got: onne", "did you mean 'one'"]),
        ("track.one=3", ["track.one"]),
        ("crf=1", ["album.KEY=VALUE"]),
        ("album.crf", ["album.KEY=VALUE"]),
        ("album.title.x=1", ["album.title"]),
        ("track.one.seed.x=1", ["track[1].seed"]),
    ],
)
def test_a_wrong_change_is_told(folder: Path, change: str, told: list[str]) -> None:
    said = faults_of(folder / "album.toml", changes=(change,))
    assert all(part in said[0] for part in told), said[0]
