"""Runs a network that is described as data (`models/graph.py`) with torch: on stage, and in the trainers that made it.

Called on the thread that decodes, or by a trainer; differentiable. torch is imported at the first call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from phosphene.engine.models.graph import OUTPUT, Graph

if TYPE_CHECKING:
    from torch import Tensor


@cache
def operations() -> dict[str, Callable[..., Tensor]]:
    """Return what each kind of operation does."""
    import torch
    import torch.nn.functional as F

    return {
        "conv": lambda x, w, b: F.conv2d(x, w, b, padding=w.shape[-1] // 2),
        "grow": lambda x, w, b: F.conv_transpose2d(x, w, b, stride=2, padding=1),
        "conv_edge": lambda x, w, b, pad: F.conv2d(F.pad(x, (int(pad),) * 4, mode="replicate"), w, b),
        "linear": F.linear,
        "group_norm": lambda x, w, b, groups: F.group_norm(x, int(groups), w, b),
        "embed": lambda codes, table: F.embedding(codes, table).movedim(-1, 1),
        "add": torch.add,
        "mul": torch.mul,
        "affine": lambda x, scale, shift: x * scale + shift,
        "leaky": lambda x: F.leaky_relu(x, 0.2),
        "relu": F.relu,
        "silu": F.silu,
        "tanh": torch.tanh,
        "sigmoid": torch.sigmoid,
        "linear_up": lambda x: F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False),
        "nearest_up": lambda x: F.interpolate(x, scale_factor=2, mode="nearest"),
        "shuffle": lambda x: F.pixel_shuffle(x, 2),
        "mean": lambda x: x.mean((2, 3)),
        "column": lambda x: x[:, :, None, None],
        "cut": lambda x, axis, start, stop: x.narrow(int(axis), int(start), int(stop - start)),
        "pick": lambda x, axis, index: x.select(int(axis), int(index)),
    }


def run_graph(graph: Graph, tensors: Mapping[str, Tensor], inputs: Mapping[str, Tensor]) -> Tensor:
    """Return the picture, [n, 3 or 1, h, w], sRGB 0..1. inputs: with their batch."""
    do = operations()
    values: dict[str, Any] = {**inputs}
    for op in graph.ops:
        ins = [values[name] if name in values else tensors[name] for name in op.ins]
        values[op.out] = do[op.kind](*ins, *op.numbers)
    return values[OUTPUT]
