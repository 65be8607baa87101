"""The networks that train: generators over the graph that decks play, and a discriminator.

Called by `trainer` and `measure`. A generator runs `models/graph.py` through `backends/graph_torch.py`, so what is trained
is what is played. Initialised so that signals keep their size without norm layers (Fixup: Zhang et al. 2019, as in R3GAN:
the last convolution of each residual block starts at 0).
"""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from phosphene.engine.backends.graph_torch import run_graph
from phosphene.engine.models.gan import GanNetwork
from phosphene.engine.models.graph import Graph


def unit(z: Tensor) -> Tensor:
    """Return `z` on the sphere of RMS 1, all axes but the first taken together."""
    flat = z.flatten(1)
    return (flat / flat.square().mean(1, keepdim=True).sqrt().clamp_min(1e-6)).view_as(z)


class Generator(nn.Module):
    """A graph with its numbers as parameters. `draw` makes inputs as training wants them."""

    def __init__(self, net: GanNetwork, graph: Graph | None = None) -> None:
        super().__init__()
        self.net, self.graph = net, graph or net.graph
        self.numbers = nn.ParameterDict()
        for name, shape in self.graph.tensors.items():
            self.numbers[name.replace(".", "/")] = nn.Parameter(_start(name, shape), requires_grad=name != "mapping.mean")

    @property
    def tensors(self) -> dict[str, Tensor]:
        """Every tensor by the name that a style has for it."""
        return {name.replace("/", "."): value for name, value in self.numbers.items()}

    def draw(self, n: int, rng: torch.Generator, mixing: float = 0.0) -> dict[str, Tensor]:
        """Return inputs for `n` pictures on the CPU. mixing: chance that the fine levels have another style."""
        net = self.net
        z = unit(torch.randn(n, net.latent, *net.grid, generator=rng))
        if "style" not in self.graph.inputs:
            return {"z": z}
        first, second = (unit(torch.randn(n, net.style, generator=rng)) for _ in range(2))
        cut = torch.randint(1, net.levels, (n, 1), generator=rng)
        cut[torch.rand(n, 1, generator=rng) >= mixing] = net.levels
        low = torch.arange(net.levels)[None] < cut
        style = torch.where(low[..., None], first[:, None], second[:, None])
        return {"z": z, "style": style, "psi": torch.ones(n, 1), "bend": torch.ones(n, sum(net.widths))}

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        """Return pictures [n, 3, h, w], sRGB 0..1."""
        return run_graph(self.graph, self.tensors, inputs)

    def mapped(self, style: Tensor) -> Tensor:
        """Return what the mapping makes of styles [n, S]: [n, W]. For its running mean, which truncation goes towards."""
        t = self.tensors
        w = F.leaky_relu(F.linear(style, t["mapping.0.weight"], t["mapping.0.bias"]), 0.2)
        return F.linear(w, t["mapping.1.weight"], t["mapping.1.bias"])


def _start(name: str, shape: tuple[int, ...]) -> Tensor:
    if len(shape) == 1:
        return torch.ones(shape) if name.endswith("norm.weight") else torch.zeros(shape)
    if name.endswith(("second.weight", "excite.weight")):
        return torch.zeros(shape)
    gain = 0.5 if name.endswith("style.weight") else 1.0 if name == "out.weight" else math.sqrt(2.0)
    return torch.randn(shape) * gain / math.sqrt(math.prod(shape[1:]))


class Discriminator(nn.Module):
    """Pictures [n, 3, h, w] -> one number each. Strided convolutions, no norm layers; the mean over the last map judges
    texture everywhere, a dense head over a pooled map the whole."""

    def __init__(self, width: int, levels: int = 4) -> None:
        super().__init__()
        widths = [width * min(2**i, 4) for i in range(levels)]
        self.enter = nn.Conv2d(3, widths[0], 3, 2, 1)
        self.down = nn.ModuleList(nn.Conv2d(a, b, 3, 2, 1) for a, b in itertools.pairwise(widths))
        self.first = nn.ModuleList(nn.Conv2d(w, w, 3, 1, 1) for w in widths[1:])
        self.places = nn.Conv2d(widths[-1], 1, 1)
        self.whole = nn.Sequential(nn.Linear(widths[-1] * 6, widths[-1]), nn.LeakyReLU(0.2), nn.Linear(widths[-1], 1))
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                fan = module.weight[0].numel()
                nn.init.normal_(module.weight, std=math.sqrt(2.0 / fan))
                nn.init.zeros_(module.bias)

    def forward(self, pictures: Tensor) -> Tensor:
        """Return float [n]: higher is more real."""
        x = F.leaky_relu(self.enter(2.0 * pictures - 1.0), 0.2)
        for down, first in zip(self.down, self.first, strict=True):
            x = F.leaky_relu(down(x), 0.2)
            x = (x + F.leaky_relu(first(x), 0.2)) * math.sqrt(0.5)
        whole = self.whole(F.adaptive_avg_pool2d(x, (2, 3)).flatten(1))[:, 0]
        return whole + self.places(x).mean((1, 2, 3))
