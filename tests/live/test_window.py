"""A real GLFW window on a real X server: what is on the screen is read back from the server, not from our own context."""

from __future__ import annotations

import ctypes
import itertools
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import ImageGrab

from phosphene.engine.core import clock
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.engine.gpu.gl import GL
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.output.choose import choose_display
from phosphene.engine.output.hud import Hud
from phosphene.engine.output.hud_model import HudModel
from phosphene.engine.output.monitors import list_monitors
from phosphene.engine.output.window import Window
from tests.live.xvfb import x_display  # noqa: F401

pytestmark = [pytest.mark.live, pytest.mark.usefixtures("x_display")]

SIZE = Size(320, 180)


def corners() -> np.ndarray:
    """A picture with another colour in each corner, and a grey middle."""
    picture = np.full((180, 320, 4), 128, np.uint8)
    picture[:60, :100] = (255, 0, 0, 255)
    picture[:60, -100:] = (0, 255, 0, 255)
    picture[-60:, :100] = (0, 0, 255, 255)
    picture[-60:, -100:] = (255, 255, 255, 255)
    return picture


def grab(display: str) -> np.ndarray:
    return np.asarray(ImageGrab.grab(xdisplay=display).convert("RGB")).astype(int)


@pytest.fixture
def stage() -> Iterator[tuple[Window, RenderTarget]]:
    window = Window(SIZE, fullscreen=True)
    target = RenderTarget(SIZE, "rgba8")
    target.upload(corners())
    yield window, target
    target.close()
    assert GL.glGetError() == GL.GL_NO_ERROR
    window.close()


def show(window: Window, target: RenderTarget, hud: Hud | None = None, frames: int = 3) -> None:
    for _ in range(frames):
        window.poll()
        window.present(target, hud)
    clock.sleep(0.1)


def test_full_screen_keeps_the_aspect_between_black_bars(stage, x_display):  # noqa: F811
    window, target = stage
    show(window, target)
    assert window.fullscreen
    assert window.screen_size == Size(800, 600)
    screen = grab(x_display)
    top = (600 - 450) // 2  # 320x180 on 800 wide is 450 high
    assert screen[: top - 1].max() == 0
    assert screen[-(top - 1) :].max() == 0
    assert np.array_equal(screen[top + 20, 20], (255, 0, 0))
    assert np.array_equal(screen[top + 20, -20], (0, 255, 0))
    assert np.array_equal(screen[-top - 20, 20], (0, 0, 255))
    assert np.array_equal(screen[-top - 20, -20], (255, 255, 255))
    assert np.abs(screen[300, 400] - 128).max() <= 1


def test_a_window_of_the_output_size_shows_every_pixel_as_it_is(stage, x_display):  # noqa: F811
    window, target = stage
    window.toggle_fullscreen()
    noise = np.random.default_rng(0).integers(0, 256, (180, 320, 4)).astype(np.uint8)
    target.upload(noise)
    show(window, target)
    assert not window.fullscreen
    assert window.screen_size == SIZE
    screen = grab(x_display)
    assert np.array_equal(screen[40 : 40 + 180, 40 : 40 + 320], noise[..., :3])
    window.toggle_fullscreen()
    show(window, target)
    assert window.fullscreen


def test_the_hud_is_on_the_screen_and_not_in_the_picture(stage, x_display):  # noqa: F811
    window, target = stage
    before = target.read()
    hud = Hud()
    hud.update(HudModel(scene="tide", fps_target=24, bpm=120, audio_source="line", audio_state="running"), 0.0)
    show(window, target, hud)
    plain = grab(x_display)
    hud.visible, hud.level, hud.beat = True, 1.0, 4.0
    show(window, target, hud)
    panel = grab(x_display)
    changed = np.abs(panel - plain).max(axis=2) > 8
    assert changed[:300, 20:300].mean() > 0.2
    assert not changed[:, 480:].any()
    assert (np.abs(panel - (255, 96, 84)).max(axis=2) <= 2).any()  # the level meter at full scale is red
    hud.visible = False
    hud.update(HudModel(blackout=True), 1.0)
    show(window, target, hud)
    badge = np.abs(grab(x_display) - plain).max(axis=2) > 8
    assert badge[:40, -140:].any()
    assert not badge[60:].any()
    hud.badges = False
    show(window, target, hud)
    assert np.array_equal(grab(x_display), plain)
    assert np.array_equal(target.read(), before)
    hud.close()


def test_monitors_have_names_and_a_wrong_one_is_refused_with_the_list():
    monitors = list_monitors()
    assert [(m.index, m.size) for m in monitors] == [(0, Size(800, 600))]
    Window(SIZE, monitor=monitors[0].name[:3].upper()).close()
    with pytest.raises(UserError, match=f"no such monitor.*0: {monitors[0].name}"):
        Window(SIZE, monitor="projector")
    with pytest.raises(UserError, match="no such monitor"):
        choose_display("auto", SIZE, monitor="projector")


def test_presenting_costs_little_and_tells_when(stage):
    window, target = stage
    t = clock.now()
    at = [window.present(target) for _ in range(20)]
    assert t < at[0]
    assert all(a < b for a, b in itertools.pairwise(at))
    assert at[-1] <= clock.now()
    assert window.refresh_hz >= 0


class _Output(ctypes.Structure):
    """The head of XRROutputInfo."""

    _fields_ = (("timestamp", ctypes.c_ulong), ("crtc", ctypes.c_ulong))


class _Resources(ctypes.Structure):
    """The head of XRRScreenResources."""

    _fields_ = (
        ("timestamp", ctypes.c_ulong),
        ("config", ctypes.c_ulong),
        ("ncrtc", ctypes.c_int),
        ("crtcs", ctypes.POINTER(ctypes.c_ulong)),
        ("noutput", ctypes.c_int),
        ("outputs", ctypes.POINTER(ctypes.c_ulong)),
        ("nmode", ctypes.c_int),
        ("modes", ctypes.POINTER(ctypes.c_ulong)),  # of XRRModeInfo, whose first member is its id
    )


class Cable:
    """Pulls the only output of the X server, and plugs it in again, by another connection to the server."""

    def __init__(self, display: str) -> None:
        try:
            self.x, self.rr = ctypes.CDLL("libX11.so.6"), ctypes.CDLL("libXrandr.so.2")
        except OSError as error:
            pytest.skip(f"no RandR client library: {error}")
        self.x.XOpenDisplay.restype = ctypes.c_void_p
        self.x.XDefaultRootWindow.argtypes = self.x.XCloseDisplay.argtypes = [ctypes.c_void_p]
        self.x.XDefaultRootWindow.restype = ctypes.c_ulong
        self.x.XSync.argtypes = [ctypes.c_void_p, ctypes.c_int]
        self.rr.XRRGetScreenResources.argtypes = [ctypes.c_void_p, ctypes.c_ulong]
        self.rr.XRRGetScreenResources.restype = ctypes.POINTER(_Resources)
        self.rr.XRRSetCrtcConfig.argtypes = [
            *(ctypes.c_void_p, ctypes.POINTER(_Resources), ctypes.c_ulong, ctypes.c_ulong, ctypes.c_int, ctypes.c_int),
            *(ctypes.c_ulong, ctypes.c_ushort, ctypes.POINTER(ctypes.c_ulong), ctypes.c_int),
        ]
        self.display = self.x.XOpenDisplay(display.encode())

    def set(self, plugged: bool) -> None:
        resources = self.rr.XRRGetScreenResources(self.display, self.x.XDefaultRootWindow(self.display))
        found = resources.contents
        mode, outputs, count = (found.modes[0], found.outputs, 1) if plugged else (0, None, 0)
        self.rr.XRRSetCrtcConfig(self.display, resources, found.crtcs[0], 0, 0, 0, mode, 1, outputs, count)
        self.x.XSync(self.display, 0)

    def close(self) -> None:
        self.x.XCloseDisplay(self.display)


def test_a_monitor_that_goes_away_and_comes_back_gets_its_picture_back(stage, x_display):  # noqa: F811
    window, target = stage
    show(window, target)
    assert window.fullscreen
    cable = Cable(x_display)
    try:
        cable.set(False)
        clock.sleep(0.2)
        show(window, target, frames=5)
        assert list_monitors_of(window) == 0
        assert not window.fullscreen
        assert not window.should_close
        assert window.screen_size == SIZE
        cable.set(True)
        clock.sleep(0.2)
        show(window, target, frames=5)
        assert window.fullscreen
        assert window.screen_size == Size(800, 600)
        assert np.array_equal(grab(x_display)[95, 20], (255, 0, 0))
    finally:
        cable.set(True)
        cable.close()


def list_monitors_of(window: Window) -> int:
    return len(window._glfw.monitors())


def press(display: str, *keycodes: int) -> None:
    """Press and release keys through the X server's own test extension."""
    try:
        x, xtest = ctypes.CDLL("libX11.so.6"), ctypes.CDLL("libXtst.so.6")
    except OSError as error:
        pytest.skip(f"no XTEST client library: {error}")
    x.XOpenDisplay.restype = ctypes.c_void_p
    x.XSync.argtypes, x.XCloseDisplay.argtypes = [ctypes.c_void_p, ctypes.c_int], [ctypes.c_void_p]
    xtest.XTestFakeKeyEvent.argtypes = [ctypes.c_void_p, ctypes.c_uint, ctypes.c_int, ctypes.c_ulong]
    connection = x.XOpenDisplay(display.encode())
    for code in keycodes:
        xtest.XTestFakeKeyEvent(connection, code, 1, 0)
        xtest.XTestFakeKeyEvent(connection, code, 0, 0)
    x.XSync(connection, 0)
    x.XCloseDisplay(connection)
    clock.sleep(0.1)


def test_keys_arrive_by_name_and_f11_toggles_full_screen(stage, x_display):  # noqa: F811
    window, target = stage
    show(window, target)
    space, key_h, f11 = 65, 43, 95
    press(x_display, key_h, space)
    events = window.poll()
    assert [(e.key, e.action) for e in events] == [
        ("h", "press"),
        ("h", "release"),
        ("space", "press"),
        ("space", "release"),
    ]
    assert events[0].mods == frozenset()
    press(x_display, f11)
    assert window.poll() == []
    assert not window.fullscreen
