"""Particles: thousands of points of light that drift along the slopes of the picture.

Used by the chain on the render thread, at the output's size. A particle's place follows from its number, the beat and the
picture of this frame: the only thing that is kept is how many lives have passed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from phosphene.engine.core.frame import Frame, Size
from phosphene.engine.core.params import Param
from phosphene.engine.core.signals import Signals
from phosphene.engine.effects.base import amount
from phosphene.engine.effects.beats import BeatSteps
from phosphene.engine.effects.shapes import palette_param
from phosphene.engine.gpu.shader import Passes
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.kernels.effects.palettes import ENTRIES, PALETTES, table

STRENGTH = 1.5  # of the light of a particle at amount 1 in a place of half the lightness
_LIVES = 1 << 20  # before the same ones come again
_MOST = 30_000  # light that all of them add in one place still fits a half float


class Particles:
    """Dust, sparks or fireflies that show how the picture flows."""

    name = "particles"
    sharp = True
    params = (
        amount("Light of the particles"),
        Param("count", "Count", 500.0, float(_MOST), 12_000.0, "How many there are"),
        Param("size", "Size", 0.3, 12.0, 1.4, "Radius, in thousandths of the picture's height"),
        Param("life", "Life", 0.5, 32.0, 4.0, "Time from birth to end", "beats"),
        Param("reach", "Reach", 0.0, 1.0, 0.25, "How far they drift in their life", "heights"),
        Param("course", "Course", -0.5, 0.5, 0.2, "0 drifts to the light, 0.25 along its edges, 0.5 away from it", "turns"),
        palette_param("Colour of the particles"),
    )

    def __init__(self, passes: Passes) -> None:
        self._copy = passes["common/copy.frag"]
        self._points = passes.points("effects/particles.vert", "effects/particles.frag")
        self._palettes = RenderTarget(Size(ENTRIES, len(PALETTES)))
        self._palettes.upload(table()[::-1])  # the first palette in the texture's first row, which is the bottom one
        self._beats = BeatSteps()
        self.reset()

    def apply(
        self, source: RenderTarget, target: RenderTarget, frame: Frame, signals: Signals, params: Mapping[str, float]
    ) -> None:
        if self._lives < 0.0:
            self._lives = math.floor(signals.position.beat) % _LIVES
        self._lives = (self._lives + self._beats.step(frame, signals) / params["life"]) % _LIVES
        course = 2.0 * math.pi * params["course"]
        self._copy.draw(target, textures={"source": source})
        self._points.add(
            target,
            round(params["count"]),
            {"source": source, "palettes": self._palettes},
            aspect=target.size.aspect,
            pixels=(float(target.size.width), float(target.size.height)),
            born=int(self._lives),
            time=self._lives % 1.0,
            reach=params["reach"],
            course=(math.cos(course), math.sin(course)),
            size=params["size"] / 1000.0,
            strength=STRENGTH * params["amount"],
            painted=min(params["palette"], 1.0),
            row=(max(params["palette"], 1.0) - 0.5) / len(PALETTES),
            entries=float(ENTRIES),
        )

    def memory(self) -> list[float]:
        """See `Resumable`."""
        return [self._lives, *self._beats.memory()]

    def resume(self, memory: list[float]) -> None:
        """See `Resumable`."""
        self._lives, *beat = memory
        self._beats.resume(beat)

    def reset(self) -> None:
        """Begin anew, with particles that the beat chooses."""
        self._lives = -1.0  # not begun
        self._beats.reset()

    def close(self) -> None:
        self._palettes.close()
