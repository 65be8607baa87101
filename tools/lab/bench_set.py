"""Benchmark of a set: ten trained styles, each crossfaded into the next, while the show counts what it misses.

`vj bench set --seconds 600` calls it. It starts a real show and plays it over OSC, as a performer would; nothing else should
run meanwhile. The baseline is the first style alone: the live engine's own limit on this machine.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from pythonosc.udp_client import SimpleUDPClient

from phosphene.engine.core import clock
from phosphene.engine.core.errors import UserError
from phosphene.engine.models.style import list_styles, load_meta, style_folder
from phosphene.tools.lab.bench_live import PORT, start_live

STYLES = 10
_LOAD_S = 4.0  # before a crossfade, for the style to be read and warmed on the hidden deck
_BEATS = 8.0
_BASELINE_S = 60.0
_START_S = 2.0


def crossfading_set(seconds: float = 600.0) -> dict[str, Any]:
    """Return what `STYLES` styles in `seconds` missed, beside the first one alone. Raises UserError without that many."""
    metas = {slug: load_meta(style_folder(slug)) for slug in list_styles()}
    trained = [slug for slug, meta in metas.items() if meta.guide and meta.kind == "cppn"]
    if len(trained) < STYLES:
        raise UserError("too few trained styles for a set", allowed=f"{STYLES} or more", got=len(trained))
    chosen = [trained[i * len(trained) // STYLES] for i in range(STYLES)]
    widths = {slug: metas[slug].network.width for slug in chosen}
    with tempfile.TemporaryDirectory() as folder:
        played = _play(Path(folder), seconds, chosen)
        alone = _play(Path(folder), min(seconds, _BASELINE_S), chosen[:1])
    return {"styles": widths, "set": played, "baseline: the first style alone": alone}


def _play(folder: Path, seconds: float, styles: list[str]) -> dict[str, Any]:
    path = folder / "report.json"
    show = start_live(
        *("--style", styles[0], "--input", "demo", "--size", "640x360", "--fps", "24", "--seconds", f"{seconds}"),
        *("--report", str(path), "--takes", str(folder / "takes")),
    )
    client, each = SimpleUDPClient("127.0.0.1", PORT), seconds / len(styles)
    began = clock.now() + _START_S
    for k, slug in enumerate(styles[1:], 1):
        deck = "ab"[k % 2]
        clock.sleep_until(began + k * each - _LOAD_S)
        client.send_message(f"/deck/{deck}/style", slug)
        clock.sleep_until(began + k * each)
        client.send_message("/crossfade/to", [deck, _BEATS])
    show.communicate()
    report = json.loads(path.read_text())
    total = report["frames"] + report["missed"]
    return {
        "seconds": seconds,
        "frames": report["frames"],
        "missed": report["missed"],
        "missed_percent": round(100.0 * report["missed"] / total, 3),
        "presented_gap_max_ms": report["presented_gap_max_ms"],
        "overflows": report["audio"]["overflows"],
        "messages": report.get("messages", []),
    }
