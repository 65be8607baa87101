"""What counts as finished: today's settings, the very file, its very hashes; and why a track is rendered again."""

from __future__ import annotations

import errno
import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from phosphene.engine.core.frame import Size
from phosphene.engine.output.framehash import FrameHashes
from phosphene.tools.album.checks import check_album
from phosphene.tools.album.job import FORMAT, TrackJob, folder_of, prepare_song
from phosphene.tools.album.records import (
    RUN_FILE,
    TRACK_FILE,
    differences,
    disk_fault,
    known_film,
    read_record,
    run_document,
    unfinished,
    write_record,
)
from phosphene.tools.album.schema import read_album


@pytest.fixture
def job(folder: Path, catalogue, monkeypatch: pytest.MonkeyPatch) -> TrackJob:
    monkeypatch.setenv("PHOSPHENE_CACHE", str(folder / "cache"))
    return job_of(folder, catalogue)


def job_of(folder: Path, catalogue, *changes: str) -> TrackJob:
    path = folder / "album.toml"
    checked = check_album(read_album(path, changes), path, catalogue, only=("one",))
    return prepare_song(checked, checked.songs[0], catalogue).job


def finished(root: Path, job: TrackJob) -> Path:
    """Leave what a worker leaves, with a film of a few bytes."""
    folder = folder_of(root, job.id)
    folder.mkdir(parents=True)
    film = folder / "film.mp4"
    film.write_bytes(b"film")
    with FrameHashes(folder / "film.mp4.framehash", Size(2, 2), job.render.fps) as hashes:
        hashes.add(np.zeros((2, 2, 4), np.uint8))
    record = {
        "format": FORMAT, "depends": job.depends, "video": "film.mp4", "digest": hashes.digest, "frames": 1,
        "video_sha256": hashlib.sha256(b"film").hexdigest(), "seconds": 0.1, "hashes": "film.mp4.framehash",
        "volatile": {"speed": 1.0},
    }  # fmt: skip
    write_record(folder / "job.json", job.to_json())
    write_record(folder / TRACK_FILE, record)
    return folder


def test_a_job_comes_back_from_json(job: TrackJob) -> None:
    assert TrackJob.from_json(json.loads(json.dumps(job.to_json()))) == job


def test_a_finished_track_is_kept(job: TrackJob, tmp_path: Path) -> None:
    assert unfinished(tmp_path, job) == "not rendered yet"
    folder = finished(tmp_path, job)
    assert unfinished(tmp_path, job) == ""
    (folder / TRACK_FILE).unlink()
    assert unfinished(tmp_path, job) == "it was not finished"


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("film.mp4", b"else", "film.mp4 is not the file that was rendered"),
        ("film.mp4", None, "film.mp4 is gone"),
        ("film.mp4.framehash", b"0, 0", "its frame hashes cannot be read"),
        (TRACK_FILE, b"{", "it was not finished"),
        (TRACK_FILE, b"[" * 100_000, "it was not finished"),
        (TRACK_FILE, b'{"format": 1}', "it was not finished"),
        (TRACK_FILE, b'{"format": 1, "depends": [], "video": 5}', "it was not finished"),
    ],
)
def test_a_track_that_is_not_whole_is_rendered_again(job: TrackJob, tmp_path: Path, name: str, content, why: str) -> None:
    path = finished(tmp_path, job) / name
    path.unlink() if content is None else path.write_bytes(content)
    assert unfinished(tmp_path, job) == why


@pytest.mark.parametrize(
    "change",
    [
        *({"video": name} for name in ("../../x.mp4", "/etc/passwd", "a/b.mp4", "..", "", 5)),
        *({"hashes": name} for name in ("../x", None)),
        *({"frames": count} for count in (None, "1")),
        *({"seconds": s} for s in (None, "1")),
        {"depends": {"program": 5}}, {"volatile": {}}, {"volatile": {"speed": "fast"}}, {"volatile": None},
    ],
)  # fmt: skip
def test_a_record_that_lacks_something_or_leads_elsewhere_is_none(job: TrackJob, tmp_path: Path, change: dict) -> None:
    folder = finished(tmp_path, job)
    record = read_record(folder)
    assert record is not None
    (folder / TRACK_FILE).write_text(json.dumps(record | change))
    assert read_record(folder) is None
    assert unfinished(tmp_path, job) == "it was not finished"


_FILM = {"video": "album.mp4", "video_sha256": "0", "frames": 3, "seconds": 0.1, "depends": {}}


@pytest.mark.parametrize(
    "content",
    [
        "[" * 200_000,
        *(
            json.dumps({"film": film, "volatile": {"film": {}}})
            for film in (
                {"x": 1},
                [],
                None,
                5,
                _FILM | {"video": "../x.mp4"},
                _FILM | {"seconds": "1"},
                _FILM | {"depends": 1},
            )
        ),
        json.dumps({"film": _FILM, "volatile": []}),
        json.dumps({"film": _FILM}),
    ],
)
def test_what_a_strangers_run_says_of_the_film_is_believed_only_if_it_is_whole(tmp_path: Path, content: str) -> None:
    (tmp_path / RUN_FILE).write_text(content)
    assert known_film(tmp_path) is None
    write_record(tmp_path / RUN_FILE, {"format": FORMAT, "film": _FILM, "volatile": {"film": {"seconds": 1.0}}})
    assert (tmp_path / "run-1.json").read_text() == content, "what is no record is kept"
    assert known_film(tmp_path) == _FILM | {"volatile": {"seconds": 1.0}}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("album.crf=30", "setting crf: 18 -> 30"),
        ("album.fps=24", "setting fps: 12 -> 24"),
        ("album.encoder_preset=fast", "setting preset: medium -> fast"),
        ("track.one.seed=1", "setting seed"),
        ("track.one.scene=tide", "setting scene"),
        ("track.one.overrides.zoom=2", "scene 01-"),
        ("track.one.style=manta", "scene 01-"),
        ("track.one.trim.end=0.3", "setting duration: null -> 0.3"),
    ],
)
def test_a_changed_setting_is_named(job: TrackJob, folder: Path, catalogue, change: str, why: str) -> None:
    said = differences(job.depends, job_of(folder, catalogue, change).depends)
    assert why in said


@pytest.mark.parametrize("change", ["album.workers=2", "album.title=Else", "track.one.title=Else", "album.film.gap_s=1"])
def test_what_the_frames_do_not_depend_on_renders_nothing_again(job, folder, catalogue, change) -> None:
    assert differences(job.depends, job_of(folder, catalogue, change).depends) == ""


def test_another_sound_is_another_film(job: TrackJob, folder: Path, catalogue) -> None:
    (folder / "one.wav").write_bytes((folder / "two.wav").read_bytes())
    assert "analysis changed" in differences(job.depends, job_of(folder, catalogue).depends)


def test_a_moved_album_is_the_same_album(job: TrackJob, folder: Path, catalogue, tmp_path_factory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    for name in ("album.toml", "one.wav", "two.wav"):
        (elsewhere / name).write_bytes((folder / name).read_bytes())
    assert job_of(elsewhere, catalogue).depends == job.depends


def test_the_run_document_keeps_apart_what_may_differ(job: TrackJob, folder: Path, catalogue) -> None:
    path = folder / "album.toml"
    checked = replace(check_album(read_album(path), path, catalogue), root=folder / "out")
    finished(checked.root, job)
    found = [run_document(checked, {"one": job}, {"two": "no"}, None, began) for began in ("then", "now")]
    assert found[0]["volatile"]["began"] != found[1].pop("volatile")["began"]
    found[0].pop("volatile")
    assert found[0] == found[1]
    assert {name: track["state"] for name, track in found[0]["tracks"].items()} == {"one": "finished", "two": "failed"}
    assert found[0]["tracks"]["one"]["depends"]["audio"] == hashlib.sha256((folder / "one.wav").read_bytes()).hexdigest()


def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    line, full = disk_fault(OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "x")), tmp_path)
    assert full
    assert line == f"disk full ({tmp_path}/x); make room, then --resume"
    assert disk_fault(PermissionError(errno.EACCES, "Permission denied"), tmp_path) == (
        f"Permission denied ({tmp_path})", False,
    )  # fmt: skip
