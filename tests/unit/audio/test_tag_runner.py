"""The process beside the show that tags music: it runs, it rests where it costs too much, and it leaves nothing behind."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from phosphene.engine.audio import tag_network, tag_runner
from phosphene.engine.audio.base import PCM
from phosphene.engine.audio.tag_runner import TagRunner
from phosphene.engine.audio.tagger import DELAY_S, NAMES
from phosphene.engine.core import clock
from phosphene.engine.core.signals import HOP, SAMPLE_RATE
from phosphene.tools.lab.ears.piece import Recipe, make

_PATIENCE_S = 60.0
_HOPS_A_LOOK = 188  # a second of sound at every look: the test need not wait for music to play

# Answers every second of sound with a row at once, and says that it took this long, in s: of the wall, of a core.
FAKE = """
import json, struct, sys
took, cpu = float(sys.argv[1]), float(sys.argv[2])
heard, t = 0, 0.0
while len(head := sys.stdin.buffer.read(12)) == 12:
    t, n = struct.unpack("<dI", head)
    sys.stdin.buffer.read(8 * n)
    heard += n
    while heard >= 48000:
        heard -= 48000
        row = dict(t=t, values=[0.5] * VALUES, tags=[0.1] * 50, took=took, cpu=cpu)
        print("no json\\n" + json.dumps(row), flush=True)
""".replace("VALUES", str(len(NAMES)))


def fake(took: float = 0.05, cpu: float = 0.05) -> list[str]:
    return [sys.executable, "-c", FAKE, str(took), str(cpu)]


class Source:
    """What the runner asks of an AudioSource: a second of sound more at every look."""

    def __init__(self, pcm: np.ndarray | None = None) -> None:
        self.pcm = np.zeros((HOP, 2), np.float32) if pcm is None else pcm
        self.hops = 0
        self.silent = False

    def pcm_since(self, cursor: int) -> tuple[list[np.void], int, int]:
        if not self.silent:
            self.hops += _HOPS_A_LOOK
        records = np.zeros(self.hops - cursor, PCM)
        for k in range(len(records)):
            at = (cursor + k) * HOP % (len(self.pcm) - HOP + 1)
            records["pcm"][k] = self.pcm[at : at + HOP]
        records["t_adc"] = (np.arange(cursor, self.hops) + 1) * HOP / SAMPLE_RATE
        return list(records), self.hops, 0


def wait_for(what: Callable[[], bool]) -> None:
    deadline = clock.now() + _PATIENCE_S
    while not what():
        assert clock.now() < deadline
        clock.sleep(0.01)


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tag_runner, "_TICK_S", 0.01)


@contextmanager
def running(source: Source, command: list[str] | None = None) -> Iterator[TagRunner]:
    """A runner, after which there is no thread and no process more than before."""
    before = set(threading.enumerate())
    runner = TagRunner(source, command)  # type: ignore[arg-type]
    try:
        yield runner
    finally:
        process = runner._process
        runner.close()
        runner.close()  # twice is once
        assert process is None or process.poll() is not None
        wait_for(lambda: set(threading.enumerate()) <= before)


def test_real_tags_of_a_running_source() -> None:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    source = Source(make(Recipe("house", "909", 128.0, 9.0, seed=880_010, intro=0)).pcm)
    with running(source) as runner:
        assert runner.values(0.0) == dict.fromkeys(NAMES, 0.0)
        assert runner.tags() == {}
        wait_for(lambda: bool(runner.tags()) or bool(runner.note))
        source.silent = True
        assert not runner.note
        assert set(runner.tags()) == set(tag_network.TAGS)
        t = float(runner._rows[-1]["t"])
        found = runner.values(t + DELAY_S + 1.0)
        assert found["electronic"] > 0.5
        assert found["vocals"] < 0.3
        assert runner.running
    assert not runner.running
    assert not runner.note


def test_values_follow_the_rows() -> None:
    source = Source()
    with running(source, fake()) as runner:
        wait_for(lambda: len(runner._rows) == 3)
        t = float(runner._rows[-1]["t"])
        assert runner.values(t)["calm"] == pytest.approx(0.5)
        assert runner.values(t + 60.0)["calm"] == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize(("took", "cpu", "said"), [(2.5, 0.05, "took 2.5 s"), (0.4, 0.39, "39% of a core")])
def test_it_rests_where_it_is_too_slow(took: float, cpu: float, said: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), running(Source(), fake(took, cpu)) as runner:
        wait_for(lambda: bool(runner.note))
        assert said in runner.note
        assert not runner.running
        wait_for(lambda: runner._process.poll() is not None)
        clock.sleep(0.1)
        assert runner.rested
        assert not caplog.records, "the show says it"


def test_one_slow_second_is_borne() -> None:
    with running(Source(), fake()) as runner:
        wait_for(lambda: len(runner._judged) == 10)
        runner._take({"t": 1e4, "values": [0.0] * len(NAMES), "tags": [0.0] * 50, "took": 9.0, "cpu": 0.5})
        assert runner.running


def test_it_rests_where_the_show_misses_frames_because_of_it() -> None:
    with running(Source(), fake()) as runner:
        source_of_time = clock.now()
        runner._begun = source_of_time - 100.0
        total = 0
        for _ in range(20):  # while nothing is worked out: not to blame
            runner._busy_since = None
            total += 1
            runner.missed(total)
        assert runner.running
        runner._busy_s = 5.0
        for _ in range(20):
            runner._busy_since = clock.now()
            total += 1
            runner.missed(total)
            runner.missed(total)  # the same frame again is no other
        assert "cost the show" in runner.note
        assert not runner.running


def test_a_process_that_dies_is_told() -> None:
    with running(Source(), [sys.executable, "-c", "raise SystemExit('out of luck')"]) as runner:
        wait_for(lambda: bool(runner.note))
        assert "out of luck" in runner.note
        assert runner.values(1.0) == dict.fromkeys(NAMES, 0.0)
    command = [sys.executable, "-c", 'print(\'{"error": "no weights"}\')']
    with running(Source(), command) as runner:
        wait_for(lambda: bool(runner.note))
        assert runner.note == "music is not tagged: no weights"


def test_what_cannot_be_started_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with running(Source(), [str(tmp_path / "nothing")]) as runner:
        assert "could not be started" in runner.note
    monkeypatch.setattr(tag_network.importlib.util, "find_spec", lambda name: None)
    with running(Source()) as runner:
        assert "onnxruntime" in runner.note
        assert runner.values(1.0) == dict.fromkeys(NAMES, 0.0)
        runner.missed(7)
    monkeypatch.undo()
    monkeypatch.setattr(tag_network, "WEIGHTS", tmp_path / "none.npz")
    with running(Source()) as runner:
        assert "none.npz" in runner.note


def test_a_process_that_hears_nothing_does_not_hold_up_the_end() -> None:
    source = Source()
    with running(source, [sys.executable, "-c", "import time; time.sleep(600)"]):
        wait_for(lambda: source.hops >= 2 * _HOPS_A_LOOK)
        clock.sleep(0.1)
        assert source.hops == 2 * _HOPS_A_LOOK  # its pipe is full: the thread waits
