"""What happens to a real show at the edges of a night: keys, takes back to back, inputs, ports and files that go away."""

from __future__ import annotations

import ctypes
import json
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import ImageGrab

from phosphene.engine.core import clock, paths
from tests.live.machine import went_on
from tests.live.show_process import ShowProcess, start_show
from tests.live.xvfb import x_display

__all__ = ["start_show", "x_display"]

pytestmark = pytest.mark.live

Start = Callable[..., ShowProcess]


def screen(display: str) -> np.ndarray:
    return np.asarray(ImageGrab.grab(xdisplay=display).convert("L")).astype(int)


def press(display: str, *keysyms: int) -> None:
    """Press keys together on the X server, as a keyboard does: the last one, with those before it held."""
    try:
        xlib, xtest = ctypes.CDLL("libX11.so.6"), ctypes.CDLL("libXtst.so.6")
    except OSError as error:
        pytest.skip(f"{error} (apt-get install libxtst6)")
    xlib.XOpenDisplay.restype = ctypes.c_void_p
    server = ctypes.c_void_p(xlib.XOpenDisplay(display.encode()))
    codes = [xlib.XKeysymToKeycode(server, ctypes.c_ulong(k)) for k in keysyms]
    for code in codes:
        xtest.XTestFakeKeyEvent(server, code, 1, ctypes.c_ulong(0))
    for code in reversed(codes):
        xtest.XTestFakeKeyEvent(server, code, 0, ctypes.c_ulong(0))
    xlib.XSync(server, 0)
    xlib.XCloseDisplay(server)


def frames_in(path: Path) -> int:
    with av.open(str(path)) as file:
        return sum(1 for _ in file.decode(video=0))


def test_keys_play_and_end_a_full_screen_show_and_a_blackout_is_dark(start_show: Start, x_display: str, tmp_path: Path):
    """B, then a message that is no address, then Ctrl+Q, with a recording running: nothing is left on the wall."""
    out = tmp_path / "out.mp4"
    show = start_show("--output", "window", "--record", str(out))
    show.wait_for_picture()
    clock.sleep(1.0)
    assert screen(x_display).max() > 20
    show.osc.send_message("/accxyz", 1.0)
    press(x_display, ord("b"))
    clock.sleep(1.0)
    assert screen(x_display).max() == 0
    press(x_display, ord("b"))
    clock.sleep(1.0)
    assert screen(x_display).max() > 20
    press(x_display, 0xFFE3, ord("q"))
    report = show.finished(20.0)
    assert not any("a frame failed" in m for m in report["messages"])
    assert report["recorder"]["error"] == ""
    assert frames_in(out) == report["recorder"]["frames"] > 48


def test_takes_back_to_back_while_the_input_changes(start_show: Start, tmp_path: Path) -> None:
    """Three takes with no pause between them; in the second the input goes to a file and back."""
    import wave

    tone = (8000 * np.sin(np.arange(480_000) * 0.05)).astype(np.int16)
    with wave.open(str(tmp_path / "tone.wav"), "wb") as file:
        file.setparams((1, 2, 48_000, 0, "NONE", ""))
        file.writeframes(tone.tobytes())
    show = start_show()
    show.wait_for_picture()
    for k in range(3):
        show.osc.send_message("/record", 1)
        clock.sleep(0.7)
        if k == 1:
            show.osc.send_message("/audio/input", f"file:{tmp_path / 'tone.wav'}")
            clock.sleep(1.5)
            show.osc.send_message("/audio/input", "demo")
            clock.sleep(1.5)
        show.osc.send_message("/record", 0)
        clock.sleep(0.1)
    clock.sleep(0.5)
    report = show.end()
    takes = sorted((tmp_path / "takes").iterdir())
    assert len(takes) == 3
    assert sum(frames_in(take / "recording.mp4") for take in takes) == report["recorder"]["frames"]
    for take in takes:
        assert json.loads((take / "report.json").read_text())["recorder"]["path"] == str(take / "recording.mp4")
        assert [p.name for p in take.iterdir() if ".part" in p.name] == []
    assert frames_in(takes[1] / "recording.mp4") > 24 * 3
    went_on(report)
    assert not any("fail" in m for m in report["messages"]), report["messages"]


@pytest.mark.faults
def test_a_taken_port_and_a_style_that_is_deleted_while_it_plays(start_show: Start, tmp_path: Path) -> None:
    styles = tmp_path / "styles"
    shutil.copytree(paths.PACKAGE / "styles", styles)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        environment = {"PHOSPHENE_STYLES": str(styles)}
        show = start_show("--seconds", "4", "--osc-port", str(other.getsockname()[1]), environment=environment)
        show.wait_for_picture()
        shutil.rmtree(styles)
        report = show.finished()
    went_on(report, "the library is deleted while a style of it plays; the OSC port is taken")
    assert any("port is in use" in m for m in report["messages"]), report["messages"]
    assert report["frames"] + report["missed"] == 4 * 24


def test_a_show_without_a_scene(start_show: Start, tmp_path: Path) -> None:
    empty = {"PHOSPHENE_SCENES": str(tmp_path / "none")}
    show = start_show("--seconds", "2", environment=empty)
    show.wait_for_picture()
    for address in ("/scene/next", "/cue/go", "/panic", "/panic", "/freeze", "/blackout"):
        show.osc.send_message(address, [])
    show.osc.send_message("/scene", "nowhere")
    show.osc.send_message("/deck/a/style", "../../etc/passwd")
    report = show.finished()
    assert report["frames"] + report["missed"] == 2 * 24
    assert not any("a frame failed" in m for m in report["messages"]), report["messages"]
