"""The ONNX graph gives the reference's picture by onnxruntime, for every architecture and every shipped style."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from phosphene.engine.backends import onnx_graph
from phosphene.engine.backends.cpu import CpuProgram
from phosphene.engine.backends.onnx_graph import (
    BIAS,
    GRID,
    LIMIT,
    PICTURE,
    VIEW,
    all_layers,
    architecture_digest,
    evaluate_half,
    first_bias,
    graph,
    grid,
    half_error,
    initializers,
    needed_full_layers,
    view_vector,
    weights_digest,
)
from phosphene.engine.core.frame import Size
from phosphene.engine.models.cppn import ACTIVATIONS, CppnSpec, random_weights
from phosphene.engine.models.encoding import BASE_INPUTS, SPATIAL_INPUTS, View, coordinates, input_values, uniform_vector
from phosphene.engine.models.style import Network, Style, StyleMeta, list_styles, load_style
from phosphene.kernels.cppn.reference import forward
from tests.contract.test_backends import PROJECTIONS

onnx = pytest.importorskip("onnx")
ort = pytest.importorskip("onnxruntime")

SIZE = Size(64, 36)
TURNED = View(zoom=2.5, rotate=0.13, pan_x=0.4, pan_y=-1.1)
FLOAT_LIMIT = 1e-4


def make_style(width=16, layers=3, spatial=("x", "y"), activations=ACTIVATIONS, gain=0.8, seed=3) -> Style:
    # A network that reads `time` must start with a periodic layer.
    uniform = BASE_INPUTS[2:] if activations[0] in ("sin", "cos") else BASE_INPUTS[3:]
    spec = CppnSpec((*spatial, *uniform), width, layers, activations)
    network = Network(inputs=spec.inputs, width=width, layers=layers, activations=activations)
    meta = StyleMeta(version=1, name="Test", kind="cppn", seed=seed, licence="CC0-1.0", network=network)
    rng = np.random.default_rng(seed)
    weights = [(w, rng.normal(0, 0.5, b.shape).astype(np.float32)) for w, b in random_weights(spec, seed, gain)]
    return Style("test", "Test", "cppn", spec, weights, meta)


def uniforms_of(style: Style) -> np.ndarray:
    return np.random.default_rng(1).uniform(-1.0, 1.0, len(style.spec.uniform))


def preview_uniforms(style: Style) -> np.ndarray:
    preview = style.meta.preview
    return uniform_vector(style.spec.uniform, input_values(preview.time, preview.signals, preview.signals), style.scales)


def expected(style: Style, uniforms: np.ndarray, size: Size, view: View) -> np.ndarray:
    """The plain way, in float64: every input for every pixel."""
    spec = style.spec
    inputs = np.empty((size.pixels, len(spec.inputs)))
    inputs[:, spec.columns(spec.spatial)] = coordinates(size, view, spec.spatial)
    inputs[:, spec.columns(spec.uniform)] = uniforms
    return forward(inputs, style.weights, spec.layer_activations)


def by_onnxruntime(
    style: Style, full_layers: int, uniforms: np.ndarray, size: Size, view: View, packed: bool = False
) -> np.ndarray:
    options = ort.SessionOptions()
    # Optimised, it would take away the pairs of casts that make half what it is.
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(graph(style, full_layers, packed), options, providers=["CPUExecutionProvider"])
    feeds = {GRID: grid(size), VIEW: view_vector(view), BIAS: first_bias(style, uniforms)}
    return session.run([PICTURE], feeds)[0]


def check(style: Style, uniforms: np.ndarray, view: View = TURNED) -> None:
    want = expected(style, uniforms, SIZE, view)
    assert want.std() > 0.01
    full = by_onnxruntime(style, all_layers(style), uniforms, SIZE, view)
    assert full.dtype == np.float32
    np.testing.assert_array_equal(full[:, 3], 1.0)
    assert np.abs(full[:, :3] - want).max() <= FLOAT_LIMIT
    layers = needed_full_layers(style)
    half = by_onnxruntime(style, layers, uniforms, SIZE, view)
    assert half.dtype == (np.float16 if layers < all_layers(style) else np.float32)
    np.testing.assert_array_equal(half[:, 3], 1.0)
    error = np.abs(half[:, :3].astype(np.float64) - want)
    assert np.percentile(error, 99) <= LIMIT


@pytest.mark.parametrize("width", [16, 18, 24, 32, 48, 64, 96, 128, 256])
def test_every_width(width):
    check(make_style(width), uniforms_of(make_style(width)))


@pytest.mark.parametrize("layers", [1, 2, 6, 12])
def test_every_depth(layers):
    style = make_style(24, layers)
    check(style, uniforms_of(style))


@pytest.mark.parametrize("first", ACTIVATIONS)
@pytest.mark.parametrize("second", ACTIVATIONS)
def test_every_order_of_activations(first, second):
    style = make_style(activations=(first, second), gain=0.6)
    check(style, uniforms_of(style))


@pytest.mark.parametrize("name", SPATIAL_INPUTS)
def test_every_spatial_input(name):
    style = make_style(spatial=(name,))
    check(style, uniforms_of(style))


def test_all_spatial_inputs_at_once_in_any_order():
    style = make_style(32, spatial=SPATIAL_INPUTS[::-1], gain=0.3)
    check(style, uniforms_of(style))


@pytest.mark.parametrize("projection", PROJECTIONS, ids=str)
def test_every_projection(projection):
    style = make_style(24, spatial=("x", "y", "fold3_x"), gain=0.5)
    check(style, uniforms_of(style), View(zoom=1.2, rotate=0.06, pan_x=0.1, projection=projection))


def test_the_flat_plane_is_what_it_was_without_projections_to_the_bit(monkeypatch):
    style = make_style(spatial=("x", "y", "radius"))
    uniforms = uniforms_of(style)
    with_them = by_onnxruntime(style, all_layers(style), uniforms, SIZE, TURNED)
    monkeypatch.setattr(onnx_graph, "project", lambda xp, x, y, weights, plain, shift: (x, y))
    assert np.array_equal(with_them, by_onnxruntime(style, all_layers(style), uniforms, SIZE, TURNED))


@pytest.mark.parametrize("slug", list_styles("cppn"))
def test_every_shipped_style(slug):
    style = load_style(slug)
    check(style, preview_uniforms(style), View())


def test_a_night_of_time_is_exact():
    style = make_style()
    uniforms = uniforms_of(style)
    uniforms[style.spec.uniform.index("time")] = 18_000.7
    check(style, uniforms)


def test_it_is_the_networks_of_the_trainer():
    torch = pytest.importorskip("torch")
    from phosphene.tools.cppn.network import TorchCppn

    style = make_style(64, 4)
    uniforms = uniforms_of(style)
    with torch.inference_mode():
        painted = TorchCppn(style.spec, style.weights).paint(uniforms[None], SIZE)[0].numpy()
    got = by_onnxruntime(style, all_layers(style), uniforms, SIZE, View())[:, :3]
    assert np.abs(got - painted.reshape(3, -1).T).max() <= FLOAT_LIMIT


@pytest.mark.parametrize("size", [Size(1, 1), Size(31, 64), Size(128, 72)])
def test_one_graph_takes_every_size(size):
    style = make_style()
    uniforms = uniforms_of(style)
    got = by_onnxruntime(style, all_layers(style), uniforms, size, View())[:, :3]
    assert np.abs(got.reshape(size.height, size.width, 3) - CpuProgram(style).evaluate(uniforms, size)).max() <= FLOAT_LIMIT


@pytest.mark.parametrize("full_layers", [1, 4])
def test_packed_it_is_the_same_picture_in_8_bits_dithered(full_layers):
    style = make_style()
    uniforms = uniforms_of(style)
    real = by_onnxruntime(style, 4, uniforms, SIZE, TURNED)
    got = by_onnxruntime(style, full_layers, uniforms, SIZE, TURNED, packed=True)
    assert got.dtype == np.uint8
    np.testing.assert_array_equal(got[:, 3], 255)
    off = np.abs(got[:, :3] - 255.0 * real[:, :3])
    assert off.max() < 1.25
    assert off.max() > 0.9, "no dither: rounding alone is off by half a level"
    assert np.abs(np.mean(got[:, :3] - 255.0 * real[:, :3])) < 0.03, "the dither must not brighten"


def test_the_grid_is_that_of_the_show():
    size = Size(48, 27)
    top, bottom = grid(size), grid(size, bottom_first=True)
    np.testing.assert_array_equal(top[:, :2], coordinates(size))
    turned = bottom.reshape(27, 48, 3)[::-1].reshape(-1, 3)
    np.testing.assert_array_equal(turned, top)
    # kernels/common/dither.glsl at its first fragment, the bottom left one.
    first = 52.9829189 * ((0.5 * 0.06711056 + 0.5 * 0.00583715) % 1.0) % 1.0
    assert bottom[0, 2] == pytest.approx(first, abs=1e-6)
    assert top[:, 2].min() >= 0.0
    assert top[:, 2].max() < 1.0
    assert top[:, 2].mean() == pytest.approx(0.5, abs=0.01)


def test_half_is_half_and_what_it_costs_is_known():
    style = make_style(64, 4, activations=("sin", "cos"), gain=2.5)
    uniforms = uniforms_of(style)
    want = expected(style, uniforms, SIZE, View())

    def error(picture: np.ndarray) -> float:
        return float(np.percentile(np.abs(picture.reshape(-1, 4)[:, :3].astype(np.float64) - want), 99))

    by_ort = [error(by_onnxruntime(style, n, uniforms, SIZE, View())) for n in (1, 3, 5)]
    by_numpy = [error(evaluate_half(style, n, uniforms, SIZE)) for n in (1, 3, 5)]
    assert by_ort == sorted(by_ort, reverse=True), "each float32 layer must help"
    assert by_numpy == sorted(by_numpy, reverse=True)
    assert by_ort[0] > 100 * by_ort[2], "float32 in disguise"
    # Two ways to the same number: what decides how many layers are float32 is what the graph does.
    assert by_numpy[:2] == pytest.approx(by_ort[:2], rel=0.1, abs=2e-4)  # 1/4096: the file rounds its output too


def test_a_network_that_cannot_bear_half_gets_float32():
    assert needed_full_layers(make_style(16, 2, gain=0.3)) == 1
    steep = make_style(64, 3, activations=("sin",), gain=6.0)
    assert half_error(steep, 1) > LIMIT
    assert half_error(steep, needed_full_layers(steep)) <= LIMIT
    for layer in (1, 2, 3):
        overflowing = make_style()
        w, b = overflowing.weights[layer]
        overflowing.weights[layer] = (w * np.float32(1e6), b)
        assert half_error(overflowing, layer) == math.inf
        assert needed_full_layers(overflowing) > layer


def changed(style: Style, layer: int) -> Style:
    """The same style with one bias of `layer` moved."""
    weights = [(w.copy(), b.copy()) for w, b in style.weights]
    weights[layer][1][0] += 0.5
    return dataclasses.replace(style, weights=weights)


def test_digests_tell_weights_from_architecture():
    one, other = make_style(seed=1), make_style(seed=2)
    assert weights_digest(one, 1) != weights_digest(other, 1)
    assert architecture_digest(one, 1) == architecture_digest(other, 1)
    others = (one, make_style(32), make_style(activations=("sin",)), make_style(spatial=("x", "radius")))
    assert len({architecture_digest(style, n) for style in others for n in (1, 2)}) == 8
    assert weights_digest(one, 1) != weights_digest(one, 2)
    assert weights_digest(changed(one, -1), 1) != weights_digest(one, 1)
    # What is folded into the bias input is no part of a plan.
    assert weights_digest(changed(one, 0), 1) == weights_digest(one, 1)


def test_every_weight_keeps_its_name():
    style = make_style()
    stored = {t.name: onnx.numpy_helper.to_array(t) for t in onnx.load_from_string(graph(style, 2)).graph.initializer}
    for name, array in initializers(style, 2).items():
        assert stored[name].dtype == array.dtype
        np.testing.assert_array_equal(stored[name], array)
    assert stored["w1"].dtype == np.float32
    assert stored["w2"].dtype == np.float16
