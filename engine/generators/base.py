"""The seam of what makes pictures: networks, the idle scene, whatever comes next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NotRequired, Protocol, runtime_checkable

from phosphene.engine.backends.base import Capabilities
from phosphene.engine.core.frame import Frame
from phosphene.engine.core.params import Param
from phosphene.engine.core.resumable import Resumable
from phosphene.engine.core.signals import Signals
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.models.encoding import Motion, MotionMemory
from phosphene.engine.models.style import Style


class Generator(Protocol):
    """Made and used on the render thread. Gets frozen values only; never reaches for live state.

    A class that derives from this one has no capabilities, unless it says otherwise.
    """

    params: tuple[Param, ...]

    @property
    def capabilities(self) -> Capabilities:
        """What there is beyond `render`: that of the program, where it has any."""
        return Capabilities()

    def render(self, frame: Frame, signals: Signals, params: Mapping[str, float], target: RenderTarget) -> None:
        """Draw the frame into `target` (RGBA16F, its size is the internal size): linear light, premultiplied.

        params: values by name; missing ones take their default, unknown ones are ignored. Called once per frame, in order.
        """
        ...

    def render_dissolve(
        self,
        other: Generator,
        frame: Frame,
        signals: Signals,
        params: Sequence[Mapping[str, float]],
        gains: tuple[float, float],
        target: RenderTarget,
    ) -> bool:
        """Advance both and draw gains[0] x this + gains[1] x `other`, added up in linear light, where one launch can.

        Called where the capabilities have a pairing. params: this generator's, then the other's. Returns False, with
        nothing done, where the two are no pair.
        """
        return False

    def aside(self, on: bool) -> None:
        """Called with True before a picture that is not the show's, and with False after it.

        What its memory cannot say, pictures that it keeps, must be as it was afterwards. Most generators keep none.
        """

    def close(self) -> None:
        """Free what the generator holds; closing again is not an error."""
        ...


class Memory(MotionMemory):
    """What a generator's next frame depends on; each kind of style has the keys that it needs (see `take_start.py`).

    shift: what a speed other than 1 has added to the beat. beat: of the last frame. strike: number, beat, strength and level
    of the last strike. began: the bar in which a picture came on the deck. frames: how many a shader has painted. pressed:
    its events that are held down. variations: see `models.variations`.
    """

    shift: NotRequired[float | None]
    frames: NotRequired[int]
    pressed: NotRequired[list[str]]
    beat: NotRequired[float]
    strike: NotRequired[tuple[float, float, float, float]]
    began: NotRequired[float | None]
    variations: NotRequired[tuple[float, float, float]]


@runtime_checkable
class Played(Generator, Resumable[Memory], Protocol):
    """A generator that plays a style, and can be brought to where another one stood: what takes log and rerenders need."""

    style: Style
    motion: Motion
