"""What the desk's pages cost the picture, and how soon a touch is seen: `vj bench desk`.

It starts real shows, so nothing else should run meanwhile. The pages are a process of their own and paint nothing: a
browser on the same machine costs what it costs, and is not ours.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np

from phosphene.engine.control.feedback import encoded
from phosphene.engine.core import clock
from phosphene.engine.core.child import child_environment, python_child
from phosphene.tools.lab.bench_live import frames_to_change, start_live

_DESK = 9760
_SECONDS = 30.0
_PAGES = 4


def bench() -> dict[str, Any]:
    """Return frames with no desk, with a desk that nobody opens, with four pages; then how soon a touch is seen."""
    return {
        f"{_PAGES} pages, all that they can show": _show(_PAGES),
        "a desk, no page": _show(0),
        "baseline: no desk": _show(None),
        "baseline again": _show(None),
        "touch": _touch(),
        "wanted": {"p99": "within 10 % or 1 ms of the baseline", "pictures a second": 30, "touch_frames": 2},
    }


def _show(pages: int | None) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.json"
        desk = ("--no-desk",) if pages is None else ("--desk", f"127.0.0.1:{_DESK}")
        show = start_live(
            *("--input", "demo", "--size", "640x360", "--fps", "24", "--internal", "320x180", "--takes", folder),
            *("--report", str(path), *desk),
        )
        assert show.stderr is not None
        next(line for line in show.stderr if "first picture" in line)
        seen: list[dict[str, float]] = []
        if pages:
            command = python_child("phosphene.tools.lab.desk_pages", f"http://127.0.0.1:{_DESK}/", str(pages), str(_SECONDS))
            run = subprocess.run(command, env=child_environment(), capture_output=True, text=True, check=True)
            seen = json.loads(run.stdout)
        else:
            clock.sleep(_SECONDS)
        show.terminate()
        show.communicate()
        report = json.loads(path.read_text())
    found = {"frames": report["frames"], "missed": report["missed"], "frame_ms": report["frame_ms"]}
    return found | ({"a page, a second": seen[0]} if seen else {})


def _touch(messages: int = 40) -> dict[str, Any]:
    """Frames from a touch on a page to the first changed picture."""

    async def play(sent: list[float]) -> None:
        rng = np.random.default_rng(5)
        async with aiohttp.ClientSession() as session, session.ws_connect(f"http://127.0.0.1:{_DESK}/") as socket:
            await socket.send_str(json.dumps({"COMMAND": "HELLO", "DATA": {"key": ""}}))
            for k in range(messages):
                await asyncio.sleep(0.3 + float(rng.uniform(0.0, 0.05)))
                sent.append(clock.now())
                await socket.send_bytes(encoded("/master", (float(k % 2),)))

    return frames_to_change(lambda sent: asyncio.run(play(sent)), messages, ("127.0.0.1", _DESK))
