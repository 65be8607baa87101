"""Shapes: grids, dots, rings, rays, bars, scanlines and polygons with sharp edges, in, over and behind the picture.

Used by the chain on the render thread, at the output's size. Sizes are fractions of the picture's height; what moves, moves
by the beat.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from phosphene.engine.core.frame import Frame, Size
from phosphene.engine.core.params import Param
from phosphene.engine.core.signals import Signals
from phosphene.engine.effects.base import amount
from phosphene.engine.effects.beats import BeatSteps
from phosphene.engine.gpu.shader import Passes
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.kernels.effects.palettes import ENTRIES, PALETTES, table

FORMS = ("squares", "hexagons", "triangles", "dots", "rings", "rays", "bars", "scanlines", "polygons")
MODES = ("light", "light behind", "cut out", "opposite colours", "glass")
_SCANLINES = 8  # of them for one of anything else
_POLYGONS = 4.0  # one in the other, over the picture's height: for them `count` is the number of corners
_CORNERS = (3, 12)


def _choices(names: tuple[str, ...]) -> str:
    return ", ".join(f"{i} {name}" for i, name in enumerate(names, 1))


def palette_param(what: str) -> Param:
    """Return the parameter that colours what a sharp effect draws."""
    colours = f"{what}: 0 the picture's own, {_choices(tuple(PALETTES))}; between two, their mix"
    return Param("palette", "Palette", 0.0, float(len(PALETTES)), 0.0, colours)


def scale(form: int, count: float, zoom: float) -> float:
    """Return how many periods of a form, 1.., lie over the picture's height."""
    many = {"scanlines": _SCANLINES * count, "polygons": _POLYGONS}.get(FORMS[form - 1], count)
    return many / zoom


def number(form: int, count: float) -> int:
    """Return how many rays there are, or how many corners a polygon has."""
    whole = max(1, round(count))
    return min(_CORNERS[1], max(_CORNERS[0], whole)) if FORMS[form - 1] == "polygons" else whole


class Shapes:
    """Geometry whose edges are as sharp as the output, whatever the size at which the picture is painted."""

    name = "shapes"
    sharp = True
    params = (
        amount("How much is seen of the shapes"),
        Param("form", "Form", 1.0, float(len(FORMS)), 1.0, _choices(FORMS)),
        Param("mode", "Mode", 1.0, float(len(MODES)), 1.0, _choices(MODES)),
        Param("count", "Count", 1.0, 48.0, 6.0, "How many over the height; of rays all around; of polygons the corners"),
        Param("width", "Width", 0.0, 1.0, 0.1, "Share that is line, edge or dot; 1 leaves no gap"),
        Param("zoom", "Zoom", 0.25, 4.0, 1.0, "Enlarges the pattern"),
        Param("angle", "Angle", -1.0, 1.0, 0.0, "Turns the pattern; scanlines stay level", "turns"),
        Param("scroll", "Scroll", -4.0, 4.0, 0.0, "How far the pattern moves: by so many of its own steps", "per beat"),
        Param("snap", "Snap", 0.0, 1.0, 0.7, "0 moves evenly, 1 with a jerk on each beat"),
        palette_param("Colour of the light"),
        Param("glow", "Glow", 0.0, 1.0, 0.3, "Halo around lines of light"),
    )

    def __init__(self, passes: Passes) -> None:
        self._pass, self._glass = passes["effects/shapes.frag"], passes["effects/shapes_glass.frag"]
        self._palettes = RenderTarget(Size(ENTRIES, len(PALETTES)))
        self._palettes.upload(table()[::-1])  # the first palette in the texture's first row, which is the bottom one
        self._beats = BeatSteps()
        self._travelled = 0.0

    def apply(
        self, source: RenderTarget, target: RenderTarget, frame: Frame, signals: Signals, params: Mapping[str, float]
    ) -> None:
        beats = self._beats.step(frame, signals, params["snap"])
        self._travelled = (self._travelled + params["scroll"] * beats) % 1.0
        form, angle = round(params["form"]), 2.0 * math.pi * params["angle"]
        periods, mode = scale(form, params["count"], params["zoom"]), round(params["mode"])
        pattern = {
            "aspect": target.size.aspect,
            "amount": params["amount"],
            "form": form,
            "number": float(number(form, params["count"])),
            "travelled": self._travelled,
            "turn": (math.cos(angle), math.sin(angle)),
            "scale": periods,
            "pixel": periods / target.size.height,
            "width": params["width"],
        }
        if MODES[mode - 1] == "glass":
            self._glass.draw(target, textures={"source": source}, **pattern)
            return
        self._pass.draw(
            target,
            textures={"source": source, "palettes": self._palettes},
            **pattern,
            mode=mode,
            glow=params["glow"],
            painted=min(params["palette"], 1.0),
            row=(max(params["palette"], 1.0) - 0.5) / len(PALETTES),
            entries=float(ENTRIES),
        )

    def memory(self) -> list[float]:
        """See `Resumable`."""
        return [self._travelled, *self._beats.memory()]

    def resume(self, memory: list[float]) -> None:
        """See `Resumable`."""
        self._travelled, *beat = memory
        self._beats.resume(beat)

    def reset(self) -> None:
        """Begin where the pattern stands at rest."""
        self._travelled = 0.0
        self._beats.reset()

    def close(self) -> None:
        self._palettes.close()
