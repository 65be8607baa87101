"""The audio process by itself: what it imports, what it shares, what it says when it fails."""

from __future__ import annotations

import json
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

from phosphene.engine.audio.hop_worker import HopWorker
from phosphene.engine.audio.shared import STATUS, SharedState, time_bin, time_percentile
from phosphene.engine.core import clock
from phosphene.engine.core.child import child_environment, python_child
from phosphene.engine.core.signals import HOP, SAMPLE_RATE

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="descriptors are handed over on POSIX only")
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
    "phosphene.engine.app",
    "phosphene.engine.gpu",
)


def test_import_is_light() -> None:
    """Nothing of the show: the process must be back half a second after a crash."""
    code = "import sys, json; import phosphene.engine.audio.process; print(json.dumps(sorted(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300)
    loaded = json.loads(run.stdout)
    assert [m for m in loaded if any(m == h or m.startswith(h + ".") for h in HEAVY)] == []


class Running:
    """The audio process by hand: what it says, and what it is told."""

    def __init__(self, state: SharedState, **order: object) -> None:
        full = {"memory": state.handle, "input": "demo", "device": None, "channels": None, "monitor": False, "origin": None}
        self.process = subprocess.Popen(
            python_child("phosphene.engine.audio.process", json.dumps(full | order)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=state.descriptors,
            env=child_environment(),
        )

    def said(self) -> dict:
        return json.loads(self.process.stdout.readline())

    def end(self) -> int:
        """Close its input, and what it says; return its exit code."""
        self.process.stdin.close()
        code = self.process.wait(30)
        self.process.stdout.close()
        self.process.stderr.close()
        return code


def music(path: Path, seconds: float = 30.0) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setparams((2, 2, SAMPLE_RATE, 0, "NONE", ""))
        noise = np.random.default_rng(0).integers(-9000, 9000, round(seconds * SAMPLE_RATE) * 2)
        file.writeframes(noise.astype("<i2").tobytes())
    return path


@POSIX
def test_what_is_wrong_is_told_before_it_ends(tmp_path) -> None:
    state = SharedState.create()
    broken = tmp_path / "broken.ogg"
    broken.write_bytes(b"no sound")
    running = Running(state, input=f"file:{broken}")
    assert "broken.ogg" in running.said()["error"]
    assert running.end() != 0
    assert state.status.latest() is None
    state.close()


@POSIX
def test_it_publishes_nothing_until_it_is_let_go(tmp_path) -> None:
    """Another process may still be the writer of the rings."""
    state = SharedState.create()
    running = Running(state, input=f"file:{music(tmp_path / 'a.wav')}")
    assert running.said() == {"ready": True}
    clock.sleep(0.3)
    assert state.status.written == state.features.written == state.pcm.written == 0
    origin = clock.now() + 0.05
    running.process.stdin.write(json.dumps({"origin": origin}).encode() + b"\n")
    running.process.stdin.flush()
    give_up = clock.now() + 180.0
    while state.pcm.written < 20:
        assert clock.now() < give_up
        clock.sleep(0.01)
    assert float(state.pcm.read(0)["t_adc"]) == pytest.approx(origin + HOP / SAMPLE_RATE)
    assert running.end() == 0
    state.close()


@POSIX
def test_end_of_its_input_ends_it_well(tmp_path) -> None:
    state = SharedState.create()
    running = Running(state, input=f"file:{music(tmp_path / 'a.wav')}")
    assert running.said() == {"ready": True}
    assert running.end() == 0
    early = Running(state)
    assert early.end() == 0, "also while it starts"
    state.close()


@POSIX
def test_broken_samples_are_counted_and_the_gain_is_obeyed(tmp_path) -> None:
    state = SharedState.create()
    state.commands["gain"][0] = 0.0
    worker = HopWorker(state)
    hop = np.full((HOP, 2), 0.25, np.float32)
    hop[3, 0] = np.nan
    worker.broken_before = 2
    worker.take(hop, 1.0)
    status = state.status.latest()
    state.close()
    assert int(status["broken"]) == 3
    assert int(status["inverted"]) == 0
    assert float(status["peak"]) == 0.25


def test_worker_counts_on_after_a_restart() -> None:
    state = SharedState.create()
    hop = np.full((HOP, 2), 0.1, np.float32)
    loud = np.ones((HOP, 2), np.float32)
    first = HopWorker(state)
    for k in range(3):
        first.take(loud, 10.0 + k * HOP / SAMPLE_RATE)
    second = HopWorker(state)
    second.take(hop, 11.0)
    status = state.status.latest()
    blocks, _, _ = state.pcm.since(0)
    state.close()
    assert int(status["hops"]) == 4
    assert int(status["clipped"]) == 3 * 2 * HOP
    assert int(status["work_us"].sum()) == 4
    samples = [int(b["sample"]) for b in blocks]
    assert samples[:3] == [HOP, 2 * HOP, 3 * HOP]
    assert samples[3] - samples[2] == pytest.approx((11.0 - 10.0 - 2 * HOP / SAMPLE_RATE) * SAMPLE_RATE, abs=1)


def test_exception_in_the_analysis_is_a_state() -> None:
    state = SharedState.create()
    worker = HopWorker(state)
    worker.take(np.zeros((HOP - 1, 2), np.float32), 0.0)  # a hop of the wrong length
    assert worker.failed.is_set()
    assert "ValueError" in worker.error
    assert state.status.latest() is None
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
