"""Children take modules from where the program is installed, never from the folder that they are started in."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from phosphene.engine.core.child import child_environment, find_program, python_child


def test_a_child_imports_nothing_of_the_current_folder(tmp_path, monkeypatch):
    for name in ("json", "numpy", "phosphene"):
        (tmp_path / f"{name}.py").write_text(f"open('ran', 'a').write('{name}')\nraise ImportError\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["", ".", os.curdir]))
    code = subprocess.run(
        python_child("phosphene.engine.core.paths"), cwd=tmp_path, env=child_environment(), timeout=300, check=False
    )
    assert code.returncode == 0
    assert not (tmp_path / "ran").exists()


def test_what_a_person_put_on_the_path_stays_there(monkeypatch, tmp_path):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), "relative"]))
    entries = child_environment({"MORE": "1"})["PYTHONPATH"].split(os.pathsep)
    assert str(tmp_path) in entries
    assert all(os.path.isabs(entry) for entry in entries)
    assert child_environment({"MORE": "1"})["MORE"] == "1"


@pytest.mark.skipif(sys.platform == "win32", reason="lists of folders as POSIX has them")
def test_lists_of_folders_name_no_relative_one(monkeypatch):
    for name in ("PATH", "LD_LIBRARY_PATH"):
        monkeypatch.setenv(name, os.pathsep.join(["", ".", "/usr/bin", "sub/folder", "/bin", ""]))
        assert child_environment()[name] == "/usr/bin:/bin"
    monkeypatch.delenv("LD_LIBRARY_PATH")
    assert "LD_LIBRARY_PATH" not in child_environment()


@pytest.mark.skipif(sys.platform == "win32", reason="programs as POSIX has them")
def test_a_program_is_found_on_the_path_alone(tmp_path, monkeypatch):
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "pactl").write_text("#!/bin/sh\n")
        (tmp_path / folder / "pactl").chmod(0o755)
    monkeypatch.chdir(tmp_path / "here")
    for relative in ("", ".", "../here"):
        monkeypatch.setenv("PATH", os.pathsep.join([relative, str(tmp_path / "there")]))
        assert find_program("pactl") == str(tmp_path / "there" / "pactl")
        monkeypatch.setenv("PATH", relative)
        assert find_program("pactl") is None
    assert find_program("./pactl") is None
    monkeypatch.delenv("PATH")
    assert find_program("sh") in ("/bin/sh", "/usr/bin/sh")
