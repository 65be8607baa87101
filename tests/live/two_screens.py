"""An X server with two screens, by the dummy driver of X.Org. Import the `two_screens` fixture where it is needed."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.xvfb import display

# The driver has sixteen outputs, of which the first is connected; a mode makes a monitor of another.
_CONFIG = """
Section "Device"
  Identifier "dummy"
  Driver "dummy"
  VideoRam 65536
EndSection
Section "Monitor"
  Identifier "any"
  HorizSync 5.0-1000.0
  VertRefresh 5.0-200.0
EndSection
Section "Screen"
  Identifier "screen"
  Device "dummy"
  Monitor "any"
  DefaultDepth 24
  SubSection "Display"
    Depth 24
    Modes "1024x768"
    Virtual 2048 768
  EndSubSection
EndSection
"""


@pytest.fixture(scope="module")
def two_screens() -> Iterator[str]:
    """Start X.Org with DUMMY0 (1024x768) and DUMMY1 (800x600) right of it, set DISPLAY, yield its name."""
    if not (shutil.which("Xorg") and shutil.which("xrandr")):
        pytest.skip("Xorg is not installed (apt install xserver-xorg-core xserver-xorg-video-dummy x11-xserver-utils)")
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "xorg.conf"
        config.write_text(_CONFIG, "utf-8")
        read, write = os.pipe()
        command = ["Xorg", "-displayfd", str(write), "-config", str(config), "-logfile", f"{folder}/log", "-nolisten", "tcp"]
        server = subprocess.Popen(
            [*command, "-noreset"], pass_fds=[write], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        os.close(write)
        with os.fdopen(read) as answer:
            number = answer.readline().strip()
        if not number:
            server.wait(10)
            pytest.skip("Xorg does not start with the dummy driver: " + (Path(folder) / "log").read_text("utf-8")[-300:])
        with display(server, number) as name:
            second = ["--output", "DUMMY1", "--mode", "800x600", "--right-of", "DUMMY0"]
            # The last one, which asks only, lets the server see that the output is connected now.
            for step in (["--addmode", "DUMMY1", "800x600"], second, ["--query"]):
                subprocess.run(["xrandr", *step], check=True, capture_output=True)
            yield name
