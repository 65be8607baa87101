"""What generator and discriminator strive for: the relativistic loss with R1 and R2.

Called by `trainer`. R3GAN (Huang et al. 2024): each fake is judged against a real one, so that no mode may be dropped, and
both gradient penalties at every step make it converge; with them, no norm layers and no tricks.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

Judge = Callable[[Tensor], Tensor]


def penalty(judged: Tensor, pictures: Tensor) -> Tensor:
    """Return the mean squared norm of the judge's gradient in the pictures (R1 of real ones, R2 of fakes)."""
    (slope,) = torch.autograd.grad(judged.sum(), pictures, create_graph=True)
    return slope.square().sum((1, 2, 3)).mean()


def relativistic_judge(judge: Judge, real: Tensor, fake: Tensor, gamma: float) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the discriminator's loss and what is logged of it."""
    real, fake = real.detach().requires_grad_(gamma > 0.0), fake.detach().requires_grad_(gamma > 0.0)
    on_real, on_fake = judge(real), judge(fake)
    loss = F.softplus(on_fake - on_real).mean()
    said = {"gap": (on_real - on_fake).mean().detach()}
    if gamma > 0.0:
        r1, r2 = penalty(on_real, real), penalty(on_fake, fake)
        loss = loss + 0.5 * gamma * (r1 + r2)
        said |= {"r1": r1.detach(), "r2": r2.detach()}
    return loss, said


def relativistic_maker(judge: Judge, real: Tensor, fake: Tensor) -> Tensor:
    """Return the generator's loss."""
    with torch.no_grad():
        on_real = judge(real)
    return F.softplus(on_real - judge(fake)).mean()
