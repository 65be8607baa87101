"""What pictures go through before the discriminator sees them. DiffAugment (Zhao et al. 2020): the same for real and fake,
differentiable, so that a judge of few pictures does not learn them by heart and the generator does not learn the changes.

Called by `trainer`; randomness from the generator it is given, on the CPU, so that a run repeats.
"""

from __future__ import annotations

import torch
from torch import Tensor


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
