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

    def picture(self, name: str, picture: np.ndarray, release: Callable[[], None]) -> None:
        self.names.append(name)
        release()


class Run:
    """A stage as far as a preview sees it, and its frames."""

    def __init__(self, fps: float) -> None:
        self.fps, self.said = fps, []
        self.shown = show(0.0)
        self.mixer = Mixer()
        self.mixer.set_generator("a", Solid(0.5, 0.0, 0.0))
        self.output = RenderTarget(Size(656, 368), "rgba8")
        self.stage = SimpleNamespace(
            mixer=self.mixer, budget=FrameBudget(fps), shown=self.shown, signals=SIGNALS, aside_s=0.0, say=self.said.append,
            state=SimpleNamespace(freeze=False), governor=SimpleNamespace(size=lambda: Size(328, 184)),
        )  # fmt: skip

    def frames(self, sink: PreviewSink, count: int) -> None:
        for k in range(count):
            frame = Frame(k, k / self.fps, 100.0 + k / self.fps, 1 / self.fps, self.fps)
            self.mixer.render(frame, SIGNALS, self.shown, Size(328, 184))
            sink.accept(self.output, frame, 0.0)


@pytest.fixture(params=[24.0, 30.0, 60.0])
def run(gl_context, request) -> Iterator[Run]:
    made = Run(request.param)
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


def test_a_fault_of_a_preview_is_said_once_and_raises_nothing(run, monkeypatch):
    def broken(*_: object) -> None:
        raise RuntimeError("the driver is lost")

    monkeypatch.setattr("phosphene.engine.compositor.previews.Previews.wall", broken)
    run.frames(PreviewSink(run.stage, Taker("wall")), 20)
    assert run.said == ["no previews: RuntimeError: the driver is lost"]
