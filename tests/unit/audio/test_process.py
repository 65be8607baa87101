"""The audio process by itself: what it imports, what it shares, what it says when it fails."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from engine.audio.hop_worker import HopWorker
from engine.audio.shared import FAILED, RUNNING, STATUS, SharedState, time_bin, time_percentile
from engine.core.signals import HOP, SAMPLE_RATE

HEAVY = (
    "torch",
    "OpenGL",
    "glfw",
    "pydantic",
    "typer",
    "rich",
    "PIL",
    "av",
    "scipy",
    "multiprocessing",
    "engine.app",
    "engine.gpu",
)


def test_import_is_light() -> None:
    """Nothing of the show: the process must be back half a second after a crash."""
    code = "import sys, json; import engine.audio.process; print(json.dumps(sorted(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    loaded = json.loads(run.stdout)
    assert [m for m in loaded if any(m == h or m.startswith(h + ".") for h in HEAVY)] == []


def run_process(state: SharedState, **order: object) -> subprocess.CompletedProcess:
    """Run the audio process with its input closed at once, until it ends."""
    full = {
        "memory": state.handle,
        "input": "default",
        "source": "x",
        "device": None,
        "channels": None,
        "monitor": False,
    } | order
    return subprocess.run(
        [sys.executable, "-m", "engine.audio.process", json.dumps(full)],
        stdin=subprocess.DEVNULL,
        pass_fds=state.descriptors,
        timeout=30,
        capture_output=True,
        check=False,
    )


@pytest.mark.skipif(sys.platform == "win32", reason="descriptors are handed over on POSIX only")
def test_failure_is_told_in_the_status(tmp_path) -> None:
    state = SharedState.create()
    broken = tmp_path / "broken.ogg"
    broken.write_bytes(b"no sound")
    run = run_process(state, input=f"file:{broken}")
    status = state.status.latest()
    state.close()
    assert run.returncode != 0
    assert int(status["state"]) == FAILED
    assert "broken.ogg" in status["error"].decode()


@pytest.mark.skipif(sys.platform == "win32", reason="descriptors are handed over on POSIX only")
def test_end_of_its_input_ends_it_well() -> None:
    state = SharedState.create()
    run = run_process(state, input="demo")
    state.close()
    assert run.returncode == 0, run.stderr


def test_worker_counts_on_after_a_restart() -> None:
    state = SharedState.create()
    hop = np.full((HOP, 2), 0.1, np.float32)
    loud = np.ones((HOP, 2), np.float32)
    first = HopWorker(state, "first")
    for k in range(3):
        first.take(loud, 10.0 + k * HOP / SAMPLE_RATE)
    second = HopWorker(state, "second")
    second.take(hop, 11.0)
    status = state.status.latest()
    blocks, _, _ = state.pcm.since(0)
    state.close()
    assert int(status["hops"]) == 4
    assert int(status["clipped"]) == 3 * 2 * HOP
    assert int(status["state"]) == RUNNING
    assert status["source"] == b"second"
    assert int(status["work_us"].sum()) == 4
    samples = [int(b["sample"]) for b in blocks]
    assert samples[:3] == [HOP, 2 * HOP, 3 * HOP]
    assert samples[3] - samples[2] == pytest.approx((11.0 - 10.0 - 2 * HOP / SAMPLE_RATE) * SAMPLE_RATE, abs=1)


def test_exception_in_the_analysis_is_a_state() -> None:
    state = SharedState.create()
    worker = HopWorker(state, "x")
    worker.take(np.zeros((HOP - 1, 2), np.float32), 0.0)  # a hop of the wrong length
    assert worker.failed.is_set()
    assert int(state.status.latest()["state"]) == FAILED
    assert "ValueError" in state.status.latest()["error"].decode()
    state.close()


def test_shared_state_is_seen_from_the_other_side() -> None:
    state = SharedState.create()
    other = SharedState.attach(state.handle)
    other.commands["gain"][0] = 0.5
    record = np.zeros(1, STATUS)[0]
    record["hops"] = 7
    other.status.push(record)
    assert state.commands["gain"][0] == 0.5
    assert int(state.status.latest()["hops"]) == 7
    state.close()


def test_time_histogram_is_within_nine_percent() -> None:
    histogram = np.zeros(STATUS["work_us"].shape[0], np.int32)
    times = np.random.default_rng(0).lognormal(np.log(200), 0.5, 5000)
    for t in times:
        histogram[time_bin(t)] += 1
    for q in (50, 99):
        assert time_percentile(histogram, q) == pytest.approx(np.percentile(times, q), rel=0.1)
    assert time_percentile(np.zeros(4, np.int32), 50) == 0.0
    assert time_bin(0.0) == 0
    assert time_bin(1e9) == len(histogram) - 1
