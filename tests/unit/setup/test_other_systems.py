"""What the source needs of a system is told, and what is wrong everywhere is not."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def load():
    spec = importlib.util.spec_from_file_location("phosphene_setup_other_systems", ROOT / "setup/other_systems.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


other_systems = load()


def answer(*findings: tuple[int, str], files: int = 1) -> str:
    """Return what basedpyright prints for findings in one file: line from 0, and text."""
    told = [
        {
            "file": str(ROOT / "engine" / "core" / "placing.py"),
            "message": f"{text}\nand more",
            "range": {"start": {"line": line, "character": 4}},
            "rule": "reportAttributeAccessIssue",
        }
        for line, text in findings
    ]
    return json.dumps({"generalDiagnostics": told, "summary": {"filesAnalyzed": files}})


@pytest.fixture
def answers(monkeypatch):
    """What basedpyright says by system; the command itself is not run."""
    said = dict.fromkeys(other_systems.SYSTEMS, answer())

    class Done:
        returncode, stderr = 1, ""

        def __init__(self, command, **_):
            self.stdout = said[command[command.index("--pythonplatform") + 1]]

    monkeypatch.setattr(other_systems.subprocess, "run", Done)
    return said


def test_what_one_system_lacks_is_told_with_its_place(answers, capsys):
    answers["Windows"] = answer((6, "no geteuid"))
    assert other_systems.main() == 1
    assert capsys.readouterr().out == "engine/core/placing.py:7:5 on Windows: no geteuid (reportAttributeAccessIssue)\n"


def test_what_only_one_system_has_is_told_for_the_others(answers, capsys):
    answers["Linux"] = answers["Darwin"] = answer((6, "no tagname"))
    assert other_systems.main() == 1
    assert "on Linux, Darwin: no tagname" in capsys.readouterr().out


def test_what_is_wrong_everywhere_is_no_matter_of_systems(answers):
    answers |= dict.fromkeys(other_systems.SYSTEMS, answer((6, "wrong")))
    assert other_systems.main() == 0


@pytest.mark.parametrize("said", ["", "no such option", answer(files=0)])
def test_a_check_that_did_not_run_fails(answers, capsys, said):
    answers["Darwin"] = said
    assert other_systems.main() == 1
    assert "basedpyright ended with 1" in capsys.readouterr().out
