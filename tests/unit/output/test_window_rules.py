"""Rules of the window that need no window: letterboxing, finding a monitor."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.engine.output.monitors import Glfw, Monitor, find_monitor, letterbox

SIDES = st.integers(16, 4000)
MONITORS = [Monitor(0, "eDP-1", Size(1920, 1080), 60), Monitor(1, "HDMI-1", Size(1280, 720), 50)]


@given(SIDES, SIDES, SIDES, SIDES)
def test_the_picture_keeps_its_aspect_fills_one_side_and_is_centred(pw, ph, sw, sh):
    x, y, w, h = letterbox(Size(pw, ph), Size(sw, sh))
    assert w == sw or h == sh
    assert 0 <= x <= (sw - w + 1) // 2
    assert 0 <= y <= (sh - h + 1) // 2
    assert abs(w * ph - h * pw) <= max(pw, ph)  # within a pixel


@pytest.mark.parametrize(
    ("wish", "index"), [(None, 1), ("", 1), ("HDMI-1", 1), ("hdmi", 1), ("1", 1), (1, 1), (0, 0), ("eDP-1", 0)]
)
def test_monitors_are_found_by_name_part_or_index(wish, index):
    assert find_monitor(wish, MONITORS).index == index


def test_what_is_plugged_in_is_the_stage_and_alone_it_is_the_laptop():
    assert find_monitor(None, MONITORS).name == "HDMI-1"
    assert find_monitor(None, MONITORS[:1]).name == "eDP-1"


def test_a_monitor_that_is_not_there_is_an_error_that_lists_the_others():
    with pytest.raises(UserError, match="0: eDP-1, 1: HDMI-1"):
        find_monitor("DP-7", MONITORS)
    with pytest.raises(UserError, match="no monitor"):
        find_monitor(None, [])


def test_each_screen_has_a_name_of_its_own_in_one_line():
    mode = SimpleNamespace(size=SimpleNamespace(width=800, height=600), refresh_rate=60)
    names = ["Generic PnP Monitor", b"Generic PnP Monitor", "", "a\nb", "Generic PnP Monitor"]
    glfw = object.__new__(Glfw)
    glfw.api = SimpleNamespace(
        get_monitors=lambda: list(range(len(names))), get_video_mode=lambda _: mode, get_monitor_name=names.__getitem__
    )
    found = [monitor for monitor, _ in glfw.monitors()]
    assert [monitor.name for monitor in found] == [
        "Generic PnP Monitor", "Generic PnP Monitor 2", "screen", "a\\nb", "Generic PnP Monitor 3",
    ]  # fmt: skip
    assert find_monitor(found[4].name, found).index == 4
