"""The operator's window beside the wall on two real screens: what each of them shows is read back from the X server."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from PIL import ImageGrab

from phosphene.engine.core import clock
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.engine.gpu.gl import GL
from phosphene.engine.gpu.shader import Passes
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.output.hud import Live
from phosphene.engine.output.hud_model import HudModel
from phosphene.engine.output.operator_panel import OperatorModel, layout
from phosphene.engine.output.operator_view import OperatorView
from phosphene.engine.output.operator_window import OperatorWindow
from phosphene.engine.output.window import Window
from tests.live.show_process import PATIENCE_S, ShowProcess, start_show
from tests.live.two_screens import two_screens  # noqa: F401

__all__ = ["start_show"]

pytestmark = [pytest.mark.live, pytest.mark.usefixtures("two_screens")]

SIZE = Size(320, 180)
RED, GREEN = (255, 0, 0), (0, 255, 0)


def grab(display: str) -> np.ndarray:
    """Return what is on both screens: the first one in columns 0 to 1023, the second from there."""
    return np.asarray(ImageGrab.grab(xdisplay=display).convert("RGB")).astype(int)


def flat(colour: tuple[int, int, int]) -> RenderTarget:
    target = RenderTarget(SIZE, "rgba8")
    target.upload(np.full((SIZE.height, SIZE.width, 4), (*colour, 255), np.uint8))
    return target


def show(wall: Window, picture: RenderTarget) -> None:
    for _ in range(3):
        wall.poll()
        wall.present(picture)
    clock.sleep(0.2)


@pytest.fixture
def wall() -> Iterator[Window]:
    window = Window(SIZE, fullscreen=True)
    yield window
    assert GL.glGetError() == GL.GL_NO_ERROR
    window.close()


def test_the_wall_takes_the_second_screen_and_the_operator_the_first(wall: Window, two_screens: str) -> None:  # noqa: F811
    operator, view = OperatorWindow(wall), OperatorView(Passes(), SIZE.aspect)
    red, green = flat(RED), flat(GREEN)
    view.decks["b"] = green
    view.tell(OperatorModel(HudModel(bpm=120.0, messages=("hello",)), scene="Tide"))
    for beat in range(4):
        wall.poll()
        wall.present(red)
        operator.show(view.draw(operator.size, red, Live(float(beat), 1 + beat, 0.5, known=True)))
    clock.sleep(0.2)
    screens = grab(two_screens)
    places = layout(operator.size, SIZE.aspect)
    left, top = (1024 - operator.size.width) // 2, (768 - operator.size.height) // 2

    def at(place: tuple[int, int, int, int]) -> tuple[int, ...]:
        x, y, w, h = place
        return tuple(screens[top + y + h // 2, left + x + w // 2])

    assert at(places.wall) == RED
    assert at(places.b) == GREEN
    assert at(places.a) == (0, 0, 0)
    audience = screens[:600, 1024:1824]
    assert {tuple(colour) for colour in audience.reshape(-1, 3)} <= {RED, (0, 0, 0)}, "the picture and nothing else"
    assert (audience == RED).all(axis=2).mean() > 0.7
    operator.close()
    operator.close()
    wall.present(red)
    assert not wall.should_close
    for each in (view, red, green):
        each.close()


def test_the_picture_goes_to_another_screen_by_name_and_a_wrong_name_changes_nothing(wall: Window, two_screens: str) -> None:  # noqa: F811
    assert [(m.name, m.size) for m in wall.monitors] == [("DUMMY0", Size(1024, 768)), ("DUMMY1", Size(800, 600))]
    assert (wall.monitor, wall.screen_size) == ("DUMMY1", Size(800, 600))
    red = flat(RED)
    show(wall, red)
    wall.go_to("dummy0")
    show(wall, red)
    screens = grab(two_screens)
    assert (wall.monitor, wall.screen_size, wall.fullscreen) == ("DUMMY0", Size(1024, 768), True)
    assert tuple(screens[384, 512]) == RED
    assert not screens[:600, 1024:1824].any()
    with pytest.raises(UserError, match=r"no such monitor.*0: DUMMY0, 1: DUMMY1"):
        wall.go_to("projector")
    assert wall.monitor == "DUMMY0"
    red.close()


def test_going_where_it_is_leaves_the_picture_on_the_screen(wall: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[int] = []
    monkeypatch.setattr(Window, "_measure", lambda self: measured.append(1) or (60.0, False))
    placed = wall.placed
    for _ in range(3):
        wall.go_to("1")
        wall.fill(True)
    assert (measured, wall.placed) == ([], placed)
    wall.fill(False)
    wall.go_to("1")
    assert (measured, wall.fullscreen) == ([1], True)


def test_going_to_another_screen_clears_no_picture(wall: Window) -> None:
    red = flat(RED)
    red.bind()
    wall.go_to("0")
    assert (red.read()[..., 0] == 1.0).all()
    red.close()


def test_the_operators_window_leaves_the_screen_that_the_wall_goes_to(wall: Window, two_screens: str) -> None:  # noqa: F811
    operator, red = OperatorWindow(wall), flat(RED)
    wall.go_to("0")
    operator.make_room()
    for _ in range(10):
        clock.sleep(0.03)  # the window system moves them in its own time
        wall.poll()
        wall.present(red)
        big = RenderTarget(operator.size, "rgba8")
        big.upload(np.full((operator.size.height, operator.size.width, 4), (*GREEN, 255), np.uint8))
        operator.show(big)
        big.close()
    clock.sleep(0.2)
    screens = grab(two_screens)
    assert tuple(screens[384, 512]) == RED
    assert tuple(screens[300, 1024 + 400]) == GREEN
    assert not (screens[:, :1024] == GREEN).all(axis=2).any()
    operator.close()
    red.close()


def test_the_operators_window_comes_back_with_its_screen_and_stays_where_a_hand_put_it(wall: Window) -> None:
    operator = OperatorWindow(wall)

    def left() -> int:
        for _ in range(5):
            clock.sleep(0.05)
            wall.poll()
            operator.make_room()
        return int(wall.glfw.get_window_pos(operator._window)[0])

    first = left()
    wall.glfw.set_window_pos(operator._window, 7, 9)
    wall.fill(False)
    wall.fill(True)
    assert left() == 7, "it was in nobody's way"
    xrandr("--output", "DUMMY0", "--off")
    wall.glfw.set_window_pos(operator._window, 1100, 9)  # as a window manager does with what is on no screen
    left()
    back = ["--output", "DUMMY0", "--mode", "1024x768", "--pos", "0x0", "--output", "DUMMY1", "--mode", "800x600"]
    xrandr(*back, "--pos", "1024x0")
    xrandr("--query")
    assert left() == first
    operator.close()


def xrandr(*arguments: str) -> None:
    subprocess.run(["xrandr", *arguments], check=True, capture_output=True)


def soon(true: Callable[[], bool]) -> bool:
    give_up = clock.now() + PATIENCE_S
    while not (found := true()) and clock.now() < give_up:
        clock.sleep(0.2)
    return found


def test_a_show_is_looked_at_before_it_is_taken(start_show: Callable[..., ShowProcess], two_screens: str) -> None:  # noqa: F811
    running = start_show("--output", "window", "--no-desk", "--scene", "tide")
    running.wait_for_picture()
    assert running.state("/output/operator", 1) == 1, "two screens: it is there without being asked for"
    assert running.state("/state/output/monitors") == "DUMMY0\nDUMMY1"

    size = Size(round(1024 * 0.9), round(768 * 0.85))
    left, top = (1024 - size.width) // 2, (768 - size.height) // 2
    places = layout(size, SIZE.aspect)

    def deck(place: tuple[int, int, int, int]) -> np.ndarray:
        x, y, w, h = place
        return grab(two_screens)[top + y : top + y + h, left + x : left + x + w]

    def wall_is(place: tuple[int, int, int, int]) -> bool:
        """Whether the wall looks like a preview: both are averaged to 8x5, for they are not of one moment."""
        screens = grab(two_screens)
        seen = blocks(screens[75:525, 1024:1824])
        x, y, w, h = place
        small = blocks(screens[top + y : top + y + h, left + x : left + x + w])
        if min(seen.std(), small.std()) < 1.0:  # one of them has not come yet: it is black, or of one colour
            return False
        return float(np.corrcoef(seen.ravel(), small.ravel())[0, 1]) > 0.9

    assert soon(lambda: wall_is(places.wall))
    assert soon(lambda: wall_is(places.a))
    running.osc.send_message("/preview", 1)
    running.osc.send_message("/scene", "prism")
    assert running.state("/state/standby", "prism") == "prism"
    assert soon(lambda: deck(places.b).std() > 20.0), "the scene is seen beside the wall"
    assert running.state("/crossfade", 0.0) == 0.0
    running.osc.send_message("/hud", 1)
    clock.sleep(1.0)
    audience = grab(two_screens)[:600, 1024:1824]
    assert not audience[:74].any(), "no panel and no badge on the wall: above the picture it is black"
    running.osc.send_message("/take", [])
    assert running.state("/crossfade", 1.0) == 1.0
    assert soon(lambda: wall_is(places.b))
    running.osc.send_message("/output/operator", 0)
    assert soon(lambda: not deck(places.wall).any())
    report = running.end()
    assert report["frames"] > 0
    assert not [line for line in report["messages"] if "window" in line], report["messages"]


def blocks(picture: np.ndarray) -> np.ndarray:
    """Return the means of 8 x 5 blocks."""
    rows = np.array_split(picture.mean(axis=2), 5, axis=0)
    return np.array([[block.mean() for block in np.array_split(row, 8, axis=1)] for row in rows])
