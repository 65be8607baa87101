"""What the desk's pages cost the picture, alone and with MIDI and Link beside them, and more: `vj bench desk`.

Also how old previews are when they arrive, how long the page takes to load, and how soon a touch is seen.

It starts real shows, so nothing else should run meanwhile. The pages are a process of their own and paint nothing: a
browser on the same machine costs what it costs, and is not ours.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import shutil
import subprocess
from collections.abc import Sequence
from typing import Any

import aiohttp
import numpy as np

from phosphene.engine.control.feedback import encoded
from phosphene.engine.core import clock
from phosphene.engine.core.child import child_environment
from phosphene.engine.core.errors import UserError
from phosphene.tools.datasets.browser import find_chromium
from phosphene.tools.lab import own_network
from phosphene.tools.lab.bench_live import frames_to_change
from phosphene.tools.lab.desk_show import DESK, Night

_SECONDS, _ROUNDS = 30.0, 3
_PAGES, _MIDI = 4, 1000
_LOADS = 5
_PATIENCE_S = 240.0  # for one show

BASELINE, AGAIN = "baseline: no desk", "baseline again"
ALL, PAGES, IDLE = f"{_PAGES} pages, {_MIDI} MIDI messages a second, Link", f"{_PAGES} pages", "a desk, no page"
# They are programs on the same cores: what they take there is no cost of listening to them.
BESIDE = "the same MIDI and Link programs beside it, unheard; no desk"


def bench() -> dict[str, Any]:
    """Return frames of shows with all of it, with pages alone, without; then the page's load, and how soon a touch is seen.

    The shows take turns, so that a minute in which the machine is slower is nobody's alone. Numbers are medians of them.
    """
    nights = {
        ALL: Night(_SECONDS, pages=_PAGES, midi=_MIDI, link=True),
        BESIDE: Night(_SECONDS, desk=False, midi=_MIDI, link=True, heard=False),
        PAGES: Night(_SECONDS, pages=_PAGES),
        IDLE: Night(_SECONDS),
        BASELINE: Night(_SECONDS, desk=False),
        AGAIN: Night(_SECONDS, desk=False),
    }
    missing = _missing()
    if missing:
        del nights[ALL], nights[BESIDE]
    turns = [{name: show(night) for name, night in nights.items()} for _ in range(_ROUNDS)]
    found: dict[str, Any] = {name: median([turn[name] for turn in turns]) for name in nights}
    for name, each in found.items():
        if name != BASELINE:
            each |= verdict(each, found[BASELINE])
    if ALL in found:
        found[ALL]["p99, times that of the same programs unheard"] = verdict(found[ALL], found[BESIDE])[
            "p99, times the baseline"
        ]
    return {
        "not measured": missing,
        **found,
        "page": _load(),
        "touch": _touch(),
        "wanted": {
            "p99": "within 10 % or 1 ms",
            "missed": 0,
            "picture_age_ms": 200,
            "load_s": 1.0,
            "kB": 400,
            "touch_frames": 2,
        },
    }


def show(night: Night) -> dict[str, Any]:
    """Run one show and return what it says."""
    command = night.command() if own_network.refusal() else own_network.within(night.command())
    run = subprocess.run(command, env=child_environment(), capture_output=True, text=True, check=False, timeout=_PATIENCE_S)
    if run.returncode:
        raise RuntimeError(run.stderr)
    return json.loads(run.stdout.splitlines()[-1])


def median(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the runs as one: of numbers the median, of what lies deeper as well; of words the first."""
    found: dict[str, Any] = {}
    for name, value in runs[0].items():
        values = [run[name] for run in runs]
        if isinstance(value, dict):
            found[name] = median(values)
        else:
            found[name] = value if isinstance(value, str) else round(float(np.median(values)), 3)
    return found


def verdict(found: dict[str, Any], baseline: dict[str, Any]) -> dict[str, Any]:
    """Return the p99 over the baseline's, and whether it is within 10 % or 1 ms of that, and no more frames were missed."""
    ours, usual = found["frame_ms"]["p99"], baseline["frame_ms"]["p99"]
    more = found["missed"] - baseline["missed"]
    within = ours <= max(1.1 * usual, usual + 1.0)
    return {"p99, times the baseline": round(ours / usual, 3), "more missed": more, "within": bool(within and more <= 0)}


def _missing() -> str:
    """Return why there is no show with MIDI and Link; nothing where there is."""
    for module, name in (("link", "LinkPython-extern"), ("rtmidi", "python-rtmidi")):
        if importlib.util.find_spec(module) is None:
            return f"{name} is not installed"
    return own_network.refusal() or ("" if shutil.which("jackd") else "jackd is not installed: it is in the package jackd2")


def _load() -> dict[str, Any]:
    """Return how long the page takes in Chromium while a show runs, and how much it is without pictures."""
    try:
        find_chromium()
    except UserError as error:
        return {"not measured": error.line()}
    if importlib.util.find_spec("playwright") is None:
        return {"not measured": "playwright is not installed"}
    loads = show(Night(2.0 * _LOADS, loads=_LOADS))["loads"]
    seconds = [load["s"] for load in loads]
    return {
        "load_s": {"median": round(float(np.median(seconds)), 3), "max": round(max(seconds), 3)},
        "kB": round(max(load["bytes"] for load in loads) / 1e3, 1),
    }


def _touch(messages: int = 40) -> dict[str, Any]:
    """Frames from a touch on a page to the first changed picture."""

    async def play(sent: list[float]) -> None:
        rng = np.random.default_rng(5)
        async with aiohttp.ClientSession() as session, session.ws_connect(f"http://127.0.0.1:{DESK}/") as socket:
            await socket.send_str(json.dumps({"COMMAND": "HELLO", "DATA": {"key": ""}}))
            for k in range(messages):
                await asyncio.sleep(0.3 + float(rng.uniform(0.0, 0.05)))
                sent.append(clock.now())
                await socket.send_bytes(encoded("/master", (float(k % 2),)))

    return frames_to_change(lambda sent: asyncio.run(play(sent)), messages, ("127.0.0.1", DESK))
