"""How far a variant is off on one network, and which variant is the fastest that is good enough for it.

Half floats are exact enough for most networks and not for all: a trained one may turn a rounding of 2^-12 into two levels.
So nobody guesses: `choose` paints a small picture in emulation and compares. Called on the loader thread, once a style and
picture of its inputs; 0.05 to 1 s a variant. No GPU, no files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from phosphene.kernels.cppn.reference import forward
from phosphene.kernels.cppn_fused.emulate import Hardware, colours, inputs
from phosphene.kernels.cppn_fused.pack import pack_frame, pack_weights
from phosphene.kernels.cppn_fused.shape import FRAME, VARIANTS, Shape

BOUND = 1.0  # 8-bit levels at the 99th percentile
_PICTURE = (48, 27)
# Sums of 8 as on Ampere and Ada, and instructions as bad as they may be.
PESSIMIST = Hardware(products=8, worst=True)


@dataclass(frozen=True)
class Fidelity:
    """Differences from the exact network, in 8-bit levels before rounding to bytes."""

    variant: str
    mean: float
    p99: float
    most: float


def measure(
    shape: Shape, variant: str, weights: Sequence[tuple[np.ndarray, np.ndarray]], columns: Sequence[int], bias: np.ndarray,
    size: tuple[int, int] = _PICTURE, hardware: Hardware = PESSIMIST,
) -> Fidelity:  # fmt: skip
    """Return how far `variant` is off on a picture of `size`. shape, weights and columns as `pack_weights`; bias: float32
    [width], folded. Raises ValueError as `pack_weights` does."""
    packed = pack_weights(shape, variant, weights, columns)
    frame = pack_frame(shape, variant, [bias], size)
    got = colours(shape.padded(variant), variant, frame, [packed], hardware)
    header = frame[: FRAME.itemsize].view(FRAME)[0]
    points = inputs(shape, header, 0, np.arange(size[0] * size[1])).astype(np.float64)
    exact = [(weights[0][0][:, list(columns)], bias), *weights[1:]]
    with np.errstate(under="ignore"):
        levels = 255.0 * np.abs(got - forward(points, exact, shape.activations))
    return Fidelity(variant, float(levels.mean()), float(np.percentile(levels, 99)), float(levels.max()))


def choose(
    shape: Shape, weights: Sequence[tuple[np.ndarray, np.ndarray]], columns: Sequence[int], bias: np.ndarray,
    bound: float = BOUND, variants: Sequence[str] = VARIANTS,
) -> Fidelity:  # fmt: skip
    """Return the first of `variants`, fastest first, whose p99 is within `bound`; the last one where none is."""
    for variant in variants:
        try:
            found = measure(shape, variant, weights, columns, bias)
        except ValueError:  # a weight beyond the halves: the next variant may hold it
            if variant == variants[-1]:
                raise
            continue
        if found.p99 <= bound:
            break
    return found
