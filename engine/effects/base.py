"""What an effect is. The contract suite holds every effect of the registry to it.

Called by a deck's `Chain` on the render thread. An effect sees frozen values and pictures only; it never reads a clock,
never asks for live state, and never changes its source.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Protocol

from phosphene.engine.core.frame import Frame
from phosphene.engine.core.params import Param
from phosphene.engine.core.signals import Signals
from phosphene.engine.gpu.texture import RenderTarget


class Effect(Protocol):
    """One instance per deck, made with that context's `Passes`.

    The first parameter is `amount`, default 0, and 0 is identity: the chain then skips the effect, and the shader gives
    the picture back all the same. Output is finite for any input (NaN reads as black, infinity as 14 stops above white),
    light is never negative, transparent stays transparent, and a picture of half the alpha gives half of the output.
    One that integrates what moves it is `Resumable[list[float]]` as well; one that keeps a picture is not.

    A sharp effect draws edges of its own. It is applied at the output's size, after all that are not sharp; the picture is
    enlarged for it, in frames in which it is on. What it draws is sized in picture heights and smoothed over one pixel of
    the target, so that it lies in the same place, as thick, at any size.
    """

    name: ClassVar[str]
    sharp: ClassVar[bool]
    params: ClassVar[tuple[Param, ...]]

    def apply(
        self, source: RenderTarget, target: RenderTarget, frame: Frame, signals: Signals, params: Mapping[str, float]
    ) -> None:
        """Draw `source` changed into `target`: both linear, premultiplied, of one size. `params` is complete and in range.

        Called once a frame while the effect is on: what moves, moves by `frame.dt`, in seconds or beats.
        """
        ...

    def reset(self) -> None:
        """Forget the past: the next picture shows no trace of an older one."""
        ...

    def close(self) -> None:
        """Free what the instance holds on the GPU."""
        ...


def amount(description: str) -> Param:
    """Return the parameter that every effect begins with."""
    return Param("amount", "Amount", 0.0, 1.0, 0.0, description)
