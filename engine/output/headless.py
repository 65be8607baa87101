"""A display without a screen: for servers, tests, and recordings on machines that show nothing. Render thread only."""

from __future__ import annotations

from phosphene.engine.core import clock
from phosphene.engine.core.frame import Size
from phosphene.engine.gpu.context import HeadlessContext
from phosphene.engine.gpu.gl import GL
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.output.base import KeyEvent, Overlay


class Headless:
    """Draws and shows nothing. Raises UserError where EGL gives no context."""

    name = "headless"

    def __init__(self, size: Size) -> None:
        self.output_size = size
        self.refresh_hz = 0.0
        self.vsync = self.fullscreen = False
        self.waited_s = 0.0
        self.should_close = False
        self._context = HeadlessContext()

    def make_current(self) -> None:
        """Make its context current on this thread."""
        self._context.make_current()

    def wait_for(self, refreshes: int) -> None:
        """Do nothing: there is no screen to wait for."""

    def present(self, target: RenderTarget, hud: Overlay | None = None) -> float:
        """Wait until the picture is complete and return the time. The HUD is for screens: it is not drawn."""
        # Without the wait a frame would count as presented while the GPU, or Mesa's worker threads, had yet to draw it:
        # latency and missed frames would look better than they are.
        GL.glFinish()
        return clock.now()

    def poll(self) -> list[KeyEvent]:
        """Return no keys."""
        return []

    def close(self) -> None:
        """Destroy the context."""
        self._context.close()
