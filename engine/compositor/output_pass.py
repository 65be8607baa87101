"""The last step: the mixer's linear picture at its internal size becomes sRGB at the output's size.

Called once a frame on the render thread. Master and blackout act here and nowhere else, so that the show goes on behind
a dark output. Encoded before it is enlarged: overshoot of the filter then stays even to the eye in dark and bright
places, and the power functions run on the few pixels of the internal size (a quarter at half size).
"""

from __future__ import annotations

import numpy as np

from phosphene.engine.core.frame import Size
from phosphene.engine.gpu.shader import Passes
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.kernels.guard import reference

DITHER_SEEDS = 64  # dither patterns before they come round; larger seeds lose bits of the fraction in float32

CELLS = Size(reference.CELLS, reference.CELLS)  # of what the flash guard holds back
NOTHING_HELD = np.tile(np.float32([1.0, 0.0, 0.0]), (reference.CELLS, reference.CELLS, 1))


def output_gain(master: float, blackout: float) -> float:
    """Return the factor on linear light of a master fader 0..1 and a blackout 0 picture .. 1 dark."""
    # Squared, near enough to the eye's scale that a fader at half looks like half.
    return (max(0.0, master) * (1.0 - min(1.0, max(0.0, blackout)))) ** 2


class OutputPass:
    """Catmull-Rom upscale, sRGB, dither. The picture is stretched to the output: it has its aspect already."""

    def __init__(self, passes: Passes) -> None:
        self._encode = passes["compositor/encode.frag"]
        self._upscale = passes["compositor/upscale.frag"]
        self._encoded = RenderTarget(Size(2, 2), "rgb10a2")
        self._widened = RenderTarget(Size(2, 2), "rgb10a2")
        self._free = RenderTarget(CELLS, "rgba32f")
        self._free.upload(NOTHING_HELD)
        self._warm()

    def draw(
        self,
        picture: RenderTarget,
        target: RenderTarget,
        master: float = 1.0,
        blackout: float = 0.0,
        index: int = 0,
        held: RenderTarget | None = None,
    ) -> None:
        """Draw `picture` (linear, premultiplied over black) into `target` (rgba8, sRGB, opaque).

        master: 0..1, brightness as the eye sees it. blackout: 0 picture .. 1 dark. index: of the frame, seeds the dither.
        held: what the flash guard holds back.
        Values that are no number come out black.
        """
        gain, source = output_gain(master, blackout), {"source": picture, "cells": held or self._free}
        last = {"dither": 1.0 / 255.0 if gain > 0.0 else 0.0, "seed": float(index % DITHER_SEEDS)}
        within = {"dither": 0.0, "seed": 0.0}
        widen, heighten = target.size.width != picture.size.width, target.size.height != picture.size.height
        if not widen and not heighten:
            self._encode.draw(target, textures=source, gain=gain, **last)
            return
        self._encoded.resize(picture.size)
        self._encode.draw(self._encoded, textures=source, gain=gain, **within)
        wide = self._encoded
        if widen and heighten:
            wide = self._widened
            wide.resize(Size(target.size.width, picture.size.height))
            self._upscale.draw(wide, textures={"source": self._encoded}, axis=(1, 0), **within)
        self._upscale.draw(target, textures={"source": wide}, axis=(0, 1) if heighten else (1, 0), **last)

    def _warm(self) -> None:
        """Draw both ways once, small: the driver compiles at the first draw (0.3 s on software GL), not in the show."""
        picture, screen = RenderTarget(Size(10, 6)), RenderTarget(Size(10, 6), "rgba8")
        self.draw(picture, screen)
        screen.resize(Size(20, 12))
        self.draw(picture, screen)
        picture.close()
        screen.close()

    def close(self) -> None:
        """Free the intermediate pictures."""
        self._encoded.close()
        self._widened.close()
        self._free.close()
