"""Children take modules from where the program is installed, never from the folder that they are started in."""

from __future__ import annotations

import os
import subprocess

from engine.core.child import child_environment, python_child


def test_a_child_imports_nothing_of_the_current_folder(tmp_path, monkeypatch):
    for name in ("json", "numpy", "engine"):
        (tmp_path / f"{name}.py").write_text(f"open('ran', 'a').write('{name}')\nraise ImportError\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["", ".", os.curdir]))
    code = subprocess.run(python_child("engine.core.paths"), cwd=tmp_path, env=child_environment(), timeout=60, check=False)
    assert code.returncode == 0
    assert not (tmp_path / "ran").exists()


def test_what_a_person_put_on_the_path_stays_there(monkeypatch, tmp_path):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), "relative"]))
    entries = child_environment({"MORE": "1"})["PYTHONPATH"].split(os.pathsep)
    assert str(tmp_path) in entries
    assert all(os.path.isabs(entry) for entry in entries)
    assert child_environment({"MORE": "1"})["MORE"] == "1"
