"""Children take modules from where the program is installed, never from the folder that they are started in."""

from __future__ import annotations

import os
import subprocess
import sys

import psutil
import pytest

from phosphene.engine.core import clock
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


def test_a_process_ends_with_the_one_that_started_it(tmp_path):
    """Its parent is killed without a chance to say so; the child, which would wait for a minute, is gone within seconds."""
    child = "import time; from phosphene.engine.core.child import *; end_with_parent(3); print(1, flush=1); time.sleep(60)"
    parent = (
        "import subprocess, sys, time\n"
        f"child = subprocess.Popen([sys.executable, '-c', {child!r}], stdin=subprocess.PIPE, stdout=subprocess.PIPE)\n"
        "child.stdout.readline()\nprint(child.pid, flush=True)\ntime.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True) as process:
        pid = int(process.stdout.readline())
        assert psutil.pid_exists(pid)
        process.kill()
    for _ in range(600):
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return
        clock.sleep(0.05)
    pytest.fail("it lives on")
