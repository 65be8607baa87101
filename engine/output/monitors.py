"""GLFW started, and the screens that are there, by name. Main thread only.

GLFW is imported when it is needed, so that machines without a display can import this package.
"""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from phosphene.engine.core.errors import UserError, one_line
from phosphene.engine.core.extras import install_packages
from phosphene.engine.core.frame import Size

log = logging.getLogger(__name__)

_REMEDY = "start it in a desktop session, set DISPLAY or WAYLAND_DISPLAY, or use --output headless"


@dataclass(frozen=True)
class Monitor:
    """A screen as the system names it, a second one of that name as "NAME 2". size: pixels of its current mode; hz: its
    nominal refresh rate.
    """

    index: int
    name: str
    size: Size
    hz: float


class Glfw:
    """GLFW, started; keeps the last error, which GLFW reports by callback only."""

    def __init__(self) -> None:
        try:
            import glfw
        except ImportError as error:
            raise UserError("the window library does not load", got=error, remedy=install_packages(["glfw"])) from error
        self.api: ModuleType = glfw
        self.error = ""
        glfw.set_error_callback(self._on_error)
        if not glfw.init():
            raise UserError("no window can be opened", got=self.error or None, remedy=_REMEDY)

    def _on_error(self, code: int, text: bytes) -> None:
        self.error = text.decode("utf-8", "replace")
        log.debug("GLFW %#x: %s", code, self.error)

    def create(self, size: Size, title: str, share: Any = None) -> Any:
        """Return a window with an OpenGL 3.3 core context; share: a window whose textures it can read.

        Raises UserError.
        """
        glfw = self.api
        glfw.default_window_hints()
        if sys.platform.startswith("linux"):
            glfw.window_hint(glfw.CONTEXT_CREATION_API, glfw.EGL_CONTEXT_API)
        glfw.window_hint(glfw.CONTEXT_VERSION_MAJOR, 3)
        glfw.window_hint(glfw.CONTEXT_VERSION_MINOR, 3)
        glfw.window_hint(glfw.OPENGL_PROFILE, glfw.OPENGL_CORE_PROFILE)
        glfw.window_hint(glfw.OPENGL_FORWARD_COMPAT, True)
        glfw.window_hint(glfw.DEPTH_BITS, 0)
        glfw.window_hint(glfw.STENCIL_BITS, 0)
        # A click on the operator's screen must not make the stage go black.
        glfw.window_hint(glfw.AUTO_ICONIFY, False)
        window = glfw.create_window(size.width, size.height, title, None, share)
        if not window:
            got = self.error or None
            raise UserError("no window with OpenGL 3.3 can be opened", got=got, remedy="update the graphics driver")
        return window

    def monitors(self) -> list[tuple[Monitor, Any]]:
        """Return the monitors that are connected, the primary one first, with GLFW's handles."""
        found = []
        for handle in self.api.get_monitors() or ():
            mode = self.api.get_video_mode(handle)
            name = self.api.get_monitor_name(handle)
            name = name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)
            if mode is not None:
                size = Size(mode.size.width, mode.size.height)
                own = _own_name(name, [monitor.name for monitor, _ in found])
                found.append((Monitor(len(found), own, size, float(mode.refresh_rate)), handle))
        return found


def _own_name(name: str, taken: list[str]) -> str:
    """Return a name of one line that no other screen has: Windows calls all of them "Generic PnP Monitor"."""
    plain = one_line(name).strip() or "screen"
    names = (plain, *(f"{plain} {number}" for number in range(2, len(taken) + 2)))
    return next(each for each in names if each not in taken)


def list_monitors() -> list[Monitor]:
    """Return the monitors, the primary one first. Raises UserError where there is no display."""
    glfw = Glfw()
    monitors = [monitor for monitor, _ in glfw.monitors()]
    glfw.api.terminate()
    return monitors


def find_monitor(wish: str | int | None, monitors: list[Monitor]) -> Monitor:
    """Return the monitor with this name, a name that contains it, or this index; None: the second one, where there is one.

    The primary monitor of a laptop is its own, with the terminal on it; what is plugged in is the stage. Raises UserError
    that lists what is there.
    """
    allowed = ", ".join(f"{m.index}: {m.name}" for m in monitors)
    if not monitors:
        raise UserError("no monitor is connected", remedy="use --windowed or --output headless")
    if wish is None or wish == "":
        return monitors[:2][-1]
    text = str(wish).lower()
    for match in (
        lambda m: m.name.lower() == text,
        lambda m: str(m.index) == text,
        lambda m: text in m.name.lower(),
    ):
        if found := [m for m in monitors if match(m)]:
            return found[0]
    raise UserError("no such monitor", where="--monitor", allowed=allowed, got=wish)


def letterbox(picture: Size, screen: Size) -> tuple[int, int, int, int]:
    """Return x, y, width, height of the largest place for `picture` on `screen` at its own aspect, centred."""
    scale = min(screen.width / picture.width, screen.height / picture.height)
    width, height = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    return (screen.width - width) // 2, (screen.height - height) // 2, width, height
