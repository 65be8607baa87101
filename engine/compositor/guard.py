"""The flash guard: at most three flashes in any second, anywhere in the picture; the fourth is held back just enough.

Called once a frame on the render thread, between the mixer and the output pass, which applies what it decides: so nothing
that brightens comes after it, and whatever music, a scene, a message or a style does goes through it. It measures what is
about to be shown (master and blackout included), decides by what was shown before, and dims the regions that would flash
once too often. It only ever dims, so a blackout is a blackout at once; saturated red is faded towards grey. All of it stays
on the GPU: nothing waits. Below the limit the picture is what it would be without, to the bit.

The rules and their sources: `kernels/guard/reference.py`.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from phosphene.engine.compositor.output_pass import CELLS, NOTHING_HELD, output_gain
from phosphene.engine.core.frame import Size
from phosphene.engine.gpu.readback import FramePool, Readback
from phosphene.engine.gpu.shader import Passes
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.kernels.guard import reference

_STATE = Size(12, reference.REGIONS)
_DECIDED = Size(1, reference.REGIONS)
_TILES = Size(reference.TILES, reference.TILES)
_DT = (1e-3, 0.5)  # s: a frame that took longer is counted as half a second, which is more cautious


@dataclass(frozen=True, slots=True)
class GuardStatus:
    """What the guard does, a frame or two ago. dimmed, faded: 0 nothing .. 1 all, at the place held back most.

    held: flashes held back since the show began, at the region that had the most of them; frames: in which any was.
    """

    dimmed: float = 0.0
    faded: float = 0.0
    held: int = 0
    frames: int = 0

    @property
    def active(self) -> bool:
        return self.dimmed > 0.0 or self.faded > 0.0


class FlashGuard:
    """Decides what is held back and remembers what was shown. Needs the GL context; one for each output picture."""

    def __init__(self, passes: Passes) -> None:
        self._measure, self._decide, self._field, self._settle = (
            passes[f"guard/{name}.frag"] for name in ("measure", "decide", "field", "settle")
        )
        self._tiles, self._shown = RenderTarget(_TILES, "rgba32f"), RenderTarget(_TILES, "rgba32f")
        self._cells, self._plan = RenderTarget(CELLS, "rgba32f"), RenderTarget(CELLS, "rgba32f")
        self._decided = RenderTarget(_DECIDED, "rgba32f")
        self._states = deque(RenderTarget(_STATE, "rgba32f") for _ in range(2))
        self._readback = Readback(FramePool(_DECIDED, 3, np.float16))
        self._counts = np.zeros(reference.REGIONS, int)
        self._fresh = True
        self._planned = False
        self.status = GuardStatus()
        self._plan.upload(NOTHING_HELD)
        self._warm()

    def hold(
        self, picture: RenderTarget, master: float, blackout: float, dt: float, scattered: bool = False
    ) -> RenderTarget:
        """Return the cells for the output pass that shows `picture` (linear, premultiplied), `dt` s after the last one.

        master, blackout: what the output pass will be given. scattered: measure at scattered places, which a large picture
        with fine sharp lines needs. Valid until the next call.
        """
        dt = min(_DT[1], max(_DT[0], dt))
        old, new = self._states
        gain = output_gain(master, blackout)
        how = {"gain": gain, "scattered": int(scattered)}
        self._measure.draw(self._tiles, textures={"source": picture, "cells": self._plan}, **how)
        self._decide.draw(self._decided, textures={"tiles": self._tiles, "state": old}, dt=dt)
        self._field.draw(self._cells, textures={"decided": self._decided, "plan": self._plan})
        self._measure.draw(self._shown, textures={"source": picture, "cells": self._cells}, **how)
        self._settle.draw(new, textures={"tiles": self._shown, "state": old, "decided": self._decided}, dt=dt)
        self._states.rotate()
        self._fresh = False
        self._readback.start(self._decided, None)
        for array, _ in self._readback.poll():
            self._note(array[:, 0].astype(np.float32))
        return self._cells

    def plan(self, cells: np.ndarray | None) -> None:
        """Hold back at least so much from now on: float32 [6, 6, 2], factor and fading, row 0 at the top; None: nothing."""
        if cells is None:
            if self._planned:
                self._plan.upload(NOTHING_HELD)
        else:
            self._plan.upload(np.concatenate([cells, np.zeros_like(cells[..., :1])], axis=-1).astype(np.float32))
        self._planned = cells is not None

    def off(self) -> None:
        """Hold nothing back, and forget what was shown: what comes next is the first picture after darkness."""
        if not self._fresh:
            self._start()
            self.status = GuardStatus(held=self.status.held, frames=self.status.frames)

    def tiles(self) -> np.ndarray:
        """Return the measures of the newest picture, float32 [24, 24, 3], row 0 at the top. Waits for the GPU."""
        return self._tiles.read()[..., :3].copy()

    def close(self) -> None:
        """Free everything but the shaders."""
        self._readback.close()
        for each in (self._tiles, self._shown, self._cells, self._plan, self._decided, *self._states):
            each.close()

    def _note(self, decided: np.ndarray) -> None:
        """Take what was decided for a frame, [26, 4], into the status."""
        self._counts += decided[:, 2:].max(axis=1) > 0.5
        dimmed, faded = 1.0 - float(decided[:, 0].min()), float(decided[:, 1].max())
        any_held = dimmed > 0.0 or faded > 0.0
        self.status = GuardStatus(dimmed, faded, int(self._counts.max()), self.status.frames + any_held)

    def _start(self) -> None:
        """Make the state that of a show of which nothing has been seen."""
        row = np.zeros((_STATE.width, 4), np.float32)
        row[0] = (0.0, 0.0, 1.0, reference.NEVER)  # darkness: it was dark before the first picture
        row[[4, 8]] = (0.0, 0.0, 0.0, reference.NEVER)
        row[[1, 5, 9]] = (reference.NEVER, 0.0, 0.0, 0.0)  # no transition has been
        row[[2, 3, 6, 7, 10, 11]] = reference.NEVER
        for state in self._states:
            state.upload(np.tile(row, (_STATE.height, 1, 1)))
        self._fresh = True

    def _warm(self) -> None:
        """Draw once: drivers compile at the first draw, not in the show."""
        self._start()
        picture = RenderTarget(Size(24, 24))
        self.hold(picture, 1.0, 0.0, 1 / 60)
        picture.close()
        self._readback.drain()
        self._start()
        self.status = GuardStatus()
        self._counts[:] = 0
