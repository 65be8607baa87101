"""What a reconstruction and a use of codes are worth, over a whole set: PSNR, SSIM, edges, perplexity.

Called by the trainer at each evaluation and by reports. Values are sums over pictures, so that batches of unequal size weigh
what they should. Sources: SSIM, Wang et al. 2004 (Gaussian window of 11, sigma 1.5); edges: Sobel.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

_EDGE = 0.25  # gradient of the Sobel operator, of a step from 0 to 1 that is 1: above it is an edge
_NEAR = 1  # px by which an edge may be displaced and still be found


def psnr(a: Tensor, b: Tensor) -> Tensor:
    """Return dB of each picture [n, c, h, w] in 0..1; identical ones 100."""
    error = (a - b).square().flatten(1).mean(1)
    return -10 * torch.log10(error.clamp_min(1e-10))


def ssim(a: Tensor, b: Tensor) -> Tensor:
    """Return the mean structural similarity of each picture, -1..1."""
    side = min(11, a.shape[2], a.shape[3])
    at = torch.arange(side, dtype=a.dtype) - (side - 1) / 2
    line = torch.exp(-at.square() / (2 * 1.5**2))
    line = line / line.sum()
    c = a.shape[1]
    across, down = line.reshape(1, 1, 1, -1).repeat(c, 1, 1, 1), line.reshape(1, 1, -1, 1).repeat(c, 1, 1, 1)

    def blurred(x: Tensor) -> Tensor:
        return functional.conv2d(functional.conv2d(x, across, groups=c), down, groups=c)

    ma, mb = blurred(a), blurred(b)
    va, vb, ab = blurred(a * a) - ma * ma, blurred(b * b) - mb * mb, blurred(a * b) - ma * mb
    c1, c2 = 0.01**2, 0.03**2
    found = (2 * ma * mb + c1) * (2 * ab + c2) / ((ma * ma + mb * mb + c1) * (va + vb + c2))
    return found.flatten(1).mean(1)


def edges(x: Tensor) -> Tensor:
    """Return bool [n, 1, h, w]: where the gray picture steps."""
    gray = x.mean(1, keepdim=True)
    sobel = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]]) / 4
    kernel = torch.stack([sobel, sobel.T])[:, None]
    found = functional.conv2d(functional.pad(gray, (1, 1, 1, 1), mode="replicate"), kernel)
    return found.square().sum(1, keepdim=True).sqrt() > _EDGE


def edge_counts(made: Tensor, real: Tensor) -> Tensor:
    """Return int64 [4]: edges made that are right, edges made, edges real that were found, edges real."""
    a, b = edges(made), edges(real)

    def wide(x: Tensor) -> Tensor:
        return functional.max_pool2d(x.float(), 2 * _NEAR + 1, 1, _NEAR) > 0

    return torch.stack([(a & wide(b)).sum(), a.sum(), (b & wide(a)).sum(), b.sum()])


def perplexity(counts: np.ndarray) -> float:
    """Return 2^H of the shares of `counts`; 0 where nothing was counted."""
    total = float(counts.sum())
    if not total:
        return 0.0
    share = counts[counts > 0] / total
    return float(np.exp2(-(share * np.log2(share)).sum()))


def floor_of(pictures: Tensor) -> Tensor:
    """Return the mean binary cross-entropy that a perfect copy of each picture has: gray pixels cost even when right."""
    p = pictures.clamp(1e-7, 1 - 1e-7)
    return functional.binary_cross_entropy(p, p, reduction="none").flatten(1).mean(1)


@dataclass
class Totals:
    """Sums over a set. counts: of each code, over all of it."""

    codes: int
    pictures: int = 0
    sums: dict[str, float] = field(default_factory=dict)
    counts: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    edges: np.ndarray = field(default_factory=lambda: np.zeros(4, np.int64))

    def add(self, real: Tensor, logits: Tensor, commitment: Tensor, codes: Tensor | None) -> None:
        """Count a batch. real: in 0..1. commitment: the batch's mean."""
        n = len(real)
        made = logits.sigmoid()
        each = {
            "bce": functional.binary_cross_entropy_with_logits(logits, real, reduction="none").flatten(1).mean(1),
            "floor": floor_of(real), "mse": (made - real).square().flatten(1).mean(1), "psnr": psnr(made, real),
            "ssim": ssim(made, real), "commitment": commitment.expand(n),
        }  # fmt: skip
        for name, values in each.items():
            self.sums[name] = self.sums.get(name, 0.0) + float(values.double().sum())
        self.pictures += n
        self.edges = self.edges + edge_counts(made, real).numpy()
        if codes is not None:
            found = torch.bincount(codes.reshape(-1), minlength=self.codes).numpy()
            self.counts = found if not len(self.counts) else self.counts + found

    def scores(self, beta: float) -> dict[str, float]:
        """Return the means, the objective bce + beta x commitment, edge F1, perplexity and used codes of the whole set."""
        if not self.pictures:
            return {}
        found = {name: value / self.pictures for name, value in self.sums.items()}
        found["objective"] = found["bce"] + beta * found["commitment"]
        right, made, hit, real = (int(v) for v in self.edges)
        precision, recall = right / made if made else float(not real), hit / real if real else 1.0
        found["edge_f1"] = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
        if len(self.counts):
            found["perplexity"], found["used"] = perplexity(self.counts), float((self.counts > 0).sum())
        return {name: value if math.isfinite(value) else math.inf for name, value in found.items()}
