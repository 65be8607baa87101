"""What pictures go through before the discriminator sees them. DiffAugment (Zhao et al. 2020): the same for real and fake,
differentiable, so that a judge of few pictures does not learn them by heart and the generator does not learn the changes.

Called by `trainer`; randomness from the generator it is given, on the CPU, so that a run repeats.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def diff_augment(pictures: Tensor, chance: float, rng: torch.Generator) -> Tensor:
    """Return [n, 3, h, w] with brightness, saturation, contrast, shift and cut-out, each with `chance`; 0..1 is left."""
    if chance <= 0.0:
        return pictures
    n, _, h, w = pictures.shape
    device = pictures.device

    def draw(low: float, high: float, neutral: float) -> Tensor:
        value = torch.rand(n, 1, 1, 1, generator=rng) * (high - low) + low
        keep = torch.rand(n, 1, 1, 1, generator=rng) >= chance
        return torch.where(keep, torch.tensor(neutral), value).to(device)

    x = pictures + draw(-0.25, 0.25, 0.0)
    gray = x.mean(1, keepdim=True)
    x = gray + (x - gray) * draw(0.5, 1.5, 1.0)
    middle = x.mean((1, 2, 3), keepdim=True)
    x = middle + (x - middle) * draw(0.6, 1.4, 1.0)
    # Shift by up to an eighth, and cut out a rectangle of half the height: by index, so that nothing is interpolated.
    dx, dy = (draw(-size / 8, size / 8, 0.0)[:, 0, 0].round().long() for size in (w, h))
    rows = (torch.arange(h, device=device)[None] + dy).clamp(0, h - 1)
    columns = (torch.arange(w, device=device)[None] + dx).clamp(0, w - 1)
    x = x[torch.arange(n, device=device)[:, None, None], :, rows[:, :, None], columns[:, None, :]].movedim(-1, 1)
    cx, cy = draw(0.0, float(w), 1e6)[:, 0, 0], draw(0.0, float(h), 1e6)[:, 0, 0]
    off_x = (torch.arange(w, device=device)[None] - cx).abs() < h / 4
    off_y = (torch.arange(h, device=device)[None] - cy).abs() < h / 4
    hole = (off_y[:, :, None] & off_x[:, None, :])[:, None]
    return torch.where(hole, torch.full_like(x, 0.5), x)


def spoil_reals(pictures: Tensor, rng: torch.Generator) -> Tensor:
    """Return real pictures as the seed's recipe changes them: flip, crop of 0.9 to 1, brightness, blur. Not the fakes."""
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
