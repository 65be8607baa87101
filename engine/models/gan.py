"""The shape of a GAN's generator: a spatial latent of any size, a style vector for each level, widths that fall.

Data only, as `cppn.py` is: read wherever a style is read, trained or run; never evaluates a network.

    style [levels, S] -> mapping -> truncation --.  scales the channels of each level
    z [8, h, w] -> conv -> level 0 -> x2 -> level 1 -> x2 -> ... -> tanh -> sRGB [3, 2^(levels-1) h, ... w]

A level is: upsample and convolve (not the first), scale by style and bending, one residual block (not the last, where a
convolution costs most), and excitation by the level two below. No norm layers: R3GAN shows that they are not needed.
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from phosphene.engine.models.graph import Graph, Tensors, check_cost
from phosphene.engine.models.latent import unit_rms
from phosphene.engine.models.table import Table, refusal

Width = Annotated[int, Field(ge=4, le=512)]


class GanNetwork(Table):
    """[network] of kind "gan", and its spec. grid: rows and columns of the latent in training."""

    kind: Annotated[Literal["gan"], Field(exclude=True)] = "gan"
    latent: Annotated[int, Field(ge=1, le=64)] = 8
    grid: tuple[Annotated[int, Field(ge=2, le=64)], Annotated[int, Field(ge=2, le=64)]] = (9, 16)
    style: Annotated[int, Field(ge=4, le=512)] = 32
    mapped: Annotated[int, Field(ge=4, le=512)] = 48
    widths: Annotated[tuple[Width, ...], Field(min_length=2, max_length=7)] = (96, 64, 48, 24)

    @model_validator(mode="after")
    def _affordable(self) -> GanNetwork:
        rows, columns = self.grid
        with refusal():
            check_cost(self.graph, {"h": rows, "w": columns})
        return self

    def spec(self) -> GanNetwork:
        """Return the checked shape: the table itself."""
        return self

    @property
    def told(self) -> str:
        """The network in a few words, for lists."""
        rows, columns = self.grid
        return f"GAN, {columns * self.factor}x{rows * self.factor}"

    @property
    def levels(self) -> int:
        """How many levels there are."""
        return len(self.widths)

    @property
    def factor(self) -> int:
        """How many pixels a cell of the latent becomes, in each direction."""
        return 2 ** (self.levels - 1)

    @property
    def grids(self) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
        """Rows and columns of the smallest latent, of training's, and of the largest of screens from 1:4 to 4:1."""
        rows, columns = self.grid
        side = max(rows, columns, math.ceil(math.sqrt(4 * rows * columns) + 2.5))  # `grid_for` rounds twice
        return (2, 2), self.grid, (side, side)

    @cached_property
    def graph(self) -> Graph:
        """The network as operations. Inputs: z, style, psi, bend."""
        return gan_graph(self)

    @property
    def tensors(self) -> dict[str, tuple[int, ...]]:
        """Shape of every tensor by name."""
        return self.graph.tensors

    @property
    def parameters(self) -> int:
        """How many numbers the network has."""
        return self.graph.parameters

    def arranged(self, tensors: Tensors) -> Tensors:
        """Return the tensors in the form that backends take: as they are."""
        return tensors

    def trial(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Return inputs of one picture as training draws them, truncation and bending off; without a batch."""
        z = rng.standard_normal(self.latent * math.prod(self.grid))
        return {
            "z": unit_rms(z).reshape(self.latent, *self.grid),
            "style": np.repeat(unit_rms(rng.standard_normal((1, self.style))), self.levels, axis=0),
            "psi": np.ones(1),
            "bend": np.ones(sum(self.widths)),
        }

    def larger(self, factor: int) -> GanNetwork:
        """Return the network that paints a larger latent: convolutions do not mind the size. Raises ValueError."""
        rows, columns = self.grid
        return GanNetwork(**{**self.model_dump(), "grid": (rows * factor, columns * factor)})

    def grid_for(self, aspect: float) -> tuple[int, int]:
        """Return rows and columns of a latent for pictures of this aspect (width over height), of about the trained area."""
        rows, columns = self.grid
        if abs(aspect - columns / rows) < 0.02 * aspect:
            return rows, columns
        height = max(2, round(math.sqrt(rows * columns / aspect)))
        return height, min(8 * columns, max(2, round(height * aspect)))


def gan_graph(net: GanNetwork) -> Graph:
    """Return the generator. z [n, latent, h, w]; style [n, levels, S], each row of RMS 1; psi [n, 1] 0..1.5; bend
    [n, sum of widths]: a factor for each channel, 1 as trained."""
    g = Graph()
    z = g.input("z", net.latent, "h", "w")
    style = g.input("style", net.levels, net.style)
    psi = g.input("psi", 1)
    bend = g.input("bend", sum(net.widths))
    mean = g.tensor("mapping.mean", net.mapped)
    x = g.conv(z, "stem", net.latent, net.widths[0], edge=True)
    kept: list[str] = []
    at = 0
    for i, width in enumerate(net.widths):
        if i > 0:
            x = g.conv(g.upsample(x), f"levels.{i}.grow", net.widths[i - 1], width, edge=True)
        x = g.leaky(x)
        w = g.leaky(g.linear(g.pick(style, 1, i), "mapping.0", net.style, net.mapped))
        w = g.linear(w, "mapping.1", net.mapped, net.mapped)
        # Truncation: mean + psi (w - mean).
        w = g.add(g.mul(psi, w), g.mul(g.affine(psi, -1.0, 1.0), mean))
        scale = g.affine(g.linear(w, f"levels.{i}.style", net.mapped, width), 1.0, 1.0)
        x = g.mul(x, g.column(g.mul(scale, g.cut(bend, 1, at, at + width))))
        at += width
        if i < net.levels - 1:
            h = g.leaky(g.conv(x, f"levels.{i}.first", width, width, edge=True))
            x = g.add(x, g.conv(h, f"levels.{i}.second", width, width, edge=True))
        if i >= 2:
            # Skip-layer excitation (FastGAN), pooled over the whole picture so that any size will do.
            inner = max(4, width // 2)
            gate = g.leaky(g.linear(g.mean(kept[i - 2]), f"levels.{i}.squeeze", net.widths[i - 2], inner))
            gate = g.affine(g.sigmoid(g.linear(gate, f"levels.{i}.excite", inner, width)), 2.0, 0.0)
            x = g.mul(x, g.column(gate))
        kept.append(x)
    x = g.tanh(g.conv(g.leaky(x), "out", net.widths[-1], 3, edge=True))
    g.output(g.affine(x, 0.5, 0.5))
    return g
