"""A camera: a thread of its own reads it, the newest picture wins, and the last one stays while the camera is gone.

Made on the loader thread, which waits for a first picture; `at` is the render thread's and takes what is there. A device can
be opened once: two decks that ask for the same camera share one thread. Devices are libav's: Video4Linux on Linux,
AVFoundation on macOS, DirectShow on Windows; only the first of these has been tried, and without a camera.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from phosphene.engine.core import clock
from phosphene.engine.core.errors import UserError, listed
from phosphene.engine.core.files import reason
from phosphene.engine.core.frame import Size
from phosphene.engine.core.media import open_device
from phosphene.engine.sources.clip import rgb_of

if TYPE_CHECKING:
    from av.container import InputContainer

FORMATS = {"linux": "v4l2", "darwin": "avfoundation", "win32": "dshow"}
FIRST_S = 5.0  # that a camera has for its first picture: some take two to wake up
_SILENT_S = 2.0  # without a picture: it is gone
_AGAIN_S = 1.0  # between two tries to open one that is gone
_SYSTEM = Path("/sys/class/video4linux")

Open = Callable[[], "InputContainer"]
_log = logging.getLogger(__name__)


class Camera:
    """Reads what `opened` opens. name: for people. Pictures are kept no larger than they cover `screen`."""

    moves, loops = True, True

    def __init__(self, name: str, opened: Open, screen: Size) -> None:
        self._name, self._opened, self._screen = name, opened, screen
        self._newest: tuple[int, np.ndarray] | None = None
        self._fault = ""
        self._first = threading.Event()  # there is a picture, or a reason why there is none
        self._closing = threading.Event()
        self._heard = clock.now()
        self._thread = threading.Thread(target=self._run, name=name[:60], daemon=True)
        self._thread.start()

    def wait(self, seconds: float) -> None:
        """Wait for the first picture. Raises UserError where none comes."""
        self._first.wait(seconds)
        if self._newest is None:
            got = self._fault or f"no picture within {seconds:g} s"
            raise UserError("no picture from this camera", where=self._name, got=got, allowed=_allowed())

    def at(self, place: float) -> tuple[int, np.ndarray]:
        """See `Frames`. The newest picture, whatever the place."""
        assert self._newest is not None, "a camera is waited for before it is shown"
        return self._newest

    @property
    def told(self) -> str:
        """See `Frames`."""
        if self._newest is None:
            return self._name
        height, width = self._newest[1].shape[:2]
        return f"{self._name}, {width}x{height}"

    @property
    def fault(self) -> str:
        """See `Frames`."""
        if self._fault:
            return f"{self._name} is gone: {self._fault}; its last picture stays"
        if clock.now() - self._heard > _SILENT_S:
            return f"{self._name} gives no new pictures"
        return ""

    def close(self) -> None:
        """Let the thread end after the picture at hand; it is not waited for, since a driver may hang."""
        self._closing.set()

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                with self._opened() as container:
                    for frame in container.decode(video=0):
                        if self._closing.is_set():
                            return
                        number = self._newest[0] + 1 if self._newest is not None else 0
                        picture = rgb_of(frame, _covering(Size(frame.width, frame.height), self._screen))
                        self._newest, self._heard, self._fault = (number, picture), clock.now(), ""
                        self._first.set()
                self._fault = "it ended"
            except Exception as error:  # noqa: BLE001 boundary: drivers fail in their own ways, and the show goes on
                _log.debug("camera %s", self._name, exc_info=True)
                self._fault = reason(error)
            self._first.set()
            self._closing.wait(_AGAIN_S)


class _Shared:
    """One camera that several decks show; the last one closes it."""

    def __init__(self, camera: Camera) -> None:
        self.camera, self.users = camera, 0


_open: dict[str, _Shared] = {}
_lock = threading.Lock()


class CameraView:
    """A deck's share of a camera. See `Frames`."""

    moves, loops = True, True

    def __init__(self, key: str, camera: Camera) -> None:
        self._key, self._camera, self._closed = key, camera, False

    def at(self, place: float) -> tuple[int, np.ndarray]:
        """See `Frames`."""
        return self._camera.at(place)

    @property
    def told(self) -> str:
        """See `Frames`."""
        return self._camera.told

    @property
    def fault(self) -> str:
        """See `Frames`."""
        return self._camera.fault

    def close(self) -> None:
        """Let the camera go, which ends with its last deck."""
        with _lock:
            if self._closed:
                return
            self._closed = True
            shared = _open[self._key]
            shared.users -= 1
            if not shared.users:
                del _open[self._key]
                shared.camera.close()


def open_camera(device: str, screen: Size, opened: Open | None = None, wait_s: float = FIRST_S) -> CameraView:
    """Open a camera by its number or its name, or join the one that is open. opened: what else to read, for tests.

    Raises UserError where there is none, or it gives no picture in `wait_s`.
    """
    with _lock:
        shared = _open.get(device)
        if shared is None:
            shared = _open[device] = _Shared(Camera(f"camera {device}", opened or _opener(device), screen))
        shared.users += 1
    view = CameraView(device, shared.camera)
    try:
        shared.camera.wait(wait_s)
    except BaseException:
        view.close()
        raise
    return view


def list_cameras() -> dict[str, str]:
    """Return the numbers of the cameras that are plugged in, and their names; on Linux alone, elsewhere nothing is known."""
    found = {}
    try:
        for path in sorted(_SYSTEM.iterdir(), key=lambda each: (len(each.name), each.name)):
            number = path.name.removeprefix("video")
            # A camera has several nodes; the first of them has its pictures.
            if number.isdecimal() and _read(path / "index") in ("", "0"):
                found[number] = _read(path / "name")
    except OSError:
        return found
    return found


def _opener(device: str) -> Open:
    """Return what opens a device of this system. A name is looked up each time: it may come back under another number."""

    def opened() -> InputContainer:
        kind = FORMATS.get(sys.platform, "v4l2")
        place, options = device, {}
        if kind == "v4l2":
            known = list_cameras()
            number = device if device.isdecimal() else next((n for n, name in known.items() if name == device), None)
            if number is None:
                raise UserError("no such camera", got=device, allowed=_allowed())
            place = f"/dev/video{number}"
        elif kind == "dshow":
            place = f"video={_windows_name(device)}"
        else:
            options = {"framerate": "30", "pixel_format": "uyvy422"}  # it refuses 29.97, which libav asks for by itself
        return open_device(place, kind, options, (FIRST_S, _SILENT_S))

    return opened


def _windows_name(device: str) -> str:
    """Return the name of a camera: DirectShow knows no numbers."""
    if not device.isdecimal():
        return device
    from av.device import enumerate_input_devices

    names = [each.description for each in enumerate_input_devices("dshow") if "video" in each.media_types]
    if int(device) >= len(names):
        raise UserError("no such camera", got=device, allowed=listed(names))
    return names[int(device)]


def _allowed() -> str:
    known = list_cameras()
    return listed(f"camera:{number} ({name})" for number, name in known.items()) if known else "one that is plugged in"


def _covering(size: Size, screen: Size) -> Size:
    scale = min(1.0, max(screen.width / size.width, screen.height / size.height))
    return Size(max(1, round(size.width * scale)), max(1, round(size.height * scale)))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()[:200]
    except OSError:
        return ""
