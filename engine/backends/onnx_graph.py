"""A CPPN as an ONNX graph: what TensorRT builds its plans of, and what onnxruntime checks.

Called by plan builds, `tools/export_engine.py` and tests; on stage only for the inputs of a frame and the numbers of a
refit. The `onnx` package is imported by `graph` alone. The nodes are written out here instead of traced by torch: a machine
at a gig needs no torch, every weight keeps the name by which a refit finds it, and float32 ends where this file says so.

    grid [pixels, 3] -- view [10] --> x, y, radius, folds [pixels, 1] each, asked where the projection stands
        --> sum of column * w0_k + bias [width] --> act               float32, elementwise: one pass, no product of depth 2
        --> @ w1 --> float32 + b1 --> act --> @ w2 ...                products of halves from layer `full_layers` on
        --> @ wn --> float32 + bn --> sigmoid --> picture [pixels, 4], or RGBA8 with the dither of the grid

`grid` changes with the size alone; `view` and `bias` are the only numbers of a frame. The uniform inputs are folded into
`bias` (see `encoding.fold_bias`), so styles that differ in them only are one architecture.

Half resolves 1/1024 of a coordinate of 3: layer 0 is always float32. So are biases and activations, which costs nothing
where a product ends in memory anyway, and takes the error of the worst shipped style from 2.2 to 1.5 of 1/255. What is
left comes from steep second and third layers, so each style gets as many leading float32 layers as it needs.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from phosphene.engine.backends.cpu import CpuProgram
from phosphene.engine.core.frame import Size
from phosphene.engine.models.encoding import (
    AUDIO_INPUTS,
    PLAIN_SPATIAL,
    STRAIGHT_VIEW,
    View,
    coordinates,
    fold_bias,
    input_values,
    pixel_grid,
    projection_vector,
    uniform_vector,
    view_matrix,
)
from phosphene.engine.models.style import Style
from phosphene.kernels.cppn.projection import project
from phosphene.kernels.cppn.reference import ACTIVATIONS

GRID, VIEW, BIAS, PICTURE = "grid", "view", "bias", "picture"
DITHER = f"{GRID}_2"  # the third column of the grid, split off
CHANNELS = 4
GRID_COLUMNS = 3
VIEW_NUMBERS = 10
GRAPH_VERSION = 2  # part of every plan's key: raise it when the graph changes
LIMIT = 1.0 / 255.0  # what the 99th percentile of a half picture may be off by
_OPSET, _IR = 17, 9  # read by TensorRT 10.12 and 11, and by every onnxruntime since 1.14
_FULL, _HALF = 1, 10  # TensorProto.FLOAT and FLOAT16
_OPAQUE = 20.0  # a logit whose sigmoid rounds to 1.0 exactly, in half and in float32
_PROBE = Size(64, 36)


@lru_cache(maxsize=4)  # 11 MB each at 1280x720
def grid(size: Size, bottom_first: bool = False) -> np.ndarray:
    """Return the input `grid` of a picture: float32 [pixels, 3], read-only.

    x and y of every pixel before the view, and what its 8-bit levels get before they are cut off: 0.5 and the dither of
    `kernels/common/dither.glsl`. Row 0 at the top, or, bottom_first, as OpenGL has it.
    """
    x, y = (part.reshape(size.height, size.width) for part in pixel_grid(size))
    column = np.arange(size.width) + 0.5
    row = np.arange(size.height)[::-1, None] + 0.5
    noise = 52.9829189 * ((column * 0.06711056 + row * 0.00583715) % 1.0) % 1.0
    # 0.5 +- 0.5, below 1 in float32 too, so that a level of 255 stays one.
    columns = np.stack([x, y, np.minimum(noise, 0.9999).astype(np.float32)], axis=2)
    found = np.ascontiguousarray(columns[::-1] if bottom_first else columns).reshape(-1, GRID_COLUMNS)
    found.flags.writeable = False
    return found


def view_vector(view: View) -> np.ndarray:
    """Return the input `view`: float32 [10], `encoding.view_matrix` and `encoding.projection_vector`."""
    return np.array((*view_matrix(view), *projection_vector(view.projection)), np.float32)


def first_bias(style: Style, uniforms: np.ndarray) -> np.ndarray:
    """Return the input `bias` of a frame: float32 [width]. uniforms: as `Program.run` takes them."""
    w0, b0 = style.weights[0]
    return fold_bias(w0, b0, style.spec.columns(style.spec.uniform), uniforms, style.spec.periodic)


def all_layers(style: Style) -> int:
    """Return the `full_layers` that means float32 throughout: hidden layers and the output layer."""
    return len(style.weights)


def initializers(style: Style, full_layers: int) -> dict[str, np.ndarray]:
    """Return the numbers of the graph by name: the names and shapes that a refit sets.

    w0_k float32 [1, width] for each spatial input; wi [in, out] in half from layer `full_layers` on, else float32; bi
    float32 [out]. full_layers: leading layers in float32, 1 to `all_layers`. The output layer gets a fourth row that always
    answers 1: the picture leaves as RGBA.
    """
    w0 = style.weights[0][0][:, style.spec.columns(style.spec.spatial)]
    found = {f"w0_{k}": np.ascontiguousarray(column)[None] for k, column in enumerate(w0.T)}
    for i, (w, b) in enumerate(style.weights[1:], 1):
        if i == len(style.weights) - 1:
            w, b = np.pad(w, ((0, 1), (0, 0))), np.append(b, np.float32(_OPAQUE))
        with np.errstate(over="ignore"):  # becomes inf, and `half_error` with it
            found[f"w{i}"] = np.ascontiguousarray(w.T, np.float16 if i >= full_layers else np.float32)
        found[f"b{i}"] = b
    return found


def refittable(style: Style, full_layers: int) -> tuple[str, ...]:
    """Return the names of weights that may be exchanged in a plan: all of them."""
    return tuple(initializers(style, full_layers))


def pixels(style: Style, least: int, most: int) -> tuple[int, int, int]:
    """Return the pixels of the smallest, the best and the largest picture of a plan: tuned for the largest."""
    return least, most, most


def pixels_needed(style: Style, screen: int) -> int:
    """Return how many pixels a plan must reach for a screen of so many: all of them."""
    return screen


def free_shapes(style: Style, pixels: tuple[int, int, int]) -> tuple[str, tuple[tuple[int, ...], ...]]:
    """Return the input whose shape is free, and its least, best and most shape."""
    return GRID, tuple((count, GRID_COLUMNS) for count in pixels)


def weights_digest(style: Style, full_layers: int) -> str:
    """Return the sha256 of everything in the graph that training changes."""
    digest = hashlib.sha256()
    for name, array in initializers(style, full_layers).items():
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def architecture_digest(style: Style, full_layers: int) -> str:
    """Return the sha256 of everything else: styles that share it may swap weights inside one plan."""
    spec = style.spec
    shape = {
        "graph": GRAPH_VERSION,
        "spatial": spec.spatial,
        "width": spec.width,
        "activations": spec.layer_activations,
        "full_layers": full_layers,
    }
    return hashlib.sha256(json.dumps(shape, sort_keys=True).encode()).hexdigest()


def needed_full_layers(style: Style) -> int:
    """Return the fewest leading float32 layers with which the rest may be half: `half_error` within `LIMIT`."""
    counts = range(1, all_layers(style))
    return next((n for n in counts if half_error(style, n) <= LIMIT), all_layers(style))


def half_error(style: Style, full_layers: int) -> float:
    """Return the 99th percentile of |half - float32|, the worst of three instants; inf when half overflows.

    The instants are the style's preview, silence, and everything at full. Plain numpy, every product rounded to half as in
    the graph: needs neither onnxruntime nor a GPU, about 20 ms.
    """
    preview = style.meta.preview
    worst = 0.0
    for signals in (preview.signals, {}, dict.fromkeys(AUDIO_INPUTS, 1.0)):
        uniforms = uniform_vector(style.spec.uniform, input_values(preview.time, signals, signals), style.scales)
        got = evaluate_half(style, full_layers, uniforms, _PROBE)[..., :3].astype(np.float32)
        error = np.abs(got - CpuProgram(style).evaluate(uniforms, _PROBE))
        worst = max(worst, float(np.percentile(error, 99)) if np.isfinite(error).all() else math.inf)
    return worst


def evaluate_half(
    style: Style, full_layers: int, uniforms: np.ndarray, size: Size, view: View = STRAIGHT_VIEW
) -> np.ndarray:
    """Return the graph's picture by numpy, every half product rounded: float32 [h, w, 4], row 0 at the top."""
    numbers = initializers(style, full_layers)
    acts = style.spec.layer_activations
    w0 = np.concatenate([numbers[f"w0_{k}"] for k in range(len(style.spec.spatial))])
    with np.errstate(over="ignore", invalid="ignore"):
        h = ACTIVATIONS[acts[0]](coordinates(size, view, style.spec.spatial) @ w0 + first_bias(style, uniforms))
        for i in range(1, len(style.weights)):
            w = numbers[f"w{i}"]
            z = h.astype(w.dtype).astype(np.float32) @ w.astype(np.float32)
            z = z.astype(w.dtype).astype(np.float32) + numbers[f"b{i}"]
            # The sigmoid, in the form that cannot overflow.
            h = ACTIVATIONS[acts[i]](z) if i < len(acts) else 0.5 + 0.5 * np.tanh(0.5 * z)
    return h.reshape(size.height, size.width, CHANNELS)


def graph(style: Style, full_layers: int, packed: bool = False) -> bytes:
    """Return the ONNX model of `style`. Imports onnx.

    The picture is sRGB 0..1, half where the last product is; packed: uint8, the bytes of an RGBA8 texture.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    numbers = initializers(style, full_layers)
    spec = style.spec
    nodes = _Nodes(helper.make_node)
    h = _first_layer(nodes, spec.spatial, spec.layer_activations[0])
    last = len(style.weights) - 1
    for i in range(1, last + 1):
        z = nodes.add("MatMul", h, f"w{i}") if i < full_layers else _half_product(nodes, h, f"w{i}")
        z = nodes.add("Add", z, f"b{i}")
        h = _activation(nodes, spec.layer_activations[i], z) if i < last else nodes.add("Sigmoid", z)
    kind = _HALF if last >= full_layers else _FULL
    if packed:
        kind = TensorProto.UINT8
        nodes.constants["most"] = np.array(255.0, np.float32)
        level = nodes.add("Add", nodes.add("Mul", h, "most"), DITHER)
        # Whole numbers before the cast: whether a cast rounds or cuts off is then all the same.
        h = nodes.add("Floor", nodes.add("Min", level, "most"))
    nodes.add("Cast", h, to=kind, output=PICTURE)
    made = helper.make_graph(
        nodes.made,
        f"cppn-{spec.width}x{spec.layers}",
        [
            helper.make_tensor_value_info(GRID, TensorProto.FLOAT, ["pixels", GRID_COLUMNS]),
            helper.make_tensor_value_info(VIEW, TensorProto.FLOAT, [VIEW_NUMBERS]),
            helper.make_tensor_value_info(BIAS, TensorProto.FLOAT, [spec.width]),
        ],
        [helper.make_tensor_value_info(PICTURE, kind, ["pixels", CHANNELS])],
        [numpy_helper.from_array(array, name) for name, array in (numbers | nodes.constants).items()],
    )
    opset = helper.make_opsetid("", _OPSET)
    model = helper.make_model(made, opset_imports=[opset], ir_version=_IR, producer_name="phosphene")
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString()


class _Nodes:
    """The nodes so far; `add` returns the name of a new one's output. constants: numbers that no refit changes."""

    def __init__(self, make_node: Callable[..., Any]) -> None:
        self._make_node = make_node
        self.made: list[Any] = []
        self.constants: dict[str, np.ndarray] = {}

    def add(self, operator: str, *inputs: str, output: str = "", **attributes: object) -> str:
        name = output or f"{operator.lower()}_{len(self.made)}"
        self.made.append(self._make_node(operator, list(inputs), [name], name=name, **attributes))
        return name

    def number(self, value: float) -> str:
        name = f"number_{float(value)!r}"
        self.constants[name] = np.array(value, np.float32)
        return name

    def split(self, source: str, axis: int, count: int) -> list[str]:
        self.constants[f"ones_{count}"] = np.ones(count, np.int64)
        names = [f"{source}_{i}" for i in range(count)]
        self.made.append(self._make_node("Split", [source, f"ones_{count}"], names, name=f"split_{source}", axis=axis))
        return names


def _first_layer(nodes: _Nodes, names: tuple[str, ...], activation: str) -> str:
    columns = _points(nodes, names)
    z = BIAS
    for k, name in enumerate(names):
        z = nodes.add("Add", z, nodes.add("Mul", columns[name], f"w0_{k}"))
    return _activation(nodes, activation, z)


def _points(nodes: _Nodes, names: tuple[str, ...]) -> dict[str, str]:
    """Add `encoding.coordinates`, the same arithmetic in the same order; return the column [pixels, 1] of each input."""
    gx, gy, _ = nodes.split(GRID, 1, GRID_COLUMNS)
    a, b, tx, ty, *weights, plain, shift = nodes.split(VIEW, 0, VIEW_NUMBERS)

    def add(p: str, q: str) -> str:
        return nodes.add("Add", p, q)

    def sub(p: str, q: str) -> str:
        return nodes.add("Sub", p, q)

    def mul(p: str, q: str) -> str:
        return nodes.add("Mul", p, q)

    x = add(sub(mul(a, gx), mul(b, gy)), tx)
    y = add(add(mul(b, gx), mul(a, gy)), ty)
    # All kinds at every pixel, whatever their weights: a graph has no branches, and chains of elementwise nodes become one
    # kernel. With nothing but the flat plane it is 1 x + 0: x to the bit.
    symbols = [_Symbol(nodes, name) for name in (x, y, *weights, plain, shift)]
    x, y = (each.name for each in project(_Symbols, *symbols[:2], symbols[2:-2], *symbols[-2:]))
    columns = {"x": x, "y": y}
    folds = [int(name[4]) for name in names if name not in PLAIN_SPATIAL]
    if folds or "radius" in names:
        columns["radius"] = nodes.add("Sqrt", add(mul(x, x), mul(y, y)))
    if folds:
        nodes.constants["tiny"] = np.array(1e-6, np.float32)
        safe = nodes.add("Max", columns["radius"], "tiny")
        ux, uy = nodes.add("Div", x, safe), nodes.add("Div", y, safe)
        px, py = x, y
        for n in range(2, max(folds) + 1):
            px, py = sub(mul(px, ux), mul(py, uy)), add(mul(px, uy), mul(py, ux))
            columns[f"fold{n}_x"], columns[f"fold{n}_y"] = px, py
    for axis in "xy":
        if f"abs_{axis}" in names:
            columns[f"abs_{axis}"] = nodes.add("Abs", columns[axis])
    return columns


class _Symbol:
    """A tensor of the graph, in formulas: what Python computes with it becomes nodes. Numbers become constants."""

    def __init__(self, nodes: _Nodes, name: str) -> None:
        self.nodes, self.name = nodes, name

    def _of(self, operator: str, *others: _Symbol | float, reverse: bool = False) -> _Symbol:
        names = [self.name, *(each.name if isinstance(each, _Symbol) else self.nodes.number(each) for each in others)]
        return _Symbol(self.nodes, self.nodes.add(operator, *(names[::-1] if reverse else names)))

    def __add__(self, other: _Symbol | float) -> _Symbol:
        return self._of("Add", other)

    def __radd__(self, other: float) -> _Symbol:
        return self._of("Add", other, reverse=True)

    def __sub__(self, other: _Symbol | float) -> _Symbol:
        return self._of("Sub", other)

    def __rsub__(self, other: float) -> _Symbol:
        return self._of("Sub", other, reverse=True)

    def __mul__(self, other: _Symbol | float) -> _Symbol:
        return self._of("Mul", other)

    def __rmul__(self, other: float) -> _Symbol:
        return self._of("Mul", other, reverse=True)

    def __gt__(self, other: float) -> _Symbol:
        return self._of("Greater", other)


class _Symbols:
    """What `project` takes beside plain arithmetic."""

    abs = staticmethod(lambda x: x._of("Abs"))
    sqrt = staticmethod(lambda x: x._of("Sqrt"))
    floor = staticmethod(lambda x: x._of("Floor"))
    log = staticmethod(lambda x: x._of("Log"))
    reciprocal = staticmethod(lambda x: x._of("Reciprocal"))
    maximum = staticmethod(lambda x, least: x._of("Max", least))
    where = staticmethod(lambda inside, x, y: inside._of("Where", x, y))


def _half_product(nodes: _Nodes, h: str, w: str) -> str:
    """Add h @ w of halves, summed up in float32: TensorRT takes these casts as one product on tensor cores.

    Without them it may sum up in half, which is faster on GeForce cards and off by as much again.
    """

    def cast(name: str, to: int) -> str:
        return nodes.add("Cast", name, to=to)

    z = nodes.add("MatMul", cast(cast(h, _HALF), _FULL), cast(w, _FULL))
    return cast(cast(z, _HALF), _FULL)


def _activation(nodes: _Nodes, name: str, z: str) -> str:
    if name == "gauss":
        return nodes.add("Exp", nodes.add("Neg", nodes.add("Mul", z, z)))
    return nodes.add({"sin": "Sin", "cos": "Cos", "tanh": "Tanh"}[name], z)
