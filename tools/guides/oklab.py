"""sRGB to OKLab in torch, with gradients that stay finite from black to white.

Guides and terms of the trainer call it for every step. The numbers are those of `engine.models.colour`, which it never
replaces: the engine does not import torch.
"""

from __future__ import annotations

import torch

from phosphene.engine.models import colour

_TO_LMS = torch.tensor(colour.TO_LMS, dtype=torch.float64)
_TO_LAB = torch.tensor(colour.TO_LAB, dtype=torch.float64)

# A cube root is infinitely steep at 0: below this linear light (sRGB 3/255) its slope is held. Holding the slope, not
# bending the curve: a curve bent enough to be harmless (slope < 3 per sRGB) would be off by 0.04 in L near black.
_STEEPEST_AT = 1e-3


def srgb_to_linear(rgb: torch.Tensor) -> torch.Tensor:
    """Return linear light of sRGB, any shape and float dtype; 0..1 to 0..1, finite outside too."""
    high = ((rgb.clamp_min(0.04045) + 0.055) / 1.055) ** 2.4
    return torch.where(rgb <= 0.04045, rgb / 12.92, high)


def oklab(pictures: torch.Tensor, channel: int = 1) -> torch.Tensor:
    """Return OKLab (Ottosson, 2020) of sRGB 0..1, in the same shape: L 0..1, a and b about -0.3..0.3.

    pictures: float [..., 3, ...] with the three colours along dimension `channel`. Values are those of
    `engine.models.colour.oklab` within 1e-5 (float32). Differentiable once; no slope of L is larger than 3 per sRGB unit.
    """
    linear = srgb_to_linear(pictures).movedim(channel, -1)
    lms = linear @ _TO_LMS.to(linear).T
    held = lms.detach()
    root = held.sign() * held.abs() ** (1 / 3)
    slope = held.abs().clamp_min(_STEEPEST_AT) ** (-2 / 3) / 3
    # Straight through: the value of the root, the slope that was held.
    return ((root + (lms - held) * slope) @ _TO_LAB.to(linear).T).movedim(-1, channel)
