"""An OpenGL 3.3 core context of a window that is never shown: how Windows and macOS, which have no EGL, work headless.

Made by `context.HeadlessContext`, on the main thread, as GLFW wants it. It needs a desktop session, and nothing is seen.
"""

from __future__ import annotations

import sys
from typing import Any

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.extras import install_packages


class HiddenWindow:
    """Makes a context and makes it current on this thread. Raises UserError where no window can be had."""

    def __init__(self) -> None:
        try:
            import glfw
        except ImportError as error:
            raise UserError("the window library does not load", got=error, remedy=install_packages(["glfw"])) from error
        self._glfw: Any = glfw
        said: list[str] = []
        before = glfw.set_error_callback(lambda code, text: said.append(text.decode("utf-8", "replace")))
        try:
            self._window = self._open() if glfw.init() else None
        finally:
            glfw.set_error_callback(before)
        if not self._window:
            remedy = "start it in a desktop session, and update the graphics driver"
            raise UserError("no OpenGL 3.3 without a window on screen", got=said[-1] if said else None, remedy=remedy)
        self.make_current()

    def _open(self) -> Any:
        glfw = self._glfw
        glfw.default_window_hints()
        if sys.platform.startswith("linux"):  # as the window on stage: PyOpenGL serves one platform
            glfw.window_hint(glfw.CONTEXT_CREATION_API, glfw.EGL_CONTEXT_API)
        glfw.window_hint(glfw.VISIBLE, False)
        glfw.window_hint(glfw.CONTEXT_VERSION_MAJOR, 3)
        glfw.window_hint(glfw.CONTEXT_VERSION_MINOR, 3)
        glfw.window_hint(glfw.OPENGL_PROFILE, glfw.OPENGL_CORE_PROFILE)
        glfw.window_hint(glfw.OPENGL_FORWARD_COMPAT, True)
        return glfw.create_window(16, 16, "Phosphene", None, None)

    def make_current(self) -> None:
        """Make this context current on the calling thread."""
        self._glfw.make_context_current(self._window)

    def release(self) -> None:
        """Leave the calling thread without a current context."""
        self._glfw.make_context_current(None)

    def close(self) -> None:
        """Destroy the window with its context. GLFW stays: others may have windows."""
        if self._window:
            self._glfw.destroy_window(self._window)
            self._window = None
