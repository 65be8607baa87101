"""The shape of a VQ-VAE's decoder, and the loops of codes that a style plays with it.

Data only, as `gan.py` is: read wherever a style is read, trained or run; never evaluates a network.

    codes [rows, columns] --codebook--> z [dim, rows, columns] -> conv -> blocks -> (relu, transposed conv) x levels -> sRGB

The network begins at z, not at the codes: between two frames of a loop there are only z, none of them a code's. The trainer
runs the same graph without its last sigmoid.
"""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.engine.models.graph import Graph, Tensors, check_cost
from phosphene.engine.models.table import Table, refusal

MAX_CODES = 256  # a code is a byte
MOST_LOOPED = 16 << 20  # codes of all loops together, 16 MB; those that ship have 0.11 million
MOST_EMBEDDED = 4 << 20  # numbers of an embedded picture, of which a frame blends eight; those that ship have 9 thousand

Width = Annotated[int, Field(ge=4, le=512)]
Side = Annotated[int, Field(ge=1, le=128)]


class VqvaeNetwork(Table):
    """[network] of kind "vqvae", and its spec.

    rows, columns: of the grid of codes. channels: 1 gray, 3 sRGB. codes: entries of the codebook. dim: numbers of an
    embedding. widths: channels from the grid outwards; each level doubles the picture's side. blocks: residual blocks on
    the grid. loops, frames: how many loops the style plays and how long they are. beats: of music that one turn takes.
    """

    kind: Annotated[Literal["vqvae"], Field(exclude=True)] = "vqvae"
    rows: Side
    columns: Side
    channels: Literal[1, 3] = 3
    codes: Annotated[int, Field(ge=2, le=MAX_CODES)] = 256
    dim: Annotated[int, Field(ge=1, le=512)] = 64
    widths: Annotated[tuple[Width, ...], Field(min_length=1, max_length=6)] = (128, 96, 48)
    blocks: Annotated[int, Field(ge=0, le=16)] = 2
    loops: Annotated[int, Field(ge=1, le=256)] = 1
    frames: Annotated[int, Field(ge=2, le=1024)] = 2
    beats: Annotated[int, Field(ge=1, le=64)] = 8

    @model_validator(mode="after")
    def _affordable(self) -> VqvaeNetwork:
        with refusal():
            for what, got, most in (
                ("codes of all loops", self.loops * self.frames * self.tokens, MOST_LOOPED),
                ("numbers of an embedded picture", self.tokens * self.dim, MOST_EMBEDDED),
            ):
                if got > most:
                    raise UserError(f"too many {what}", where="network", allowed=f"up to {most}", got=got)
            check_cost(self.graph, {"h": self.rows, "w": self.columns}, beside=self.loops * self.frames * self.tokens)
        return self

    def spec(self) -> VqvaeNetwork:
        """Return the checked shape: the table itself."""
        return self

    @property
    def told(self) -> str:
        """The network in a few words, for lists."""
        return f"VQ-VAE, {self.size}, {self.codes} codes, {self.loops} loops"

    @property
    def factor(self) -> int:
        """How many pixels a code becomes, in each direction."""
        return 2 ** len(self.widths)

    @property
    def size(self) -> Size:
        """The size of the picture, in pixels."""
        return Size(self.columns * self.factor, self.rows * self.factor)

    @property
    def grids(self) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
        """Rows and columns of the smallest, the trained and the largest picture: all the same."""
        return ((self.rows, self.columns),) * 3

    def grid_for(self, aspect: float) -> tuple[int, int]:
        """Return rows and columns for pictures of any aspect: those of the style."""
        return self.rows, self.columns

    @property
    def tokens(self) -> int:
        """Codes of a picture."""
        return self.rows * self.columns

    @cached_property
    def graph(self) -> Graph:
        """The decoder as operations. Input: z. Codebook and loops are its tensors too: they make the inputs."""
        return vqvae_graph(self)

    @property
    def tensors(self) -> dict[str, tuple[int, ...]]:
        """Shape of every tensor by name."""
        return self.graph.tensors

    @property
    def parameters(self) -> int:
        """How many numbers the network has, loops not counted."""
        return self.graph.parameters - self.loops * self.frames * self.tokens

    def arranged(self, tensors: Tensors) -> Tensors:
        """Return the tensors in the form that backends take: as they are."""
        return tensors

    def trial(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Return inputs of one picture, as large as embeddings are in training; without a batch."""
        return {"z": rng.standard_normal((self.dim, self.rows, self.columns))}


def vqvae_graph(net: VqvaeNetwork, logits: bool = False) -> Graph:
    """Return the decoder of z [n, dim, h, w]. logits: leave the last sigmoid out, for a loss that has its own."""
    g = Graph()
    g.tensor("codebook", net.codes, net.dim)
    g.tensor("loops", net.loops, net.frames, net.rows, net.columns)
    x = g.conv(g.input("z", net.dim, "h", "w"), "in", net.dim, net.widths[0])
    for i in range(net.blocks):
        h = g.conv(g.relu(x), f"blocks.{i}.first", net.widths[0], net.widths[0])
        x = g.add(x, g.conv(g.relu(h), f"blocks.{i}.second", net.widths[0], net.widths[0]))
    outs = (*net.widths[1:], net.channels)
    for i, (width, out) in enumerate(zip(net.widths, outs, strict=True)):
        x = g.grow(g.relu(x), f"levels.{i}", width, out)
    g.output(x if logits else g.sigmoid(x))
    return g
