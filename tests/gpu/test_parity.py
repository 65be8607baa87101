"""The kernels on the GPU against float32 on the CPU: every width, size, variant and activation, and every shipped style.

Numbers: 1/255 for 99 % of all values, 2/255 at most; dither is off where it is not what is tested.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from phosphene.engine.backends.cpu import CpuProgram
from phosphene.engine.backends.cuda import LIMIT, CudaBackend, CudaProgram, Kernels, trial
from phosphene.engine.backends.torch import TorchBackend, TorchProgram
from phosphene.engine.core.frame import Size
from phosphene.engine.models.encoding import SPATIAL_INPUTS, Projection, View
from phosphene.engine.models.style import Style, list_styles, load_style
from phosphene.kernels.cppn_fused.shape import VARIANTS
from phosphene.kernels.cppn_fused.source import FIRST_ARCH
from tests.contract.test_backends import PROJECTIONS, make_style, uniforms_of

WIDTHS = [16, 18, 32, 48, 64, 128, 192, 256]
SIZES = [Size(1280, 720), Size(64, 36), Size(31, 64), Size(333, 187)]
VIEW = View(zoom=1.7, rotate=0.11, pan_x=-0.4, pan_y=0.2)


@pytest.fixture(scope="module")
def kernels(cuda) -> Kernels:
    return Kernels(cuda)


def opened(cuda, kernels: Kernels, style: Style, size: Size, variant: str) -> CudaProgram:
    """A program of one variant, or a skip where the GPU does not run it."""
    if 10 * cuda.device.capability[0] + cuda.device.capability[1] < FIRST_ARCH[variant]:
        pytest.skip(f"{cuda.device.name} does not run {variant}")
    return CudaProgram(style, cuda, kernels, size, "", variant)


def painted(program: CudaProgram, uniforms: np.ndarray, size: Size, view: View) -> np.ndarray:
    program.paint([program], [uniforms], size, [view], dither=0.0)
    return program.read(size)


def check(pixels: np.ndarray, wanted: np.ndarray) -> None:
    assert wanted.std() > 0.02
    assert (pixels[..., 3] == 255).all()
    error = np.abs(pixels[..., :3] / 255.0 - wanted) * 255
    assert np.percentile(error, 99) <= 1.0
    assert error.max() <= 2.0


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_widths_and_sizes(cuda, kernels, size, width, variant):
    style = make_style(width=width, gain=1.0)
    program = opened(cuda, kernels, style, size, variant)
    uniforms = uniforms_of(style)
    check(painted(program, uniforms, size, VIEW), CpuProgram(style).evaluate(uniforms, size, VIEW))
    program.close()


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("layers", [1, 2, 5, 12])
@pytest.mark.parametrize("activations", [("sin",), ("cos", "tanh"), ("gauss", "sin"), ("tanh",)], ids="-".join)
def test_depths_and_activations(cuda, kernels, activations, layers, variant):
    style, size = make_style(width=32, layers=layers, activations=activations, gain=0.8), Size(160, 90)
    program = opened(cuda, kernels, style, size, variant)
    uniforms = uniforms_of(style, layers)
    check(painted(program, uniforms, size, VIEW), CpuProgram(style).evaluate(uniforms, size, VIEW))
    program.close()


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("first", range(0, len(SPATIAL_INPUTS), 4))
def test_spatial_inputs(cuda, kernels, first, variant):
    style, size = make_style(width=32, spatial=SPATIAL_INPUTS[first : first + 4], gain=0.6), Size(160, 90)
    program = opened(cuda, kernels, style, size, variant)
    uniforms = uniforms_of(style)
    check(painted(program, uniforms, size, VIEW), CpuProgram(style).evaluate(uniforms, size, VIEW))
    program.close()


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("projection", PROJECTIONS, ids=str)
def test_projections(cuda, kernels, projection, variant):
    style, size = make_style(width=32, spatial=("x", "y", "fold3_x"), gain=0.6), Size(160, 90)
    program = opened(cuda, kernels, style, size, variant)
    uniforms, view = uniforms_of(style), View(zoom=1.2, rotate=0.06, pan_x=0.1, projection=projection)
    check(painted(program, uniforms, size, view), CpuProgram(style).evaluate(uniforms, size, view))
    program.close()


@pytest.mark.parametrize("slug", list_styles("cppn"))
def test_shipped_styles_on_the_variant_that_is_chosen(cuda, slug):
    style = load_style(slug)
    program = CudaBackend().open(style, Size(1280, 720))
    assert trial(program, style) <= LIMIT
    program.close()


@pytest.mark.parametrize(
    "variants", [*zip(VARIANTS, VARIANTS, strict=True), ("fp16", "fp32"), ("fp32", "fp16_acc32")], ids="+".join
)
@pytest.mark.parametrize("width", [16, 64, 128, 256])
def test_two_decks_in_one_launch_are_added_up_in_linear_light(cuda, kernels, width, variants):
    size, gains, views = Size(320, 180), (0.7, 0.2), [VIEW, View()]
    styles = [make_style(width=width, seed=seed, gain=1.0) for seed in (3, 4)]
    first, second = (opened(cuda, kernels, *each) for each in zip(styles, (size, size), variants, strict=True))
    assert not first.pairs_with(second)
    for each in (first, second):
        each.prepare_pair()
    assert first.pairs_with(second)
    assert second.pairs_with(first)
    uniforms = [uniforms_of(style, k) for k, style in enumerate(styles)]
    first.paint([first, second], uniforms, size, views, gains, dither=0.0)
    light = 0.0
    for style, u, view, gain in zip(styles, uniforms, views, gains, strict=True):
        s = CpuProgram(style).evaluate(u, size, view).astype(np.float64)
        light = light + gain * np.where(s <= 0.04045, s / 12.92, ((s + 0.055) / 1.055) ** 2.4)
    check(first.read(size), np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055))
    first.close()
    second.close()


def test_the_same_inputs_give_the_same_bits(cuda, kernels):
    style, size = make_style(width=64, gain=1.0), Size(640, 360)
    program = CudaBackend().open(style, size)
    pictures = []
    for _ in range(3):
        program.paint([program], [uniforms_of(style)], size, [VIEW])
        pictures.append(program.read(size).copy())
        program.paint([program], [uniforms_of(style, 1)], Size(48, 27), [View()])
    assert np.array_equal(pictures[0], pictures[1])
    assert np.array_equal(pictures[0], pictures[2])
    program.close()


@pytest.mark.parametrize("width", [16, 128])
def test_torch_is_the_same_picture(cuda, width):
    if reason := TorchBackend().refusal():
        pytest.skip(reason)
    style, size = make_style(width=width, gain=1.0), Size(640, 360)
    program = TorchProgram(style, f"cuda:{cuda.device.ordinal}")
    deep = dataclasses.replace(VIEW, projection=Projection(0.0, 1.0, 0.3))
    for seed, view in enumerate((VIEW, deep, VIEW)):  # one recording, three frames
        uniforms = uniforms_of(style, seed)
        error = np.abs(program.evaluate(uniforms, size, view) - CpuProgram(style).evaluate(uniforms, size, view)) * 255
        assert np.percentile(error, 99) <= 1.0
    program.close()
