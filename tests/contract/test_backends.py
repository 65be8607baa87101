"""One suite for every backend: the picture of the plain reference, at any size and view, again and again, to the bit."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from phosphene.engine.backends.base import Backend
from phosphene.engine.backends.bf16 import Bf16Backend
from phosphene.engine.backends.cpu import CpuBackend, CpuProgram, chunk_pixels
from phosphene.engine.backends.glsl import GlslBackend
from phosphene.engine.backends.workers import Workers
from phosphene.engine.core.frame import Size
from phosphene.engine.gpu.context import info
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.models.cppn import CppnSpec, random_weights
from phosphene.engine.models.encoding import BASE_INPUTS, FLAT, SPATIAL_INPUTS, Projection, View, coordinates
from phosphene.engine.models.style import Network, Style, StyleMeta
from phosphene.kernels.cppn.reference import forward

VIEWS = [View(), View(zoom=2.5, rotate=0.13, pan_x=0.4, pan_y=-1.1)]
# Each kind on its own, two of them half and half, and one on the way there.
PROJECTIONS = [*(Projection(kind, 1.0, 0.3) for kind in range(4)), Projection(0.5, 1.0, 0.9), Projection(3.0, 0.4, 0.1)]
SIZES = [Size(48, 27), Size(31, 64)]
# sRGB steps of 1/255 that a backend may be off by, at most.
TOLERANCE = {"cpu": 0.01, "glsl": 0.1, "cpu-bf16": 2.0}
SPATIAL_SETS = [("x", "y"), ("radius", "abs_x", "abs_y"), ("fold2_x", "fold2_y"), ("fold5_y", "x", "fold8_x")]


def make_style(
    width=16, layers=4, spatial=("x", "y"), activations=("sin", "cos", "gauss", "tanh"), gain=2.0, seed=3
) -> Style:
    uniform = BASE_INPUTS[2:] if activations[0] in ("sin", "cos") else BASE_INPUTS[3:]
    spec = CppnSpec((*spatial, *uniform), width, layers, activations)
    network = Network(inputs=spec.inputs, width=width, layers=layers, activations=activations)
    meta = StyleMeta(version=1, name="Test", kind="cppn", seed=seed, licence="CC0-1.0", network=network)
    rng = np.random.default_rng(seed)
    weights = [(w, rng.normal(0, 1, b.shape).astype(np.float32)) for w, b in random_weights(spec, seed, gain)]
    return Style("test", "Test", "cppn", spec, weights, meta)


def uniforms_of(style: Style, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1.0, 1.0, len(style.spec.uniform))


def expected(style: Style, uniforms: np.ndarray, size: Size, view: View) -> np.ndarray:
    """The plain way, in float64: every input for every pixel."""
    spec = style.spec
    inputs = np.empty((size.pixels, len(spec.inputs)))
    inputs[:, spec.columns(spec.spatial)] = coordinates(size, view, spec.spatial)
    inputs[:, spec.columns(spec.uniform)] = uniforms
    return forward(inputs, style.weights, spec.layer_activations).reshape(size.height, size.width, 3)


NO_BF16 = Bf16Backend().refusal()  # None on a CPU with bfloat16 products where torch is installed


@pytest.fixture(params=["cpu", "glsl"] if NO_BF16 else ["cpu", "glsl", "cpu-bf16"])
def backend(request, gl) -> Iterator[Backend]:
    if request.param == "glsl":
        made = GlslBackend(info()["renderer"], force=True)
        yield made
        made.close()
    else:
        yield CpuBackend() if request.param == "cpu" else Bf16Backend()


def picture(backend: Backend, style: Style, uniforms: np.ndarray, size: Size, view: View) -> np.ndarray:
    program = backend.open(style, size)
    target = RenderTarget(Size(2, 2), "rgba32f")
    try:
        program.run(uniforms, size, view, target)
        assert target.size == size
        read = target.read()
    finally:
        program.close()
        target.close()
    np.testing.assert_array_equal(read[..., 3], 1.0)
    return read[..., :3]


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("spatial", SPATIAL_SETS)
def test_the_picture_is_the_references(backend, spatial, size, view):
    # A gentle network: what is compared is the backend, and bfloat16 takes no other.
    style = make_style(spatial=spatial, layers=2, gain=0.4)
    uniforms = uniforms_of(style)
    got, want = picture(backend, style, uniforms, size, view), expected(style, uniforms, size, view)
    assert want.std() > 0.01
    assert np.abs(got - want).max() * 255 <= TOLERANCE[backend.name]


@pytest.mark.parametrize("projection", PROJECTIONS, ids=str)
@pytest.mark.parametrize("spatial", SPATIAL_SETS[1:])
def test_every_projection_asks_where_the_reference_asks(backend, spatial, projection):
    style = make_style(spatial=spatial, layers=2, gain=0.4)
    uniforms = uniforms_of(style)
    view = View(zoom=1.2, rotate=0.06, pan_x=0.1, projection=projection)
    got, want = picture(backend, style, uniforms, SIZES[0], view), expected(style, uniforms, SIZES[0], view)
    assert want.std() > 0.01
    assert np.abs(got - want).max() * 255 <= TOLERANCE[backend.name]


def test_no_depth_is_flat_to_the_bit_and_again_after_depth(backend):
    style = make_style(gain=0.4, layers=2)
    program, target = backend.open(style, SIZES[0]), RenderTarget(SIZES[0], "rgba32f")
    pictures = []
    for projection in (FLAT, Projection(2.0, 0.0, 0.7), Projection(0.0, 1.0, 0.2), Projection(0.0, 0.0, 0.2)):
        program.run(uniforms_of(style), SIZES[0], View(zoom=1.3, projection=projection), target)
        pictures.append(target.read())
    flat, also_flat, deep, flat_again = pictures
    assert np.array_equal(flat, also_flat)
    assert np.array_equal(flat, flat_again)
    assert np.abs(flat - deep).max() > 0.01
    program.close()
    target.close()


@pytest.mark.parametrize("width", [16, 18, 32])
@pytest.mark.parametrize("layers", [1, 3, 6])
def test_widths_depths_and_activations(backend, width, layers):
    gain = 2.0 if backend.name != "cpu-bf16" else 0.1
    for activations in (("sin", "cos", "gauss", "tanh"), ("tanh", "gauss"), ("gauss",)):
        style = make_style(width, layers, activations=activations, gain=gain)
        uniforms = uniforms_of(style, layers)
        size = SIZES[0]
        error = np.abs(picture(backend, style, uniforms, size, View()) - expected(style, uniforms, size, View()))
        assert error.max() * 255 <= TOLERANCE[backend.name]


def test_running_twice_gives_the_same_bits(backend):
    style = make_style(gain=0.4)
    program = backend.open(style, SIZES[0])
    target = RenderTarget(SIZES[0], "rgba32f")
    program.run(uniforms_of(style), SIZES[0], View(), target)
    first = target.read()
    program.run(uniforms_of(style, 1), SIZES[1], VIEWS[1], target)  # something else in between, at another size
    program.run(uniforms_of(style), SIZES[0], View(), target)
    assert np.array_equal(first, target.read())
    program.close()
    program.close()
    target.close()


def test_time_of_a_whole_night_is_exact(backend):
    style = make_style(layers=2, gain=0.4)
    uniforms = uniforms_of(style)
    uniforms[style.spec.uniform.index("time")] = 18_000.7
    got, want = picture(backend, style, uniforms, SIZES[0], View()), expected(style, uniforms, SIZES[0], View())
    assert np.abs(got - want).max() * 255 <= TOLERANCE[backend.name]


@pytest.mark.skipif(NO_BF16 is not None, reason=str(NO_BF16))
def test_bf16_refuses_what_it_would_change():
    backend = Bf16Backend()
    assert backend.refusal(make_style(gain=0.3, layers=2)) is None
    assert "limit 1/255" in backend.refusal(make_style(gain=4.0))


def test_glsl_refuses_what_does_not_fit():
    backend = GlslBackend("a graphics card")
    assert "above 32" in backend.refusal(make_style(33))
    assert "spatial" in backend.refusal(make_style(spatial=SPATIAL_INPUTS[:9]))
    assert backend.refusal(make_style(32)) is None


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    width=st.integers(16, 140),
    size=st.builds(Size, st.integers(1, 120), st.integers(1, 90)),
    threads=st.integers(2, 4),
)
def test_the_cpu_gives_the_same_bits_whatever_the_threads(width, size, threads):
    style = make_style(width, 3)
    one, many = Workers(1), Workers(threads)
    a = CpuProgram(style, one).evaluate(uniforms_of(style), size)
    b = CpuProgram(style, many).evaluate(uniforms_of(style), size)
    many.close()
    assert np.array_equal(a, b)
    assert np.abs(a - expected(style, uniforms_of(style), size, View())).max() < 1e-5


def test_chunks_depend_on_the_picture_only_and_feed_all_threads():
    assert chunk_pixels(128, 320 * 180) == 2048
    assert chunk_pixels(16, 320 * 180) == 4096
    for pixels in (64 * 36, 160 * 90):
        assert math.ceil(pixels / chunk_pixels(16, pixels)) >= 8
