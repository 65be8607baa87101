"""Bloom: light that spills from bright places. Halved five times and widened again: it costs little more than a pass.

Used by the chain on the render thread. Sizes are fractions of the picture: the glow is as wide at any internal size.
"""

from __future__ import annotations

from collections.abc import Mapping

from phosphene.engine.core.frame import Frame, Size
from phosphene.engine.core.params import Param
from phosphene.engine.core.signals import Signals
from phosphene.engine.effects.base import amount
from phosphene.engine.gpu.shader import Passes
from phosphene.engine.gpu.texture import RenderTarget

LEVELS = 5
GAIN = 1.5  # of the glow at amount 1: enough to be a look of its own, short of a white picture


class Bloom:
    """A soft glow around what is brighter than a threshold."""

    name = "bloom"
    sharp = False
    params = (
        amount("Light of the glow"),
        Param("threshold", "Threshold", 0.0, 2.0, 0.6, "Light from which places glow; white is 1"),
        Param("radius", "Radius", 0.0, 1.0, 0.65, "Width of the glow"),
    )

    def __init__(self, passes: Passes) -> None:
        self._down = passes["effects/bloom_down.frag"]
        self._up = passes["effects/bloom_up.frag"]
        self._add = passes["effects/bloom_add.frag"]
        self._narrow: list[RenderTarget] = []
        self._wide: list[RenderTarget] = []

    def apply(
        self, source: RenderTarget, target: RenderTarget, frame: Frame, signals: Signals, params: Mapping[str, float]
    ) -> None:
        self._follow(source.size)
        threshold = params["threshold"]
        finer = source
        for level in self._narrow:
            texel = (1.0 / finer.size.width, 1.0 / finer.size.height)
            knee = 0.5 * threshold + 0.05
            self._down.draw(level, textures={"source": finer}, texel=texel, threshold=threshold, knee=knee)
            finer, threshold = level, -1.0
        wide = self._narrow[-1]
        spread = 0.2 + 0.75 * params["radius"]
        for fine, out in zip(self._narrow[-2::-1], self._wide[::-1], strict=True):
            texel = (1.0 / wide.size.width, 1.0 / wide.size.height)
            self._up.draw(out, textures={"fine": fine, "coarse": wide}, texel=texel, spread=spread)
            wide = out
        self._add.draw(target, textures={"source": source, "glow": wide}, gain=GAIN * params["amount"])

    def reset(self) -> None:
        """Nothing is remembered."""

    def close(self) -> None:
        for each in (*self._narrow, *self._wide):
            each.close()
        self._narrow, self._wide = [], []

    def _follow(self, size: Size) -> None:
        sizes = [Size(max(1, size.width >> n), max(1, size.height >> n)) for n in range(1, LEVELS + 1)]
        if not self._narrow:
            self._narrow = [RenderTarget(s) for s in sizes]
            self._wide = [RenderTarget(s) for s in sizes[:-1]]
        for each, wanted in zip((*self._narrow, *self._wide), (*sizes, *sizes[:-1]), strict=True):
            each.resize(wanted)
