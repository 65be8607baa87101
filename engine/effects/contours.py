"""Contours: lines of equal light, as on a map, and flat steps between them. Their edges are sharp.

Used by the chain on the render thread, at the output's size.
"""

from __future__ import annotations

from collections.abc import Mapping

from phosphene.engine.core.frame import Frame
from phosphene.engine.core.params import Param
from phosphene.engine.core.signals import Signals
from phosphene.engine.effects.base import amount
from phosphene.engine.gpu.shader import Passes
from phosphene.engine.gpu.texture import RenderTarget

THOUSANDTH = 1e-3  # of the picture's height: the unit of `width`


class Contours:
    """The picture becomes a map of its light."""

    name = "contours"
    sharp = True
    params = (
        amount("How much is seen of the lines and steps"),
        Param("levels", "Levels", 2.0, 32.0, 8.0, "Steps of lightness from black to white"),
        Param("width", "Width", 0.5, 20.0, 3.0, "Of a line, in thousandths of the picture's height"),
        Param("line", "Line", -1.0, 1.0, 1.0, "-1 black lines, 0 none, 1 lines in the picture's own colours at full light"),
        Param("fill", "Fill", 0.0, 1.0, 0.0, "Between the lines: 0 the picture, 1 flat steps"),
        Param("ground", "Ground", 0.0, 1.0, 0.3, "How much is left of what lies between the lines"),
    )

    def __init__(self, passes: Passes) -> None:
        self._pass = passes["effects/contours.frag"]

    def apply(
        self, source: RenderTarget, target: RenderTarget, frame: Frame, signals: Signals, params: Mapping[str, float]
    ) -> None:
        given = {name: params[name] for name in ("amount", "levels", "line", "fill", "ground")}
        self._pass.draw(target, textures={"source": source}, width=THOUSANDTH * params["width"], **given)

    def reset(self) -> None:
        """Nothing is remembered."""

    def close(self) -> None:
        """Nothing is held."""
