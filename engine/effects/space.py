"""Effects that move where the picture is read: kaleidoscope, mirror, warp. One pass each; places outside fold back in.

Used by the chain on the render thread. Speeds are integrated step by step: a speed that the music moves changes how fast
things turn, never where they are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from phosphene.engine.core.frame import Frame
from phosphene.engine.core.params import Param
from phosphene.engine.core.signals import Signals
from phosphene.engine.effects.base import amount
from phosphene.engine.gpu.shader import Passes
from phosphene.engine.gpu.texture import RenderTarget

_TURN = 2.0 * math.pi


class Kaleidoscope:
    """Mirrored wedges around the middle, slowly turning."""

    name = "kaleidoscope"
    sharp = False
    params = (
        amount("Moves every place from where it is to where the mirrors show it"),
        Param("segments", "Segments", 2.0, 16.0, 6.0, "Mirrored wedges; whole numbers count"),
        Param("rotation", "Rotation", -1.0, 1.0, 0.0, "Turns the mirrors", "turns"),
        Param("spin", "Spin", -0.5, 0.5, 0.02, "Speed of the turning", "turns/s"),
        Param("zoom", "Zoom", 0.25, 4.0, 1.0, "Enlarges the wedge"),
    )

    def __init__(self, passes: Passes) -> None:
        self._pass = passes["effects/kaleidoscope.frag"]
        self._turned = 0.0

    def apply(
        self, source: RenderTarget, target: RenderTarget, frame: Frame, signals: Signals, params: Mapping[str, float]
    ) -> None:
        self._turned = (self._turned + params["spin"] * frame.dt) % 1.0
        rotation = _TURN * ((self._turned + params["rotation"]) % 1.0)
        self._pass.draw(
            target,
            textures={"source": source},
            aspect=target.size.aspect,
            amount=params["amount"],
            wedge=_TURN / round(params["segments"]),
            rotation=rotation,
            # The wedge is cut from a place that moves the other way: what is seen changes, not only how it lies.
            look=-0.5 * rotation,
            zoom=params["zoom"],
        )

    def memory(self) -> list[float]:
        """See `Resumable`."""
        return [self._turned]

    def resume(self, memory: list[float]) -> None:
        """See `Resumable`."""
        (self._turned,) = memory

    def reset(self) -> None:
        self._turned = 0.0

    def close(self) -> None:
        """Nothing is held: the pass belongs to the context's `Passes`."""


class Mirror:
    """One half of the picture, and its reflection."""

    name = "mirror"
    sharp = False
    params = (
        amount("Moves the hidden half to its mirror image"),
        Param("angle", "Angle", -1.0, 1.0, 0.0, "Direction of the mirror; 0 mirrors left and right", "turns"),
        Param("offset", "Offset", -0.5, 0.5, 0.0, "Moves the mirror out of the middle", "heights"),
        Param("quad", "Quad", 0.0, 1.0, 0.0, "1 mirrors across as well"),
    )

    def __init__(self, passes: Passes) -> None:
        self._pass = passes["effects/mirror.frag"]

    def apply(
        self, source: RenderTarget, target: RenderTarget, frame: Frame, signals: Signals, params: Mapping[str, float]
    ) -> None:
        angle = _TURN * params["angle"]
        self._pass.draw(
            target,
            textures={"source": source},
            aspect=target.size.aspect,
            amount=params["amount"],
            normal=(math.cos(angle), math.sin(angle)),
            offset=params["offset"],
            quad=params["quad"],
        )

    def reset(self) -> None:
        """Nothing is remembered."""

    def close(self) -> None:
        """Nothing is held."""


class Warp:
    """Space bends like something seen through water."""

    name = "warp"
    sharp = False
    # No two of these are in a simple ratio: the flow does not come back to where it was within a set.
    _RATES = (0.71, -0.53, 1.13, -0.89)
    params = (
        amount("How far places move"),
        Param("scale", "Scale", 0.5, 8.0, 2.0, "Waves over the height of the picture"),
        Param("speed", "Speed", -4.0, 4.0, 0.6, "How fast the waves move"),
        Param("ripple", "Ripple", 0.0, 1.0, 0.0, "0 flows, 1 rings from the middle"),
    )

    def __init__(self, passes: Passes) -> None:
        self._pass = passes["effects/warp.frag"]
        self.reset()

    def apply(
        self, source: RenderTarget, target: RenderTarget, frame: Frame, signals: Signals, params: Mapping[str, float]
    ) -> None:
        step = params["speed"] * frame.dt
        self._phase = [(p + rate * step) % _TURN for p, rate in zip(self._phase, self._RATES, strict=True)]
        self._ring = (self._ring + 4.0 * step) % _TURN
        self._pass.draw(
            target,
            textures={"source": source},
            aspect=target.size.aspect,
            # Finer waves move places less: the same amount bends space as strongly at any scale.
            reach=0.3 * params["amount"] / params["scale"],
            scale=params["scale"],
            ripple=params["ripple"],
            phase=tuple(self._phase),
            ring_phase=self._ring,
        )

    def memory(self) -> list[float]:
        """See `Resumable`."""
        return [*self._phase, self._ring]

    def resume(self, memory: list[float]) -> None:
        """See `Resumable`."""
        *self._phase, self._ring = memory

    def reset(self) -> None:
        self._phase = [0.0, 1.7, 3.1, 4.9]
        self._ring = 0.0

    def close(self) -> None:
        """Nothing is held."""
