"""The last step of an offline render where the live one does not serve: supersampling, alpha, linear light, half floats.

Stands in for `OutputPass` on the render thread of an offline program; a plain render of 8 bits at its own size uses the
live pass, so that its pictures are those of the show.
"""

from __future__ import annotations

from dataclasses import dataclass

from phosphene.engine.compositor.output_pass import CELLS, DITHER_SEEDS, NOTHING_HELD, output_gain
from phosphene.engine.core.frame import Size
from phosphene.engine.gpu.shader import Passes
from phosphene.engine.gpu.texture import RenderTarget

ALPHAS = ("none", "picture", "luma")
MAX_SSAA = 4  # 16 texels a pixel: the eye sees no difference beyond, the network pays for each of them


@dataclass(frozen=True, slots=True)
class Export:
    """How pictures leave. ssaa: texels per pixel along a side. linear: linear light instead of sRGB.

    alpha: `none` (opaque), `picture` (as the decks are mixed), `luma` (black is clear). sRGB has straight alpha, linear
    light premultiplied alpha, as their files want it.
    """

    ssaa: int = 1
    alpha: str = "none"
    linear: bool = False

    def internal(self, output: Size) -> Size:
        """Return the size at which the show is painted."""
        return Size(output.width * self.ssaa, output.height * self.ssaa)


class ExportPass:
    """Draws what `Export` says; the target is rgba8, or rgba16f, which is not dithered."""

    def __init__(self, passes: Passes, export: Export) -> None:
        self._pass = passes["compositor/export.frag"]
        self._export = export
        self._free = RenderTarget(CELLS, "rgba32f")
        self._free.upload(NOTHING_HELD)

    def draw(
        self,
        picture: RenderTarget,
        target: RenderTarget,
        master: float = 1.0,
        blackout: float = 0.0,
        index: int = 0,
        held: RenderTarget | None = None,
    ) -> None:
        """Draw `picture` into `target`, as `OutputPass.draw` does. Raises ValueError when the sizes are not `ssaa` apart."""
        if picture.size != self._export.internal(target.size):
            raise ValueError(f"{picture.size} is not {self._export.ssaa} times {target.size}")
        gain = output_gain(master, blackout)
        fine = target.format != "rgba8"
        self._pass.draw(
            target,
            textures={"source": picture, "cells": held or self._free},
            factor=self._export.ssaa,
            gain=gain,
            transfer=int(self._export.linear),
            alpha=ALPHAS.index(self._export.alpha),
            dither=0.0 if fine or gain == 0.0 else 1.0 / 255.0,
            seed=float(index % DITHER_SEEDS),
        )

    def close(self) -> None:
        """Free what is its own; the shader is the passes'."""
        self._free.close()
