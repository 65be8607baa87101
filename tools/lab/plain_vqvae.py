"""The plain recipe for VQ-VAEs: network, loss and data of the full one; its own optimiser, start and rescue.

Asked for by `tools/vqvae/options.py` (`vj train vqvae --rescue plain`) and by the ablation.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from phosphene.tools.vqvae.options import Options
from phosphene.tools.vqvae.quantisers import Codebook

_PLAIN = {
    "lr": 2e-4,
    "schedule": "plateau",
    "start": "before",
    "rescue": "plain",
    "restart": 1e-6,
    "mend": False,
    "even": 0.0,
}


def plain_recipe(**more: Any) -> Options:
    """Return the options of the plain recipe."""
    return Options(**(_PLAIN | more))


class Rescued(Codebook):
    """The codebook of the plain recipe: each step with probability 0.1, codes whose average use is below 1e-6 are put
    half on vectors of the batch and half near popular codes, with a tenth of the mean use."""

    @torch.no_grad()
    def revive(self, x: Tensor, generator: torch.Generator) -> int:
        if float(torch.rand(1, generator=generator)) >= 0.1:
            return 0
        dead = torch.nonzero(self.count < 1e-6)[:, 0]
        if len(dead):
            half = (len(dead) + 1) // 2
            fresh = x[torch.randint(len(x), (half,), generator=generator)]
            popular = self.count.topk(min(max(1, len(dead) - half), self.codes)).indices
            near = self.vectors[popular][: len(dead) - half]
            fresh = torch.cat([fresh, near])[: len(dead)]
            dead = dead[: len(fresh)]
            self.vectors[dead] = fresh + 0.02 * torch.randn(fresh.shape, generator=generator)
            self.count[dead] = 0.1 * self.count[self.count >= 1e-6].mean()
            self.total[dead] = self.vectors[dead] * self.count[dead][:, None]
        return len(dead)
