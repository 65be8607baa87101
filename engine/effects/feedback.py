"""Feedback: trails that move, fade and cool down. The one effect that remembers pictures.

Used by the chain on the render thread. The past is kept in seconds, not in frames: the same trail at 24 and at 60 fps.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from phosphene.engine.core.frame import Frame, Size
from phosphene.engine.core.params import Param
from phosphene.engine.core.signals import Signals
from phosphene.engine.effects.base import amount
from phosphene.engine.gpu.shader import Passes
from phosphene.engine.gpu.texture import RenderTarget


class Feedback:
    """Echoes: the last picture, zoomed, turned and faded, shows through this one."""

    name = "feedback"
    sharp = False
    params = (
        amount("Mixes the trails in"),
        Param("decay", "Decay", 0.05, 8.0, 0.9, "Time in which a trail falls to 37 %", "s"),
        Param("zoom", "Zoom", 0.25, 4.0, 1.25, "Growth of trails a second; below 1 they fall inwards", "per s"),
        Param("rotation", "Rotation", -0.5, 0.5, 0.03, "Turning of trails", "turns/s"),
        Param("smear", "Smear", 0.0, 1.0, 0.4, "0 trails lie under the picture, 1 it melts into them"),
        Param("tint", "Tint", -1.0, 1.0, 0.3, "Colour that trails fade to: 1 violet, 0 none, -1 amber"),
    )

    def __init__(self, passes: Passes) -> None:
        self._step = passes["effects/feedback.frag"]
        self._blend = passes["effects/blend.frag"]
        self._copy = passes["common/copy.frag"]
        self._history: RenderTarget | None = None
        self._spare: RenderTarget | None = None
        self._fresh = True

    def apply(
        self, source: RenderTarget, target: RenderTarget, frame: Frame, signals: Signals, params: Mapping[str, float]
    ) -> None:
        self._follow(source)
        assert self._history
        assert self._spare
        if self._fresh:
            # From the picture itself: from black, a smear would begin with a dip.
            self._copy.draw(self._history, textures={"source": source})
            self._fresh = False
        shrink = params["zoom"] ** -frame.dt
        angle = 2.0 * math.pi * params["rotation"] * frame.dt
        self._step.draw(
            self._spare,
            textures={"source": source, "history": self._history},
            aspect=source.size.aspect,
            turn=(shrink * math.cos(angle), shrink * math.sin(angle)),
            fall=self.fall(frame.dt, params["decay"], params["tint"]),
            rise=math.exp(-frame.dt / (params["smear"] * params["decay"])) if params["smear"] > 0.0 else 0.0,
        )
        self._history, self._spare = self._spare, self._history
        self._blend.draw(target, textures={"source": source, "other": self._history}, amount=params["amount"])

    @staticmethod
    def fall(dt: float, decay: float, tint: float) -> tuple[float, float, float, float]:
        """Return what `dt` s leave of a trail's red, green, blue and alpha. A tint only ever fades a channel faster."""
        rates = (1.0 + max(0.0, tint), 1.0 + 1.5 * abs(tint), 1.0 + max(0.0, -tint) * 3.0, 1.0)
        return tuple(math.exp(-dt / decay * rate) for rate in rates)

    @property
    def trails(self) -> RenderTarget | None:
        """The picture of the past, linear, premultiplied; None where there is none."""
        return None if self._fresh else self._history

    def recall(self, trails: np.ndarray) -> None:
        """Go on with `trails`, float16 [h, w, 4] of any size, row 0 at the top."""
        if self._history is None or self._spare is None:
            size = Size(trails.shape[1], trails.shape[0])
            self._history, self._spare = RenderTarget(size), RenderTarget(size)
        self._history.upload(trails)
        self._spare.resize(self._history.size)
        self._fresh = False

    def reset(self) -> None:
        """Forget the trails."""
        self._fresh = True

    def close(self) -> None:
        for each in (self._history, self._spare):
            if each:
                each.close()
        self._history = self._spare = None
        self._fresh = True

    def _follow(self, source: RenderTarget) -> None:
        """Give the history the source's size, and its content with it: a governor's step must not be seen."""
        if self._history is None or self._spare is None:
            self._history, self._spare = RenderTarget(source.size), RenderTarget(source.size)
        if self._history.size != source.size:
            self._spare.resize(source.size)
            self._copy.draw(self._spare, textures={"source": self._history})
            self._history, self._spare = self._spare, self._history
            self._spare.resize(source.size)
