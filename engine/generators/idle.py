"""The idle scene: a quiet picture that needs no style, no music and no network. Seen while nothing else is.

Rendered by the mixer on the render thread, for a deck that has no style or whose style failed before its first picture.
It depends on nothing that can break: one shader, the frame's time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from phosphene.engine.core.frame import Frame
from phosphene.engine.core.params import Param
from phosphene.engine.core.signals import Signals
from phosphene.engine.generators.base import Generator
from phosphene.engine.gpu.shader import Pass
from phosphene.engine.gpu.texture import RenderTarget

_TURN = 2.0 * math.pi
_RATES = (0.11, 0.073, 0.19, 0.31)  # radians a second, in no simple ratio
_SPOTS = 5
_BREATH_S = 11.0


class Idle(Generator):
    """A Generator without parameters: aurora and slow phosphenes, dark enough to stay up between two acts."""

    params: tuple[Param, ...] = ()

    def __init__(self) -> None:
        self._pass = Pass("idle/idle.frag")

    def render(self, frame: Frame, signals: Signals, params: Mapping[str, float], target: RenderTarget) -> None:
        """Draw the picture of `frame.time` into `target`: linear, opaque. Signals and parameters are not used."""
        t = frame.time
        aspect = target.size.aspect
        spots = np.empty((_SPOTS, 4), np.float32)
        for i in range(_SPOTS):
            across = 0.38 * aspect * math.sin(t * (0.041 + 0.007 * i) + 2.4 * i)
            up = 0.30 * math.sin(t * (0.053 - 0.005 * i) + 1.1 * i * i)
            breath = 0.5 - 0.5 * math.cos(_TURN * (t / (_BREATH_S + 1.7 * i) + 0.37 * i))
            radius = 0.10 + 0.03 * i
            spots[i] = across, up, radius**-2, breath
        phase = tuple(rate * t % _TURN for rate in _RATES)
        self._pass.draw(target, aspect=aspect, phase=phase, spots=spots)

    def close(self) -> None:
        """Free the shader."""
        self._pass.close()
