"""An X server without a screen for tests that open a real window. Import the `x_display` fixture where it is needed."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def display(server: subprocess.Popen, number: str) -> Iterator[str]:
    """Set DISPLAY to that of `server`, yield its name; end the server afterwards, and set back what was there."""
    before = {name: os.environ.pop(name, None) for name in ("DISPLAY", "WAYLAND_DISPLAY")}
    os.environ["DISPLAY"] = f":{number}"
    try:
        yield os.environ["DISPLAY"]
    finally:
        os.environ.pop("DISPLAY")
        os.environ.update({name: value for name, value in before.items() if value is not None})
        server.terminate()
        server.wait(10)


@pytest.fixture(scope="module")
def x_display() -> Iterator[str]:
    """Start Xvfb at 800x600, set DISPLAY for the tests of the module, yield its name; skip where there is no Xvfb."""
    if not shutil.which("Xvfb"):
        pytest.skip("Xvfb is not installed (apt install xvfb)")
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "800x600x24", "-nolisten", "tcp", "-noreset"]
    server = subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL)
    os.close(write)
    with os.fdopen(read) as answer:
        number = answer.readline().strip()
    with display(server, number) as name:
        yield name
