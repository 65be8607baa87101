"""Where a render goes: never over what it is made of, never over anything else; any name; refused before it is heard."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from phosphene.engine.app.offline import render, verify
from phosphene.engine.app.render_job import RenderJob
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.engine.core.placing import claim
from phosphene.tools.lab.bench_offline import write_wav

SIZE = Size(64, 36)


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RenderJob:
    monkeypatch.setenv("PHOSPHENE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "in").mkdir()
    sound = write_wav(tmp_path / "in" / "audio.wav", np.zeros(12_000, np.float32))
    return RenderJob(sound, tmp_path / "out.mp4", style="neon-tide", size=SIZE, fps=Fraction(24), preset="ultrafast")


def vj(*arguments: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-c", "from phosphene.engine.cli.main import main; main()", *map(str, arguments)]
    environment = os.environ | environment
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, timeout=300)
    return subprocess.CompletedProcess(
        command, done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")
    )


def test_a_render_is_never_what_it_is_made_of(job: RenderJob, tmp_path: Path) -> None:
    film = job.audio.rename(tmp_path / "in" / "clip.mp4")
    (tmp_path / "soft.mp4").symlink_to(film)
    os.link(film, tmp_path / "hard.mp4")
    os.link(film, tmp_path / "film.mp4.json")
    outs = [film, tmp_path / "in" / ".." / "in" / "clip.mp4", tmp_path / "soft.mp4", tmp_path / "hard.mp4"]
    jobs = [dataclasses.replace(job, audio=film, out=out) for out in (*outs, tmp_path / "film.mp4")]
    jobs += [dataclasses.replace(job, audio=film, out=tmp_path / name, codec="png") for name in ("in", "in/%02d.png")]
    jobs += [dataclasses.replace(job, audio=film, frames_dir=tmp_path / "in")]
    held = film.read_bytes()
    for each in jobs:
        with pytest.raises(UserError, match="made of"):
            each.check_outputs()
    assert film.read_bytes() == held
    dataclasses.replace(job, audio=film).check_outputs()


@pytest.mark.parametrize("style", [(), ("--style", "neon-tide")])
def test_it_is_refused_in_one_line_before_anything_is_heard(tmp_path: Path, style: tuple[str, ...]) -> None:
    (tmp_path / "a.mp4").write_bytes(b"not even a film")
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "shots").mkdir()
    (tmp_path / "shots" / "notes.txt").write_text("mine")
    for out in ("a.mp4", "./a.mp4", "folder.mp4", "shots", "a.mp4/b.mp4", "n" * 252 + ".mp4"):
        before = sorted(tmp_path.rglob("*"))
        done = vj("render", "a.mp4", out, *style, cwd=tmp_path)
        assert done.returncode == 2, done.stderr
        assert done.stderr.count("\n") == 1
        assert "audio" not in done.stderr, "it was not opened"
        assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "a.mp4").read_bytes() == b"not even a film"


@pytest.mark.gl
@pytest.mark.usefixtures("gl_context")
def test_a_film_that_is_there_is_kept_with_what_goes_with_it(job: RenderJob, tmp_path: Path) -> None:
    first = render(job)
    held = [path.read_bytes() for path in (first.out, first.hashes)]
    second = render(dataclasses.replace(job, crf=40))
    assert (second.out, second.hashes) == (first.out, first.hashes)
    kept = [tmp_path / "out-1.mp4", tmp_path / "out-1.mp4.framehash"]
    assert [path.read_bytes() for path in kept] == held
    assert verify(job) is None
    assert verify(job, hashes=kept[1]) is None


@pytest.mark.gl
@pytest.mark.usefixtures("gl_context")
def test_beside_another_that_is_being_written_it_takes_another_name_hashes_and_all(job: RenderJob, tmp_path: Path) -> None:
    other = claim(job.out, ".part.mkv")
    done = render(job)
    other.discard()
    assert (done.out.name, done.hashes.name) == ("out-1.mp4", "out-1.mp4.framehash")
    assert not job.out.exists()
    with pytest.raises(UserError, match="render first"):
        verify(job)


@pytest.mark.gl
@pytest.mark.usefixtures("gl_context")
@pytest.mark.parametrize("name", ["shots", "shots/f_%03d.png"])
def test_hashes_of_frames_lie_beside_their_folder(job: RenderJob, tmp_path: Path, name: str) -> None:
    stills = dataclasses.replace(job, out=tmp_path / name, codec="png")
    done = render(stills)
    assert (done.out, done.hashes) == (tmp_path / "shots", tmp_path / "shots.framehash")
    assert len(list(done.out.glob("*.png"))) == done.frames
    assert verify(stills) is None


@pytest.mark.gl
@pytest.mark.usefixtures("gl_context")
def test_a_name_that_is_no_text_goes_through_the_whole_command(job: RenderJob, tmp_path: Path) -> None:
    out = os.fsdecode(b"caf\xe9: 100%\n.mp4")
    options = ("--style", "neon-tide", "--size", "64x36", "-f", "24", "--preset", "ultrafast")
    said = vj("render", job.audio, out, *options, cwd=tmp_path)
    assert said.returncode == 0, said.stderr
    assert "caf\\udce9: 100%\\n.mp4: 6 frames" in said.stdout
    assert vj("render", job.audio, "é日本.mp4", *options, cwd=tmp_path, PYTHONIOENCODING="latin-1").returncode == 0
    again = vj("render", job.audio, out, *options, "--verify", "--json", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["result"]["out"] == out
    names = [os.fsdecode(b"caf\xe9: 100%\n" + end) for end in (b".mp4", b"-1.mp4")]
    found = {path.name for path in tmp_path.iterdir() if path.name.startswith("caf")}
    assert found == {name + ending for name in names for ending in ("", ".framehash", ".json")}
