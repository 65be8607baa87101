"""Relief: light from one side on the picture's lightness as height. One pass, for all kinds of styles.

Used by the chain on the render thread. Bump mapping (Blinn 1978) with his highlight (1977); widths are fractions of the
picture's height, so that it looks alike at any internal size.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from phosphene.engine.core.frame import Frame
from phosphene.engine.core.params import Param
from phosphene.engine.core.signals import Signals
from phosphene.engine.effects.base import amount
from phosphene.engine.gpu.shader import Passes
from phosphene.engine.gpu.texture import RenderTarget

ELEVATION = 0.12  # of a turn, above the picture: lower light blackens half of every bump
_STEEP = 0.1  # reach at which a slope counts as it is
_FINE, _BROAD = 1.0 / 400.0, 1.0 / 30.0  # of the picture's height: how far apart a slope is measured


def reach(width: float) -> float:
    """Return how far from a place its slope is measured, as a fraction of the picture's height. width: 0..1."""
    return _FINE * (_BROAD / _FINE) ** width


def steepness(height: float, width: float) -> float:
    """Return what slopes are multiplied with. Fine ones are measured over less, and would hardly be seen."""
    return height * math.sqrt(_STEEP / reach(width))


def lights(angle: float) -> tuple[np.ndarray, np.ndarray]:
    """Return unit vectors, float32 [3]: to the light, and halfway between it and the eye. angle: turns from the right."""
    around, above = 2.0 * math.pi * angle, 2.0 * math.pi * ELEVATION
    light = np.array([math.cos(around) * math.cos(above), math.sin(around) * math.cos(above), math.sin(above)])
    halfway = light + np.array((0.0, 0.0, 1.0))
    return light.astype(np.float32), (halfway / np.linalg.norm(halfway)).astype(np.float32)


class Relief:
    """Light and highlights on bumps, as on enamel or liquid metal."""

    name = "relief"
    sharp = False
    params = (
        amount("How much of the light from the side"),
        Param("height", "Height", 0.0, 4.0, 1.2, "How high light places stand above dark ones"),
        Param("width", "Width", 0.0, 1.0, 0.4, "0 shows fine bumps, 1 broad ones"),
        Param("angle", "Angle", -1.0, 1.0, 0.3, "Where the light comes from, from the right and upwards", "turns"),
        Param("gloss", "Gloss", 0.0, 2.0, 0.6, "Strength of the highlights"),
        Param("metal", "Metal", 0.0, 1.0, 0.0, "How much the bumps mirror the picture instead of their own colour"),
    )

    def __init__(self, passes: Passes) -> None:
        self._pass = passes["effects/relief.frag"]

    def apply(
        self, source: RenderTarget, target: RenderTarget, frame: Frame, signals: Signals, params: Mapping[str, float]
    ) -> None:
        light, halfway = lights(params["angle"])
        far = reach(params["width"])
        self._pass.draw(
            target,
            textures={"source": source},
            amount=params["amount"],
            reach=(far / target.size.aspect, far),
            height=steepness(params["height"], params["width"]),
            gloss=params["gloss"],
            metal=params["metal"],
            light=light,
            halfway=halfway,
            aspect=target.size.aspect,
        )

    def reset(self) -> None:
        """Nothing is remembered."""

    def close(self) -> None:
        """Nothing is held."""
