"""The seam of what makes pictures: networks, the idle scene, whatever comes next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from phosphene.engine.core.frame import Frame
from phosphene.engine.core.params import Param
from phosphene.engine.core.signals import Signals
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.models.encoding import Motion
from phosphene.engine.models.style import Style


class Generator(Protocol):
    """Made and used on the render thread. Gets frozen values only; never reaches for live state."""

    params: tuple[Param, ...]

    def render(self, frame: Frame, signals: Signals, params: Mapping[str, float], target: RenderTarget) -> None:
        """Draw the frame into `target` (RGBA16F, its size is the internal size): linear light, premultiplied.

        params: values by name; missing ones take their default, unknown ones are ignored. Called once per frame, in order.
        """
        ...

    def close(self) -> None:
        """Free what the generator holds; closing again is not an error."""
        ...


@runtime_checkable
class Played(Generator, Protocol):
    """A generator that plays a style, and can be brought to where another one stood: what takes log and rerenders need."""

    style: Style
    motion: Motion

    def memory(self) -> dict[str, Any]:
        """Return what the next frame depends on, as plain values; `phase` and `levels` at least."""
        ...

    def resume(self, memory: Mapping[str, Any]) -> None:
        """Go on from what `memory` said."""
        ...
