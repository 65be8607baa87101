"""The CPPN's shape: named inputs, hidden layers of one width, activations that cycle, three sigmoid outputs.

Data only: called wherever a style is read, made or run, on any thread; never evaluates a network.

    inputs -> [width, act 0] -> [width, act 1] -> ... -> sigmoid RGB (sRGB 0..1)
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from phosphene.engine.core.errors import UserError
from phosphene.engine.models.encoding import BASE_INPUTS, INPUTS, is_spatial
from phosphene.engine.models.table import Table

ACTIVATIONS = ("sin", "cos", "gauss", "tanh")
PERIODIC = frozenset({"sin", "cos"})
OUTPUTS = 3
MIN_WIDTH, MAX_WIDTH = 16, 256
MAX_LAYERS = 12

Weights = list[tuple[np.ndarray, np.ndarray]]  # (W float32 [out, in], b float32 [out]) per layer, the output layer last


@dataclass(frozen=True)
class CppnSpec:
    """inputs: names from `encoding.INPUTS`, no name twice. activations: cycled over the hidden layers."""

    inputs: tuple[str, ...] = BASE_INPUTS
    width: int = 128
    layers: int = 4
    activations: tuple[str, ...] = ACTIVATIONS

    def __post_init__(self) -> None:
        unknown = [name for name in self.inputs if name not in INPUTS]
        if unknown:
            raise UserError("unknown input", where="network.inputs", allowed=", ".join(sorted(INPUTS)), got=unknown[0])
        if len(set(self.inputs)) != len(self.inputs):
            raise UserError("an input is named twice", where="network.inputs", got=", ".join(self.inputs))
        if not self.spatial:
            raise UserError("no spatial input: every pixel would be the same", where="network.inputs", allowed="x, y, ...")
        if not MIN_WIDTH <= self.width <= MAX_WIDTH:
            raise UserError(
                "width out of range", where="network.width", allowed=f"{MIN_WIDTH} to {MAX_WIDTH}", got=self.width
            )
        if not 1 <= self.layers <= MAX_LAYERS:
            raise UserError("layers out of range", where="network.layers", allowed=f"1 to {MAX_LAYERS}", got=self.layers)
        wrong = [name for name in self.activations if name not in ACTIVATIONS]
        if wrong or not self.activations:
            raise UserError(
                "unknown activation", where="network.activations", allowed=", ".join(ACTIVATIONS), got=", ".join(wrong)
            )
        if "time" in self.inputs and not self.periodic:
            raise UserError(
                "time grows without end, so only a sin or cos layer may read it",
                where="network.activations",
                allowed="sin or cos first",
                got=self.activations[0],
                remedy="use latent0, time_ramp or bar_sin instead of time, or start with sin",
            )

    @property
    def periodic(self) -> bool:
        """Whether the first hidden layer repeats, so that its bias may be reduced modulo 2 pi."""
        return self.activations[0] in PERIODIC

    @property
    def layer_activations(self) -> tuple[str, ...]:
        """The activation of every hidden layer, the cycle written out."""
        return tuple(self.activations[i % len(self.activations)] for i in range(self.layers))

    @property
    def spatial(self) -> tuple[str, ...]:
        """The inputs that differ from pixel to pixel, in the network's order."""
        return tuple(name for name in self.inputs if is_spatial(name))

    @property
    def uniform(self) -> tuple[str, ...]:
        """The inputs that are one number a frame, in the network's order: the order of `Program.run`'s uniforms."""
        return tuple(name for name in self.inputs if not is_spatial(name))

    def columns(self, names: Sequence[str]) -> list[int]:
        """Return where `names` stand among the inputs."""
        return [self.inputs.index(name) for name in names]

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """(out, in) of every weight matrix, the output layer last."""
        widths = [len(self.inputs), *[self.width] * self.layers, OUTPUTS]
        return [(b, a) for a, b in itertools.pairwise(widths)]

    @property
    def told(self) -> str:
        """The network in a few words, for lists."""
        return f"{self.width} wide × {self.layers} layers"

    @property
    def tensors(self) -> dict[str, tuple[int, ...]]:
        """Shape of every tensor of weights.safetensors by name."""
        named: dict[str, tuple[int, ...]] = {}
        for i, (out, inp) in enumerate(self.shapes):
            named |= {f"layers.{i}.weight": (out, inp), f"layers.{i}.bias": (out,)}
        return named

    def arranged(self, tensors: Mapping[str, np.ndarray]) -> Weights:
        """Return the tensors of a file in the form that backends take."""
        return [(tensors[f"layers.{i}.weight"], tensors[f"layers.{i}.bias"]) for i in range(len(self.shapes))]

    @property
    def parameters(self) -> int:
        """How many numbers the network has: 51,587 and 201,475 for the first networks, 128 and 256 wide."""
        return sum(out * (inp + 1) for out, inp in self.shapes)

    @property
    def flops_per_pixel(self) -> int:
        """Multiply-adds x 2 per pixel once the uniform inputs are folded away."""
        first, *rest = self.shapes
        return 2 * (first[0] * len(self.spatial) + sum(out * inp for out, inp in rest))


class Network(Table):
    """[network] of kind "cppn": the architecture, as data."""

    kind: Annotated[Literal["cppn"], Field(exclude=True)] = "cppn"
    inputs: tuple[str, ...]
    width: int
    layers: int
    activations: tuple[str, ...]

    def spec(self) -> CppnSpec:
        """Return the checked shape. Raises UserError whose `where` is the key."""
        return CppnSpec(self.inputs, self.width, self.layers, self.activations)


def random_weights(spec: CppnSpec, seed: int, gain: float = 5.0, output_gain: float = 1.0) -> Weights:
    """Return the untrained network of the first seed: Xavier-uniform with `gain`, zero biases. Same seed, same bits."""
    rng = np.random.default_rng(seed)
    weights: Weights = []
    for i, (out, inp) in enumerate(spec.shapes):
        bound = (output_gain if i == spec.layers else gain) * math.sqrt(6.0 / (inp + out))
        weights.append((rng.uniform(-bound, bound, (out, inp)).astype(np.float32), np.zeros(out, np.float32)))
    return weights
