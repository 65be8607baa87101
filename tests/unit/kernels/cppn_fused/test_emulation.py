"""The fused kernel's arithmetic, in emulation, against the plain reference: every width, activation, input, crossfade."""

from __future__ import annotations

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from phosphene.engine.backends.cpu import CpuProgram
from phosphene.engine.core.frame import Size
from phosphene.engine.models.encoding import SPATIAL_INPUTS, Motion, Projection, View, uniform_vector
from phosphene.engine.models.style import Network as StyleNetwork
from phosphene.engine.models.style import Style, StyleMeta, list_styles, load_style
from phosphene.kernels.cppn_fused.emulate import Hardware, activate, lerp, paint, reduced
from phosphene.kernels.cppn_fused.fidelity import BOUND, PESSIMIST, choose, measure
from phosphene.kernels.cppn_fused.shape import ACTIVATIONS, VARIANTS
from tests.unit.kernels.cppn_fused.networks import Network, frame_of, network

SIZE = Size(40, 23)
VIEW = View(zoom=1.3, rotate=0.1, pan_x=0.2, pan_y=-0.1)
WIDTHS = (16, 24, 32, 48, 64, 128, 160, 256)


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    """Products of 8 columns: two threads of BLAS spend four times as long waiting for each other."""
    with threadpool_limits(1, "blas"):
        yield


def picture(net: Network, variant: str, size: Size = SIZE, view: View = VIEW, hardware=PESSIMIST, **options) -> np.ndarray:
    """Return levels, int [h, w, 3]."""
    frame = frame_of([net], variant, size, [view], **options)
    rgba = paint(net.shape.padded(variant), variant, frame, [net.packed(variant)], hardware)
    assert (rgba[..., 3] == 255).all()
    return rgba[..., :3].astype(int)


def assert_close(got: np.ndarray, exact: np.ndarray) -> None:
    """Within 1/255 at the 99th percentile and 2/255 at most; `exact` has something to see in it."""
    off = np.abs(got - np.rint(255 * exact))
    assert exact.std() > 0.02
    assert np.percentile(off, 99) <= 1
    assert off.max() <= 2


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("width", WIDTHS)
def test_every_width_paints_the_reference(width, variant):
    net = network(width)
    assert_close(picture(net, variant), net.exact(SIZE, VIEW))


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_in_every_layer(activation, variant):
    net = network(32, activations=(activation,), gain=1.2)
    assert_close(picture(net, variant), net.exact(SIZE, VIEW))


@pytest.mark.parametrize("layers", [1, 2, 3, 12])
def test_every_number_of_layers(layers):
    net = network(32, layers=layers, gain=1.2)
    assert_close(picture(net, "fp16"), net.exact(SIZE, VIEW))


def test_every_spatial_input_at_once():
    net = network(48, spatial=SPATIAL_INPUTS, gain=1.0)
    assert_close(picture(net, "fp16"), net.exact(SIZE, VIEW))


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("kind", [0.0, 1.0, 2.0, 3.0, 2.5])
def test_every_projection(kind, variant):
    net = network(24, spatial=("x", "y", "radius", "fold3_x"), gain=0.8)
    for depth in (1.0, 0.4):
        view = View(zoom=1.1, rotate=0.06, pan_x=0.1, projection=Projection(kind, depth, 0.3))
        assert_close(picture(net, variant, view=view), net.exact(SIZE, view))


@pytest.mark.parametrize("products", [4, 8, 16])
def test_however_many_products_the_hardware_adds_at_once(products):
    net = network(64)
    assert_close(picture(net, "fp16", hardware=Hardware(products, worst=True)), net.exact(SIZE, VIEW))


def test_the_picture_of_the_cpu_backend():
    net = network(64)
    spec = net.spec
    table = StyleNetwork(inputs=spec.inputs, width=spec.width, layers=spec.layers, activations=spec.activations)
    meta = StyleMeta(version=1, name="T", kind="cppn", seed=0, licence="CC0-1.0", network=table)
    program = CpuProgram(Style("t", "T", "cppn", spec, net.weights, meta))
    assert_close(picture(net, "fp16"), program.evaluate(net.uniforms, SIZE, VIEW))


@pytest.mark.parametrize("variant", VARIANTS)
def test_tiles_make_the_whole_picture(variant):
    net = network(24)
    whole = picture(net, variant, dither=1.0, seed=0.4)
    for x, y, size in ((0, 0, Size(21, 17)), (21, 0, Size(19, 17)), (13, 11, Size(27, 12))):
        tile = picture(net, variant, size, whole=(SIZE.width, SIZE.height), offset=(x, y), dither=1.0, seed=0.4)
        assert np.array_equal(tile, whole[y : y + size.height, x : x + size.width])


def test_dither_moves_a_pixel_by_one_level_at_most_and_the_mean_not_at_all():
    net = network(16)
    plain, dithered = picture(net, "fp32"), picture(net, "fp32", dither=1.0, seed=0.25)
    assert 0.05 < (plain != dithered).mean() < 0.95
    assert np.abs(plain - dithered).max() == 1
    exact = 255 * net.exact(SIZE, VIEW)
    assert abs((dithered - exact).mean()) < 0.03


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_pair_mixes_two_decks_in_linear_light(variant):
    a, b = network(24, seed=1), network(24, seed=2)
    views = [VIEW, View(zoom=0.7)]
    gains = (0.7, 0.3)
    frame = frame_of([a, b], variant, SIZE, views, gains=gains)
    got = paint(a.shape.padded(variant), variant, frame, [a.packed(variant), b.packed(variant)], PESSIMIST)[..., :3].astype(
        int
    )
    linear = sum(g * to_linear(n.exact(SIZE, v)) for g, n, v in zip(gains, (a, b), views, strict=True))
    assert_close(got, to_srgb(linear))


@pytest.mark.parametrize("variant", VARIANTS)
def test_weights_are_interpolated_in_place(variant):
    a, b = network(24, seed=1), network(24, seed=2)
    shape = a.shape.padded(variant)
    assert np.array_equal(lerp(shape, variant, a.packed(variant), b.packed(variant), 0.0), a.packed(variant))
    assert np.array_equal(lerp(shape, variant, a.packed(variant), b.packed(variant), 1.0), b.packed(variant))
    between = [
        (np.float32(0.75) * wa + np.float32(0.25) * wb, np.float32(0.75) * ba + np.float32(0.25) * bb)
        for (wa, ba), (wb, bb) in zip(a.weights, b.weights, strict=True)
    ]
    mean = Network(a.spec, between, a.uniforms)
    packed = lerp(shape, variant, a.packed(variant), b.packed(variant), 0.25)
    got = paint(shape, variant, frame_of([mean], variant, SIZE, [VIEW]), [packed])[..., :3].astype(int)
    assert_close(got, mean.exact(SIZE, VIEW))


def test_reduction_is_within_what_the_readme_says():
    x = np.concatenate([np.linspace(-7e4, 7e4, 100_001), np.linspace(-30, 30, 10_001)]).astype(np.float32)
    r = reduced(x).astype(np.float64)
    assert np.abs(r).max() <= np.pi * (1 + 2.0**-9)
    assert (np.abs(np.sin(r) - np.sin(x.astype(np.float64))) <= 2.0**-22 + 2.9e-8 * np.abs(x)).all()


@pytest.mark.parametrize(
    ("name", "exact_tanh", "bound"),
    [("sin", False, 1.1e-6), ("cos", False, 1.1e-6), ("gauss", False, 1e-6), ("tanh", False, 4.9e-4), ("tanh", True, 1e-6)],
)
def test_activations_are_within_what_the_readme_says(name, exact_tanh, bound):
    functions = {"sin": np.sin, "cos": np.cos, "gauss": lambda z: np.exp(-z * z), "tanh": np.tanh}
    z = np.linspace(-12, 12, 100_001).astype(np.float32)
    with np.errstate(under="ignore"):
        off = np.abs(activate(name, z, PESSIMIST, exact_tanh) - functions[name](z.astype(np.float64)))
    assert 0 < off.max() <= bound


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("exact_tanh", [False, True])
def test_the_largest_preactivations_stay_finite(name, exact_tanh):
    z = np.array([-65504.0, -200.0, 200.0, 65504.0], np.float32)
    assert np.isfinite(activate(name, z, Hardware(), exact_tanh)).all()


def preview(slug: str) -> Network:
    style = load_style(slug)
    motion = Motion(style.meta.motion.drive, style.meta.preview.time)
    motion.settle(style.meta.preview.signals)
    values = motion.step(style.meta.preview.signals, 0.0)
    return Network(style.spec, style.weights, uniform_vector(style.spec.uniform, values, style.scales))


@pytest.mark.parametrize("slug", list_styles("cppn"))
def test_shipped_styles_are_within_a_level_in_the_variant_chosen_for_them(slug):
    net = preview(slug)
    chosen = choose(net.shape, net.weights, net.spec.columns(net.spec.spatial), net.bias)
    assert chosen.p99 <= BOUND
    size = Size(40, 22)
    off = np.abs(picture(net, chosen.variant, size, View()) - np.rint(255 * net.exact(size)))
    assert np.percentile(off, 99) <= 1


def test_a_network_that_halves_cannot_hold_is_given_more():
    gentle, steep = network(32, gain=1.0), network(32, gain=6.0)
    columns = gentle.spec.columns(gentle.spec.spatial)
    assert choose(gentle.shape, gentle.weights, columns, gentle.bias).variant == "fp16"
    assert measure(steep.shape, "fp16", steep.weights, columns, steep.bias).p99 > BOUND
    assert choose(steep.shape, steep.weights, columns, steep.bias).variant == "fp32"
    gentle.weights[1][0][0, 0] = 7e4
    assert choose(gentle.shape, gentle.weights, columns, gentle.bias).variant == "fp32"


def to_linear(s: np.ndarray) -> np.ndarray:
    return np.where(s <= 0.04045, s / 12.92, ((s + 0.055) / 1.055) ** 2.4)


def to_srgb(x: np.ndarray) -> np.ndarray:
    return np.where(x <= 0.0031308, 12.92 * x, 1.055 * np.maximum(x, 1e-9) ** (1 / 2.4) - 0.055)
