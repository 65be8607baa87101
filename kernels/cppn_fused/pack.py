"""Weights and frames as the fused kernel reads them: arrays in, bytes out.

`pack_weights` runs once a style, on the loader thread; `pack_frame` once a frame, on the render thread. No GPU, no files.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from phosphene.kernels.cppn_fused.fragment import quad_columns, tile_features
from phosphene.kernels.cppn_fused.shape import FRAME, OUT_COLUMNS, TILE, Shape, sections, weight_bytes

View = tuple[float, float, float, float]
STRAIGHT: View = (1.0, 0.0, 0.0, 0.0)
Projection = tuple[float, ...]
FLAT: Projection = (0.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def pack_weights(
    shape: Shape, variant: str, weights: Sequence[tuple[np.ndarray, np.ndarray]], columns: Sequence[int]
) -> np.ndarray:
    """Return the weights in fragment order: uint8 [weight_bytes(shape.padded(variant), variant)].

    shape: of the network, not padded. weights: (W [out, in], b [out]) per layer, the output layer (3 outputs) last. columns:
    which inputs of the first layer are `shape.spatial`. The first layer's bias is not in here: folded, it comes with each
    frame. Raises ValueError for weights of another shape, or of fp16 variants beyond the range of half floats.
    """
    full = shape.padded(variant)
    if len(weights) != shape.layers + 1 or len(columns) != len(shape.spatial):
        raise ValueError(f"{len(weights)} layers and {len(columns)} spatial columns do not make {shape}")
    for i, (w, b) in enumerate(weights):
        out, inp = (3 if i == shape.layers else shape.width), (w.shape[1] if i == 0 else shape.width)
        if w.shape != (out, inp) or b.shape != (out,):
            raise ValueError(f"layer {i}: weights {w.shape} and bias {b.shape}, not {(out, inp)} and {(out,)}")
    arrays = _plain(full, weights, columns) if variant == "fp32" else _fragments(full, weights, columns)
    packed = np.zeros(weight_bytes(full, variant), np.uint8)
    for section in sections(full, variant):
        with np.errstate(over="ignore", under="ignore"):  # tiny weights become zero, huge ones are refused below
            values = arrays[section.name].astype(section.dtype)
        if not np.isfinite(values).all():
            raise ValueError(f"{section.name}: a weight is beyond {np.finfo(section.dtype).max}")
        packed[section.offset : section.offset + values.nbytes] = values.reshape(-1).view(np.uint8)
    return packed


def output_rows(w: np.ndarray, b: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the output layer as one tile: float32 [16, width] and its bias [4].

    Columns 2t and 2t + 1 of an accumulator belong to lane member t. With red and green in all four pairs of the first n8
    tile and blue in all of the second, every lane holds whole pixels, and no shuffle is needed to write them.
    """
    rows = np.zeros((OUT_COLUMNS, width), np.float32)
    rows[0:8:2, : w.shape[1]], rows[1:8:2, : w.shape[1]], rows[8:16:2, : w.shape[1]] = w
    return rows, np.append(b, 0.0).astype(np.float32)


def pack_frame(
    shape: Shape,
    variant: str,
    biases: Sequence[np.ndarray],
    size: tuple[int, int],
    views: Sequence[View] = (STRAIGHT, STRAIGHT),
    projections: Sequence[Projection] = (FLAT, FLAT),
    *,
    whole: tuple[int, int] | None = None,
    offset: tuple[int, int] = (0, 0),
    pitch: int = 0,
    gains: tuple[float, float] = (1.0, 0.0),
    blend: float = 0.0,
    dither: float = 0.0,
    seed: float = 0.0,
) -> np.ndarray:
    """Return the block of one launch: uint8 [frame_bytes], one bias for a single deck, two for a pair.

    shape: of the network, not padded. biases: float32 [width] of layer 0, the uniform inputs folded in. size: (width,
    height) painted; whole: of the whole picture when `size` is a tile of it, whose top left pixel is `offset`. views: per
    deck, (a, b, tx, ty). projections: per deck, the weights of four kinds, what is left of the flat plane, the travel in
    units of it (`engine.models.encoding.projection_vector`). pitch: bytes from row to row, 0 for rows without a gap. gains:
    of a pair, in linear light. blend: of LERP. dither: amplitude in 8-bit levels; seed: of its noise.
    """
    full = shape.padded(variant)
    width, height = whole or size
    frame = np.zeros((), FRAME)
    frame["width"], frame["height"] = size
    frame["offset_x"], frame["offset_y"] = offset
    frame["pitch"] = pitch or 4 * size[0]
    frame["half_width"], frame["half_height"] = width / 2, height / 2
    frame["unit"] = 2.0 * math.pi / min(width, height)
    frame["dither"], frame["seed"], frame["blend"] = dither, seed, blend
    frame["gain_a"], frame["gain_b"] = gains
    frame["view_a"], frame["view_b"] = views[0], views[-1]
    frame["projection_a"], frame["projection_b"] = projections[0], projections[-1]
    padded = np.zeros((len(biases), full.width), np.float32)
    for row, bias in zip(padded, biases, strict=True):
        row[: len(bias)] = bias
    if variant != "fp32":
        padded = padded[:, quad_columns(full.width)]
    return np.concatenate([frame.reshape(1).view(np.uint8), padded.reshape(-1).view(np.uint8)])


def _plain(full: Shape, weights: Sequence[tuple[np.ndarray, np.ndarray]], columns: Sequence[int]) -> dict[str, np.ndarray]:
    """fp32: every matrix as [in, out], so that neighbouring threads read neighbouring features."""
    arrays = {"w0": _square(weights[0][0][:, list(columns)], full.width, len(columns)).T}
    for i, (w, b) in enumerate(weights[1:-1], 1):
        arrays[f"w{i}"] = _square(w, full.width, full.width).T
        arrays[f"b{i}"] = np.pad(b, (0, full.width - len(b)))
    w, b = weights[-1]
    arrays["out"] = _square(w, 4, full.width).T
    arrays["out_bias"] = np.append(b, 0.0)
    return {name: np.ascontiguousarray(array) for name, array in arrays.items()}


def _fragments(
    full: Shape, weights: Sequence[tuple[np.ndarray, np.ndarray]], columns: Sequence[int]
) -> dict[str, np.ndarray]:
    """fp16 and fp16_acc32: matrices in the order of B fragments, biases and layer 0 in quads of a lane's features."""
    tiles, order = full.width // TILE, quad_columns(full.width)
    arrays = {"w0": _square(weights[0][0][:, list(columns)], full.width, len(columns)).T[:, order]}
    features = tile_features(tiles, tiles)
    for i, (w, b) in enumerate(weights[1:-1], 1):
        arrays[f"w{i}"] = _square(w, full.width, full.width)[features]
        arrays[f"b{i}"] = np.pad(b, (0, full.width - len(b)))[order]
    rows, bias = output_rows(*weights[-1], full.width)
    arrays["out"], arrays["out_bias"] = rows[tile_features(1, tiles)], bias
    return {name: np.ascontiguousarray(array) for name, array in arrays.items()}


def _square(w: np.ndarray, rows: int, columns: int) -> np.ndarray:
    padded = np.zeros((rows, columns), np.float32)
    padded[: w.shape[0], : w.shape[1]] = w
    return padded
