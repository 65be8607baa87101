"""A CPPN on stage: signals and parameters become the network's inputs, its sRGB output becomes linear light.

Render thread. Holds the only state of a style in play: the integrated time and the smoothed levels (`encoding.Motion`).
"""

from __future__ import annotations

from collections.abc import Mapping

from engine.backends.base import Program
from engine.core.frame import Frame
from engine.core.params import Param, complete
from engine.core.signals import Signals
from engine.gpu.shader import Passes
from engine.gpu.texture import RenderTarget
from engine.models.encoding import LATENTS, Motion, View, uniform_vector
from engine.models.latent import Trajectory, Walk, latent_values
from engine.models.style import Style

CPPN_PARAMS = (
    Param("zoom", "Zoom", 0.25, 4.0, 1.0, "magnification about the network's origin"),
    Param("rotate", "Rotate", -1.0, 1.0, 0.0, "counter-clockwise", "turns"),
    Param("pan_x", "Pan X", -2.0, 2.0, 0.0, "moves the picture right", "half heights"),
    Param("pan_y", "Pan Y", -2.0, 2.0, 0.0, "moves the picture up", "half heights"),
    Param("speed", "Speed", 0.0, 4.0, 1.0, "how fast time runs; 0 stands still but for the sound"),
    Param("react", "React", 0.0, 2.0, 1.0, "how strongly sound moves the picture"),
)


class CppnGenerator:
    """Plays `style` by `program`; `program` is closed with it. Time starts at the style's preview.

    walk: how latents move, where the style has any; None: with its time, as in training.
    """

    params = CPPN_PARAMS

    def __init__(self, style: Style, program: Program, passes: Passes, walk: Walk | None = None) -> None:
        self.style = style
        self._trajectory = Trajectory(walk, LATENTS) if walk else None
        self.program = program
        self.motion = Motion(style.meta.motion.drive, style.meta.preview.time)
        self._decode = passes["cppn/decode.frag"]
        self._raw: RenderTarget | None = None

    def render(self, frame: Frame, signals: Signals, params: Mapping[str, float], target: RenderTarget) -> None:
        """Advance by `frame.dt` and draw."""
        p = complete(CPPN_PARAMS, params)
        latents = None
        if self._trajectory is not None:
            z = self._trajectory.at(frame.time, signals.position.beat, p["react"] * signals["onset"])
            latents = latent_values(z)
        values = self.motion.step(signals, frame.dt, p["speed"], p["react"], latents)
        uniforms = uniform_vector(self.style.spec.uniform, values, self.style.scales)
        if self._raw is None:
            self._raw = RenderTarget(target.size)
        view = View(p["zoom"], p["rotate"], p["pan_x"], p["pan_y"])
        self.program.run(uniforms, target.size, view, self._raw)
        self._decode.draw(target, textures={"picture": self._raw})

    def close(self) -> None:
        """Free the program and the intermediate picture."""
        self.program.close()
        if self._raw is not None:
            self._raw.close()
            self._raw = None
