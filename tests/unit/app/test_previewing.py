"""Previews as a sink: none while nobody looks, a few a frame while somebody does, and no fault of theirs costs a frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace

import numpy as np
import pytest

from phosphene.engine.app.previewing import PreviewSink
from phosphene.engine.compositor.mixer import Mixer
from phosphene.engine.core.frame import Frame, Size
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.pacing.budget import FrameBudget
from tests.unit.compositor.test_mixer import SIGNALS, Solid, show


class Taker:
    def __init__(self, *wanted: str) -> None:
        self.pictures_wanted = frozenset(wanted)
        self.names: list[str] = []
        self.presented: list[float] = []

    def picture(self, name: str, picture: np.ndarray, release: Callable[[], None], t: float) -> None:
        self.names.append(name)
        self.presented.append(t)
        release()


class Run:
    """A stage as far as a preview sees it, and its frames; the clock says what each has taken."""

    def __init__(self, fps: float) -> None:
        self.fps, self.said = fps, []
        self.spent = 0.5  # of a frame's time, before the previews
        self.shown = show(0.0)
        self.mixer = Mixer()
        self.mixer.set_generator("a", Solid(0.5, 0.0, 0.0))
        self.output = RenderTarget(Size(656, 368), "rgba8")
        self.stage = SimpleNamespace(
            mixer=self.mixer, budget=FrameBudget(fps), shown=self.shown, signals=SIGNALS, aside_s=0.0, began=0.0,
            waited_s=0.0, say=self.said.append,
            state=SimpleNamespace(freeze=False), governor=SimpleNamespace(size=lambda: Size(328, 184)),
        )  # fmt: skip

    def frames(self, sink: PreviewSink, count: int) -> None:
        for k in range(count):
            frame = Frame(k, k / self.fps, 100.0 + k / self.fps, 1 / self.fps, self.fps)
            self.mixer.render(frame, SIGNALS, self.shown, Size(328, 184))
            sink.accept(self.output, frame, 0.0)


@pytest.fixture(params=[24.0, 30.0, 60.0])
def run(gl_context, request, monkeypatch) -> Iterator[Run]:
    made = Run(request.param)
    monkeypatch.setattr("phosphene.engine.app.previewing.clock", SimpleNamespace(now=lambda: made.spent / made.fps))
    yield made
    made.mixer.close()
    made.output.close()


def test_nothing_is_made_while_nobody_looks(run):
    taker = Taker()
    run.frames(PreviewSink(run.stage, taker), 20)
    assert taker.names == []


def test_each_picture_comes_ten_times_a_second_at_any_frame_rate(run):
    taker = Taker("a", "b", "wall")
    sink = PreviewSink(run.stage, taker)
    run.frames(sink, round(3 * run.fps))
    sink.close()
    assert all(30 <= taker.names.count(name) <= 40 for name in ("a", "b", "wall"))


def test_a_hidden_deck_waits_for_a_frame_that_has_time_left_and_what_is_seen_does_not(run):
    taker = Taker("a", "b", "wall")
    sink = PreviewSink(run.stage, taker)
    run.spent = 0.9
    run.frames(sink, round(run.fps))
    assert "b" not in taker.names
    assert all(10 <= taker.names.count(name) <= 14 for name in ("a", "wall"))
    run.spent = 0.5
    run.frames(sink, 4)
    assert "b" in taker.names
    sink.close()


def test_a_picture_says_when_its_frame_leaves_and_is_read_in_the_next_one(run):
    taker = Taker("wall")
    sink = PreviewSink(run.stage, taker)
    run.frames(sink, 1)
    assert taker.names == []
    run.frames(sink, 12)
    sink.close()
    assert taker.presented[0] == pytest.approx(100.0)
    assert taker.presented == sorted(taker.presented)


def test_a_fault_of_a_preview_is_said_once_and_raises_nothing(run, monkeypatch):
    def broken(*_: object) -> None:
        raise RuntimeError("the driver is lost")

    monkeypatch.setattr("phosphene.engine.compositor.previews.Previews.wall", broken)
    run.frames(PreviewSink(run.stage, Taker("wall")), 20)
    assert run.said == ["no previews: RuntimeError: the driver is lost"]


def test_the_operators_window_gets_the_pictures_where_they_are_and_nothing_is_read_back(run):
    shown: dict[str, RenderTarget] = {}
    shower = SimpleNamespace(
        pictures_wanted=frozenset({"a", "b"}), preview=lambda deck, target: shown.update({deck: target})
    )
    sink = PreviewSink(run.stage, None, shower)
    run.frames(sink, 8)
    assert shown.keys() == {"a", "b"}
    red, other = shown["a"].read()[..., :3].mean(axis=(0, 1)), shown["b"].read()
    assert red[0] > 0.5
    assert red[1] == 0.0
    assert other.shape == shown["a"].read().shape
    shower.pictures_wanted = frozenset()
    run.frames(sink, 1)
    assert shown["a"].texture == 0, "what nobody looks at is freed"


def test_a_page_and_the_window_share_one_painting(run):
    taker = Taker("b", "wall")
    painted: list[str] = []
    shower = SimpleNamespace(pictures_wanted=frozenset({"a", "b"}), preview=lambda deck, target: painted.append(deck))
    sink = PreviewSink(run.stage, taker, shower)
    run.frames(sink, round(3 * run.fps))
    sink.close()
    assert abs(taker.names.count("b") - painted.count("b")) <= 2
    assert set(taker.names) == {"b", "wall"}
