"""A CPPN on stage: signals and parameters become the network's inputs, its sRGB output becomes linear light.

Render thread. Holds the only state of a style in play: the integrated time and the smoothed levels (`encoding.Motion`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from phosphene.engine.backends.base import Capabilities, Program
from phosphene.engine.backends.cpu import CpuProgram
from phosphene.engine.core.frame import Frame, Size
from phosphene.engine.core.params import Param, complete
from phosphene.engine.core.signals import Signals
from phosphene.engine.generators.base import Generator, Memory
from phosphene.engine.generators.depth import DEPTH_PARAMS, depth_uniforms, light_colour, view_of
from phosphene.engine.gpu.shader import Passes
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.models.encoding import LATENTS, PLACE, STRAIGHT_VIEW, Motion, View, extent, uniform_vector, view_matrix
from phosphene.engine.models.latent import Trajectory, Walk, latent_values
from phosphene.engine.models.style import Style
from phosphene.engine.models.variations import Variations

CPPN_PARAMS = (
    Param("zoom", "Zoom", 0.25, 4.0, 1.0, "magnification about the network's origin"),
    Param("rotate", "Rotate", -1.0, 1.0, 0.0, "counter-clockwise", "turns"),
    Param("pan_x", "Pan X", -2.0, 2.0, 0.0, "moves the picture right", "half heights"),
    Param("pan_y", "Pan Y", -2.0, 2.0, 0.0, "moves the picture up", "half heights"),
    Param("speed", "Speed", 0.0, 4.0, 1.0, "how fast time runs; 0 stands still but for the sound"),
    Param("react", "React", 0.0, 2.0, 1.0, "how strongly sound moves the picture"),
    Param(
        "variation",
        "Variation",
        0.0,
        1.0,
        0.0,
        "which of the style's variations is shown; most have one",
        "turns",
    ),
    Param("explore", "Explore", 0.0, 8.0, 0.0, "variations that it goes on by itself in a phrase of 16 bars"),
    *DEPTH_PARAMS,
)


class CppnGenerator(Generator):
    """Plays `style` by `program`; `program` is closed with it. Time starts at the style's preview.

    walk: how latents move, where the style has any; None: with its time, as in training.
    """

    params = CPPN_PARAMS

    def __init__(self, style: Style, program: Program, passes: Passes, walk: Walk | None = None) -> None:
        self.style = style
        self._trajectory = Trajectory(walk, LATENTS) if walk else None
        self._variations = Variations(style.meta.motion.variations)
        self.program = program
        self.motion = Motion(style.meta.motion.drive, style.meta.preview.time)
        self._decode = passes["cppn/decode.frag"]
        self._light = light_colour(style)
        self._raw: RenderTarget | None = None

    def render(self, frame: Frame, signals: Signals, params: Mapping[str, float], target: RenderTarget) -> None:
        """Advance by `frame.dt` and draw."""
        p = complete(CPPN_PARAMS, params)
        uniforms, view = self._step(frame, signals, p)
        self.program.run(uniforms, target.size, view, self._picture(target))
        self._draw(target, view, p, 1.0)

    def render_dissolve(
        self,
        other: Generator,
        frame: Frame,
        signals: Signals,
        params: Sequence[Mapping[str, float]],
        gains: tuple[float, float],
        target: RenderTarget,
    ) -> bool:
        """See `Generator`. Decks in depth are no pair: each has a light of its own, put on before they are mixed."""
        pairing = self.program.capabilities.pairing
        if pairing is None or not isinstance(other, CppnGenerator) or not pairing.pairs_with(other.program):
            return False
        both = [complete(CPPN_PARAMS, p) for p in params]
        if any(p["depth"] > 0.0 for p in both):
            return False
        steps = [each._step(frame, signals, p) for each, p in zip((self, other), both, strict=True)]
        uniforms, views = zip(*steps, strict=True)
        pairing.run_pair(other.program, uniforms, target.size, views, gains, self._picture(target))
        self._draw(target, STRAIGHT_VIEW, both[0], min(1.0, sum(gains)))
        return True

    @property
    def capabilities(self) -> Capabilities:
        """The program's."""
        return self.program.capabilities

    def memory(self) -> Memory:
        """See `base.Played`."""
        return {**self.motion.memory(), "variations": self._variations.memory()}

    def resume(self, memory: Memory) -> None:
        """See `base.Played`."""
        self.motion.resume(memory)
        if variations := memory.get("variations"):
            self._variations.resume(variations)

    def close(self) -> None:
        """Free the program and the intermediate picture."""
        self.program.close()
        if self._raw is not None:
            self._raw.close()
            self._raw = None

    def _draw(self, target: RenderTarget, view: View, p: Mapping[str, float], alpha: float) -> None:
        """Draw the program's picture into `target`, lit as `view` has it."""
        size = target.size
        self._decode.draw(
            target,
            textures={"picture": self._raw},
            alpha=alpha,
            extent=extent(size),
            view=view_matrix(view),
            **depth_uniforms(view, p, self._light, min(size.width, size.height)),
        )

    def _step(self, frame: Frame, signals: Signals, p: Mapping[str, float]) -> tuple[np.ndarray, View]:
        """Advance by the frame. p: every parameter."""
        inputs = {PLACE: p["variation"] + self._variations.step(signals, p["explore"])}
        if self._trajectory is not None:
            z = self._trajectory.at(frame.time, signals.position.beat, p["react"] * signals["onset"])
            inputs |= latent_values(z)
        values = self.motion.step(signals, frame.dt, p["speed"], p["react"], inputs, p["fly"])
        uniforms = uniform_vector(self.style.spec.uniform, values, self.style.scales)
        return uniforms, view_of(p, self.motion)

    def _picture(self, target: RenderTarget) -> RenderTarget:
        """Return what the program draws into, in the format that suits it; it takes the size that it is run with."""
        if self._raw is None:
            self._raw = RenderTarget(target.size, self.program.capabilities.storage)
        return self._raw


def cppn_generator(style: Style, program: Program, passes: Passes, walk: Walk | None, live: bool) -> CppnGenerator:
    """Return the generator of a CPPN style; it has no decoder to wait for. See `registry.Kind`."""
    return CppnGenerator(style, program, passes, walk)


def cppn_still(style: Style, size: Size, time: float, signals: Mapping[str, float]) -> np.ndarray:
    """Return the picture at `time` s of integrated time; `place` in `signals` says which variation. See `registry.Kind`."""
    motion = Motion(style.meta.motion.drive, time)
    motion.settle(signals)
    values = motion.step(signals, 0.0, latents={PLACE: signals.get(PLACE, 0.0)})
    return CpuProgram(style).evaluate(uniform_vector(style.spec.uniform, values, style.scales), size)


def cppn_sequence(
    style: Style, size: Size, signals: Iterable[Mapping[str, float]], dt: float, speed: float, react: float
) -> Iterator[np.ndarray]:
    """Yield pictures. See `registry.Kind`."""
    motion = Motion(style.meta.motion.drive, style.meta.preview.time)
    program = CpuProgram(style)
    for each in signals:
        values = motion.step(each, dt, speed, react, {PLACE: each.get(PLACE, 0.0)})
        yield program.evaluate(uniform_vector(style.spec.uniform, values, style.scales), size).copy()
