"""What an album names is checked before anything renders: files, paths, scenes, styles, presets, values."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from phosphene.engine.core.frame import Size
from phosphene.engine.show.catalogue import Catalogue
from phosphene.tools.album.checks import Checked, check_album
from phosphene.tools.album.schema import Faults, read_album


def checked(folder: Path, catalogue: Catalogue, *changes: str, **more: object) -> Checked:
    path = folder / "album.toml"
    return check_album(read_album(path, changes), path, catalogue, **more)  # type: ignore[arg-type]


def faults_of(folder: Path, catalogue: Catalogue, *changes: str, **more: object) -> str:
    with pytest.raises(Faults) as caught:
        checked(folder, catalogue, *changes, **more)
    return "\n".join(fault.line() for fault in caught.value.faults)


def test_a_good_album_is_resolved(folder: Path, catalogue: Catalogue) -> None:
    album = checked(folder, catalogue, "track.one.trim.start=0.1", "track.one.trim.end=0.3", "track.two.seed=9")
    one, two = album.songs
    assert album.root == folder / "renders" / "album"
    assert (album.size, album.fps, album.film_name) == (Size(64, 36), 12, "film.mp4")
    assert (one.audio, one.start, one.mood) == (folder / "one.wav", 0.1, "default")
    assert one.duration == pytest.approx(0.2)
    assert (two.mood, two.seed) == ("drift", 9)


def test_a_seed_depends_on_the_id_and_not_on_the_place(folder: Path, catalogue: Catalogue) -> None:
    before = {song.id: song.seed for song in checked(folder, catalogue).songs}
    text = (folder / "album.toml").read_text("utf-8")
    head, one, two = text.split("[[track]]")
    (folder / "album.toml").write_text("[[track]]".join([head, two, one]), "utf-8")
    assert {song.id: song.seed for song in checked(folder, catalogue).songs} == before
    assert len(set(before.values())) == 2
    later = {song.id: song.seed for song in checked(folder, catalogue, "album.seed=1").songs}
    assert later == {name: seed + 1 for name, seed in before.items()}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (["album.size=72p"], ["album.size", "720p", "got: 72p"]),
        (["album.size=65x36"], ["album", "even sides"]),
        (["album.fps=0"], ["album.fps", "got: 0"]),
        (["album.encoder_preset=quick"], ["album.encoder_preset", "ultrafast"]),
        (["album.preset=nocturn"], ["album.preset", "did you mean 'nocturne'"]),
        (["album.out=../elsewhere"], ["album.out", "--allow-outside"]),
        (["album.codec=prores", "album.film.gap_s=1"], ["album.film", "h264 or hevc"]),
        (["track.one.source=won.wav"], ["track[1].source", "no such audio file", "won.wav"]),
        (["track.one.source=../one.wav"], ["track[1].source", "leads out", "--allow-outside"]),
        (["track.one.source=/etc/hosts"], ["track[1].source", "leads out"]),
        (["track.one.source=album.toml"], ["track[1].source"]),
        (["track.one.source=empty.wav"], ["track[1].source", "0 bytes"]),
        (["track.one.source=noise.wav"], ["track[1].source", "noise.wav"]),
        (["track.one.trim.start=5"], ["track[1].source", "no sound in this part"]),
        (["track.one.trim.start=0.3", "track.one.trim.end=0.2"], ["track[1].trim", "end > start"]),
        (["track.two.id=one"], ["track[2].id", "stands twice", "track[1]"]),
        (["track.one.preset=pulze"], ["track[1].preset", "did you mean 'pulse'"]),
        (["track.one.scene=tidee"], ["track[1].scene", "did you mean 'tide'"]),
        (["track.one.scene=tide:manto"], ["track[1].scene", "no such style", "did you mean 'manta'"]),
        (['track.one.scenes=["tide", "prysm"]'], ["track[1].scenes[2]", "did you mean 'prism'"]),
        (["track.one.scene=tide", 'track.one.scenes=["tide"]'], ["both scene and scenes"]),
        (["track.one.style=cosmic-nebul"], ["track[1].style", "did you mean 'cosmic-nebula'"]),
        (["track.one.anchors=[[1, 2]]"], ["track[1].anchors[1]", "8 numbers", "got: 2"]),
        (["track.one.overrides.fx/blom/amount=1"], ["track[1].overrides", "did you mean 'fx/bloom/amount'"]),
        (["track.one.overrides.zoom=99"], ["track[1].overrides.zoom", "0.25 to 4", "got: 99"]),
    ],
)
def test_every_fault_names_its_key(folder: Path, catalogue: Catalogue, changes: list[str], told: list[str]) -> None:
    (folder / "empty.wav").touch()
    (folder / "noise.wav").write_bytes(bytes(range(256)) * 20)
    said = faults_of(folder, catalogue, *changes)
    assert "\n" not in said
    assert all(part in said for part in told), said


def test_faults_of_several_tracks_are_told_at_once(folder: Path, catalogue: Catalogue) -> None:
    said = faults_of(folder, catalogue, "track.one.source=a.wav", "track.two.source=b.wav", "album.size=x")
    assert [line.split("(")[1].split(")")[0].split(", ")[-1][:8] for line in said.splitlines()] == [
        "album.si", "track[1]", "track[2]",
    ]  # fmt: skip


def test_a_link_that_leads_outside_is_outside(folder: Path, catalogue: Catalogue, tmp_path_factory) -> None:
    outside = tmp_path_factory.mktemp("outside") / "song.wav"
    (folder / "one.wav").rename(outside)
    os.symlink(outside, folder / "one.wav")
    assert "leads out of the album's folder" in faults_of(folder, catalogue)
    assert checked(folder, catalogue, outside=True).songs[0].audio == outside


def test_only_the_tracks_that_are_asked_for_need_their_sources(folder: Path, catalogue: Catalogue) -> None:
    (folder / "two.wav").unlink()
    assert [song.id for song in checked(folder, catalogue, only=("one",)).songs] == ["one"]
    assert "no such track (--track): allowed: one, two, got: tow; did you mean 'two'" in faults_of(
        folder, catalogue, only=("tow",)
    )


def test_one_preset_for_all(folder: Path, catalogue: Catalogue) -> None:
    assert {song.mood for song in checked(folder, catalogue, preset="surge").songs} == {"surge"}
    assert "(--preset)" in faults_of(folder, catalogue, preset="surg")
