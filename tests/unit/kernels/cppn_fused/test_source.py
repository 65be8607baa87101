"""What is generated for a shape, when two styles share a kernel, and how it is launched."""

from __future__ import annotations

import pytest

from phosphene.kernels.cppn_fused.shape import VARIANTS, Shape
from phosphene.kernels.cppn_fused.source import build

CYCLE = ("sin", "cos", "gauss", "tanh")


def shape(width: int, activations=CYCLE, spatial=("x", "y")) -> Shape:
    return Shape(spatial, width, activations)


def test_styles_of_one_padded_shape_share_a_kernel():
    assert build(shape(20)).key == build(shape(32)).key
    others = [
        build(shape(33)), build(shape(32, CYCLE[:3])), build(shape(32, spatial=("y", "x"))),
        build(shape(32), "fp32"), build(shape(32), pair=True),
    ]  # fmt: skip
    assert len({build(shape(32)).key, *(each.key for each in others)}) == 6


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_source_stands_alone(variant):
    program = build(shape(64), variant, pair=True)
    assert "#include" not in program.source
    assert 'extern "C"' in program.source
    assert program.options(90)[0] == "--gpu-architecture=sm_90"


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("pair", [False, True])
@pytest.mark.parametrize("width", [16, 128, 256])
def test_a_grid_covers_small_pictures_and_fills_the_gpu_with_large_ones(variant, pair, width):
    program = build(shape(width), variant, pair)
    assert program.grid(1, 28, 3) == 1
    assert program.grid(program.block_pixels + 1, 28, 3) == 2
    assert program.grid(1280 * 720, 28, 3) == 84
    assert program.block % 32 == 0
    assert program.lerp_grid * 256 * 4 >= program.weight_bytes


@pytest.mark.parametrize("width", [16, 96, 112, 128, 256])
def test_a_single_deck_and_a_pair_read_the_same_weights(width):
    for variant in VARIANTS:
        one, two = build(shape(width), variant), build(shape(width), variant, pair=True)
        assert (one.shape, one.weight_bytes) == (two.shape, two.weight_bytes)
        assert two.frame_bytes - one.frame_bytes == 4 * one.shape.width


def test_an_unknown_variant_is_refused():
    with pytest.raises(ValueError, match="not one of"):
        build(shape(16), "bf16")
