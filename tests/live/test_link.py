"""Ableton Link with a peer in another process, in a network of their own: one beat, one bar, and no jump."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.live

APART = "ip link set lo up && exec "  # loopback alone carries Link's multicast


def _beside(*arguments: float) -> dict:
    if importlib.util.find_spec("link") is None:
        pytest.skip("LinkPython-extern is not installed")
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        pytest.skip("no unshare or no ip: a network of one's own cannot be made")
    if subprocess.run(["unshare", "-rn", "true"], capture_output=True).returncode:
        pytest.skip("this system makes no user namespaces")
    script = Path(__file__).with_name("link_show.py")
    inner = " ".join([APART + sys.executable, str(script), *map(str, arguments)])
    run = subprocess.run(["unshare", "-rn", "sh", "-c", inner], capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.splitlines()[-1])


def test_beat_and_bar_agree_with_a_peer_and_run_on_when_it_leaves():
    told = _beside(97.0, 12.0, 0.0)
    assert told["leaders"] == ["nobody", "link", "nobody"]
    assert told["bpm"][1] == pytest.approx(97.0, abs=0.01)
    assert told["steps"] >= 0.0  # the beat never runs backwards
    settled = [(abs(beats - round(beats)) * beat_s, bars) for t, beats, bars, beat_s in told["apart"] if t > 6.0]
    off = sorted(seconds for seconds, _ in settled)
    assert off[len(off) // 2] < 0.002
    bars = sorted(abs(bar - round(bar)) * 4.0 * 60.0 / 97.0 for _, bar in settled)
    assert bars[len(bars) // 2] < 0.002


def test_a_tempo_that_changes_is_met_without_a_jump():
    told = _beside(120.0, 12.0, 131.0)
    assert told["bpm"][1] == pytest.approx(131.0, abs=0.01)
    assert told["steps"] >= 0.0
    late = [abs(beats - round(beats)) * beat_s for t, beats, _, beat_s in told["apart"] if t > 10.0]
    assert sorted(late)[len(late) // 2] < 0.002
