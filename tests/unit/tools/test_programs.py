"""Small programs: a bad word or file is one line and code 2, work that fails costs no earlier file, and none is lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.paths import PACKAGE
from phosphene.tools import bench
from phosphene.tools.lab import contact_sheet, library_sheet


def process(*command: object) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, *map(str, command)]
    return subprocess.run(line, cwd=PACKAGE, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("tools/lab/contact_sheet.py", "{tmp}/x.png", "--size", "huh"), "not a picture size"),
        (("tools/lab/contact_sheet.py", "{tmp}/x.png", "--internal", "0x0"), "--internal"),
        (("tools/lab/contact_sheet.py", "{tmp}/x.doc"), "unknown kind of picture"),
        (("tools/lab/contact_sheet.py", "{tmp}/x.png", "--scene", "no-such"), "no such scene"),
        (("tools/lab/scene_stills.py", "--scene", "no-such"), "not a shipped scene"),
        (("tools/lab/scene_stills.py", "--sheet", "{tmp}/x.doc"), "unknown kind of picture"),
        (("tools/lab/shader_stills.py", "--shader", "slices"), "not a shipped shader"),
        (("tools/lab/library_sheet.py", "{tmp}"), "unknown kind of picture"),
        (("tools/lab/library_sheet.py", "{tmp}/file/x.png"), "cannot be written"),
        (("-m", "phosphene.tools.lab.av_sync", "/nope.mp4"), "no such file"),
        (("-m", "phosphene.tools.lab.av_sync", "{tmp}/file"), "cannot be read as a film"),
        (("-m", "phosphene.tools.lab.av_sync", "{tmp}/pipe"), "a named pipe"),
        (("tools/bench.py", "ring", "--json", "{tmp}/file/x.json"), "cannot be written"),
        (("tools/bench.py", "ring", "--json", "{tmp}"), "a folder has this name"),
        (("tools/export_engine.py", "aurora-rain", "--onnx-only", "--out", "{tmp}/file"), "cannot be written"),
    ],
)
def test_what_a_person_can_mend_is_one_line(tmp_path: Path, command: tuple[str, ...], said: str) -> None:
    (tmp_path / "file").write_text("mine")
    os.mkfifo(tmp_path / "pipe")
    done = process(*(word.replace("{tmp}", str(tmp_path)) for word in command))
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.splitlines()
    assert said in line
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "pipe"]


def test_a_sheet_that_is_not_made_costs_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "sheet.png"
    out.write_bytes(b"mine")

    def fail(*_: object) -> None:
        assert out.read_bytes() == b"mine", "nothing is moved before there is a sheet"
        raise UserError("no more light")

    monkeypatch.setattr(library_sheet, "sheet", fail)
    with pytest.raises(UserError):
        library_sheet.main([str(out)])
    assert [path.name for path in tmp_path.iterdir()] == ["sheet.png"]
    monkeypatch.setattr(library_sheet, "sheet", lambda *_: Image.new("RGB", (4, 4)))
    library_sheet.main([str(out)])
    assert (tmp_path / "sheet-1.png").read_bytes() == b"mine"
    with Image.open(out) as image:
        assert image.size == (4, 4)


@pytest.mark.gl
def test_a_contact_sheet_that_is_not_made_costs_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gl_context) -> None:
    out = tmp_path / "sheet.png"
    out.write_bytes(b"mine")

    def fail(*_: object) -> None:
        raise UserError("no more light")

    monkeypatch.setattr(contact_sheet, "sheet", fail)
    with pytest.raises(UserError, match="no more light"):
        contact_sheet.main(out, size="64x36", internal="32x18")
    assert out.read_bytes() == b"mine"
    monkeypatch.setattr(contact_sheet, "sheet", lambda *_: Image.new("RGB", (4, 4)))
    contact_sheet.main(out, size="64x36", internal="32x18")
    assert (tmp_path / "sheet-1.png").read_bytes() == b"mine"


def measure(monkeypatch: pytest.MonkeyPatch, out: Path, *benchmarks: object):
    named = {f"b{k}": each for k, each in enumerate(benchmarks)}
    monkeypatch.setattr(bench, "_benchmarks", lambda *_: named)
    app = typer.Typer()
    app.command()(bench.main)
    return CliRunner().invoke(app, [*named, "--json", str(out)])


def test_numbers_take_their_name_when_all_are_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "numbers.json"
    out.write_text("mine")

    def second() -> dict[str, int]:
        assert json.loads((tmp_path / "numbers.json.part").read_text())["b0"] == {"ms": 1}
        assert out.read_text() == "mine"
        return {"ms": 2}

    done = measure(monkeypatch, out, lambda: {"ms": 1}, second)
    assert done.exit_code == 0, done.exception
    told = json.loads(out.read_text())
    assert (told["b0"], told["b1"]) == ({"ms": 1}, {"ms": 2})
    assert (tmp_path / "numbers-1.json").read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("error", [UserError("no card"), KeyboardInterrupt(), OSError(5, "Input/output error")])
def test_what_was_measured_before_a_fault_is_left(tmp_path: Path, monkeypatch, error: BaseException) -> None:
    out = tmp_path / "numbers.json"
    out.write_text("mine")

    def fail() -> None:
        raise error

    done = measure(monkeypatch, out, lambda: {"ms": 1}, fail)
    assert done.exit_code != 0
    assert "what was measured is in" in done.stderr
    assert json.loads((tmp_path / "numbers.json.part").read_text())["b0"] == {"ms": 1}
    measure(monkeypatch, tmp_path / "none.json", fail)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["numbers.json", "numbers.json.part"]
    assert out.read_text() == "mine"
