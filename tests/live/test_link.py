"""Ableton Link with a peer in another process: one beat, one bar, no jump, and scenes that come in on the common bar."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from phosphene.engine.core.child import child_environment
from phosphene.tools.lab import own_network
from phosphene.tools.lab.bench_link import beside, row_at

pytestmark = pytest.mark.live

FRAME_S = 1 / 24


@pytest.fixture(autouse=True)
def able() -> None:
    if importlib.util.find_spec("link") is None:
        pytest.skip("LinkPython-extern is not installed")
    if own_network.refusal():
        pytest.skip(own_network.refusal())


def test_beat_and_bar_agree_with_a_peer_and_run_on_when_it_leaves():
    told = beside(97.0, 12.0)
    assert told["leaders"] == ["nobody", "link", "nobody"]
    assert told["bpm"][1] == pytest.approx(97.0, abs=0.01)
    assert min(told["steps"]) >= 0.0  # the beat never runs backwards
    settled = [(abs(beats - round(beats)) * beat_s, bars) for t, beats, bars, beat_s in told["apart"] if t > 6.0]
    off = sorted(seconds for seconds, _ in settled)
    assert off[len(off) // 2] < 0.002
    bars = sorted(abs(bar - round(bar)) * 4.0 * 60.0 / 97.0 for _, bar in settled)
    assert bars[len(bars) // 2] < 0.002


def test_a_tempo_that_changes_is_met_without_a_jump():
    told = beside(120.0, 12.0, 131.0)
    assert told["bpm"][1] == pytest.approx(131.0, abs=0.01)
    assert min(told["steps"]) >= 0.0
    late = [abs(beats - round(beats)) * beat_s for t, beats, _, beat_s in told["apart"] if t > 10.0]
    assert sorted(late)[len(late) // 2] < 0.002


def test_scenes_that_wait_for_the_bar_come_in_on_the_common_one():
    script = [sys.executable, str(Path(__file__).with_name("link_scene.py")), "97", "40"]
    run = subprocess.run(own_network.within(script), env=child_environment(), capture_output=True, text=True, timeout=180)
    assert run.returncode == 0, run.stderr
    told = json.loads(run.stdout.splitlines()[-1])
    assert len(told["begins"]) >= 3
    waits = []
    for called, before, began in told["begins"]:
        _, beat, bpm = row = row_at([tuple(each) for each in told["rows"]], began)
        beat += (began - row[0]) * bpm / 60.0
        bar_s = 4.0 * 60.0 / bpm
        since = beat / 4.0 % 1.0 * bar_s  # from where the peer's bar began to the frame that began the crossfade
        since -= bar_s if since > bar_s / 2 else 0.0
        assert -0.005 < since < max(FRAME_S, began - before) + 0.005, told["begins"]
        waits.append(began - called)
    assert max(waits) - min(waits) > 2 * FRAME_S  # called at any place of the bar: it was waited for
