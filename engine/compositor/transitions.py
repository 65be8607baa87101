"""How two decks become one picture: cut, dissolve, through-black, wipe, interlock, and the shaders that are transitions.

Called by the mixer on the render thread. A transition is a function of the fader only: moved back, it goes back. At its
ends it shows one deck alone, and the mixer then hands that deck's picture on without drawing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from phosphene.engine.backends.isf_known import KnownShader
from phosphene.engine.compositor.isf import ShaderTransitions
from phosphene.engine.core.frame import Frame, Size
from phosphene.engine.core.signals import Signals
from phosphene.engine.gpu.gl import GL
from phosphene.engine.gpu.shader import Passes
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.show.catalogue import SHADER, TRANSITIONS
from phosphene.kernels.compositor.field import field

_WIPE_ANGLE = math.radians(20.0)  # from left to right, leaning: a plumb line looks like a fault of the projector
_WIPE_SOFTNESS = 0.12  # of the way
_SEAM = 0.14  # share of the picture that lies on a seam of the interlock
_DRIFT = (0.011, 0.007)  # of the interlock's field, pictures a second


def weights(kind: str, mix: float) -> tuple[float, float]:
    """Return how much is seen of deck a and b at `mix` 0..1; exactly (1, 0) and (0, 1) at the ends. 0 is: not at all."""
    if mix <= 0.0:
        return 1.0, 0.0
    if mix >= 1.0:
        return 0.0, 1.0
    if kind == "cut":
        return (1.0, 0.0) if mix < 0.5 else (0.0, 1.0)
    if kind == "through-black":
        # Squared, because half of the light looks like three quarters: the eye sees an even fade.
        return max(0.0, 1.0 - 2.0 * mix) ** 2, max(0.0, 2.0 * mix - 1.0) ** 2
    return 1.0 - mix, mix


def threshold(share: float, softness: float = _SEAM) -> float:
    """Return where to cut a uniform field with a seam of `softness` so that the mask's mean is `share`, exactly.

    Between the ends it is `share` itself. Near them the seam is cut off by 0 or 1, and half a parabola makes up for it.
    """
    half = 0.5 * softness
    if share < half:
        return math.sqrt(2.0 * softness * share) - half
    if share > 1.0 - half:
        return 1.0 + half - math.sqrt(2.0 * softness * (1.0 - share))
    return share


class Transitions:
    """Draws the mix of two decks. `wipe_angle`: direction in which a wipe moves, radians, 0 = to the right."""

    def __init__(self, passes: Passes, wipe_angle: float = _WIPE_ANGLE) -> None:
        self._mix = passes["compositor/mix.frag"]
        self._wipe = passes["compositor/wipe.frag"]
        self._interlock = passes["compositor/interlock.frag"]
        values = field()
        self._field = RenderTarget(Size(values.shape[1], values.shape[0]), "r16f")
        self._field.upload(values[..., None])
        GL.glBindTexture(GL.GL_TEXTURE_2D, self._field.texture)
        GL.glTexParameteri(GL.GL_TEXTURE_2D, GL.GL_TEXTURE_WRAP_S, GL.GL_REPEAT)
        GL.glTexParameteri(GL.GL_TEXTURE_2D, GL.GL_TEXTURE_WRAP_T, GL.GL_REPEAT)
        self.wipe_angle = wipe_angle
        self._draw: dict[str, Callable[..., None]] = {
            "cut": self._weighted,
            "dissolve": self._weighted,
            "through-black": self._weighted,
            "wipe": self._wiped,
            "interlock": self._interlocked,
        }
        assert tuple(self._draw) == TRANSITIONS
        self._shaders = ShaderTransitions(passes)
        self.fault = ""  # why the transition that is asked for is a dissolve; "" while it is none

    def draw(
        self,
        kind: str,
        mix: float,
        a: RenderTarget,
        b: RenderTarget,
        target: RenderTarget,
        frame: Frame,
        levels: tuple[float, float] = (1.0, 1.0),
        signals: Signals | None = None,
    ) -> None:
        """Draw decks `a` and `b` into `target`, all of one size. levels: of the decks, 0..1. Unknown kinds dissolve.

        signals: for shaders that hear; None: silence. A shader is not asked for its ends: those are one deck alone.
        """
        mix = min(1.0, max(0.0, mix))
        if kind.startswith(SHADER) and 0.0 < mix < 1.0:
            if not self._shaders.draw(kind, mix, (a, b), target, frame, signals, levels):
                return
        else:
            self._shaders.rest()
        self._draw.get(kind, self._weighted)(kind, mix, {"a": a, "b": b}, target, frame, levels)

    def look(self, kind: str) -> None:
        """Say in `fault` what there is to be said of `kind`."""
        self.fault = self._shaders.fault(kind) if kind.startswith(SHADER) else ""

    def rest(self) -> None:
        """Say that no transition is drawn in this frame: a shader begins anew with the next one."""
        self._shaders.rest()

    def load(self, kind: str, known: KnownShader) -> None:
        """Draw the shader `kind` anew, of another version of its file. Raises UserError: then the old one stays."""
        self._shaders.load(kind, known)

    @property
    def fingerprints(self) -> dict[str, str]:
        """The SHA-256 of each shader that can be drawn, by kind."""
        return self._shaders.fingerprints

    @property
    def kinds(self) -> tuple[str, ...]:
        """All that can be drawn."""
        return (*TRANSITIONS, *self._shaders.names)

    def close(self) -> None:
        """Free the field, and all shaders."""
        self._field.close()
        self._shaders.close()

    def _weighted(
        self,
        kind: str,
        mix: float,
        decks: Mapping[str, RenderTarget],
        target: RenderTarget,
        frame: Frame,
        levels: tuple[float, float],
    ) -> None:
        a, b = weights(kind, mix)
        self._mix.draw(target, textures=decks, gains=(a * levels[0], b * levels[1]))

    def _wiped(
        self,
        kind: str,
        mix: float,
        decks: Mapping[str, RenderTarget],
        target: RenderTarget,
        frame: Frame,
        levels: tuple[float, float],
    ) -> None:
        # The way is scaled so that the corners are its ends: 0 at the first corner the edge meets, 1 at the last.
        dx, dy = math.cos(self.wipe_angle) * target.size.aspect, math.sin(self.wipe_angle)
        length = abs(dx) + abs(dy)
        direction = (dx / length, dy / length)
        start = -min(0.0, direction[0]) - min(0.0, direction[1])
        self._wipe.draw(
            target,
            textures=decks,
            gains=levels,
            direction=direction,
            start=start,
            edge=mix * (1.0 + _WIPE_SOFTNESS),
            softness=_WIPE_SOFTNESS,
        )

    def _interlocked(
        self,
        kind: str,
        mix: float,
        decks: Mapping[str, RenderTarget],
        target: RenderTarget,
        frame: Frame,
        levels: tuple[float, float],
    ) -> None:
        drift = tuple(frame.time * speed % 1.0 for speed in _DRIFT)
        self._interlock.draw(
            target,
            textures={**decks, "field": self._field},
            gains=levels,
            drift=drift,
            threshold=threshold(mix),
            softness=_SEAM,
        )
