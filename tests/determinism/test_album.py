"""The same album gives the same frames: for any number of workers, after kills, on a Ray cluster, and when it is verified.

The program runs as a person runs it, in processes of its own; two songs of six seconds, scenes whose effects remember.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from PIL import Image

from phosphene.engine.audio.demo import synthetic_track
from phosphene.engine.core import clock, paths
from phosphene.engine.core.signals import SAMPLE_RATE
from phosphene.engine.output.framehash import read_hashes

pytestmark = pytest.mark.gl

ALBUM = """
version = 1

[album]
title = "Two songs"
size = "64x36"
fps = 10
encoder_preset = "ultrafast"

[album.film]
gap_s = 0.5

[[track]]
id = "one"
source = "one.wav"
scenes = ["tunnel", "furnace"]
bars = 2

[[track]]
id = "two"
source = "two.wav"
scenes = ["furnace", "tunnel"]
bars = 2
trim = { start = 0.5 }
"""
BPM = 160.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("album")
    for name, seed in (("one", 3), ("two", 4)):
        pcm = synthetic_track(BPM, seed, seconds=6).pcm
        with wave.open(str(folder / f"{name}.wav"), "wb") as file:
            file.setparams((2, 2, SAMPLE_RATE, 0, "NONE", ""))
            file.writeframes((pcm * 32767).clip(-32767, 32767).astype("<i2").tobytes())
    (folder / "album.toml").write_text(ALBUM, encoding="utf-8")
    return folder


def command(folder: Path, root: str, *options: str) -> tuple[list[str], dict[str, str]]:
    program = [sys.executable, str(paths.PACKAGE / "tools/render_album.py"), str(folder / "album.toml")]
    environment = os.environ | {"PHOSPHENE_CACHE": str(folder / "cache")}
    return [*program, "--output-root", str(folder / root), *options], environment


def run(folder: Path, root: str, *options: str, code: int = 0) -> str:
    """Run the program; return what it said."""
    line, environment = command(folder, root, *options)
    done = subprocess.run(line, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def told(folder: Path, root: str) -> dict[str, Any]:
    """Return run.json without what may differ."""
    found = json.loads((folder / root / "album" / "run.json").read_text("utf-8"))
    found.pop("volatile")
    return found


def digests(folder: Path, root: str) -> dict[str, tuple[str, str]]:
    tracks = told(folder, root)["tracks"]
    return {name: (track["digest"], track["video_sha256"]) for name, track in tracks.items()}


@pytest.fixture(scope="module")
def first(folder: Path, gl_context: object) -> Path:
    """The album, rendered by one worker."""
    run(folder, "first", "--workers", "1")
    return folder / "first" / "album"


def wait_for(what: Callable[[], object], process: subprocess.Popen[str]) -> None:
    give_up = clock.now() + 180.0
    while not what():
        assert process.poll() is None, "the program ended too early"
        assert clock.now() < give_up
        clock.sleep(0.02)


def test_two_workers_and_another_run_give_the_same_frames_and_files(folder: Path, first: Path) -> None:
    run(folder, "second", "--workers", "2", "--no-previews")
    assert told(folder, "second") == told(folder, "first")
    tracks = told(folder, "first")["tracks"]
    assert [track["frames"] for track in tracks.values()] == [60, 55]
    assert tracks["one"]["digest"] != tracks["two"]["digest"]
    pictures = {frame.hash for frame in read_hashes(first / "tracks/one/film.mp4.framehash").frames}
    assert len(pictures) > 55  # it moves


def test_a_crossfade_is_part_of_what_is_compared(first: Path) -> None:
    plan = json.loads((first / "tracks/one/track.json").read_text("utf-8"))["plan"]
    assert [piece["scene"] for piece in plan] == ["tunnel", "furnace"]
    assert (plan[1]["kind"], plan[1]["beats"]) == ("dissolve", 4.0)


def test_previews_and_the_film_are_there(first: Path) -> None:
    with Image.open(first / "tracks/one/previews/sheet.png") as sheet:
        assert sheet.width > 2 * 64
    shown = 0
    with Image.open(first / "tracks/one/previews/loop.gif") as loop:
        for k in range(loop.n_frames):
            loop.seek(k)
            shown += loop.info["duration"]
    beats = shown / 1e3 * BPM / 60.0
    assert beats == pytest.approx(round(beats), abs=0.05)
    film = told(first.parents[1], "first")["film"]
    assert film["frames"] == 60 + 5 + 55
    assert (first / film["video"]).is_file()


def test_killed_twice_it_goes_on_and_keeps_what_is_finished(folder: Path, first: Path) -> None:
    tracks = folder / "killed" / "album" / "tracks"

    def begun(*options: str, seen: Callable[[], object]) -> subprocess.Popen[str]:
        line, environment = command(folder, "killed", "--no-previews", *options)
        process = subprocess.Popen(line, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        wait_for(seen, process)
        return process

    # a worker: its track fails, the other one does not
    process = begun("--workers", "2", seen=lambda: (tracks / "two/film.mp4.framehash.part").exists())
    for worker in psutil.Process(process.pid).children():
        if worker.cmdline()[-2].endswith("two"):
            worker.kill()
    said, _ = process.communicate()
    assert process.returncode == 1
    assert "two: its worker was killed by signal 9" in said
    assert told(folder, "killed")["tracks"]["two"]["state"] == "failed"
    kept = (tracks / "one/film.mp4").stat().st_mtime_ns
    assert not (tracks / "two/track.json").exists()

    # the program: its worker goes with it
    (tracks / "two/film.mp4.framehash.part").unlink()
    process = begun("--resume", seen=lambda: (tracks / "two/film.mp4.framehash.part").exists())
    workers = psutil.Process(process.pid).children()
    assert len(workers) == 1
    process.send_signal(signal.SIGKILL)
    process.communicate()
    gone, alive = psutil.wait_procs(workers, timeout=300)
    assert (len(gone), alive) == (1, [])
    assert not (tracks / "two/track.json").exists()

    said = run(folder, "killed", "--resume", "--no-previews")
    assert "one: finished, kept" in said
    assert "two: it was not finished" in said
    assert (tracks / "one/film.mp4").stat().st_mtime_ns == kept
    assert digests(folder, "killed") == digests(folder, "first")


def test_ctrl_c_is_one_line(folder: Path, first: Path) -> None:
    line, environment = command(folder, "stopped", "--no-previews")
    process = subprocess.Popen(line, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    part = folder / "stopped/album/tracks/one/film.mp4.framehash.part"
    wait_for(part.exists, process)
    workers = psutil.Process(process.pid).children()
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate()
    assert process.returncode == 130
    assert said.strip() == "stopped; finished tracks are kept, --resume renders the rest"
    with contextlib.suppress(psutil.NoSuchProcess):
        assert not [worker for worker in workers if worker.is_running()]


def test_verify_paints_again_and_names_the_first_other_frame(folder: Path, first: Path) -> None:
    said = run(folder, "first", "--verify", "--workers", "2")
    assert "one: verified, 60 frames" in said
    assert "two: verified, 55 frames" in said
    track = first / "tracks/two"
    hashes, record = track / "film.mp4.framehash", track / "track.json"
    before, known = hashes.read_text("ascii"), record.read_text("utf-8")
    frame = read_hashes(hashes).frames[11]
    try:
        hashes.write_text(before.replace(frame.hash, frame.hash[::-1]), "ascii")
        record.write_text(json.dumps(json.loads(known) | {"digest": read_hashes(hashes).digest}), "utf-8")
        said = run(folder, "first", "--verify", "--track", "two", code=1)
        assert "two: frame 11 is another one when it is painted again" in said
        (track / "film.mp4").rename(track / "kept.mp4")
        (track / "film.mp4").write_bytes((track / "kept.mp4").read_bytes()[:-1] + b"?")
        assert "two: cannot be verified: film.mp4 is not the file" in run(
            folder, "first", "--verify", "--track", "two", code=1
        )
    finally:
        (track / "kept.mp4").replace(track / "film.mp4")
        hashes.write_text(before, "ascii")
        record.write_text(known, "utf-8")


def test_a_changed_setting_renders_its_track_again_and_says_why(folder: Path, first: Path) -> None:
    said = run(folder, "first", "--resume", "--set", "track.two.trim.end=2.5", "--no-previews")
    assert "one: finished, kept" in said
    assert "two: setting duration: null -> 2.0" in said
    assert told(folder, "first")["tracks"]["two"]["frames"] == 20
    assert told(folder, "first")["film"]["frames"] == 60 + 5 + 20
    # and back: the same frames as at first
    run(folder, "first", "--resume", "--no-previews")
    assert digests(folder, "first") == digests(folder, "second")


def test_a_ray_cluster_gives_the_same_frames(folder: Path, first: Path) -> None:
    pytest.importorskip("ray")
    said = run(folder, "ray", "--ray", "local", "--workers", "2", "--threads", "1")
    assert "one: 60 frames" in said
    assert told(folder, "ray") == told(folder, "first")
    assert (folder / "ray/album/tracks/two/previews/sheet.png").is_file()


def test_a_cluster_that_is_not_there_is_said_in_one_line(folder: Path, first: Path) -> None:
    pytest.importorskip("ray")
    said = run(folder, "nowhere", "--ray", "127.0.0.1:1", code=2)
    assert "no Ray cluster answers (--ray 127.0.0.1:1)" in said


def test_what_was_rendered_or_changed_by_a_person_is_kept(folder: Path, gl_context: object) -> None:
    one = ["--track", "one", "--set", "track.one.trim.end=1.0", "--set", 'track.one.scenes=["tunnel"]']
    run(folder, "kept", *one)
    root = folder / "kept" / "album"
    track = root / "tracks" / "one"
    before = {name: (track / name).read_bytes() for name in ("film.mp4", "film.mp4.framehash", "track.json")}
    (scene,) = (track / "show").iterdir()
    scene.write_text(scene.read_text("utf-8") + "# mine\n", encoding="utf-8")
    (track / "previews" / "notes.txt").write_text("mine")
    (root / "run.json").write_text("mine")
    run(folder, "kept", *one, "--set", "album.crf=30")
    assert (track / "film-1.mp4").read_bytes() == before["film.mp4"] != (track / "film.mp4").read_bytes()
    assert (track / "film-1.mp4.framehash").read_bytes() == before["film.mp4.framehash"]
    assert (track / "track-1.json").read_bytes() == before["track.json"] != (track / "track.json").read_bytes()
    assert (track / "show-1" / scene.name).read_text("utf-8").endswith("# mine\n")
    assert not (track / "show" / scene.name).read_text("utf-8").endswith("# mine\n")
    assert (track / "previews" / "notes.txt").read_text() == "mine"
    assert (track / "previews" / "sheet.png").exists()
    assert (root / "run-1.json").read_text() == "mine"
    assert told(folder, "kept")["tracks"]["one"]["state"] == "finished"


def test_an_album_reads_and_writes_in_its_folder_unless_the_command_line_lets_it_out(folder: Path, tmp_path: Path) -> None:
    album, home = tmp_path / "album", tmp_path / "home"
    for each in (album, home):
        each.mkdir()
    (home / "run.json").write_text("precious")
    (album / "one.wav").write_bytes((folder / "one.wav").read_bytes())
    text = ALBUM.split("[[track]]")[0].replace("[album]\n", '[album]\nout = "../home"\n', 1)
    text += '[[track]]\nid = "one"\nsource = "one.wav"\nscene = "tunnel"\ntrim = { end = 0.5 }\n'
    program = [sys.executable, str(paths.PACKAGE / "tools/render_album.py"), str(album / "album.toml"), "--no-previews"]
    environment = os.environ | {"PHOSPHENE_CACHE": str(folder / "cache")}

    def render(text: str, *options: str) -> subprocess.CompletedProcess[str]:
        (album / "album.toml").write_text(text, encoding="utf-8")
        return subprocess.run([*program, *options], env=environment, capture_output=True, text=True)

    allows_itself = text.replace("[album]\n", "[album]\nallow_outside = true\n", 1)
    for done in (render(text), render(allows_itself), render(allows_itself, "--allow-outside")):
        assert done.returncode == 2
        assert "--allow-outside" in done.stderr
        assert done.stderr.count("\n") == 1
    assert [path.name for path in home.iterdir()] == ["run.json"]
    done = render(text, "--allow-outside")
    assert done.returncode == 0, done.stderr
    assert (home / "run-1.json").read_text() == "precious"
    assert (home / "tracks/one/film.mp4").exists()
    # what is heard is not what is written, by whatever name
    (home / "tracks/one/film.mp4").rename(album / "heard.mp4")
    os.link(album / "heard.mp4", home / "tracks/one/film.mp4")
    held = (album / "heard.mp4").read_bytes()
    done = render(text.replace("one.wav", "heard.mp4"), "--allow-outside")
    assert done.returncode == 2
    assert "made of" in done.stderr
    assert (album / "heard.mp4").read_bytes() == held
