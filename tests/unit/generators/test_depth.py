"""Depth on stage: the light of the reference, a camera that flies with the music and stands where a take says, no seam."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping

import numpy as np
import pytest

from phosphene.engine.backends.base import Capabilities, Program
from phosphene.engine.backends.cpu import CpuBackend
from phosphene.engine.core.frame import Frame, Size
from phosphene.engine.core.params import defaults
from phosphene.engine.core.signals import BeatPosition, signals_at
from phosphene.engine.generators.cppn import CPPN_PARAMS, CppnGenerator
from phosphene.engine.generators.decoded import DecodedGenerator
from phosphene.engine.generators.depth import DEPTH_PARAMS, light_colour, view_of
from phosphene.engine.generators.gan import GAN_PARAMS, GanDrive
from phosphene.engine.gpu.shader import Passes
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.models.colour import srgb_to_linear
from phosphene.engine.models.encoding import Motion, Projection, View, coordinates, projection_vector
from phosphene.engine.models.style import load_style
from phosphene.kernels.cppn.projection import KINDS, TURN, lit, project

SIZE = Size(160, 90)


def frame(dt: float = 0.0) -> Frame:
    return Frame(0, 0.0, 0.0, dt, 60.0)


@pytest.fixture
def passes(gl) -> Iterator[Passes]:
    made = Passes()
    yield made
    made.close()


def plane(size: Size, **view: float) -> tuple[np.ndarray, np.ndarray]:
    points = coordinates(size, View(**view)).astype(np.float64)
    return points[:, 0], points[:, 1]


@pytest.mark.parametrize("kind", [0.0, 1.0, 2.0, 3.0, 1.5], ids=str)
@pytest.mark.parametrize(
    "given", [{"fog": 0.0, "glow": 0.0}, {"fog": 1.0, "glow": 0.6, "zoom": 0.6, "rotate": 0.07, "pan_x": 0.2}]
)
def test_a_frame_is_the_networks_picture_in_the_light_of_the_reference(passes, kind, given):
    style, target = load_style("manta"), RenderTarget(SIZE, "rgba32f")
    generator = CppnGenerator(style, CpuBackend().open(style, SIZE), passes)
    seen = {}
    run = generator.program.run

    def spying(uniforms: np.ndarray, size: Size, view: View, into: RenderTarget) -> None:
        seen["view"], seen["srgb"] = view, generator.program.evaluate(uniforms, size, view).copy()
        run(uniforms, size, view, into)

    generator.program.run = spying
    params = {"projection": kind, "depth": 0.9, "travel": 0.15, **given}
    generator.render(frame(), {}, params, target)
    got = target.read()
    p = defaults(CPPN_PARAMS) | params
    x, y = plane(SIZE, **{name: p[name] for name in ("zoom", "rotate", "pan_x", "pan_y")})
    *weights, plain, _ = projection_vector(Projection(kind, 0.9))
    assert seen["view"].projection == Projection(kind, 0.9, 0.15)
    left, behind = lit(x, y, weights, plain, p["fog"], 2 * math.pi / 90 / p["zoom"])
    light = srgb_to_linear(seen["srgb"].reshape(-1, 3).astype(np.float64)) * left[:, None]
    want = light + 1.3 * p["glow"] * behind[:, None] * light_colour(style)
    assert np.abs(got[..., :3].reshape(-1, 3) - want).max() < 2e-3  # the network's picture is in half floats on its way
    assert left.min() < 0.1
    np.testing.assert_array_equal(got[..., 3], 1.0)
    generator.close()
    target.close()


def test_without_depth_its_parameters_change_nothing(passes):
    style, target = load_style("manta"), RenderTarget(SIZE)
    generator = CppnGenerator(style, CpuBackend().open(style, SIZE), passes)
    pictures = []
    for given in ({}, {"projection": 2.0, "travel": 0.3, "fly": -0.5, "fog": 1.0, "glow": 1.0}):
        generator.render(frame(), {}, given, target)
        pictures.append(target.read())
    assert np.array_equal(*pictures)
    generator.close()
    target.close()


def test_the_camera_flies_by_time_faster_with_the_music_and_comes_around():
    motion = Motion(drive=1.0)
    for _ in range(50):
        motion.step({}, 0.1, speed=0.0, fly=0.05)
    assert motion.travel == pytest.approx(0.25)
    loud = Motion(drive=1.0)
    loud.settle({"rms": 1.0, "onset": 1.0})
    loud.step({"rms": 1.0, "onset": 1.0}, 0.1, fly=0.05)
    assert loud.travel == pytest.approx(2 * 0.1 * 0.05, rel=0.01)
    for _ in range(10):
        motion.step({}, 1.0, fly=-0.05)
    assert motion.travel == pytest.approx(0.75)
    view = view_of(defaults(CPPN_PARAMS) | {"travel": 0.5, "depth": 1.0}, motion)
    assert projection_vector(view.projection)[5] == pytest.approx(0.25 * TURN)


def test_a_take_of_before_there_was_travel_goes_on_at_none():
    motion = Motion()
    motion.travel = 0.4
    motion.resume({"phase": 3.0, "levels": {}})
    assert (motion.phase, motion.travel) == (3.0, 0.0)


def test_weights_are_of_two_neighbours_and_sum_up_to_the_depth():
    for kind, depth in ((0.0, 1.0), (0.25, 0.5), (2.75, 1.0), (3.0, 0.1)):
        *weights, plain, _ = projection_vector(Projection(kind, depth))
        assert sum(weights) == pytest.approx(depth)
        assert plain == pytest.approx(1.0 - depth)
        assert sum(w > 0.0 for w in weights) == (1 if kind == round(kind) else 2)
    assert len(KINDS) == 4
    assert next(p for p in DEPTH_PARAMS if p.name == "projection").maximum == len(KINDS) - 1


def test_light_has_the_colour_that_the_style_is_known_by():
    blood = light_colour(load_style("blood-silk"))
    assert blood[0] > 4 * max(blood[1:])
    plain = load_style("manta")
    without = dataclasses.replace(plain, meta=plain.meta.model_copy(update={"palette": ()}))
    assert np.ptp(light_colour(without)) < 1e-12


class Ramps:
    """A decoder whose picture says where it was read: red is x and green is y, in linear steps of sRGB."""

    name = "ramps"

    def __init__(self) -> None:
        y, x = np.mgrid[0:128, 0:128] / 127.0
        self.trial = np.stack([0.1 + 0.8 * x, 0.9 - 0.8 * y, np.full_like(x, 0.5)], -1).astype(np.float32)

    def decode(self, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
        return self.trial

    def close(self) -> None:
        pass


@pytest.mark.parametrize("kind", range(4), ids=KINDS)
def test_a_decoded_picture_is_read_where_a_cppn_would_be_asked(passes, tiny_gan, kind):
    target = RenderTarget(Size(256, 256), "rgba32f")
    generator = DecodedGenerator(tiny_gan, GanDrive(tiny_gan), Ramps(), GAN_PARAMS, passes)
    music = signals_at(0.0, [], BeatPosition(0.0))
    generator.render(frame(), music, {"projection": kind, "depth": 1.0, "travel": 0.1, "fog": 0.0, "glow": 0.0}, target)
    got = target.read()[..., :3].reshape(-1, 3)
    x, y = plane(target.size)
    weights = [1.0 if k == kind else 0.0 for k in range(4)]
    px, py = project(np, x, y, weights, 0.0, 0.1 * TURN)
    texel = 2 * math.pi / 128
    left, _ = lit(x, y, weights, 0.0, 0.0, 2 * math.pi / 256, texel)
    # Not within two texels of a fold, where the picture is smoothed, nor where it is dark.
    clear = (np.maximum(np.abs(px), np.abs(py)) < math.pi - 2 * texel) & (left > 0.2)
    assert clear.mean() > 0.3
    want = np.stack([0.1 + 0.8 * (0.5 + px / (2 * math.pi)), 0.1 + 0.8 * (0.5 + py / (2 * math.pi))], -1)
    srgb = np.where(
        (light := got[clear] / left[clear, None]) <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055
    )
    # A texel's centre is half a texel from the edge: the ramp is 128/127 as steep as the plane.
    assert np.abs(srgb[:, :2] - want[clear]).max() < 0.012
    generator.close()
    target.close()


def test_decks_in_depth_are_no_pair(passes):
    """One launch adds two decks up before there is any light: with depth each is drawn on its own."""

    class Paired(Program):
        name = "paired"
        launches = 0

        @property
        def capabilities(self) -> Capabilities:
            return Capabilities(pairing=self)

        def pairs_with(self, other: Program) -> bool:
            return True

        def run_pair(self, other, uniforms, size, views, gains, target) -> None:
            Paired.launches += 1
            target.resize(size)

        def close(self) -> None:
            pass

    style, target = load_style("manta"), RenderTarget(SIZE)
    first, second = (CppnGenerator(style, Paired(), passes) for _ in range(2))

    def dissolve(a: Mapping[str, float], b: Mapping[str, float]) -> bool:
        return first.render_dissolve(second, frame(0.1), {}, (a, b), (0.5, 0.5), target)

    phase = first.motion.phase
    assert not dissolve({"depth": 0.2}, {})
    assert not dissolve({}, {"depth": 1.0})
    assert (Paired.launches, first.motion.phase) == (0, phase), "nothing may have been done"
    assert dissolve({}, {"fly": 0.2})
    assert Paired.launches == 1
    for each in (first, second, target):
        each.close()
