"""The seams of the output: a Display shows pictures, a Sink takes them. Used by the render loop, on its thread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from phosphene.engine.core.frame import Frame, Size
from phosphene.engine.gpu.texture import RenderTarget


@dataclass(frozen=True, slots=True)
class KeyEvent:
    """A key that moved. key: lower-case name (`a`, `1`, `f11`, `space`, `left`); action: press, repeat, release."""

    key: str
    action: str = "press"
    mods: frozenset[str] = frozenset()  # of shift, ctrl, alt, super


class Overlay(Protocol):
    """What a display draws over the picture, on the screen only: the HUD."""

    def draw(self, screen: Size) -> None:
        """Draw into the framebuffer that is bound, of `screen` pixels."""
        ...


class Display(Protocol):
    """Shows output pictures. Owns the GL context; all calls on the thread that made it."""

    name: str  # `window` or `headless`
    output_size: Size  # of the pictures that will come, which the show sets; the screen may be larger

    @property
    def refresh_hz(self) -> float:
        """Refresh rate of the screen, 0.0 where there is none."""
        ...

    @property
    def vsync(self) -> bool:
        """Whether `present` waits for the screen's refresh, as measured: then it paces the show."""
        ...

    @property
    def waited_s(self) -> float:
        """How long the newest `present` waited for the screen's refresh: time in which nothing was worked on."""
        ...

    @property
    def fullscreen(self) -> bool:
        """Whether the picture fills a screen: then it is the audience's, and nothing is written over it unasked."""
        ...

    @property
    def should_close(self) -> bool:
        """True once a person has closed it."""
        ...

    def make_current(self) -> None:
        """Make its context current on this thread."""
        ...

    def wait_for(self, refreshes: int) -> None:
        """Let `present` wait for so many refreshes of the screen from now on; at first it waits for one."""
        ...

    def present(self, target: RenderTarget, hud: Overlay | None = None) -> float:
        """Show a picture (rgba8, sRGB), the overlay over it; return the clock time at which it was handed over."""
        ...

    def poll(self) -> list[KeyEvent]:
        """Handle what the window system has to say; return the keys moved since the last call."""
        ...

    def close(self) -> None:
        """Close it; further calls are errors, closing again is not."""
        ...


class Sink(Protocol):
    """Takes every output picture: a recorder, a share."""

    def accept(self, picture: RenderTarget, frame: Frame, t_picture: float) -> None:
        """Take a picture (rgba8) that depicts the audio time `t_picture`. Never blocks, never raises."""
        ...

    def close(self) -> None:
        """Finish; may take a while."""
        ...
