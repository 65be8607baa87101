"""The window on stage: full screen on a monitor chosen by name, and back there when the monitor was gone for a while.

Render thread only (GLFW wants the main thread). Vsync, where it was measured to work, paces the show; elsewhere the show's
own clock does.
"""

from __future__ import annotations

import logging
import os
import sys
from collections import deque
from types import ModuleType
from typing import Any

import numpy as np

from phosphene.engine.core import clock
from phosphene.engine.core.errors import RateLimitedLog, UserError
from phosphene.engine.core.frame import Size
from phosphene.engine.gpu.gl import GL
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.output.base import KeyEvent, Overlay
from phosphene.engine.output.monitors import Glfw, Monitor, find_monitor, letterbox

log = logging.getLogger(__name__)
quiet = RateLimitedLog(log)

_TOGGLE = "f11"  # not f as well: that is the freeze key
_GPU_TIMEOUT_NS = 100_000_000
_SWAPS_MEASURED = 12
_VSYNC_TOLERANCE = 0.1


class Window:
    """A GLFW window with an OpenGL 3.3 core context. Raises UserError where no window or context can be had.

    output_size: of the pictures that will come; they are scaled to the window with their aspect kept. fullscreen: on
    `monitor` (name, part of it, or index; default: see `find_monitor`), in the mode that the monitor has. F11 toggles.
    """

    name = "window"

    def __init__(
        self, output_size: Size, *, fullscreen: bool = True, monitor: str | int | None = None, title: str = "Phosphene"
    ) -> None:
        self.output_size = output_size
        self._glfw = Glfw()
        self._fullscreen = fullscreen
        self._keys: deque[KeyEvent] = deque()
        self._names = _key_names(self._glfw.api)
        self._monitors_changed = False
        self._fence: Any = None
        self._refreshes = 1
        self.placed = 0  # how often: after each, another window may lie over it
        try:
            monitors = self._glfw.monitors()
            # The name outlives the monitor: that is how it is found again.
            wanted = monitor if fullscreen or monitor is not None else 0  # a window opens on the primary one
            self._wanted = find_monitor(wanted, [m for m, _ in monitors]).name if monitors or fullscreen else ""
            self._window = self._open(title)
        except UserError:
            self._glfw.api.terminate()
            raise
        self.waited_s = 0.0
        self.refresh_hz, self.vsync = self._measure()

    def _open(self, title: str) -> Any:
        glfw = self._glfw.api
        window = self._glfw.create(self.output_size, title)
        glfw.set_key_callback(window, self._on_key)
        glfw.set_monitor_callback(self._on_monitor)
        self._window = window
        glfw.make_context_current(window)
        glfw.swap_interval(1)
        if self._fullscreen:
            self._place()
        return window

    # --- what the render loop calls ---

    @property
    def should_close(self) -> bool:
        """True once a person has closed the window."""
        return bool(self._glfw.api.window_should_close(self._window))

    @property
    def fullscreen(self) -> bool:
        """True while it fills a monitor."""
        return bool(self._glfw.api.get_window_monitor(self._window))

    @property
    def screen_size(self) -> Size:
        """Pixels of the framebuffer; 0x0 while minimised."""
        return Size(*self._glfw.api.get_framebuffer_size(self._window))

    @property
    def monitor(self) -> str:
        """Name of the monitor that it fills, or would fill; empty where there is none."""
        return self._wanted

    @property
    def monitors(self) -> list[Monitor]:
        """The monitors that are there now, the primary one first."""
        return [monitor for monitor, _ in self._glfw.monitors()]

    def go_to(self, monitor: str) -> None:
        """Fill another monitor, by its name, part of it, or its number. Raises UserError that lists those that are there.

        Nothing happens where it fills that one already: measuring a screen anew is a moment of black on it.
        """
        found = find_monitor(monitor, self.monitors)
        if self.fullscreen and found.name == self._wanted:
            return
        self._wanted, self._fullscreen = found.name, True
        self._place()
        self.refresh_hz, self.vsync = self._measure()
        self.wait_for(self._refreshes)

    def beside(self, size: Size, title: str) -> Any:
        """Return a second window of GLFW that shares textures with this one, and whose keys come here.

        It opens on a monitor that this one does not fill, where there is one. Raises UserError.
        """
        glfw = self._glfw.api
        x, y, size = self.free_place(size) or (60, 60, size)
        window = self._glfw.create(size, title, self._window)
        glfw.set_window_pos(window, x, y)
        glfw.set_key_callback(window, self._on_key)
        return window

    def free_place(self, size: Size) -> tuple[int, int, Size] | None:
        """Return x, y and the size, `size` or less, for a window on a monitor that this one does not fill; None: no such."""
        free = next(iter(self._free()), None)
        if free is None:
            return None
        left, top, width, height = self._glfw.api.get_monitor_workarea(free[1])
        size = Size(min(size.width, round(width * 0.9)), min(size.height, round(height * 0.85)))
        return left + (width - size.width) // 2, top + (height - size.height) // 2, size

    def leaves_free(self, x: int, y: int) -> bool:
        """Whether this point of the desktop is on a monitor, and not on the one that this window fills."""
        for monitor, handle in self._free():
            left, top = self._glfw.api.get_monitor_pos(handle)
            if left <= x < left + monitor.size.width and top <= y < top + monitor.size.height:
                return True
        return False

    def _free(self) -> list[tuple[Monitor, Any]]:
        return [each for each in self._glfw.monitors() if not (self._fullscreen and each[0].name == self._wanted)]

    @property
    def glfw(self) -> ModuleType:
        """The library, started."""
        return self._glfw.api

    def make_current(self) -> None:
        """Make its context current on this thread."""
        self._glfw.api.make_context_current(self._window)

    def wait_for(self, refreshes: int) -> None:
        """Let a swap wait for so many refreshes: 2 on a screen of 120 Hz are 60 frames a second, all equally long."""
        self._refreshes = refreshes
        self._glfw.api.swap_interval(refreshes)

    def present(self, target: RenderTarget, hud: Overlay | None = None) -> float:
        """Scale the picture onto the window, black around it, the HUD over it; swap; return the time after the swap."""
        screen = self.screen_size
        self.waited_s = 0.0
        if screen.pixels:
            self._draw(target, screen, hud)
            # The drawing is waited for by itself: what is left to wait for is the screen, and the governor can tell them
            # apart. A frame that fits its slot loses nothing by it.
            _wait(GL.glFenceSync(GL.GL_SYNC_GPU_COMMANDS_COMPLETE, 0))
            drawn = clock.now()
            self._glfw.api.swap_buffers(self._window)
            self._bound_queue()
            self.waited_s = clock.now() - drawn if self.vsync else 0.0
        return clock.now()

    def poll(self) -> list[KeyEvent]:
        """Handle events; return the keys moved since the last call. F11 is acted on here and not returned."""
        self._glfw.api.poll_events()
        if self._monitors_changed:
            self._monitors_changed = False
            self._place()
        events = []
        while self._keys:
            event = self._keys.popleft()
            if event.key == _TOGGLE and not event.mods:
                if event.action == "press":
                    self.toggle_fullscreen()
            else:
                events.append(event)
        return events

    def toggle_fullscreen(self) -> None:
        """Go to the chosen monitor, or back into a window."""
        self.fill(not self.fullscreen)

    def fill(self, on: bool) -> None:
        """Fill the chosen monitor, or be a window. What it is already it stays, untouched."""
        self._fullscreen = on
        if on != self.fullscreen:
            self._place()

    def close(self) -> None:
        """Close the window and GLFW."""
        if self._window:
            self._glfw.api.destroy_window(self._window)
            self._window = None
            self._glfw.api.terminate()

    # --- inside ---

    def _draw(self, target: RenderTarget, screen: Size, hud: Overlay | None) -> None:
        x, y, width, height = letterbox(target.size, screen)
        GL.glBindFramebuffer(GL.GL_DRAW_FRAMEBUFFER, 0)
        GL.glBindFramebuffer(GL.GL_READ_FRAMEBUFFER, target.framebuffer)
        GL.glDisable(GL.GL_SCISSOR_TEST)
        if (width, height) != (screen.width, screen.height):
            GL.glClearColor(0.0, 0.0, 0.0, 1.0)
            GL.glClear(GL.GL_COLOR_BUFFER_BIT)
        source = (0, 0, target.size.width, target.size.height)
        kind = GL.GL_NEAREST if (width, height) == (target.size.width, target.size.height) else GL.GL_LINEAR
        GL.glBlitFramebuffer(*source, x, y, x + width, y + height, GL.GL_COLOR_BUFFER_BIT, kind)
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, 0)
        if hud is not None:
            try:
                hud.draw(screen)
            except Exception as error:  # noqa: BLE001 boundary: what is written over the picture must never cost the picture
                quiet.warning("hud", f"the HUD cannot be drawn: {type(error).__name__}: {error}")

    def _bound_queue(self) -> None:
        # Drivers queue up to three frames, each a frame of latency. Waiting for the one before leaves one in flight.
        before, self._fence = self._fence, GL.glFenceSync(GL.GL_SYNC_GPU_COMMANDS_COMPLETE, 0)
        if before is not None:
            _wait(before)

    def _measure(self) -> tuple[float, bool]:
        """Return (refresh rate in Hz, whether a swap waits for the screen)."""
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, 0)  # a show that goes to another screen has drawn elsewhere last
        times = [clock.now()]
        for _ in range(_SWAPS_MEASURED):
            GL.glClearColor(0.0, 0.0, 0.0, 1.0)
            GL.glClear(GL.GL_COLOR_BUFFER_BIT)
            self._glfw.api.swap_buffers(self._window)
            GL.glFinish()
            times.append(clock.now())
        period = float(np.median(np.diff(times)[2:]))  # the first swaps fill the queue
        nominal = next((m.hz for m, _ in self._glfw.monitors() if m.name == self._wanted), 0.0)
        # A swap that takes another time than a frame of the monitor did not wait for it: no vsync, or none that counts.
        waits = nominal > 0 and abs(period * nominal - 1) < _VSYNC_TOLERANCE
        return (1 / period if waits else nominal), waits

    def _place(self) -> None:
        """Put the window where it belongs among the monitors that are there now."""
        self.placed += 1
        glfw = self._glfw.api
        monitors = self._glfw.monitors()
        found = next(((m, handle) for m, handle in monitors if m.name == self._wanted), None)
        if self._fullscreen and found:
            monitor, handle = found
            size = monitor.size
            # The mode it has anyway: no mode switch, no black second, other screens stay as they are.
            glfw.set_window_monitor(self._window, handle, 0, 0, size.width, size.height, round(monitor.hz))
        else:
            if self._fullscreen:
                log.warning("monitor %s is gone; in a window until it is back", self._wanted)
            width, height = self._windowed_size([m for m, _ in monitors])
            glfw.set_window_monitor(self._window, None, 40, 40, width, height, 0)
        hidden = glfw.CURSOR_HIDDEN if self.fullscreen else glfw.CURSOR_NORMAL
        glfw.set_input_mode(self._window, glfw.CURSOR, hidden)
        glfw.swap_interval(self._refreshes)

    def _windowed_size(self, monitors: list[Monitor]) -> tuple[int, int]:
        if not monitors:
            return self.output_size.width, self.output_size.height
        room = Size(round(monitors[0].size.width * 0.9), round(monitors[0].size.height * 0.85))
        if room.width >= self.output_size.width and room.height >= self.output_size.height:
            return self.output_size.width, self.output_size.height
        return letterbox(self.output_size, room)[2:]

    def _on_monitor(self, _handle: Any, _event: int) -> None:
        self._monitors_changed = True  # placed by poll: GLFW is in the middle of its own bookkeeping here

    def _on_key(self, _window: Any, key: int, scancode: int, action: int, mods: int) -> None:
        glfw = self._glfw.api
        name = self._names.get(key, "")
        # What is printed on the key counts (z and y change places); where that is no Latin letter, its place does.
        if len(name) == 1 and (printed := glfw.get_key_name(key, scancode)):
            name = printed.lower() if printed.isascii() else name
        if name:
            held = frozenset(n for n in ("shift", "control", "alt", "super") if mods & getattr(glfw, f"MOD_{n.upper()}"))
            kind = {glfw.PRESS: "press", glfw.RELEASE: "release"}.get(action, "repeat")
            self._keys.append(KeyEvent(name, kind, frozenset("ctrl" if n == "control" else n for n in held)))


_PUNCTUATION = {
    "apostrophe": "'",
    "comma": ",",
    "minus": "-",
    "period": ".",
    "slash": "/",
    "semicolon": ";",
    "equal": "=",
    "left_bracket": "[",
    "right_bracket": "]",
    "backslash": "\\",
    "grave_accent": "`",
}


def _wait(fence: Any) -> None:
    GL.glClientWaitSync(fence, GL.GL_SYNC_FLUSH_COMMANDS_BIT, _GPU_TIMEOUT_NS)
    GL.glDeleteSync(fence)


def _key_names(glfw: ModuleType) -> dict[int, str]:
    names = {
        getattr(glfw, n): n[4:].lower() for n in dir(glfw) if n.startswith("KEY_") and n not in ("KEY_UNKNOWN", "KEY_LAST")
    }
    return {code: _PUNCTUATION.get(name, name) for code, name in names.items()}


def display_refusal() -> str:
    """Return why no window can be opened here, as far as the environment tells; empty when one may be."""
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return "neither DISPLAY nor WAYLAND_DISPLAY is set"
    return ""
