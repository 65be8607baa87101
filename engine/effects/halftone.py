"""Halftone: the picture as a print of dots, squares, lines or crossed lines, as large as it is light. Their edges are sharp.

Used by the chain on the render thread, at the output's size. The light of a cell is the light of what it stands for.
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

FORMS = ("dots", "squares", "lines", "crossed lines")


class Halftone:
    """The picture becomes a print."""

    name = "halftone"
    sharp = True
    params = (
        amount("How much is seen of the print"),
        Param("form", "Form", 1.0, float(len(FORMS)), 1.0, ", ".join(f"{i} {name}" for i, name in enumerate(FORMS, 1))),
        Param("rows", "Rows", 8.0, 160.0, 40.0, "Dots or lines over the height of the picture"),
        Param("angle", "Angle", -1.0, 1.0, 0.04, "Direction of the rows; 0 is level", "turns"),
        Param("ink", "Ink", 0.0, 1.0, 1.0, "0 prints white, 1 the picture's own colours"),
    )

    def __init__(self, passes: Passes) -> None:
        self._pass = passes["effects/halftone.frag"]

    def apply(
        self, source: RenderTarget, target: RenderTarget, frame: Frame, signals: Signals, params: Mapping[str, float]
    ) -> None:
        angle = 2.0 * math.pi * params["angle"]
        self._pass.draw(
            target,
            textures={"source": source},
            aspect=target.size.aspect,
            amount=params["amount"],
            form=round(params["form"]),
            rows=params["rows"],
            turn=(math.cos(angle), math.sin(angle)),
            ink=params["ink"],
        )

    def reset(self) -> None:
        """Nothing is remembered."""

    def close(self) -> None:
        """Nothing is held."""
