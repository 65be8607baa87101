"""What the operator's window costs the wall: `vj bench operator`. Wants a display, best with two screens.

Shows with the window and without take turns, so that a slow minute is nobody's alone; each is a process of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from phosphene.engine.core import clock
from phosphene.engine.core.child import child_environment
from phosphene.engine.core.frame import Size
from phosphene.engine.output.window import Window, display_refusal
from phosphene.tools.lab.bench_desk import median, verdict

_SECONDS, _ROUNDS = 30.0, 3
_SWITCHES = 2000
BASELINE, AGAIN, OPEN = "baseline: no operator's window", "baseline again", "the operator's window open"
# A show whose networks paint at a fixed size: what is measured is the frame, not what the governor makes of it.
_SHOW = ("--input", "demo", "--output", "window", "--size", "640x360", "--fps", "24", "--internal", "320x180", "--no-desk")


def bench() -> dict[str, Any]:
    """Return frames with and without the window, medians of three turns, and what two switches of contexts take.

    Without a display: why it is not measured.
    """
    if refusal := display_refusal():
        return {"not measured": refusal}
    shows = {OPEN: "--operator", BASELINE: "--no-operator", AGAIN: "--no-operator"}
    turns = [{name: _show(option) for name, option in shows.items()} for _ in range(_ROUNDS)]
    found: dict[str, Any] = {name: median([turn[name] for turn in turns]) for name in shows}
    for name in (OPEN, AGAIN):
        found[name] |= verdict(found[name], found[BASELINE])
    return found | {"two context switches, us": _switches(), "wanted": {"p99": "within 10 % or 1 ms", "missed": 0}}


def _show(option: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "phosphene.engine.cli.main", "live", *_SHOW, option, "--seconds", str(_SECONDS)]
        command += ["--osc-port", "0", "--no-midi", "--takes", folder, "--report", str(report)]
        run = subprocess.run(command, env=child_environment(), capture_output=True, text=True, check=False)
        if run.returncode or not report.is_file():
            raise RuntimeError(run.stderr)
        told = json.loads(report.read_text("utf-8"))
    return {"frame_ms": told["frame_ms"], "frames": told["frames"], "missed": told["missed"]}


def _switches() -> float:
    """Return the median time to make the second context current and the first one again."""
    wall = Window(Size(320, 180), fullscreen=False)
    second = wall.beside(Size(720, 480), "switches")
    took = []
    for _ in range(_SWITCHES):
        began = clock.now()
        wall.glfw.make_context_current(second)
        wall.make_current()
        took.append(clock.now() - began)
    wall.close()
    return round(float(np.median(took)) * 1e6, 1)
