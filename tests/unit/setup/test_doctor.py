"""The doctor: it agrees with pyproject.toml, answers in JSON, and finds a gap where there is one."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
DOCTOR = ROOT / "setup/doctor.py"


def load():
    spec = importlib.util.spec_from_file_location("phosphene_setup_doctor", DOCTOR)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


doctor = load()


def ask(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(DOCTOR), *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env=environment or None,
    )


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def names(requirements: list[str]) -> set[str]:
    return {canonical(re.split(r"[<>=!~ ;\[]", line, maxsplit=1)[0]) for line in requirements}


def pyproject() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_it_checks_the_packages_that_the_project_asks_for():
    windows = "; sys_platform == 'win32'"
    here = [line for line in pyproject()["dependencies"] if sys.platform == "win32" or windows not in line]
    assert {canonical(name) for name in doctor.IMPORTS} == names(here)


def test_everything_the_project_asks_for_is_pinned_once():
    lines = (ROOT / "setup/constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9][0-9a-z.]*(; .+)?", pin) for pin in pins)
    everywhere = [canonical(pin.split("==")[0]) for pin in pins if ";" not in pin]
    somewhere = {canonical(pin.split("==")[0]) for pin in pins if ";" in pin}
    assert len(everywhere) == len(set(everywhere))
    assert somewhere == {"onnxruntime"}, "its last version for Intel Macs, and the one for all others"
    pinned = {*everywhere, *somewhere}
    project = pyproject()
    wanted = names(project["dependencies"]).union(*(names(extra) for extra in project["optional-dependencies"].values()))
    assert wanted <= pinned


def test_json_and_table_agree_with_the_exit_code():
    done = ask("--json")
    report = json.loads(done.stdout)
    assert (done.returncode == 0) == report["ready"] == all(row["state"] != "missing" for row in report["rows"])
    assert {row["name"] for row in report["rows"]} >= {"Python", "Packages", "OpenGL context", "Display", "Disk space"}
    for row in report["rows"]:
        assert row["state"] in {"ok", "note", "missing"}
        assert row["remedy"] or row["state"] == "ok"


def test_the_python_that_runs_the_tests_is_good_enough():
    assert ask("--interpreter").returncode == 0


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="system packages are a matter of Linux")
class TestPieces:
    def test_a_missing_piece_is_named_by_its_package(self, monkeypatch):
        gone = doctor.Piece("Nothing", "library", "libphosphene-is-not-here.so.9", "libnothing9")
        tool = doctor.Piece("No tool", "command", "phosphene-no-such-command", "no-tool", "tests")
        folder = doctor.Piece("No file", "file", "/nowhere/*.so:/nowhere/either/*", "no-file")
        monkeypatch.setattr(doctor, "PIECES", (gone, tool, folder))
        assert doctor.missing_packages("live") == ["libnothing9", "no-file"]
        assert doctor.missing_packages("tests") == ["libnothing9", "no-tool", "no-file"]
        rows = doctor.library_rows("live")
        assert [row.state for row in rows] == ["missing", "missing"]
        assert rows[0].remedy == "sudo apt-get install libnothing9"

    def test_a_present_piece_is_not_asked_for(self, monkeypatch):
        c_library = doctor.Piece("C", "library", "libc.so.6", "libc6")
        shell = doctor.Piece("shell", "command", "sh", "dash")
        here = doctor.Piece("this file", "file", "/nowhere/*:" + __file__, "this")
        monkeypatch.setattr(doctor, "PIECES", (c_library, shell, here))
        assert doctor.missing_packages("tests") == []

    @pytest.mark.gl
    def test_the_context_it_makes_has_a_name(self):
        done = ask("--probe-gl")
        assert done.returncode == 0, done.stdout
        assert " / " in done.stdout


def test_a_question_that_hangs_or_crashes_is_an_answer():
    assert doctor.ask([sys.executable, "-c", "import os; os.abort()"]) == (False, "ended with -6") or sys.platform == "win32"
    worked, said = doctor.ask([sys.executable, "-c", "while True: pass"], timeout=0.2)
    assert not worked
    assert "timed out" in said
    assert doctor.ask(["phosphene-no-such-command"])[0] is False


def test_without_an_installation_the_remedy_is_the_one_command():
    (row,) = doctor.package_rows("")
    assert (row.state, row.remedy) == ("missing", "sh setup/run.sh")
