"""What a performer's hands cost the picture: every scene called, styles changed, a flood of OSC messages; beside hands off.

`vj bench changes`. Part of `tools/bench.py`; it starts real shows, so nothing else should run meanwhile.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pythonosc.udp_client import SimpleUDPClient

from phosphene.engine.core import clock, paths
from phosphene.engine.show.scene import scene_names
from phosphene.tools.lab.bench_live import PORT, start_live

_FLOOD_S = 20.0
_A_SECOND = 5000  # messages


def bench() -> dict[str, Any]:
    """Return the share of frames missed and the longest gap of three shows at 640x360 and 24 fps, 20 s or more."""
    return {
        "every scene, a style after each": _show(_call_scenes, 3.0),
        f"{_A_SECOND} messages a second": _show(_flood, 5.0),
        "baseline: hands off": _show(lambda client: clock.sleep(_FLOOD_S), 1.0),
    }


def _show(play: Callable[[SimpleUDPClient], None], missed_percent: float) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.json"
        show = start_live("--input", "demo", "--size", "640x360", "--fps", "24", "--takes", folder, "--report", str(path))
        assert show.stderr is not None
        next(line for line in show.stderr if "first picture" in line)
        play(SimpleUDPClient("127.0.0.1", PORT))
        show.terminate()
        show.communicate()
        report = json.loads(path.read_text())
    frames = report["frames"] + report["missed"]
    return {
        "frames": frames,
        "missed_percent": round(100.0 * report["missed"] / frames, 2),
        "presented_gap_max_ms": report["presented_gap_max_ms"],
        "wanted": {"missed_percent": missed_percent, "presented_gap_max_ms": 250},
    }


def _call_scenes(client: SimpleUDPClient) -> None:
    for slug in scene_names([paths.PACKAGE / "scenes"]):
        client.send_message("/scene", slug)
        clock.sleep(1.0)
        client.send_message("/deck/a/style", "third-eye")
        clock.sleep(1.0)


def _flood(client: SimpleUDPClient) -> None:
    began, sent = clock.now(), 0
    while sent < _FLOOD_S * _A_SECOND:
        for _ in range(_A_SECOND // 200):
            client.send_message("/crossfade", sent % 50 / 49)
            sent += 1
        clock.sleep_until(began + sent / _A_SECOND)
