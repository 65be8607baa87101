"""The OSC client of the examples, beside a real show: it is heard, and it hears."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.live.show_process import PATIENCE_S, free_port, start_show  # noqa: F401

pytestmark = pytest.mark.live

CLIENT = Path(__file__).resolve().parents[2] / "docs" / "examples" / "osc_client.py"


def test_the_python_client_moves_the_show_and_hears_it(start_show):  # noqa: F811
    state = free_port()
    show = start_show("--scene", "tide", "--osc-out", str(state))
    show.wait_for_picture()
    ports = ["--port", str(show.port), "--state-port", str(state), "--seconds", "4"]
    client = subprocess.run([sys.executable, str(CLIENT), *ports], capture_output=True, text=True, timeout=PATIENCE_S)
    report = show.end()
    assert client.returncode == 0, client.stderr
    said = client.stdout.splitlines()
    assert "scene    tide" in said
    assert [line for line in said if line.startswith("scene ") and line != "scene    tide"], "the next scene was called"
    assert {"beat     1", "beat     2", "beat     3", "beat     4"} & set(said)
    assert report["control"]["rejected"] == 0
    assert report["control"]["received"] > 50
