"""Effects on the colour of each pixel by itself: grade, strobe, grain. One pass each.

Used by the chain on the render thread. Never reads a neighbour, never shifts a picture.
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
from phosphene.kernels.effects.palettes import ENTRIES, PALETTES, table

SAFE_FLASHES_PER_S = 3.0  # WCAG 2.3.1: more than three flashes in any one second can cause seizures


def colour_matrix(saturation: float, hue_turns: float) -> np.ndarray:
    """Return the float32 [3, 3] matrix that turns hue around grey and scales the distance from grey."""
    angle = 2.0 * math.pi * hue_turns
    axis = 1.0 / math.sqrt(3.0)
    cross = axis * np.array([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]])
    mean = np.full((3, 3), 1.0 / 3.0)
    turned = math.cos(angle) * np.eye(3) + math.sin(angle) * cross + (1.0 - math.cos(angle)) * mean
    grey = np.tile([0.2126, 0.7152, 0.0722], (3, 1))
    return ((1.0 - saturation) * grey + saturation * turned).astype(np.float32)


class Grade:
    """Saturation, hue, contrast, and a palette by lightness."""

    name = "grade"
    sharp = False
    params = (
        amount("Mixes the graded picture in"),
        Param(
            "palette",
            "Palette",
            1.0,
            float(len(PALETTES)),
            1.0,
            ", ".join(f"{i} {name}" for i, name in enumerate(PALETTES, 1)) + "; between two, their mix",
        ),
        Param("tint", "Tint", 0.0, 1.0, 0.8, "How far colours move to the palette's; 0 keeps them"),
        Param("contrast", "Contrast", 0.0, 3.0, 1.1, "Around middle grey"),
        Param("saturation", "Saturation", 0.0, 3.0, 1.0, "0 is grey"),
        Param("hue", "Hue", -1.0, 1.0, 0.0, "Turns every colour", "turns"),
    )

    def __init__(self, passes: Passes) -> None:
        self._pass = passes["effects/grade.frag"]
        self._palettes = RenderTarget(Size(ENTRIES, len(PALETTES)))
        self._palettes.upload(table()[::-1])  # the first palette in the texture's first row, which is the bottom one

    def apply(
        self, source: RenderTarget, target: RenderTarget, frame: Frame, signals: Signals, params: Mapping[str, float]
    ) -> None:
        self._pass.draw(
            target,
            textures={"source": source, "palettes": self._palettes},
            amount=params["amount"],
            row=(params["palette"] - 0.5) / len(PALETTES),
            entries=float(ENTRIES),
            tint=params["tint"],
            contrast=params["contrast"],
            matrix=colour_matrix(params["saturation"], params["hue"]),
        )

    def reset(self) -> None:
        """Nothing is remembered."""

    def close(self) -> None:
        self._palettes.close()


class Strobe:
    """Darkness between flashes, on the beat or by the clock.

    At most `flashes_per_s` flashes begin in any one second (default 3, the limit of WCAG 2.3.1 for photosensitive
    people), whatever rate is asked for: a beat rate above it is halved until it fits, so it stays on the beat, and a
    flash that would come too early all the same is left out. Only code can raise the limit, no message can.
    """

    name = "strobe"
    sharp = False
    params = (
        amount("How dark it is between flashes"),
        Param("rate", "Rate", 0.25, 8.0, 1.0, "Flashes a beat; halved until there are at most 3 a second", "per beat"),
        Param("hz", "Clock rate", 0.0, 3.0, 0.0, "Flashes a second instead of a beat; 0 follows the beat", "Hz"),
        Param("duty", "Duty", 0.05, 0.95, 0.4, "Part of the time that is lit"),
        Param("white", "White", 0.0, 1.0, 0.0, "Adds white to the flash"),
    )

    def __init__(self, passes: Passes, flashes_per_s: float = SAFE_FLASHES_PER_S) -> None:
        self._pass = passes["effects/strobe.frag"]
        self._limit = flashes_per_s
        # A hair more than the interval: a fourth flash then never falls on the very end of the same second.
        self._interval = 1.001 / flashes_per_s
        self._last_flash = -math.inf
        self.reset()

    def lit(self, frame: Frame, signals: Signals, params: Mapping[str, float]) -> bool:
        """Step to this frame; return whether the picture is lit."""
        if params["hz"] > 0.0:
            self._cycles += min(params["hz"], self._limit) * frame.dt
            cycles = self._cycles
        else:
            position = signals.position
            rate = params["rate"]
            while rate * position.bpm / 60.0 > self._limit:
                rate *= 0.5
            cycles = position.beat * rate
        wanted = cycles % 1.0 < params["duty"]
        if wanted and not self._lit:
            since = frame.time - self._last_flash
            # A time before the last flash means that the show began anew.
            wanted = since >= self._interval or since < 0.0
            if wanted:
                self._last_flash = frame.time
        self._lit = wanted
        return wanted

    def apply(
        self, source: RenderTarget, target: RenderTarget, frame: Frame, signals: Signals, params: Mapping[str, float]
    ) -> None:
        lit = self.lit(frame, signals, params)
        depth = params["amount"]
        self._pass.draw(
            target,
            textures={"source": source},
            gain=1.0 if lit else 1.0 - depth,
            white=depth * params["white"] if lit else 0.0,
        )

    def memory(self) -> list[float]:
        """See `Resumable`."""
        # Before the first flash its time is minus infinity, which JSON does not know; long ago does as well.
        return [self._cycles, float(self._lit), max(-1e9, self._last_flash)]

    def resume(self, memory: list[float]) -> None:
        """See `Resumable`."""
        self._cycles, lit, self._last_flash = memory
        self._lit = bool(lit)

    def reset(self) -> None:
        """Start the clock's cycle anew. The time of the last flash stays: a reset is no way around the limit."""
        self._cycles = 0.0
        self._lit = False

    def close(self) -> None:
        """Nothing is held."""


class Grain:
    """Film grain, seeded by the frame's index: the same frame has the same grain."""

    name = "grain"
    sharp = False
    params = (
        amount("Strength of the grain"),
        Param("chroma", "Colour", 0.0, 1.0, 0.25, "0 grey, 1 coloured"),
    )

    def __init__(self, passes: Passes) -> None:
        self._pass = passes["effects/grain.frag"]

    def apply(
        self, source: RenderTarget, target: RenderTarget, frame: Frame, signals: Signals, params: Mapping[str, float]
    ) -> None:
        self._pass.draw(
            target,
            textures={"source": source},
            strength=0.3 * params["amount"],
            chroma=params["chroma"],
            seed=frame.index & 0x7FFFFFFF,
        )

    def reset(self) -> None:
        """Nothing is remembered."""

    def close(self) -> None:
        """Nothing is held."""
