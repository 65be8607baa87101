"""The wheel: all that a show needs is in it, it plays from an empty folder, and it leaves other people's packages alone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import av
import pytest

ROOT = Path(__file__).resolve().parents[3]
BROUGHT = (
    "__init__.py",
    "__main__.py",
    "engine/",
    "kernels/",
    "tools/",
    "styles/",
    "scenes/",
    "sketches/",
    "midi/",
    "shaders/",
)
MOST_BYTES = 40e6


def tracked() -> list[str]:
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("not a git checkout: what belongs into the wheel is not known")
    return [name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """A folder with the wheel and the sdist, built from a copy of what is under version control."""
    copy, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    for name in tracked():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, copy / name)
    code = f"from setuptools import build_meta as b; b.build_sdist({str(out)!r}); b.build_wheel({str(out)!r})"
    done = subprocess.run([sys.executable, "-c", code], cwd=copy, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="module")
def site(built, tmp_path_factory) -> Path:
    """A folder as pip would fill it, beside somebody else's `kernels` and `engine`."""
    folder = tmp_path_factory.mktemp("site packages")
    for name in ("kernels", "engine", "tools"):
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text("def get_kernel():\n    return 'theirs'\n")
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def python(site: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PHOSPHENE_")}
    environment |= {"PYTHONPATH": str(site), "PHOSPHENE_HOME": str(folder.parent / "home")}
    command = [sys.executable, "-P", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600, check=False)


@pytest.fixture
def empty(tmp_path) -> Path:
    (tmp_path / "empty").mkdir()
    return tmp_path / "empty"


def test_everything_that_belongs_into_it_is_in_it(built):
    (wheel,) = built.glob("*.whl")
    assert wheel.stat().st_size <= MOST_BYTES
    there = set(zipfile.ZipFile(wheel).namelist())
    wanted = {f"phosphene/{name}" for name in tracked() if name.startswith(BROUGHT)}
    laboratory = ("phosphene/tools/bench/", "phosphene/tools/lab/", "phosphene/tools/moodboards/")
    left_out = {name for name in wanted if name.startswith(laboratory) or name.endswith(".md")}
    assert sorted(wanted - left_out - there) == []
    more = {name for name in there - wanted if not name.startswith("phosphene-")}
    assert sorted(more) == []
    assert not [name for name in there if "/tools/lab/" in name]


def test_the_source_archive_holds_what_it_takes_to_build_and_test_it(built):
    (archive,) = built.glob("*.tar.gz")
    with tarfile.open(archive) as file:
        there = {name.partition("/")[2] for name in file.getnames()}
    wanted = {name for name in tracked() if not name.startswith((".", "tools/bench/results/"))}
    assert sorted(wanted - there) == []
    assert "tools/lab/bench_cppn.py" in there


def test_benchmarks_say_that_they_come_with_the_source(site, empty):
    done = python(site, empty, "-m", "phosphene", "bench", "ring", "--json", "numbers.json")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "benchmarks come with the source code" in line
    assert "pip install -e" in line
    assert list(empty.iterdir()) == []


@pytest.mark.parametrize(
    "command",
    [
        ("style", "--prompt", "red", "--recipe", "plain", "--output", "x"),
        ("gan", "--data", ".", "--recipe", "plain", "--out", "x"),
        ("vqvae", "--data", ".", "--ablation", "--name", "x"),
    ],
)
def test_plain_recipes_and_ablations_say_that_they_come_with_the_source(site, empty, command):
    pytest.importorskip("torch")
    done = python(site, empty, "-m", "phosphene", "train", *command)
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.splitlines()
    assert "come with the source code" in line
    assert list(empty.iterdir()) == []


def test_it_is_of_one_name_and_leaves_others_alone(site, empty):
    code = "import kernels, engine, phosphene.kernels; print(kernels.get_kernel(), engine.get_kernel(), phosphene.__file__)"
    done = python(site, empty, "-c", code)
    assert done.stdout.split(maxsplit=2)[:2] == ["theirs", "theirs"], done.stderr
    assert str(site) in done.stdout


@pytest.mark.gl
def test_a_show_plays_and_records_from_an_empty_folder(site, empty):
    given = ("--input", "demo", "--output", "headless", "--osc-port", "0", "--seconds", "3")
    done = python(site, empty, "-m", "phosphene", "live", *given, "--size", "160x90", "--record", "a.mp4")
    assert done.returncode == 0, done.stderr
    with av.open(str(empty / "a.mp4")) as film:
        assert sum(1 for _ in film.decode(video=0)) > 20
    assert {path.name for path in empty.iterdir()} == {"a.mp4"}


@pytest.mark.gl
def test_it_tries_itself_out_and_keeps_nothing(site, empty):
    done = python(site, empty, "-m", "phosphene", "live", "--smoke")
    assert done.returncode == 0, done.stderr
    assert "pictures in 3 s: it works" in done.stderr
    assert list(empty.iterdir()) == []
    assert not (empty.parent / "home").exists() or not list((empty.parent / "home").glob("takes/*"))


@pytest.mark.gl
def test_a_render_chooses_a_style_that_came_with_it(site, empty):
    done = python(site, empty, "-m", "phosphene", "render", "demo", "x.mp4", "--duration", "1", "-r", "160x90", "--json")
    assert done.returncode == 0, done.stderr
    assert (empty / "x.mp4").is_file()


def test_the_library_is_there_and_new_styles_go_to_the_person(site, empty):
    shipped = {name.split("/")[1] for name in tracked() if name.startswith("styles/") and name.endswith("style.toml")}
    done = python(site, empty, "-m", "phosphene", "styles", "list", "--json")
    assert {row["slug"] for row in json.loads(done.stdout)["styles"]} == shipped
    done = python(site, empty, "-m", "phosphene", "styles", "new", "--seed", "1")
    assert done.returncode == 0, done.stderr
    assert (empty.parent / "home/styles/seed-1-w32/style.toml").is_file()
    assert not (site / "phosphene/styles/seed-1-w32").exists()
    done = python(site, empty, "-m", "phosphene", "styles", "preview", "manta", "--no-video")
    assert done.returncode == 2
    assert "came with the program" in done.stdout + done.stderr


@pytest.mark.parametrize(
    "command", [("train", "style"), ("train", "gan"), ("train", "vqvae"), ("dataset",), ("album",), ("bench",)]
)
def test_the_trainers_are_there(site, empty, command):
    done = python(site, empty, "-m", "phosphene", *command, "--help")
    assert done.returncode == 0, done.stderr
    assert f"vj {' '.join(command)}" in done.stdout
