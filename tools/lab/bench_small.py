"""What small things cost that are done often: a redraw of the panel, a picture handed to the recorder, a hop of the tracker,
the flash guard, a shut-down of the OSC server. Each beside how often it is done.

`vj bench small`. Part of `tools/bench.py`; nothing else should run meanwhile.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from phosphene.engine.compositor.guard import FlashGuard
from phosphene.engine.compositor.output_pass import OutputPass
from phosphene.engine.control.bus import ControlBus
from phosphene.engine.control.server import OscServer
from phosphene.engine.control.table import build_table
from phosphene.engine.core import clock
from phosphene.engine.core.frame import Size
from phosphene.engine.core.signals import HOP, MEL_BANDS, SAMPLE_RATE
from phosphene.engine.gpu.context import HeadlessContext
from phosphene.engine.gpu.gl import GL
from phosphene.engine.gpu.shader import Passes
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.output import hud_panel
from phosphene.engine.output.hud_model import HudModel
from phosphene.engine.output.recorder import Recorder
from phosphene.engine.tempo.activation import beat_activation
from phosphene.engine.tempo.tracker import BeatTracker

_ROUNDS = 7


def bench() -> dict[str, Any]:
    """Return {what: {ms or us, median of seven rounds, and how often that is}}."""
    return {
        "panel_redraw_1280x720": _panel(),
        "picture_offered_to_a_busy_recorder": _offer(),
        "hop_of_the_beat_tracker": _hop(),
        "osc_server_closed": _close(),
        "flash_guard": _guard(),
    }


def _median(work: Callable[[int], object], times: int) -> float:
    """Return seconds for one of `times` calls, the median of the rounds."""
    rounds = []
    for _ in range(_ROUNDS):
        begun = clock.now()
        for k in range(times):
            work(k)
        rounds.append((clock.now() - begun) / times)
    return float(np.median(rounds))


def _panel() -> dict[str, Any]:
    model = HudModel(scene="tide", backend="cpu", deck_a="ember-veil", deck_b="manta", messages=("scene loaded",))

    def redraw(k: int) -> None:
        changed = dataclasses.replace(model, frame_p50_ms=10 + k / 10, received=k * 7, recorded_s=k, bpm=120 + k / 10)
        hud_panel.draw_panel(changed, Size(1280, 720))

    return {"ms": round(1e3 * _median(redraw, 40), 3), "baseline": "at most four a second"}


def _offer() -> dict[str, Any]:
    picture = np.random.default_rng(0).integers(0, 255, (360, 640, 4)).astype(np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        recorder = Recorder(Path(folder) / "a.mp4", Size(640, 360), 24, audio=None, t_start=0.0, codec="x264")
        cost = _median(lambda k: recorder.offer(picture, k / 24), 100)
        recorder.stop(0.1)
    return {"us": round(1e6 * cost, 2), "baseline": "once a frame"}


def _hop() -> dict[str, Any]:
    mel = np.random.default_rng(0).uniform(0, 1, (2000, MEL_BANDS)).astype(np.float32)
    sound = np.random.default_rng(1).standard_normal((2000, HOP)).astype(np.float32)
    tracker, costs = BeatTracker(HOP / SAMPLE_RATE, beat_activation()), np.zeros(2000)
    for k in range(2000):
        begun = clock.now()
        tracker.step(mel[k], k * HOP / SAMPLE_RATE, 1.0, sound[k])
        costs[k] = 1e6 * (clock.now() - begun)
    mean, p99 = round(float(costs.mean()), 1), round(float(np.percentile(costs, 99)), 1)
    return {"us": mean, "us_p99": p99, "baseline": f"a hop is {1e6 * HOP / SAMPLE_RATE:.0f} us"}


def _close() -> dict[str, Any]:
    def close(k: int) -> None:
        OscServer(build_table({}, ()), ControlBus(), port=0).close()

    return {"ms": round(1e3 * _median(close, 3), 1), "baseline": "once a show"}


def _guard() -> dict[str, Any]:
    """The output pass with the guard beside the same without, at sizes that networks paint in."""
    context = HeadlessContext()
    found = {}
    try:
        passes = Passes()
        guard, output = FlashGuard(passes), OutputPass(passes)
        for internal, screen in ((Size(320, 180), Size(640, 360)), (Size(640, 360), Size(640, 360)), (Size(1280, 720),) * 2):
            picture, target = RenderTarget(internal), RenderTarget(screen, "rgba8")
            picture.upload(np.random.default_rng(0).random((internal.height, internal.width, 4)).astype(np.float16))

            def without(k: int) -> None:
                output.draw(picture, target, index=k)  # noqa: B023 (called before the next round)
                GL.glFinish()

            def with_it(k: int) -> None:
                output.draw(picture, target, index=k, held=guard.hold(picture, 1.0, 0.0, 1 / 60))  # noqa: B023
                GL.glFinish()

            rounds = [(1e3 * _median(without, 20), 1e3 * _median(with_it, 20)) for _ in range(3)]
            plain, guarded = np.median(rounds, axis=0)
            told = {"ms": round(guarded - plain, 2), "baseline": f"output pass {plain:.2f} ms"}
            found[f"{internal} shown at {screen}"] = told
            picture.close()
            target.close()
        for each in (guard, output, passes):
            each.close()
    finally:
        context.close()
    return found
