"""`vj shaders` as a person and a script see it: lists, verdicts, exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from phosphene.engine.cli.shaders_commands import app

FINE = '/*{"INPUTS": [{"NAME": "far", "TYPE": "float", "LABEL": "How far"}]}*/\nvoid main() { gl_FragColor = vec4(far); }\n'
WRONG = '/*{"INPUTS": []}*/\n\nvoid main() { gl_FragColor = vec4(nothing); }\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PHOSPHENE_SHADERS", str(tmp_path / "shaders"))
    monkeypatch.setenv("PHOSPHENE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "shaders").mkdir()
    return tmp_path / "shaders"


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, list(arguments))
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.stdout


def test_the_list_says_what_moves_what(folder: Path) -> None:
    assert str(folder) in run("list")[1]
    (folder / "Fine.fs").write_text(FINE)
    (folder / "Blur.fs").write_text(FINE.replace("[{", '[{"NAME": "inputImage", "TYPE": "image"}, {'))
    (folder / "junk.fs").write_text("junk")
    code, text = run("list")
    assert code == 0
    assert "shader:fine" in text
    assert "1 How far" in text
    assert "lint it" in text
    told = {each["slug"]: each for each in json.loads(run("list", "--json")[1])}
    assert told["shader:fine"]["inputs"][0]["params"] == ["shader1"]
    assert told["shader:blur"]["inputs"][1]["params"] == ["far"]
    assert "no ISF header" in told["shader:junk"]["fault"]


def test_lint_says_line_and_reason(gl: object, folder: Path) -> None:
    (folder / "fine.fs").write_text(FINE)
    assert run("lint")[0] == 0
    (folder / "wrong.fs").write_text(WRONG)
    code, text = run("lint", str(folder))
    assert code == 1
    assert f"{folder / 'wrong.fs'}:3" in text
    assert "2 shaders, 1 refused" in text
    code, text = run("lint", str(folder / "wrong.fs"), str(folder / "fine.fs"), "--json")
    told = json.loads(text)
    assert (code, [each["ok"] for each in told["shaders"]]) == (1, [False, True])
    wrong, fine = told["shaders"]
    assert wrong["where"] == f"{folder / 'wrong.fs'}:3"
    assert wrong["reason"]
    assert wrong["remedy"]
    assert (fine["kind"], fine["inputs"][0]["answers"]) == ("generator", True)
    assert told["renderer"]


@pytest.mark.parametrize(("arguments", "said"), [(["nowhere"], "no such file"), (["--limit", "0"], "out of range")])
def test_what_was_typed_wrongly(folder: Path, arguments: list[str], said: str) -> None:
    with pytest.raises(Exception, match=said):
        run("lint", *arguments)


def test_lint_ends_by_itself_where_a_file_cannot_be_read(gl: object, folder: Path) -> None:
    (folder / "fine.fs").write_text(FINE)
    (folder / "junk.fs").write_text("junk")
    done = subprocess.run(
        [sys.executable, "-m", "phosphene", "shaders", "lint", str(folder)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert "no ISF header" in done.stdout
