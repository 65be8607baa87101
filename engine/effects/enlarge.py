"""A deck's picture at the output's size: what sharp effects draw on, and what a deck without them is mixed at beside one.

Used by the chain and the mixer on the render thread, in frames in which a sharp effect is on. Catmull-Rom, as the output
pass enlarges, but in linear light: switching a sharp effect on changes nothing of the picture under it that the eye sees.
"""

from __future__ import annotations

from phosphene.engine.core.frame import Size
from phosphene.engine.gpu.shader import Passes
from phosphene.engine.gpu.texture import RenderTarget

_SMALL = Size(2, 2)


class Enlarger:
    """Draws linear, premultiplied pictures larger. Two passes of four texel reads instead of one of sixteen."""

    def __init__(self, passes: Passes) -> None:
        self._pass = passes["common/enlarge.frag"]
        self._wide = RenderTarget(_SMALL)  # as wide as the target, as high as the picture, on the filter's scale

    def draw(self, picture: RenderTarget, target: RenderTarget) -> None:
        """Draw `picture` into `target`, of any other size."""
        self._wide.resize(Size(target.size.width, picture.size.height))
        self._pass.draw(self._wide, textures={"source": picture}, axis=(1, 0))
        self._pass.draw(target, textures={"source": self._wide}, axis=(0, 1))

    def close(self) -> None:
        """Free what lies between the passes."""
        self._wide.close()
