"""The layout of weights and frames: every number in its place, once, and what does not fit refused."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from phosphene.kernels.cppn_fused.fragment import LANES, index, quad_columns, tile_features
from phosphene.kernels.cppn_fused.pack import pack_frame, pack_weights
from phosphene.kernels.cppn_fused.shape import (
    FRAME,
    VARIANTS,
    Shape,
    frame_bytes,
    padded_width,
    sections,
    spatial_code,
    weight_bytes,
)

SHAPE = Shape(("x", "y"), 20, ("sin", "gauss"))


def weights_of(shape: Shape, inputs: int = 3, seed: int = 0) -> list[tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(seed)
    sizes = [inputs, *[shape.width] * shape.layers, 3]
    return [
        (rng.normal(0, 1, (b, a)).astype(np.float32), rng.normal(0, 1, b).astype(np.float32))
        for a, b in itertools.pairwise(sizes)
    ]


def part(packed: np.ndarray, shape: Shape, variant: str, name: str) -> np.ndarray:
    found = next(s for s in sections(shape.padded(variant), variant) if s.name == name)
    return packed[found.offset : found.offset + found.count * found.dtype.itemsize].view(found.dtype)


def test_the_formulas_give_the_fragments_of_the_ptx_manual():
    # Lane 13 is member 1 of group 3. Written down from the manual's formulas by hand.
    assert [index("A_ROW", 13, reg) for reg in range(4)] == [3, 11, 3, 11]
    assert [index("A_COL", 13, reg) for reg in range(4)] == [2, 2, 10, 10]
    assert [index("B_ROW", 13, reg) for reg in range(2)] == [2, 10]
    assert index("B_COL", 13) == 3
    assert [index("C_ROW", 13, reg) for reg in range(2)] == [3, 11]
    assert index("C_COL", 13) == 2


def test_the_accumulators_of_a_layer_are_the_operand_of_the_next():
    lane, n8, reg = np.ogrid[:LANES, :2, :2]
    operand = index("C_TO_A", n8, reg)
    assert (index("A_ROW", lane, operand) == index("C_ROW", lane, reg)).all()
    assert (index("A_COL", lane, operand) == 8 * n8 + index("C_COL", lane)).all()


@pytest.mark.parametrize("rows", [2, 4])
def test_the_lanes_of_a_warp_hold_each_pixel_four_times(rows):
    pixel = index("PIXEL", np.arange(LANES)[:, None], np.arange(rows))
    assert np.array_equal(np.bincount(pixel.reshape(-1)), np.full(8 * rows, 4))


@pytest.mark.parametrize(("n_tiles", "k_tiles"), [(1, 1), (1, 3), (4, 4), (16, 16)])
def test_a_packed_matrix_holds_each_weight_once(n_tiles, k_tiles):
    features, sources = tile_features(n_tiles, k_tiles)
    assert len(np.unique(features * (16 * k_tiles) + sources)) == 256 * n_tiles * k_tiles == len(features)


def test_a_lane_loads_its_four_registers_at_once():
    features, sources = tile_features(1, 1)
    # Lane 13: group 3, member 1. Two n8 tiles, rows 2, 3 and 10, 11 of B in each.
    assert features[13 * 8 : 14 * 8].tolist() == [3, 3, 3, 3, 11, 11, 11, 11]
    assert sources[13 * 8 : 14 * 8].tolist() == [2, 3, 10, 11, 2, 3, 10, 11]


def test_the_order_of_biases_is_a_permutation():
    assert sorted(quad_columns(48)) == list(range(48))
    assert quad_columns(48)[:8].tolist() == [0, 1, 8, 9, 2, 3, 10, 11]


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("width", [16, 48, 256])
def test_sections_are_aligned_and_leave_no_gap(variant, width):
    shape = Shape(("x", "y", "fold3_x"), width, ("sin", "gauss", "tanh")).padded(variant)
    end = 0
    for section in sections(shape, variant):
        assert section.offset == end
        assert section.offset % 16 == 0
        end += section.count * section.dtype.itemsize
    assert end == weight_bytes(shape, variant)


@pytest.mark.parametrize(
    ("width", "half", "single"), [(1, 16, 16), (16, 16, 16), (24, 32, 32), (48, 48, 64), (129, 160, 256), (256, 256, 256)]
)
def test_widths_are_padded_to_what_the_variant_needs(width, half, single):
    assert [padded_width(width, variant) for variant in VARIANTS] == [half, half, single]


@pytest.mark.parametrize("variant", VARIANTS)
def test_padding_has_zero_weights_on_the_way_out(variant):
    weights = weights_of(SHAPE)
    packed = pack_weights(SHAPE, variant, weights, [2, 0])
    full = SHAPE.padded(variant)
    out = part(packed, SHAPE, variant, "out").astype(np.float32)
    if variant == "fp32":
        matrix = out.reshape(full.width, 4)[:, :3].T
    else:
        rows = np.zeros((16, full.width), np.float32)
        rows[tile_features(1, full.width // 16)] = out
        assert np.array_equal(rows[0:8:2], np.broadcast_to(rows[0], (4, full.width)))  # red for every lane
        matrix = rows[[0, 1, 8]]
    assert np.allclose(matrix[:, : SHAPE.width], weights[-1][0], rtol=1e-3, atol=1e-6)
    assert not matrix[:, SHAPE.width :].any()


def test_the_first_layer_keeps_the_spatial_columns_in_float32():
    weights = weights_of(SHAPE)
    plain = part(pack_weights(SHAPE, "fp32", weights, [2, 0]), SHAPE, "fp32", "w0").reshape(2, 32)
    assert np.array_equal(plain[:, :20], weights[0][0][:, [2, 0]].T)
    quads = part(pack_weights(SHAPE, "fp16", weights, [2, 0]), SHAPE, "fp16", "w0").reshape(2, 32)
    assert np.array_equal(quads, plain[:, quad_columns(32)])


def test_a_weight_beyond_half_floats_is_refused_where_it_would_be_infinite():
    weights = weights_of(SHAPE)
    weights[1][0][3, 4] = 7e4
    with pytest.raises(ValueError, match="w1: a weight is beyond 65504"):
        pack_weights(SHAPE, "fp16", weights, [0, 1])
    assert np.isfinite(part(pack_weights(SHAPE, "fp32", weights, [0, 1]), SHAPE, "fp32", "w1")).all()


def test_weights_of_another_shape_are_refused():
    with pytest.raises(ValueError, match="layer 1"):
        pack_weights(SHAPE, "fp16", [weights_of(SHAPE)[0], *weights_of(Shape(("x",), 16, ("sin", "sin")))[1:]], [0, 1])
    with pytest.raises(ValueError, match="do not make"):
        pack_weights(SHAPE, "fp16", weights_of(SHAPE), [0])
    with pytest.raises(ValueError, match="not one of"):
        pack_weights(SHAPE, "fp8", weights_of(SHAPE), [0, 1])


def test_a_frame_says_what_is_painted_and_carries_the_biases():
    biases = [np.arange(20, dtype=np.float32), -np.arange(20, dtype=np.float32)]
    block = pack_frame(SHAPE, "fp16", biases, (8, 4), whole=(64, 36), offset=(3, 5), gains=(0.25, 0.5), dither=1.0)
    assert len(block) == frame_bytes(32, pair=True)
    header = block[: FRAME.itemsize].view(FRAME)[0]
    assert (header["width"], header["height"], header["offset_x"], header["offset_y"]) == (8, 4, 3, 5)
    assert (header["pitch"], header["half_width"], header["half_height"]) == (32, 32.0, 18.0)
    assert header["unit"] == np.float32(2 * np.pi / 36)
    first, second = block[FRAME.itemsize :].view(np.float32).reshape(2, 32)
    assert first[:8].tolist() == [0, 1, 8, 9, 2, 3, 10, 11]
    assert np.array_equal(second, -first)
    assert sorted(first) == [0.0] * 12 + list(range(20))


@pytest.mark.parametrize("name", ["z", "fold9_x", "fold1_y", "fold2_z", "time"])
def test_other_inputs_are_no_spatial_ones(name):
    with pytest.raises(ValueError, match="no spatial input"):
        spatial_code(name)


@pytest.mark.parametrize(
    "arguments", [((), 16, ("sin",)), (("x",), 257, ("sin",)), (("x",), 16, ()), (("x",), 16, ("relu",))]
)
def test_a_shape_checks_itself(arguments):
    with pytest.raises(ValueError):
        Shape(*arguments)
