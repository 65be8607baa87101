"""Headless work as Windows and macOS do it, in a hidden window; here on a real X server: the same pictures, nothing seen."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.live.xvfb import x_display  # noqa: F401

pytestmark = [pytest.mark.live, pytest.mark.usefixtures("x_display")]


def vj(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "phosphene", *arguments]
    env = os.environ | environment
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=300, check=False)


def frames(path: Path) -> list[str]:
    return [line for line in path.read_text().splitlines() if not line.startswith("#")]


def test_a_film_has_the_same_frames_in_a_hidden_window(tmp_path):
    given = ("--scene", "pulse", "-r", "160x90", "-f", "24", "-d", "1")
    for kind in ("egl", "window"):
        done = vj("render", "demo", f"{kind}.mp4", *given, cwd=tmp_path, PHOSPHENE_HEADLESS=kind)
        assert done.returncode == 0, done.stderr
    assert len(frames(tmp_path / "egl.mp4.framehash")) == 24
    assert frames(tmp_path / "egl.mp4.framehash") == frames(tmp_path / "window.mp4.framehash")


def test_the_doctor_names_the_backends(tmp_path):
    found = json.loads(vj("doctor", "--json", cwd=tmp_path, PHOSPHENE_HEADLESS="window").stdout)
    assert any(line.startswith("cpu: ready") for line in found["backends"])


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"PHOSPHENE_HEADLESS": "window", "DISPLAY": "", "WAYLAND_DISPLAY": ""}, "no OpenGL 3.3 without a window on screen"),
        ({"PHOSPHENE_HEADLESS": "magic"}, "no such context (PHOSPHENE_HEADLESS): allowed: egl, window, got: magic"),
    ],
)
def test_where_there_is_none_it_is_one_line(tmp_path, variables, said):
    done = vj("render", "demo", "x.mp4", "--style", "neon-tide", "-r", "160x90", "-d", "1", cwd=tmp_path, **variables)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
