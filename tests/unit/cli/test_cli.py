"""The command line as a process: what it prints, its exit codes, its one-line errors."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from phosphene.engine.core import paths
from phosphene.engine.gpu.cuda import cuda_refusal


def vj(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "phosphene.engine.cli.main", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env=os.environ | environment)


def test_osc_reference_is_the_page_in_docs() -> None:
    done = vj("osc", "--markdown")
    assert done.returncode == 0
    assert done.stdout == (paths.PACKAGE / "docs" / "osc.md").read_text("utf-8")


def test_osc_tree_is_json() -> None:
    tree = json.loads(vj("osc", "--json").stdout)
    assert tree["CONTENTS"]["deck"]["CONTENTS"]["a"]["CONTENTS"]["zoom"]["RANGE"] == [{"MIN": 0.25, "MAX": 4.0}]


def test_osc_layouts_are_written_beside_what_is_there(tmp_path: Path) -> None:
    page = tmp_path / "page.json"
    page.write_text("mine")
    done = vj("osc", "--open-stage-control", str(page))
    assert (done.returncode, done.stdout) == (0, f"wrote {page}\n")
    assert json.loads(page.read_text("utf-8"))["type"] == "session"
    assert (tmp_path / "page-1.json").read_text() == "mine"


def test_shipped_scenes_have_no_faults() -> None:
    done = vj("scenes", "lint")
    assert done.returncode == 0, done.stderr
    rows = json.loads(vj("scenes", "list", "--json").stdout)
    assert len(rows) >= 8
    assert not [row for row in rows if row["style"] == "refused"]


def test_a_bad_scene_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text('version = 1\nname = "Bad"\nwobble = 3\n[deck]\nstyle = "neon-tide"\n')
    done = vj("scenes", "lint", str(tmp_path / "bad.toml"))
    assert done.returncode == 1
    assert "unknown key" in done.stderr
    assert "wobble" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("live", "--fps", "fast"), "not a frame rate"),
        (("live", "--size", "big"), "not a picture size"),
        (("live", "--input", "file:no-such-file.wav", "--seconds", "1"), "no-such-file.wav"),
        (("live", "--output", "headless", "--backend", "abacus", "--seconds", "1"), "no such backend"),
        (("rerender", "no-such-take", "out.mp4"), "not a take (no-such-take)"),
        (("rerender", "no-such-take", "out.mp4", "--internal", "some"), "no such choice (--internal)"),
        (("bench", "nonsense"), "no such benchmark"),
        (("live", "--seconds", "inf"), "--seconds"),
        (("live", "--seconds", "nan"), "--seconds"),
        (("live", "--seconds=-1"), "--seconds"),
        (("live", "--seconds", "1e300"), "--seconds"),
        (("live", "--gain", "nan"), "--gain"),
        (("live", "--gain", "inf"), "--gain"),
        (("live", "--fps", "inf"), "not a frame rate"),
        (("live", "--channels", "²"), "not input channels"),
        (("live", "--size", f"{'9' * 5000}x9"), "not a picture size"),
        (("live", "--style", "x" * 5000), "no such style"),
        (("render", "demo", "x.mp4", "--style", "neon-tide", "--start", "nan"), "--start"),
        (("render", "demo", "x.mp4", "--style", "neon-tide", "-d", "inf"), "--duration"),
        (("render", "demo", "x.mp4", "--style", "neon-tide", "-a", "nan"), "--audio-scale"),
        (("render", "demo", "x.mp4", "--style", "neon-tide", "--seed=-1"), "--seed"),
        (("styles", "new", "--seed=-1"), "--seed"),
        (("styles", "new", "--seed", "9" * 400), "--seed"),
        (("styles", "import", "no-such.pth", "--zoom", "nan"), "--zoom"),
        (("engines", "build", "--limit", "inf"), "--limit"),
    ],
)
def test_faults_of_a_person_are_one_line(arguments: tuple[str, ...], said: str) -> None:
    done = vj(*arguments)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_files_of_strangers_are_one_line_each(tmp_path: Path) -> None:
    """Byte order marks, 3,000 levels, pipes: the bad ones are named, the good one is listed."""
    good = (paths.PACKAGE / "scenes" / "pulse.toml").read_bytes()
    (tmp_path / "marked.toml").write_bytes(b"\xef\xbb\xbf" + good.replace(b"\n", b"\r\n"))
    (tmp_path / "deep.toml").write_text("a=" + "[" * 3000 + "]" * 3000)
    (tmp_path / "digits.toml").write_text("version = " + "9" * 5000)
    os.mkfifo(tmp_path / "pipe.toml")
    os.mkfifo(tmp_path / "setlist.toml")
    done = vj("scenes", "lint", PHOSPHENE_SCENES=str(tmp_path))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    for name in ("deep", "digits", "pipe", "setlist"):
        assert sum(f"{name}.toml" in line for line in done.stderr.splitlines()) == 1, done.stderr
    assert "marked" not in done.stderr
    rows = json.loads(vj("scenes", "list", "--json", PHOSPHENE_SCENES=str(tmp_path)).stdout)
    assert {row["slug"]: row["style"] == "refused" for row in rows} == {
        "marked": False, "deep": True, "digits": True, "pipe": True,
    }  # fmt: skip


@pytest.mark.skipif(cuda_refusal() is None, reason="this machine has CUDA")
def test_the_gpu_benchmark_says_in_one_line_that_there_is_no_gpu() -> None:
    command = [sys.executable, str(paths.PACKAGE / "tools/bench.py"), "gpu", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 2
    said = f"no CUDA here: got: {cuda_refusal()}; run this on a machine with an NVIDIA GPU"
    assert done.stderr.splitlines()[-1] == f"vj bench: {said}"
    assert done.stdout == ""


def test_doctor_tells_backends_and_reasons() -> None:
    found = json.loads(vj("doctor", "--json").stdout)
    assert any(line.startswith("cpu: ready") for line in found["backends"])
    assert any("glsl" in line for line in found["backends"])
    assert found["versions"]["phosphene"]
    for name in ("cuda", "torch"):
        (line,) = [line for line in found["backends"] if line.startswith(f"{name}: ")]
        assert line != f"{name}: not installed"
    if (reason := cuda_refusal()) is not None:
        assert found["cuda"] == reason
        assert f"cuda: {reason}" in found["backends"]
