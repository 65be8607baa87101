"""The table of wheels: what it is made of, that it names what pyproject.toml does and, where asked for, the index itself.

PHOSPHENE_ASK_INDEX=1 python -m pytest tests/unit/setup/test_wheels.py
"""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def load():
    spec = importlib.util.spec_from_file_location("phosphene_setup_wheels", ROOT / "setup/wheels.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


wheels = load()


def rows() -> dict[str, list[str]]:
    """Return {package: its cells} of the page."""
    text = wheels.PAGE.read_text(encoding="utf-8").split(wheels.BEGIN)[1].split(wheels.END)[0]
    lines = [[cell.strip().strip("`") for cell in line.split("|")[1:-1]] for line in text.splitlines() if line[:1] == "|"]
    assert lines[0][1:] == list(wheels.SYSTEMS)
    return {line[0]: line[1:] for line in lines[2:]}


def test_the_page_names_exactly_what_the_project_asks_for():
    assert list(rows()) == [*wheels.dependencies(), wheels._OTHERS]


def test_the_page_promises_a_wheel_for_everything_everywhere():
    for package, cells in rows().items():
        assert all(re.fullmatch(r"yes(, macOS 1[0-9] and newer)?", cell) for cell in cells), (package, cells)


@pytest.mark.parametrize(
    ("found", "told"),
    [
        ({"3.11": "a-1-py3-none-any.whl"}, "yes"),
        ({"3.11": "a-1-cp311-abi3-macosx_14_0_arm64.whl"}, "yes, macOS 14 and newer"),
        ({"3.11": "a-1-cp311-cp311-macosx_10_9_x86_64.macosx_13_0_x86_64.whl"}, "yes"),
        ({"3.11": "a-1-py3-none-any.whl b-1-cp311-cp311-macosx_13_0_arm64.whl"}, "yes, macOS 13 and newer"),
        ({"3.14": ""}, "3.11 to 3.13"),
        (dict.fromkeys(wheels.PYTHONS, ""), "no"),
    ],
)
def test_a_cell_says_where_the_wheels_are(found, told):
    assert wheels.cell(dict.fromkeys(wheels.PYTHONS, "a-1-py3-none-any.whl") | found) == told


def test_what_has_no_wheel_is_found_out_one_by_one(monkeypatch):
    def ask(names, platforms, python, *, alone):
        if "av" in names:
            return None
        return {wheels.canonical(name): f"{name}-1-py3-none-any.whl" for name in names} | (
            {} if alone else {"cffi": "cffi-1-cp311-cp311-win_amd64.whl"}
        )

    monkeypatch.setattr(wheels, "ask", ask)
    found = wheels.wheels("Windows, x86-64", "3.11")
    assert [name for name, wheel in found.items() if not wheel] == ["av"]
    assert "cffi-1" in found[wheels._OTHERS]


def test_it_puts_the_table_where_it_belongs(monkeypatch, tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"# before\n\n{wheels.BEGIN}old\n{wheels.END}\n\nafter\n", encoding="utf-8")
    monkeypatch.setattr(wheels, "PAGE", page)
    monkeypatch.setattr(
        wheels, "wheels", lambda system, python: dict.fromkeys([*wheels.dependencies(), wheels._OTHERS], "x.whl")
    )
    assert wheels.main(["--write"]) == 0
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"# before\n\n{wheels.BEGIN}Python 3.11 to 3.14")
    assert text.endswith(f"| yes |\n{wheels.END}\n\nafter\n")
    assert "old" not in text


def test_a_pip_that_could_not_ask_is_told_and_is_no_answer(monkeypatch):
    refused = subprocess.CompletedProcess([], 1, "", "Temporary failure in name resolution")
    monkeypatch.setattr(wheels.subprocess, "run", lambda *given, **more: refused)
    with pytest.raises(SystemExit, match="name resolution"):
        wheels.ask(["av"], ["win_amd64"], "3.11", alone=True)
    gone = subprocess.CompletedProcess([], 1, "", "ERROR: No matching distribution found for av")
    monkeypatch.setattr(wheels.subprocess, "run", lambda *given, **more: gone)
    assert wheels.ask(["av"], ["win_amd64"], "3.11", alone=True) is None


@pytest.mark.skipif(not os.environ.get("PHOSPHENE_ASK_INDEX"), reason="asks the package index; PHOSPHENE_ASK_INDEX=1 does")
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("system", wheels.SYSTEMS)
def test_the_index_has_them(system):
    for python in wheels.PYTHONS:
        found = wheels.wheels(system, python)
        assert [name for name, wheel in found.items() if not wheel] == [], python


def test_the_program_explains_itself():
    done = subprocess.run(
        [sys.executable, str(ROOT / "setup/wheels.py"), "--help"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "--write" in done.stdout
