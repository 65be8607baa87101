"""Every effect there is, by name, in the order that a chain has unless a scene says otherwise.

Read by the control table, the show catalogue and the mixer. Space first, then the past, then colour, then light and noise:
what comes later works on what came before, and grain that is warped or graded does not look like grain. Sharp effects are
last, and stay last in any scene: they are drawn at the output's size.
"""

from __future__ import annotations

from phosphene.engine.effects.base import Effect
from phosphene.engine.effects.bloom import Bloom
from phosphene.engine.effects.colour import Grade, Grain, Strobe
from phosphene.engine.effects.contours import Contours
from phosphene.engine.effects.feedback import Feedback
from phosphene.engine.effects.halftone import Halftone
from phosphene.engine.effects.isf import shader_effects
from phosphene.engine.effects.particles import Particles
from phosphene.engine.effects.relief import Relief
from phosphene.engine.effects.shapes import Shapes
from phosphene.engine.effects.slices import Slices
from phosphene.engine.effects.space import Kaleidoscope, Mirror, Warp

EFFECTS: dict[str, type[Effect]] = {
    effect.name: effect
    for effect in (
        *(Warp, Mirror, Kaleidoscope, Feedback, Grade, Relief, Bloom, Strobe, Grain),
        *(Contours, Halftone, Slices, Particles, Shapes),
    )
}


def all_effects() -> dict[str, type[Effect]]:
    """Return the effects of a chain, in its order: ours, and after those in space the shaders that are effects."""
    space = {effect.name: EFFECTS[effect.name] for effect in (Warp, Mirror, Kaleidoscope)}
    return space | shader_effects() | EFFECTS
