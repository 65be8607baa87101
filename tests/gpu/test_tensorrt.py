"""TensorRT on a CUDA machine: plans are built, agree with the reference, are refitted, replayed and rebuilt."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from phosphene.engine.backends.onnx_graph import LIMIT
from phosphene.engine.backends.plan_build import build
from phosphene.engine.backends.plans import Machine, PlanStore, recipe_of
from phosphene.engine.backends.tensorrt import TensorRTBackend
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.models.cppn import CppnSpec, random_weights
from phosphene.engine.models.encoding import BASE_INPUTS, View, coordinates
from phosphene.engine.models.style import Network, Style, StyleMeta
from phosphene.kernels.cppn.reference import forward

SIZE, MOST = Size(96, 54), Size(320, 180)
TURNED = View(zoom=2.0, rotate=0.1, pan_x=0.3, pan_y=-0.4)
# The network's own error, and a level of 8 bits with dither.
TOLERANCE = LIMIT + 1.0 / 255.0

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(TensorRTBackend().refusal() is not None, reason=str(TensorRTBackend().refusal())),
]


def make_style(slug: str, width: int, seed: int = 1, spatial: tuple[str, ...] = ("x", "y")) -> Style:
    spec = CppnSpec((*spatial, *BASE_INPUTS[2:]), width, 3)
    network = Network(inputs=spec.inputs, width=width, layers=3, activations=spec.activations)
    meta = StyleMeta(version=1, name=slug, kind="cppn", seed=seed, licence="CC0-1.0", network=network)
    return Style(slug, slug, "cppn", spec, random_weights(spec, seed, 1.0), meta)


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> PlanStore:
    return PlanStore(tmp_path_factory.mktemp("plans"))


@pytest.fixture
def backend(store, gl):
    from phosphene.engine.gpu.context import info

    made = TensorRTBackend(info()["renderer"], store)
    yield made
    made.close()


def built(backend: TensorRTBackend, style: Style) -> None:
    machine = backend.machine()
    if backend.store.find(style, machine, MOST) is None:
        build(style, recipe_of(style, 2304, MOST.pixels, 1), machine, backend.store)


def uniforms_of(style: Style) -> np.ndarray:
    return np.random.default_rng(0).uniform(-1.0, 1.0, len(style.spec.uniform))


def reference(style: Style, uniforms: np.ndarray, size: Size, view: View) -> np.ndarray:
    spec = style.spec
    inputs = np.empty((size.pixels, len(spec.inputs)))
    inputs[:, spec.columns(spec.spatial)] = coordinates(size, view, spec.spatial)
    inputs[:, spec.columns(spec.uniform)] = uniforms
    return forward(inputs, style.weights, spec.layer_activations).reshape(size.height, size.width, 3)


def check(program, style: Style, size: Size = SIZE, view: View = TURNED, frames: int = 1) -> np.ndarray:
    target = RenderTarget(size, "rgba8")
    uniforms = uniforms_of(style)
    for _ in range(frames):
        program.run(uniforms, size, view, target)
    picture = target.read()
    target.close()
    want = reference(style, uniforms, size, view)
    assert want.std() > 0.01
    assert np.percentile(np.abs(picture[..., :3] - want), 99) <= TOLERANCE
    np.testing.assert_array_equal(picture[..., 3], 1.0)
    return picture


@pytest.mark.parametrize("width", [16, 18, 32, 64, 128, 256])
def test_the_picture_is_the_references(backend, width):
    style = make_style(f"w{width}", width)
    built(backend, style)
    program = backend.open(style, MOST)
    check(program, style)
    program.close()
    program.close()


def test_folds(backend):
    style = make_style("folds", 32, spatial=("fold3_x", "radius", "abs_y"))
    built(backend, style)
    program = backend.open(style, MOST)
    check(program, style)
    program.close()


def test_every_size_and_the_replayed_graph_give_the_same_bits(backend):
    style = make_style("w32", 32)
    built(backend, style)
    program = backend.open(style, MOST)
    first = check(program, style)
    for size in (MOST, Size(31, 17), Size(64, 36)):
        check(program, style, size, frames=3)
    assert np.array_equal(check(program, style, frames=3), first)
    with pytest.raises(UserError, match="too small"):
        check(program, style, Size(640, 360))
    program.close()


def test_a_style_of_the_same_architecture_is_refitted(backend):
    one, two = make_style("one", 32, seed=1), make_style("two", 32, seed=9)
    built(backend, one)
    plans = len(backend.store.headers())
    program = backend.open(one, MOST)
    other = backend.open(two, MOST)  # both live: a plan of its own, with other weights in it
    first = check(program, one)
    check(other, two)
    other.close()
    program.close()
    again = backend.open(one, MOST)  # the idle plan, whichever weights it held
    assert np.array_equal(check(again, one), first)
    again.close()
    assert len(backend.store.headers()) == plans, "nothing was built for it"


def test_a_plan_of_another_machine_is_built_again(backend, tmp_path):
    style = make_style("stale", 16)
    backend.store = PlanStore(tmp_path)
    machine = backend.machine()
    foreign = Machine(**machine.model_dump() | {"driver": "1.0"})
    recipe = recipe_of(style, 2304, MOST.pixels, 1)
    backend.store.save(style.slug, recipe, foreign, b"no plan at all", refit=True, built="2020", seconds=1.0)
    program = backend.open(style, MOST)
    check(program, style)
    program.close()
    assert backend.store.find(style, machine, MOST) is not None


def test_a_plan_that_does_not_load_is_built_again(backend, tmp_path):
    style = make_style("broken", 16)
    backend.store = PlanStore(tmp_path)
    recipe = recipe_of(style, 2304, MOST.pixels, 1)
    backend.store.save(style.slug, recipe, backend.machine(), b"no plan at all", refit=True, built="2020", seconds=1.0)
    program = backend.open(style, MOST)
    check(program, style)
    program.close()


def test_a_style_that_never_had_a_plan_is_refused(backend):
    style = dataclasses.replace(make_style("never", 48), slug="never")
    assert "vj engines build never" in backend.refusal(style)
    with pytest.raises(UserError, match="no plan was built"):
        backend.open(style, MOST)


def test_a_build_that_takes_too_long_is_given_up(backend):
    style = make_style("slow", 256, seed=4)
    recipe = recipe_of(style, 2304, Size(1920, 1080).pixels, 5)
    with pytest.raises(UserError, match="takes too long"):
        build(style, recipe, backend.machine(), backend.store, limit_s=1.0)
