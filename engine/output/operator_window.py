"""The second window, for whoever plays: it shows a picture that was drawn in the wall's context. Render thread only.

Textures are shared between the two contexts, framebuffers are not: here the picture's texture gets a framebuffer of its own
and is copied to the screen. Only the wall waits for its refresh: two windows that both wait halve the rate (glfw#465, #938).
"""

from __future__ import annotations

from typing import Any

from phosphene.engine.core.frame import Size
from phosphene.engine.gpu.gl import GL
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.output.window import Window

_SIZE = Size(1440, 900)
_FOREVER = 0xFFFFFFFFFFFFFFFF  # GL_TIMEOUT_IGNORED, the only one that glWaitSync takes; PyOpenGL has -1
_SMALLEST = Size(720, 480)


class OperatorWindow:
    """Opened beside the wall's window, whose keys it shares. Raises UserError where there is none to be had."""

    def __init__(self, wall: Window, title: str = "Phosphene: operator") -> None:
        self._wall, self._glfw = wall, wall.glfw
        self._placed = wall.placed
        self._window: Any = wall.beside(_SIZE, title)
        dont_care = self._glfw.DONT_CARE
        self._glfw.set_window_size_limits(self._window, _SMALLEST.width, _SMALLEST.height, dont_care, dont_care)
        self._glfw.make_context_current(self._window)
        try:
            self._glfw.swap_interval(0)
            self._framebuffer = int(GL.glGenFramebuffers(1))
        except Exception:
            wall.make_current()
            self._glfw.destroy_window(self._window)
            raise
        wall.make_current()

    @property
    def size(self) -> Size:
        """Pixels to draw; 0x0 while minimised."""
        return Size(*self._glfw.get_framebuffer_size(self._window))

    @property
    def should_close(self) -> bool:
        """True once a person has closed it. The show goes on."""
        return bool(self._glfw.window_should_close(self._window))

    def make_room(self) -> None:
        """Leave the screen that the wall has gone to, or one that is gone, where there is another. Call it every frame."""
        if self._placed == self._wall.placed:
            return
        self._placed = self._wall.placed
        (x, y), (width, height) = self._glfw.get_window_pos(self._window), self._glfw.get_window_size(self._window)
        place = self._wall.free_place(_SIZE)
        if place is None or self._wall.leaves_free(x + width // 2, y + height // 2):
            return
        x, y, size = place
        self._glfw.set_window_size(self._window, size.width, size.height)
        self._glfw.set_window_pos(self._window, x, y)

    def show(self, picture: RenderTarget) -> None:
        """Show a picture (rgba8, sRGB) of the window's size. The wall's context is current before and after."""
        drawn = GL.glFenceSync(GL.GL_SYNC_GPU_COMMANDS_COMPLETE, 0)
        GL.glFlush()
        self._glfw.make_context_current(self._window)
        try:
            GL.glWaitSync(drawn, 0, _FOREVER)
            width, height = picture.size.width, picture.size.height
            GL.glBindFramebuffer(GL.GL_READ_FRAMEBUFFER, self._framebuffer)
            # Bound anew each time: that is when one context learns what another has drawn.
            GL.glFramebufferTexture2D(GL.GL_READ_FRAMEBUFFER, GL.GL_COLOR_ATTACHMENT0, GL.GL_TEXTURE_2D, picture.texture, 0)
            GL.glBindFramebuffer(GL.GL_DRAW_FRAMEBUFFER, 0)
            GL.glBlitFramebuffer(0, 0, width, height, 0, 0, width, height, GL.GL_COLOR_BUFFER_BIT, GL.GL_NEAREST)
            self._glfw.swap_buffers(self._window)
            read = GL.glFenceSync(GL.GL_SYNC_GPU_COMMANDS_COMPLETE, 0)
            GL.glFlush()
        finally:
            self._wall.make_current()
            GL.glDeleteSync(drawn)
        GL.glWaitSync(read, 0, _FOREVER)  # the picture is not drawn over before it was shown
        GL.glDeleteSync(read)

    def close(self) -> None:
        """Close it; closing again does nothing."""
        if self._window:
            self._glfw.make_context_current(self._window)
            GL.glDeleteFramebuffers(1, [self._framebuffer])
            self._wall.make_current()
            self._glfw.destroy_window(self._window)
            self._window = None
