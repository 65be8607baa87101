"""Writes a network that is described as data (`models/graph.py`) as ONNX: what onnxruntime runs, and TensorRT reads.

Called on the loader thread, by plan builds (`decoded_onnx.py`) and by exporters. Built from the checked weights of a style
each time it is loaded (2 to 20 ms): a style folder holds numbers only, so that no graph from outside is ever run. Needs the
`onnx` package, imported at the first call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from phosphene.engine.models.graph import OUTPUT, Graph, Op

if TYPE_CHECKING:
    import onnx

OPSET = 18
_HALF_OUTPUT = f"{OUTPUT}.half"

Emit = Callable[[Op, "_Writer"], None]


class _Writer:
    """Nodes and constants as they come. real: of the numbers that are worked with."""

    def __init__(self, real: type) -> None:
        self.real = real
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, np.ndarray] = {}

    def node(self, kind: str, ins: list[str], out: str, **attributes: object) -> str:
        from onnx import helper

        self.nodes.append(helper.make_node(kind, ins, [out], **attributes))
        return out

    def constant(self, out: str, tag: str, value: object, dtype: type) -> str:
        self.constants[f"{out}.{tag}"] = np.array(value, dtype)
        return f"{out}.{tag}"


def _plain(kind: str, **attributes: object) -> Emit:
    return lambda op, w: w.node(kind, list(op.ins), op.out, **attributes) and None


def _conv_edge(op: Op, w: _Writer) -> None:
    x, weight, bias = op.ins
    pad = int(op.numbers[0])
    pads = w.constant(op.out, "pads", (0, 0, pad, pad, 0, 0, pad, pad), np.int64)
    w.node("Conv", [w.node("Pad", [x, pads], f"{op.out}.padded", mode="edge"), weight, bias], op.out)


def _affine(op: Op, w: _Writer) -> None:
    scaled = w.node("Mul", [op.ins[0], w.constant(op.out, "scale", op.numbers[0], w.real)], f"{op.out}.scaled")
    w.node("Add", [scaled, w.constant(op.out, "shift", op.numbers[1], w.real)], op.out)


def _silu(op: Op, w: _Writer) -> None:
    w.node("Mul", [op.ins[0], w.node("Sigmoid", list(op.ins), f"{op.out}.gate")], op.out)


def _up(mode: str) -> Emit:
    where = "half_pixel" if mode == "linear" else "asymmetric"

    def emit(op: Op, w: _Writer) -> None:
        scales = w.constant(op.out, "scales", (1, 1, 2, 2), np.float32)
        more = {} if mode == "linear" else {"nearest_mode": "floor"}
        w.node("Resize", [op.ins[0], "", scales], op.out, mode=mode, coordinate_transformation_mode=where, **more)

    return emit


def _group_norm(op: Op, w: _Writer) -> None:
    # As instance norm over groups: onnxruntime has had it since the beginning, GroupNormalization only by expansion.
    x, weight, bias = op.ins
    groups = int(op.numbers[0])
    shape = w.node("Shape", [x], f"{op.out}.shape")
    split = w.node("Reshape", [x, w.constant(op.out, "split", (0, groups, -1), np.int64)], f"{op.out}.groups")
    ones, zeros = w.constant(op.out, "ones", [1] * groups, w.real), w.constant(op.out, "zeros", [0] * groups, w.real)
    normal = w.node("InstanceNormalization", [split, ones, zeros], f"{op.out}.normal", epsilon=1e-5)
    whole = w.node("Reshape", [normal, shape], f"{op.out}.whole")
    axes = w.constant(op.out, "axes", (1, 2), np.int64)
    tall = [w.node("Unsqueeze", [name, axes], f"{op.out}.{tag}") for name, tag in ((weight, "w"), (bias, "b"))]
    w.node("Add", [w.node("Mul", [whole, tall[0]], f"{op.out}.scaled"), tall[1]], op.out)


def _embed(op: Op, w: _Writer) -> None:
    codes, table = op.ins
    w.node("Transpose", [w.node("Gather", [table, codes], f"{op.out}.rows")], op.out, perm=(0, 3, 1, 2))


def _mean(op: Op, w: _Writer) -> None:
    w.node("ReduceMean", [op.ins[0], w.constant(op.out, "axes", (2, 3), np.int64)], op.out, keepdims=0)


def _column(op: Op, w: _Writer) -> None:
    w.node("Unsqueeze", [op.ins[0], w.constant(op.out, "axes", (2, 3), np.int64)], op.out)


def _cut(op: Op, w: _Writer) -> None:
    axis, start, stop = op.numbers
    ends = [w.constant(op.out, tag, [value], np.int64) for tag, value in (("start", start), ("stop", stop), ("axis", axis))]
    w.node("Slice", [op.ins[0], *ends], op.out)


def _pick(op: Op, w: _Writer) -> None:
    axis, index = op.numbers
    w.node("Gather", [op.ins[0], w.constant(op.out, "index", index, np.int64)], op.out, axis=int(axis))


_EMIT: dict[str, Emit] = {
    "conv": _plain("Conv", auto_pad="SAME_UPPER"),
    "grow": _plain("ConvTranspose", strides=[2, 2], pads=[1, 1, 1, 1]),
    "conv_edge": _conv_edge,
    "linear": _plain("Gemm", transB=1),
    "group_norm": _group_norm,
    "embed": _embed,
    "add": _plain("Add"),
    "mul": _plain("Mul"),
    "affine": _affine,
    "leaky": _plain("LeakyRelu", alpha=0.2),
    "relu": _plain("Relu"),
    "silu": _silu,
    "tanh": _plain("Tanh"),
    "sigmoid": _plain("Sigmoid"),
    "linear_up": _up("linear"),
    "nearest_up": _up("nearest"),
    "shuffle": _plain("DepthToSpace", blocksize=2, mode="CRD"),
    "mean": _mean,
    "column": _column,
    "cut": _cut,
    "pick": _pick,
}


def onnx_model(
    graph: Graph, tensors: Mapping[str, np.ndarray], name: str = "style", *, half: bool = False, batch: int | None = None
) -> bytes:
    """Return the network with its weights as an ONNX file's bytes; heights and widths stay open.

    half: weights and everything between are float16, so that a runtime which takes types from the graph works in half;
    inputs and picture stay float32. batch: how many pictures at once, else open. Tensors that no operation reads are left
    out. Checked by onnx before it is returned.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    writer = _Writer(np.float16 if half else np.float32)
    ops = _in_half(graph, writer) if half else graph.ops
    for op in ops:
        _EMIT[op.kind](op, writer)
    if half:
        writer.node("Cast", [_HALF_OUTPUT], OUTPUT, to=TensorProto.FLOAT)
    inputs = [
        helper.make_tensor_value_info(
            key, TensorProto.INT64 if key in graph.integers else TensorProto.FLOAT, [batch or "n", *shape]
        )
        for key, shape in graph.inputs.items()
    ]
    read = {key for op in graph.ops for key in op.ins}
    with np.errstate(over="ignore"):  # a weight that half cannot hold becomes inf, and the picture with it
        numbers = {key: np.asarray(tensors[key]).astype(writer.real) for key in graph.tensors if key in read}
    weights = [
        numpy_helper.from_array(np.array(array, order="C"), key) for key, array in (numbers | writer.constants).items()
    ]
    picture = helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [batch or "n", "channels", "height", "width"])
    body = helper.make_graph(writer.nodes, name, inputs, [picture], weights)
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def _in_half(graph: Graph, writer: _Writer) -> list[Op]:
    """Cast the inputs to half; return the operations on the casts, the last one's value named for the cast back."""
    from onnx import TensorProto

    cast = {key: f"{key}.half" for key in graph.inputs if key not in graph.integers}
    for key, name in cast.items():
        writer.node("Cast", [key], name, to=TensorProto.FLOAT16)
    cast[OUTPUT] = _HALF_OUTPUT
    return [
        replace(op, out=cast.get(op.out, op.out), ins=tuple(cast.get(name, name) for name in op.ins)) for op in graph.ops
    ]
