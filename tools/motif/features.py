"""What the image tower of `motif` is given to see: oriented energies at four scales, their patterns, colours, symmetry.

Called by `tools.motif.model`. Nothing here is learned, and everything is smooth and differentiable, so that a picture can be
pulled by its gradient. After the scattering transform (Mallat 2012, Bruna & Mallat 2013): filter, modulus, filter, modulus,
average. Given these, a thousand steps teach a small network more about patterns than a convolutional one learns
in as many: 0.72 against 0.16 of 34 families.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SCALES = 4
_GRID = 4  # where in the picture: averages over 4 x 4 fields
_FLOOR = 2e-3  # energies below this are silence: keeps the logarithm's slope below 500 and flat pictures finite


@dataclass(frozen=True)
class Sight:
    """How finely it sees. orientations: of the filters; size: of a filter, px, odd; wave: px a period; colours: anchors per
    axis of the colour cube; shift: of these anchors, in steps."""

    orientations: int = 8
    size: int = 7
    wave: float = 4.0
    colours: int = 5
    shift: float = 0.0


class Features(nn.Module):
    """Pictures float32 [n, 3, 64, 64] in 0..1 -> numbers [n, count], standardised by what training pictures had."""

    def __init__(self, sight: Sight) -> None:
        super().__init__()
        self.sight = sight
        self.register_buffer("filters", _filters(sight), persistent=False)
        self.register_buffer("anchors", _anchors(sight), persistent=False)
        # Luminance and two opponent colours: an edge between red and green of one brightness is an edge.
        opponents = torch.tensor([[0.30, 0.59, 0.11], [0.70, -0.70, 0.0], [0.35, 0.35, -0.70]])
        self.register_buffer("opponents", opponents, persistent=False)
        with torch.no_grad():
            self.count = self.raw(torch.zeros(1, 3, 64, 64)).shape[1]
        self.register_buffer("centre", torch.zeros(self.count))
        self.register_buffer("spread", torch.ones(self.count))

    def forward(self, pictures: Tensor) -> Tensor:
        """Return float32 [n, count], mean 0 and deviation 1 over the training pictures."""
        return self.standardise(self.raw(pictures))

    def standardise(self, raw: Tensor) -> Tensor:
        """Return what `raw` gave as `forward` gives it; what is stranger than 6 deviations bends towards 8."""
        z = (raw - self.centre) / self.spread
        return 8.0 * torch.tanh(z / 8.0)

    def raw(self, pictures: Tensor) -> Tensor:
        """Return float32 [n, count] before standardising."""
        return torch.cat((self._patterns(pictures), self._colours(pictures), _symmetries(pictures)), 1)

    def _patterns(self, pictures: Tensor) -> Tensor:
        x = torch.einsum("nchw,dc->ndhw", pictures, self.opponents)
        found = []
        for scale in range(SCALES):
            if scale:
                x = F.avg_pool2d(x, 2)
            energy = self._energy(x[:, :1] if scale == 0 else x)  # colour is not seen finely, by eyes either
            mean = energy.mean((2, 3))
            found.append((mean + _FLOOR).log())
            # The root of the mean square against the mean: how much of it is in one place.
            found.append(((energy.square().mean((2, 3)) + _FLOOR**2).sqrt() / (mean + _FLOOR)).log())
            found.append((F.adaptive_avg_pool2d(energy, _GRID) + _FLOOR).log().flatten(1))
            # Patterns of energy: 8 x 8 is the least that a filter fits in.
            while energy.shape[-1] >= 8:
                n, k, edge, _ = energy.shape
                second = self._energy(energy.reshape(n * k, 1, edge, edge)).mean((2, 3)).reshape(n, -1)
                found.append((second + 0.5 * _FLOOR).log())
                energy = F.avg_pool2d(energy, 2)
        return torch.cat(found, 1)

    def _energy(self, x: Tensor) -> Tensor:
        """Return the filters' moduli [n, orientations, h / 2, w / 2], summed over the channels of `x` [n, c, h, w]."""
        n, c, height, width = x.shape
        pad = self.sight.size // 2
        x = F.pad(x.reshape(n * c, 1, height, width), (pad, pad, pad, pad), mode="reflect" if height > pad else "replicate")
        answer = F.conv2d(x, self.filters, stride=2)
        answer = answer.reshape(n, c, self.sight.orientations, 2, *answer.shape[2:])
        return (answer.square().sum((1, 3)) + 1e-7).sqrt()

    def _colours(self, pictures: Tensor) -> Tensor:
        """Return the root of the share of each anchor, a soft histogram; and the 4 x 4 fields' mean colours."""
        small = F.avg_pool2d(pictures, 4).flatten(2).transpose(1, 2)
        fine = pictures[:, :, 1::4, 1::4].flatten(2).transpose(1, 2)  # unmixed pixels: red and blue stripes are not purple
        step = 1.0 / (self.sight.colours - 1)
        found = []
        for points in (small, fine):
            near = torch.exp(
                -(torch.cdist(points, self.anchors.expand(len(points), -1, -1)) ** 2) / (2 * (0.55 * step) ** 2)
            )
            share = near / (near.sum(2, keepdim=True) + 1e-6)
            found.append((share.mean(1) + 1e-4).sqrt())
        found.append(F.adaptive_avg_pool2d(pictures, _GRID).flatten(1))
        return torch.cat(found, 1)


def _symmetries(pictures: Tensor) -> Tensor:
    """Return the correlation [n, 5] of the picture with its mirror images and turns."""
    x = F.avg_pool2d(pictures, 4)
    x = x - x.mean((2, 3), keepdim=True)
    power = x.square().sum((1, 2, 3)) + 1e-2
    turned = (x.flip(3), x.flip(2), x.flip(2, 3), x.transpose(2, 3), x.transpose(2, 3).flip(3))
    return torch.stack([(x * other).sum((1, 2, 3)) / power for other in turned], 1)


def _filters(sight: Sight) -> Tensor:
    """Return Gabor filters [2 orientations, 1, size, size]: even and odd in turn, without answer to a constant."""
    t = torch.arange(sight.size).float() - sight.size // 2
    y, x = torch.meshgrid(t, t, indexing="ij")
    envelope = torch.exp(-(x * x + y * y) / (2 * (0.47 * sight.wave) ** 2))
    found = []
    for i in range(sight.orientations):
        angle = math.pi * i / sight.orientations
        phase = 2 * math.pi * (x * math.cos(angle) + y * math.sin(angle)) / sight.wave
        even = envelope * phase.cos()
        even = even - envelope * even.sum() / envelope.sum()
        odd = envelope * phase.sin()
        found += [even / even.abs().sum(), odd / odd.abs().sum()]
    return torch.stack(found)[:, None]


def _anchors(sight: Sight) -> Tensor:
    """Return points [colours^3, 3] of the sRGB cube."""
    steps = torch.linspace(0.0, 1.0, sight.colours) + sight.shift / (sight.colours - 1)
    return torch.cartesian_prod(steps, steps, steps)
