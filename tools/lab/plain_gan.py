"""The plain recipe for GANs, after the first album visualiser: softplus losses, group norm, terms on colour.

Asked for by `tools/gan/trainer.py`; `vj train gan --recipe plain`. What the full recipe is compared with. No style
has its network, so it makes none.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from phosphene.engine.models.gan import GanNetwork
from phosphene.engine.models.graph import Graph
from phosphene.tools.gan.losses import Judge, penalty
from phosphene.tools.gan.networks import Generator
from phosphene.tools.gan.trainer import Schedule, Trainer

_R1_EVERY = 16  # steps
_R1_WEIGHT = 10.0
_KEPT = 0.999  # of the running mean, a step


class PlainTrainer(Trainer):
    """The same steps, with the losses, the networks and the optimisers of the plain recipe."""

    # Its design says 2e-4, its last run took 1e-5, with which nothing would be learnt in a short budget: the better one is
    # compared with.
    usual_rate = 2e-4
    first_betas = (0.5, 0.999)
    decay = 1e-4
    most_slope = 0.5

    def _generator(self, net: GanNetwork) -> Generator:
        net = matched(net, plain_graph)
        return Generator(net, plain_graph(net))

    def _set_betas(self, plan: Schedule) -> None:
        """They stay as they are."""

    def _changed(self, real: Tensor, rng: torch.Generator) -> Tensor:
        return spoil_reals(real, rng)

    def _seen_by_judge(self, pictures: Tensor, rng: torch.Generator) -> Tensor:
        return pictures

    def _judge_loss(self, real: Tensor, fake: Tensor, gamma: float) -> tuple[Tensor, dict[str, Tensor]]:
        return plain_judge(self.judge, real, fake, 0.0 if self.step % _R1_EVERY else _R1_WEIGHT)

    def _maker_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        return plain_maker(self.judge, real, fake)

    def _mean(self) -> None:
        self._follow(_KEPT)


def plain_graph(net: GanNetwork) -> Graph:
    """Return the plain generator on the same latent: at each level two residual blocks (group norm, SiLU),
    nearest upsampling and a convolution between them, no style vector."""
    g = Graph()
    x = g.conv(g.input("z", net.latent, "h", "w"), "stem", net.latent, net.widths[0])
    for i, width in enumerate(net.widths):
        if i > 0:
            x = g.conv(g.upsample(x, linear=False), f"levels.{i}.grow", net.widths[i - 1], width)
        for block in "ab":
            h = x
            for part in ("first", "last"):
                groups = math.gcd(8, width)
                h = g.silu(g.group_norm(h, f"levels.{i}.{block}.{part}.norm", width, groups))
                h = g.conv(h, f"levels.{i}.{block}.{part}", width, width)
            x = g.add(x, h)
    x = g.silu(g.group_norm(x, "out.norm", net.widths[-1], math.gcd(8, net.widths[-1])))
    g.output(g.affine(g.tanh(g.conv(x, "out", net.widths[-1], 3)), 0.5, 0.5))
    return g


def matched(net: GanNetwork, build: Callable[[GanNetwork], Graph]) -> GanNetwork:
    """Return `net` with its widths scaled so that `build` has as nearly as many parameters as `net` itself has."""
    wanted = net.parameters

    def scaled(k: float) -> GanNetwork:
        return net.model_copy(update={"widths": tuple(max(8, 4 * round(w * k / 4)) for w in net.widths)})

    return min((scaled(k / 40) for k in range(10, 61)), key=lambda each: abs(build(each).parameters - wanted))


def spoil_reals(pictures: Tensor, rng: torch.Generator) -> Tensor:
    """Return real pictures as the plain recipe changes them: flip, crop of 0.9 to 1, brightness, blur. Not the fakes."""
    n = len(pictures)
    x = torch.where((torch.rand(n, 1, 1, 1, generator=rng) < 0.5).to(pictures.device), pictures.flip(3), pictures)
    scale = (0.9 + 0.1 * torch.rand(n, generator=rng)).to(pictures.device)
    shift = (2.0 * torch.rand(n, 2, generator=rng) - 1.0).to(pictures.device) * (1.0 - scale)[:, None]
    theta = torch.zeros(n, 2, 3, device=pictures.device)
    theta[:, 0, 0] = theta[:, 1, 1] = scale
    theta[:, :, 2] = shift
    x = F.grid_sample(
        x, F.affine_grid(theta, list(x.shape), align_corners=False), align_corners=False, padding_mode="border"
    )
    x = x * (0.9 + 0.2 * torch.rand(n, 1, 1, 1, generator=rng)).to(x.device)
    blurred = F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), 3, 1)
    return torch.where((torch.rand(n, 1, 1, 1, generator=rng) < 0.3).to(x.device), blurred, x).clamp(0.0, 1.0)


def plain_judge(judge: Judge, real: Tensor, fake: Tensor, gamma: float) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the discriminator's loss: softplus, and R1 where `gamma` is not 0."""
    real = real.detach().requires_grad_(gamma > 0.0)
    on_real, on_fake = judge(real), judge(fake.detach())
    loss = F.softplus(-on_real).mean() + F.softplus(on_fake).mean()
    said = {"gap": (on_real - on_fake).mean().detach()}
    if gamma > 0.0:
        r1 = penalty(on_real, real)
        loss, said = loss + 0.5 * gamma * r1, said | {"r1": r1.detach()}
    return loss, said


def plain_maker(judge: Judge, real: Tensor, fake: Tensor) -> Tensor:
    """Return the generator's loss: non-saturating, with its terms on colour (batch means)."""
    loss = F.softplus(-judge(fake)).mean()
    chroma = (_chroma(fake) - _chroma(real)).abs().mean()
    dull = F.relu(_saturation(real) - _saturation(fake))
    return loss + 1.5 * chroma + 0.75 * dull


def _chroma(pictures: Tensor) -> Tensor:
    r, g, b = pictures.mean((0, 2, 3))
    luma = 0.299 * r + 0.587 * g + 0.114 * b
    return torch.stack((0.564 * (b - luma), 0.713 * (r - luma)))


def _saturation(pictures: Tensor) -> Tensor:
    return (pictures.amax(1) - pictures.amin(1)).mean()
