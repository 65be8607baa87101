"""One suite for every display: a window under Xvfb and the headless one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest

from phosphene.engine.core import clock
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.engine.gpu.gl import GL
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.output.base import Display
from phosphene.engine.output.choose import choose_display
from phosphene.engine.output.hud import Hud
from phosphene.engine.output.hud_model import HudModel
from tests.live.xvfb import x_display  # noqa: F401

SIZE = Size(160, 90)


@pytest.fixture(params=["headless", pytest.param("window", marks=pytest.mark.live)])
def display(request) -> Iterator[Display]:
    if request.param == "window":
        request.getfixturevalue("x_display")
    else:
        request.getfixturevalue("gl_context")  # skips where there is no EGL
    display, why_not = choose_display(request.param, SIZE, fullscreen=False)
    assert why_not == ""
    assert display.name == request.param
    yield display
    display.close()
    display.close()


def test_it_says_its_size_and_rate_and_is_open(display):
    assert display.output_size == SIZE
    assert display.refresh_hz >= 0
    assert display.should_close is False
    assert display.fullscreen is False
    assert display.waited_s == 0.0
    assert display.poll() == []


def test_presenting_returns_the_time_and_leaves_the_picture_alone(display):
    target = RenderTarget(SIZE, "rgba8")
    target.upload(np.full((90, 160, 4), 77, np.uint8))
    hud = Hud()
    hud.visible = True
    hud.update(HudModel(bpm=120), 0.0)
    before = clock.now()
    times = [display.present(target, hud if i % 2 else None) for i in range(6)]
    assert before <= times[0]
    assert times == sorted(times)
    assert times[-1] <= clock.now()
    assert np.array_equal(np.unique(target.read()), np.float32([77 / 255]))
    hud.close()
    target.close()
    assert GL.glGetError() == GL.GL_NO_ERROR


def test_it_can_be_told_to_wait_for_several_refreshes(display):
    target = RenderTarget(SIZE, "rgba8")
    for refreshes in (2, 1):
        display.wait_for(refreshes)
        before = clock.now()
        assert before <= display.present(target) <= clock.now()
    target.close()


def test_its_context_can_be_made_current_again(display):
    display.make_current()
    target = RenderTarget(SIZE, "rgba8")
    target.clear(1.0, 0.5, 0.0, 1.0)
    assert target.read()[0, 0, 0] == 1.0
    target.close()


def test_auto_without_a_display_server_is_headless_and_says_why(monkeypatch, gl_context):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    display, why_not = choose_display("auto", SIZE)
    assert display.name == "headless"
    assert "DISPLAY" in why_not
    display.close()
    with pytest.raises(UserError, match="use --output headless"):
        choose_display("window", SIZE)
    with pytest.raises(UserError, match="auto, window, headless"):
        choose_display("screen", SIZE)


def test_a_display_that_does_not_answer_falls_back_too(monkeypatch, gl_context):
    monkeypatch.setenv("DISPLAY", ":987")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    display, why_not = choose_display("auto", SIZE)
    assert display.name == "headless"
    assert "no window can be opened" in why_not
    display.close()
    with pytest.raises(UserError, match="no window can be opened"):
        choose_display("window", SIZE)


def test_importing_the_outputs_loads_no_window_library():
    code = (
        "import sys, phosphene.engine.output.choose, phosphene.engine.output.recorder, phosphene.engine.output.hud\n"
        "assert 'glfw' not in sys.modules, 'glfw was imported'"
    )
    environment = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
