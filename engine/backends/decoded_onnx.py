"""What a plan of a decoded network (a GAN, a VQ-VAE) is built of, as `onnx_graph.py` says it of a CPPN.

Called by plan builds, `tools/export_engine.py` and tests; on stage for digests alone. The same functions as `onnx_graph`,
see `plans.written`; onnx and onnxruntime are imported where half is measured or the graph is written.

Such a network is in half throughout or in float32 throughout. Style vectors in float32 beside features in half, which would
be free, take the error of an untrained GAN from 1.6 to 1.25 of 1/255 and that of a VQ-VAE nowhere: not worth a second
number type. Plans are not refitted: few styles share an architecture, and weights that may change cost fused kernels.
"""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any

import numpy as np

from phosphene.engine.backends.decoders import OnnxBackend, batched
from phosphene.engine.backends.graph_onnx import onnx_model
from phosphene.engine.backends.onnx_graph import LIMIT
from phosphene.engine.core.errors import UserError
from phosphene.engine.models.style import Style

GRAPH_VERSION = 1  # part of every plan's key: raise it when `graph_onnx.py` writes another graph
_DRAWS = 3  # pictures that half must hold for


def all_layers(style: Style) -> int:
    """Return the `full_layers` that means float32 throughout: operations with weights. 0 means half throughout."""
    graph = style.spec.graph
    return sum(op.kind != "embed" and any(name in graph.tensors for name in op.ins) for op in graph.ops)


def needed_full_layers(style: Style) -> int:
    """Return 0 where half holds (`half_error` within `LIMIT`), else `all_layers`. Raises UserError, see `half_error`."""
    return 0 if half_error(style) <= LIMIT else all_layers(style)


def refittable(style: Style, full_layers: int) -> tuple[str, ...]:
    """Return the names of weights that may be exchanged in a plan: none."""
    return ()


def weights_digest(style: Style, full_layers: int) -> str:
    """Return the sha256 of everything in the graph that training changes; the same in half and in float32."""
    read = {name for op in style.spec.graph.ops for name in op.ins}
    digest = hashlib.sha256()
    for name in style.spec.graph.tensors:
        if name in read:
            array = np.ascontiguousarray(style.weights[name], np.float32)
            digest.update(f"{name} {array.shape}".encode())
            digest.update(array.tobytes())
    return digest.hexdigest()


def architecture_digest(style: Style, full_layers: int) -> str:
    """Return the sha256 of everything else."""
    graph = style.spec.graph
    shape = {
        "decoded": GRAPH_VERSION,
        "inputs": graph.inputs,
        "tensors": graph.tensors,
        "ops": [(op.kind, op.out, op.ins, op.numbers) for op in graph.ops],
        "grids": style.spec.grids,
        "full_layers": full_layers,
    }
    return hashlib.sha256(json.dumps(shape, sort_keys=True).encode()).hexdigest()


def graph(style: Style, full_layers: int, packed: bool = False) -> bytes:
    """Return the ONNX model of `style`: float32 inputs and picture, half between where `full_layers` is 0. Imports onnx.

    packed: for a plan, one picture at a time.
    """
    return onnx_model(style.spec.graph, style.weights, style.slug, half=full_layers == 0, batch=1 if packed else None)


def pixels(style: Style, least: int, most: int) -> tuple[int, int, int]:
    """Return the pixels of the smallest, the trained and the largest picture: the network's own, whatever is asked."""
    return tuple(rows * columns * style.spec.factor**2 for rows, columns in style.spec.grids)


def pixels_needed(style: Style, screen: int) -> int:
    """Return how many pixels a plan must reach for a screen: any of the style's plans does, its picture is scaled."""
    return 0


def free_shapes(style: Style, pixels: tuple[int, int, int]) -> tuple[str, tuple[tuple[int, ...], ...]]:
    """Return the input whose height and width are free, and its least, best and most shape with a batch of one."""
    ((name, shape),) = [(k, v) for k, v in style.spec.graph.inputs.items() if any(isinstance(side, str) for side in v)]
    fixed = tuple(side for side in shape if not isinstance(side, str))
    return name, tuple((1, *fixed, *grid) for grid in style.spec.grids)


def run(model: bytes, style: Style, inputs: dict[str, np.ndarray], *, rounded: bool = False) -> np.ndarray:
    """Return an ONNX model's picture by onnxruntime on the CPU, [1, channels, h, w]. inputs: without a batch.

    rounded: the model is in half, and every result is to be rounded. By itself onnxruntime works out half in float32 on a
    CPU and rounds a few results only: a GAN's error was half of torch's. Raises UserError where a package is missing.
    """
    if reason := OnnxBackend().refusal():
        raise UserError(reason, where=style.slug)
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(
        _rounded(model) if rounded else model, options, providers=["CPUExecutionProvider"]
    )
    return session.run(None, batched(style, inputs))[0]


def trials(style: Style) -> list[dict[str, np.ndarray]]:
    """Return the inputs of the pictures that half is measured with, without a batch."""
    rng = np.random.default_rng(style.meta.seed & 0xFFFFFFFF)
    return [style.spec.trial(rng) for _ in range(_DRAWS)]


def half_error(style: Style) -> float:
    """Return the 99th percentile of |half - float32|, the worst of some pictures; inf when half overflows.

    By onnxruntime. Raises UserError where it, or onnx, is missing.
    """
    if reason := OnnxBackend().refusal():
        raise UserError(reason, where=style.slug)
    half, full = (graph(style, layers) for layers in (0, all_layers(style)))
    worst = 0.0
    for inputs in trials(style):
        p99, _ = distance(run(half, style, inputs, rounded=True), run(full, style, inputs))
        worst = max(worst, p99)
    return worst


def distance(picture: np.ndarray, wanted: np.ndarray) -> tuple[float, float]:
    """Return the 99th percentile and the largest of |picture - wanted|; inf for a picture that is not finite."""
    if not np.isfinite(picture).all():
        return math.inf, math.inf
    error = np.abs(picture.astype(np.float64) - wanted)
    return float(np.percentile(error, 99)), float(error.max())


def _rounded(model: bytes) -> bytes:
    """Return a half model in float32 with every result rounded to half and back: the same numbers, one rounding a node."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    whole: Any = onnx.shape_inference.infer_shapes(onnx.load_from_string(model))
    halves = {value.name for value in whole.graph.value_info if value.type.tensor_type.elem_type == TensorProto.FLOAT16}
    for tensor in whole.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT16:
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float32), tensor.name))
    nodes = []
    for node in whole.graph.node:
        nodes.append(node)
        (name,) = node.output
        if name in halves:
            node.output[0] = f"{name}.raw"
            nodes.append(helper.make_node("Cast", [f"{name}.raw"], [f"{name}.cut"], to=TensorProto.FLOAT16))
            nodes.append(helper.make_node("Cast", [f"{name}.cut"], [name], to=TensorProto.FLOAT))
    del whole.graph.node[:], whole.graph.value_info[:]
    whole.graph.node.extend(nodes)
    return whole.SerializeToString()
