"""A convolutional network as data: a list of operations over named values. One description, trained and played.

A kind of style writes its graph once (`gan.gan_graph`); `backends/graph_torch.py` runs it, also in training, and
`backends/graph_onnx.py` turns it into ONNX. Pure data, any thread; never evaluates anything.

Values have a batch first: pictures and features [n, c, h, w], vectors [n, d], codes int64 [n, h, w]. An operation's
parameters are tensors of the style, named `<name>.weight` and `<name>.bias`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from phosphene.engine.core.errors import UserError

Tensors = Mapping[str, np.ndarray]
"""A network's numbers by name, float32."""

OUTPUT = "picture"  # [n, 3 or 1, h, w], sRGB 0..1
MOST_PARAMETERS = 16 << 20  # numbers of a network; the largest that ships has 1 million. A CPU holds each five times over
MOST_VALUES = 64 << 20  # numbers alive at once while one picture is made, 256 MB; the largest that ships has 3 million
MOST_PRODUCTS = 32 << 30  # multiplications of one picture: some seconds on two cores; the largest that ships has 7e8


@dataclass(frozen=True)
class Op:
    """`out` = `kind`(`ins`). ins: inputs, earlier outs, or tensors. numbers: constants of the operation."""

    kind: str
    out: str
    ins: tuple[str, ...]
    numbers: tuple[float, ...] = ()


@dataclass
class Graph:
    """inputs: shape of each without its batch; a name stands for a size that is known at run time only.

    Every method but `parameters` adds an operation and returns the name of its value.
    """

    inputs: dict[str, tuple[int | str, ...]] = field(default_factory=dict)
    tensors: dict[str, tuple[int, ...]] = field(default_factory=dict)
    ops: list[Op] = field(default_factory=list)
    integers: set[str] = field(default_factory=set)  # inputs that are codes

    @property
    def parameters(self) -> int:
        """How many numbers the network has."""
        return sum(int(np.prod(shape)) for shape in self.tensors.values())

    def input(self, name: str, *shape: int | str, integer: bool = False) -> str:
        """Declare an input: float32, or int64 codes."""
        self.inputs[name] = shape
        if integer:
            self.integers.add(name)
        return name

    def tensor(self, name: str, *shape: int) -> str:
        """Declare a tensor of the style."""
        self.tensors[name] = shape
        return name

    def conv(self, x: str, name: str, inp: int, out: int, size: int = 3, *, edge: bool = False) -> str:
        """Convolve with stride 1, the same height and width; size: odd.

        edge: the outermost values go on outside, instead of zeros, which a generator learns to paint a frame of.
        """
        w, b = self.tensor(f"{name}.weight", out, inp, size, size), self.tensor(f"{name}.bias", out)
        return self._add("conv_edge" if edge else "conv", x, w, b, numbers=(size // 2,) if edge else ())

    def grow(self, x: str, name: str, inp: int, out: int) -> str:
        """Transposed convolution of 4 with stride 2: twice the height and width."""
        w, b = self.tensor(f"{name}.weight", inp, out, 4, 4), self.tensor(f"{name}.bias", out)
        return self._add("grow", x, w, b)

    def linear(self, x: str, name: str, inp: int, out: int) -> str:
        """Multiply [n, inp] by a matrix, add a bias: [n, out]."""
        w, b = self.tensor(f"{name}.weight", out, inp), self.tensor(f"{name}.bias", out)
        return self._add("linear", x, w, b)

    def group_norm(self, x: str, name: str, channels: int, groups: int) -> str:
        """Normalise groups of channels to mean 0 and variance 1, then scale and shift."""
        w, b = self.tensor(f"{name}.weight", channels), self.tensor(f"{name}.bias", channels)
        return self._add("group_norm", x, w, b, numbers=(groups,))

    def embed(self, codes: str, name: str, count: int, dims: int) -> str:
        """Look up int64 codes [n, h, w] in a table [count, dims]: [n, dims, h, w]."""
        return self._add("embed", codes, self.tensor(f"{name}.weight", count, dims))

    def add(self, a: str, b: str) -> str:
        """Add; sizes of 1 and missing leading axes are spread, as in numpy."""
        return self._add("add", a, b)

    def mul(self, a: str, b: str) -> str:
        """Multiply, spread as `add` does."""
        return self._add("mul", a, b)

    def affine(self, x: str, scale: float, shift: float) -> str:
        """scale * x + shift."""
        return self._add("affine", x, numbers=(scale, shift))

    def leaky(self, x: str) -> str:
        """Leaky ReLU of slope 0.2."""
        return self._add("leaky", x)

    def relu(self, x: str) -> str:
        """max(x, 0)."""
        return self._add("relu", x)

    def silu(self, x: str) -> str:
        """x sigmoid(x)."""
        return self._add("silu", x)

    def tanh(self, x: str) -> str:
        """Hyperbolic tangent."""
        return self._add("tanh", x)

    def sigmoid(self, x: str) -> str:
        """Logistic function."""
        return self._add("sigmoid", x)

    def upsample(self, x: str, linear: bool = True) -> str:
        """Double height and width: bilinear about pixel centres, or nearest."""
        return self._add("linear_up" if linear else "nearest_up", x)

    def shuffle(self, x: str) -> str:
        """[n, 4 c, h, w] -> [n, c, 2 h, 2 w], as torch's pixel_shuffle."""
        return self._add("shuffle", x)

    def mean(self, x: str) -> str:
        """Mean over the picture: [n, c, h, w] -> [n, c]."""
        return self._add("mean", x)

    def column(self, x: str) -> str:
        """[n, c] -> [n, c, 1, 1], to meet features."""
        return self._add("column", x)

    def cut(self, x: str, axis: int, start: int, stop: int) -> str:
        """Take start..stop of an axis (0 is the batch)."""
        return self._add("cut", x, numbers=(axis, start, stop))

    def pick(self, x: str, axis: int, index: int) -> str:
        """Take one entry of an axis; the axis goes."""
        return self._add("pick", x, numbers=(axis, index))

    def output(self, x: str) -> None:
        """Name the network's picture."""
        last = self.ops[-1]
        assert last.out == x, "the picture is the last value"
        self.ops[-1] = Op(last.kind, OUTPUT, last.ins, last.numbers)

    def _add(self, kind: str, *ins: str, numbers: tuple[float, ...] = ()) -> str:
        out = f"v{len(self.ops)}"
        self.ops.append(Op(kind, out, ins, numbers))
        return out


@dataclass(frozen=True)
class Cost:
    """What one picture takes. values: numbers that are alive at once, at most; products: multiplications with weights."""

    values: int
    products: int


def cost(graph: Graph, sizes: Mapping[str, int]) -> Cost:
    """Return what one picture takes, by arithmetic alone: nothing is allocated. sizes: of the inputs' named sides."""
    shapes: dict[str, tuple[int, ...]] = {name: (1, *shape) for name, shape in graph.tensors.items()}
    shapes |= {name: tuple(sizes.get(side, side) for side in shape) for name, shape in graph.inputs.items()}
    last = {name: i for i, op in enumerate(graph.ops) for name in op.ins}
    alive = {name: math.prod(shapes[name]) for name in graph.inputs}
    most = products = 0
    for i, op in enumerate(graph.ops):
        shape, made = _shape(op, [shapes[name] for name in op.ins], graph)
        shapes[op.out], alive[op.out] = shape, math.prod(shape)
        # A transposed convolution spreads its products out before it sums them up; a padded one copies what comes in.
        spread = 4 * alive[op.out] if op.kind == "grow" else alive[op.ins[0]] if op.kind == "conv_edge" else 0
        most, products = max(most, sum(alive.values()) + spread), products + made
        for name in op.ins:
            if last[name] == i:
                alive.pop(name, None)
    return Cost(most, products)


def _shape(op: Op, ins: list[tuple[int, ...]], graph: Graph) -> tuple[tuple[int, ...], int]:
    """Return the shape of an operation's value without its batch, and how many products it takes."""
    x = ins[0]
    weight = graph.tensors[op.ins[1]] if len(op.ins) > 1 and op.ins[1] in graph.tensors else ()
    match op.kind:
        case "conv" | "conv_edge":
            return (weight[0], *x[1:]), math.prod(weight) * x[1] * x[2]
        case "grow":
            return (weight[1], 2 * x[1], 2 * x[2]), math.prod(weight) * x[1] * x[2]
        case "linear":
            return (weight[0],), math.prod(weight)
        case "embed":
            return (weight[1], *x), 0
        case "linear_up" | "nearest_up":
            return (x[0], 2 * x[1], 2 * x[2]), 0
        case "shuffle":
            return (x[0] // 4, 2 * x[1], 2 * x[2]), 0
        case "mean":
            return x[:1], 0
        case "column":
            return (*x, 1, 1), 0
        case "cut":
            axis, start, stop = (int(number) for number in op.numbers)
            return (*x[: axis - 1], stop - start, *x[axis:]), 0
        case "pick":
            axis = int(op.numbers[0])
            return x[: axis - 1] + x[axis:], 0
        case "add" | "mul":
            return max(ins, key=math.prod), 0
    return x, 0


def check_cost(graph: Graph, sizes: Mapping[str, int], beside: int = 0) -> None:
    """Raise UserError for a network that would take gigabytes or minutes: before anything of it is made.

    beside: of the tensors' numbers, those that are none of the network's.
    """
    if graph.parameters - beside > MOST_PARAMETERS:
        raise _too_large("numbers of the network", graph.parameters - beside, MOST_PARAMETERS)
    found = cost(graph, sizes)
    if found.values > MOST_VALUES:
        raise _too_large("numbers at once for one picture", found.values, MOST_VALUES)
    if found.products > MOST_PRODUCTS:
        raise _too_large("multiplications for one picture", found.products, MOST_PRODUCTS)


def _too_large(what: str, got: int, most: int) -> UserError:
    return UserError(f"the network is too large: {what}", where="network", allowed=f"up to {most:.3g}", got=f"{got:.3g}")
