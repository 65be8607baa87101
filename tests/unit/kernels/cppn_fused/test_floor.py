"""The arithmetic floor: the workload's known numbers, and what bounds it."""

from __future__ import annotations

import pytest

from phosphene.kernels.cppn_fused.floor import GPUS, floor, flops, predicted_ms, specials
from phosphene.kernels.cppn_fused.shape import Shape

PIXELS = 1280 * 720
WIDE = Shape(("x", "y", "radius"), 128, ("sin", "cos", "gauss", "tanh"))


def test_the_work_of_a_128_wide_network():
    # 128 x (3 + 3 x 128 + 3) multiply-adds; the kernel's output layer is a tile of 16.
    assert flops(WIDE, "fp32") == 2 * 128 * (3 + 3 * 128 + 3)
    assert flops(WIDE, "fp16") == 2 * 128 * (3 + 3 * 128 + 16)
    assert specials(WIDE, "fp16") == 4 * 128 + 6
    assert specials(WIDE, "fp32") == 5 * 128 + 6


def test_padding_is_paid_for():
    narrow = Shape(WIDE.spatial, 33, WIDE.activations)
    assert flops(narrow, "fp16") == flops(Shape(WIDE.spatial, 48, WIDE.activations), "fp16")


@pytest.mark.parametrize(
    ("name", "half", "single"), [("RTX 3060", 51.0, 12.8), ("RTX 5090", 419.5, 104.9), ("H100", 989.4, 61.8)]
)
def test_peaks_are_the_published_ones(name, half, single):
    tensor, _, plain = GPUS[name].tflops
    assert tensor == pytest.approx(half, rel=0.01)
    assert plain == pytest.approx(single, rel=0.01)


def test_what_bounds_a_frame():
    assert floor(WIDE, "fp16", GPUS["RTX 3060"], PIXELS).bound == "multiply"
    assert floor(WIDE, "fp16", GPUS["H200"], PIXELS).bound == "special"
    # 921,600 pixels x 2 x 128 x 400 FLOP at 51 TFLOP/s, and a little for layer 0.
    assert floor(WIDE, "fp16", GPUS["RTX 3060"], PIXELS).ms == pytest.approx(1.9, abs=0.05)


def test_two_decks_cost_twice_and_tiles_their_share():
    gpu = GPUS["RTX 4070"]
    one = floor(WIDE, "fp16", gpu, PIXELS)
    assert floor(WIDE, "fp16", gpu, PIXELS, decks=2).ms == pytest.approx(2 * one.ms)
    assert floor(WIDE, "fp16", gpu, PIXELS // 4).ms == pytest.approx(one.ms / 4)
    assert floor(WIDE, "fp16_acc32", gpu, PIXELS).ms > 1.9 * one.ms


def test_a_prediction_is_the_floor_over_the_fraction():
    assert predicted_ms(1.5, 0.5) == 3.0
