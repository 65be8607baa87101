"""Quantisers: what stands between encoder and decoder. Each turns vectors into one of `codes` codes and back.

Called by `network`. All of them answer `forward(z) -> Quantised`, `embed(codes)`, and know how to begin from data and how to
revive codes that nothing uses; a codebook that is kept by moving averages changes in `learn`, after the optimiser's step.

Sources: VQ and its moving averages (van den Oord 2017, app. A.1); k-means start and restart below a threshold (Jukebox,
Dhariwal 2020); rotation trick (Fifty 2024, eq. 4); codes of few dimensions on the sphere (ViT-VQGAN, Yu 2022); finite scalar
quantisation (Mentzer 2023).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from phosphene.engine.core.errors import UserError

_EPS = 1e-5
_RESTART_NOISE = 0.02  # of a vector's RMS: two codes that revive on one vector must part


@dataclass(frozen=True)
class Quantised:
    """z: what the decoder gets, [n, dim, h, w], with a gradient to the encoder. codes: int64 [n, h, w], None where there are
    none. commitment: the loss that keeps the encoder near its codes, which beta weighs. pull: the loss that moves the codes
    to their vectors, 0 where averages do that. vectors: what was quantised, [n*h*w, d], without a gradient.
    """

    z: Tensor
    codes: Tensor | None
    commitment: Tensor
    pull: Tensor
    vectors: Tensor


def straight_through(z: Tensor, q: Tensor) -> Tensor:
    """Return `q` with the gradient of `z`."""
    return z + (q - z).detach()


def rotated(z: Tensor, q: Tensor) -> Tensor:
    """Return `q` as the rotation and scaling of `z` that leads there, both [n, d]: the gradient is turned and scaled alike.

    Unlike straight through, a gradient keeps its angle to the code when it is carried back to the vector.
    """
    with torch.no_grad():
        long, short = q.norm(dim=1, keepdim=True), z.norm(dim=1, keepdim=True).clamp_min(1e-6)
        to, at = q / long.clamp_min(1e-6), z / short
        middle = functional.normalize(at + to, dim=1)
        scale = long / short
    # R z = z - 2 r r^T z + 2 q^ z^T z: two reflections, without a matrix.
    turned = z - 2 * (z * middle).sum(1, keepdim=True) * middle + 2 * (z * at).sum(1, keepdim=True) * to
    return scale * turned


def kmeans(vectors: Tensor, count: int, generator: torch.Generator, rounds: int = 12) -> Tensor:
    """Return `count` centres of `vectors` [n, d]: k-means++ draws, then Lloyd's rounds; an empty cluster takes the vector
    that is farthest from its centre."""
    first = int(torch.randint(len(vectors), (1,), generator=generator))
    centres = [vectors[first]]
    nearest = (vectors - centres[0]).square().sum(1)
    for _ in range(count - 1):
        weights = nearest.double() + 1e-12
        pick = int(torch.multinomial(weights, 1, generator=generator))
        centres.append(vectors[pick])
        nearest = torch.minimum(nearest, (vectors - vectors[pick]).square().sum(1))
    found = torch.stack(centres)
    for _ in range(rounds):
        distance, code = distances(vectors, found).min(1)
        sums = torch.zeros_like(found).index_add_(0, code, vectors)
        sizes = torch.bincount(code, minlength=count)
        found = torch.where(sizes[:, None] > 0, sums / sizes[:, None].clamp_min(1), found)
        empty = torch.nonzero(sizes == 0)[:, 0]
        if len(empty):
            far = distance.topk(min(len(empty), len(vectors))).indices
            found[empty] = vectors[far[torch.arange(len(empty)) % len(far)]]  # fewer vectors than codes serve twice
    return found


def distances(vectors: Tensor, centres: Tensor) -> Tensor:
    """Return squared distances [n, k]."""
    return vectors.square().sum(1, keepdim=True) - 2 * vectors @ centres.T + centres.square().sum(1)


def flat(z: Tensor) -> Tensor:
    """Return [n, d, h, w] as [n*h*w, d]."""
    return z.permute(0, 2, 3, 1).reshape(-1, z.shape[1])


class Codebook(nn.Module):
    """Vector quantisation.

    learning: "ema" (moving averages, `decay`) or "gradient" (a loss pulls codes to their vectors). gradient: "straight" or
    "rotation". inner: dimensions in which codes are compared, 0: all of `dim`; with `cosine` on the unit sphere. restart:
    codes whose average use falls below so many vectors a batch are put on vectors of the batch; 0: never. even: weight of
    the entropy of the mean soft choice, which spreads vectors over all codes (as in LFQ, Yu 2024).
    """

    def __init__(
        self,
        codes: int,
        dim: int,
        generator: torch.Generator,
        *,
        learning: str = "ema",
        gradient: str = "straight",
        decay: float = 0.99,
        inner: int = 0,
        cosine: bool = False,
        restart: float = 1.0,
        even: float = 0.0,
    ) -> None:
        super().__init__()
        self.codes, self.learning, self.gradient = codes, learning, gradient
        self.decay, self.cosine, self.restart, self.even = decay, cosine, restart, even
        d = inner or dim
        self.reduce = nn.Conv2d(dim, d, 1) if inner else nn.Identity()
        self.expand = nn.Conv2d(d, dim, 1) if inner else nn.Identity()
        vectors = (torch.rand(codes, d, generator=generator) * 2 - 1) / codes
        if cosine:
            vectors = functional.normalize(vectors, dim=1)
        self.vectors = nn.Parameter(vectors, requires_grad=learning == "gradient")
        self.register_buffer("count", torch.ones(codes))
        self.register_buffer("total", vectors.detach().clone())

    def forward(self, z: Tensor) -> Quantised:
        n, _, h, w = z.shape
        x = flat(self.reduce(z))
        if self.cosine:
            x = functional.normalize(x, dim=1)
        with torch.no_grad():
            code = distances(x, self.vectors).argmin(1)
        q = self.vectors[code]
        commitment = functional.mse_loss(x, q.detach())
        pull = functional.mse_loss(q, x.detach()) if self.learning == "gradient" else z.new_zeros(())
        if self.even and self.training:
            # Its value is taken off: it steers, and is no part of the objective.
            steer = self.even * self._unevenness(x)
            pull = pull + steer - steer.detach()
        q = q.detach()
        out = rotated(x, q) if self.gradient == "rotation" else straight_through(x, q)
        grid = out.reshape(n, h, w, -1).permute(0, 3, 1, 2)
        return Quantised(self.expand(grid), code.reshape(n, h, w), commitment, pull, x.detach())

    def _unevenness(self, x: Tensor) -> Tensor:
        """Return by how many nats the entropy of the mean soft choice falls short of that of even use."""
        far = distances(x, self.vectors.detach())
        soft = torch.softmax(-far / far.detach().min(1).values.mean().clamp_min(1e-6), dim=1).mean(0)
        return math.log(self.codes) + (soft * torch.log(soft + 1e-9)).sum()

    def embed(self, codes: Tensor) -> Tensor:
        """Return what the decoder gets for `codes` [n, h, w]: [n, dim, h, w]."""
        return self.expand(self.vectors[codes].permute(0, 3, 1, 2))

    @torch.no_grad()
    def begin(self, vectors: Tensor, generator: torch.Generator) -> None:
        """Put the codes on the k-means centres of `vectors` [n, d]."""
        self._set(kmeans(vectors, self.codes, generator))
        code = distances(vectors, self.vectors).argmin(1)
        # As if the averages had run for ever on these vectors, in batches of 2,048.
        share = torch.bincount(code, minlength=self.codes) / len(vectors)
        self.count.copy_((share * 2048).clamp_min(max(1.0, self.restart)))
        self.total.copy_(self.vectors * self.count[:, None])

    @torch.no_grad()
    def learn(self, quantised: Quantised, generator: torch.Generator) -> int:
        """Update averages after a step, restart what is dead; return how many codes were restarted."""
        x = quantised.vectors
        assert quantised.codes is not None, "a codebook always has codes"
        code = quantised.codes.reshape(-1)
        used = torch.bincount(code, minlength=self.codes).to(x)
        self.count.mul_(self.decay).add_(used, alpha=1 - self.decay)
        if self.learning == "ema":
            self.total.mul_(self.decay).add_(torch.zeros_like(self.total).index_add_(0, code, x), alpha=1 - self.decay)
            whole = self.count.sum()
            smooth = (self.count + _EPS) / (whole + self.codes * _EPS) * whole  # Laplace: no division by zero
            self.vectors.copy_(self.total / smooth[:, None])
            if self.cosine:
                self.vectors.copy_(functional.normalize(self.vectors, dim=1))
        return self.revive(x, generator) if self.restart else 0

    @torch.no_grad()
    def revive(self, x: Tensor, generator: torch.Generator) -> int:
        """Put codes that fell below the threshold on vectors drawn from `x`; return how many."""
        dead = torch.nonzero(self.count < self.restart)[:, 0]
        if len(dead):
            pick = torch.randint(len(x), (len(dead),), generator=generator)
            noise = torch.randn(x[pick].shape, generator=generator) * x.square().mean().sqrt() * _RESTART_NOISE
            fresh = x[pick] + noise
            self.vectors[dead] = functional.normalize(fresh, dim=1) if self.cosine else fresh
            self.count[dead] = 2 * self.restart  # 69 batches at 0.99 until it is judged again
            self.total[dead] = self.vectors[dead] * self.count[dead][:, None]
        return len(dead)

    @torch.no_grad()
    def _set(self, vectors: Tensor) -> None:
        self.vectors.copy_(functional.normalize(vectors, dim=1) if self.cosine else vectors)


class Scalar(nn.Module):
    """Finite scalar quantisation: a vector is squeezed to a few numbers, each rounded to one of its levels. No codebook, no
    loss, nothing that can die."""

    def __init__(self, levels: tuple[int, ...], dim: int) -> None:
        super().__init__()
        if not levels or any(level < 2 for level in levels):
            raise UserError("levels of FSQ", allowed="two or more in each dimension", got=levels)
        self.levels, self.codes = levels, math.prod(levels)
        self.reduce = nn.Conv2d(dim, len(levels), 1)
        self.expand = nn.Conv2d(len(levels), dim, 1)
        table = torch.tensor(levels)
        self.register_buffer("_half", (table - 1) * (1 - 1e-3) / 2, persistent=False)
        self.register_buffer("_offset", torch.where(table % 2 == 0, 0.5, 0.0), persistent=False)
        self.register_buffer("_span", table // 2, persistent=False)
        self.register_buffer("_basis", torch.tensor([math.prod(levels[:i]) for i in range(len(levels))]), persistent=False)

    def forward(self, z: Tensor) -> Quantised:
        n, _, h, w = z.shape
        x = flat(self.reduce(z))
        bounded = (x + torch.atanh(self._offset / self._half)).tanh() * self._half - self._offset
        whole = straight_through(bounded, bounded.detach().round())
        with torch.no_grad():
            code = ((whole.detach() + self._span).round().long() * self._basis).sum(1)
        grid = (whole / self._span).reshape(n, h, w, -1).permute(0, 3, 1, 2)
        return Quantised(self.expand(grid), code.reshape(n, h, w), z.new_zeros(()), z.new_zeros(()), x.detach())

    def embed(self, codes: Tensor) -> Tensor:
        """Return what the decoder gets for `codes` [n, h, w]: [n, dim, h, w]."""
        digits = codes[..., None] // self._basis % torch.tensor(self.levels) - self._span
        return self.expand((digits / self._span).permute(0, 3, 1, 2))

    def begin(self, vectors: Tensor, generator: torch.Generator) -> None:
        """Nothing begins from data."""

    def learn(self, quantised: Quantised, generator: torch.Generator) -> int:
        """Nothing learns but by gradient."""
        return 0


class Gaussian(nn.Module):
    """No quantiser but that of a plain VAE: noise of a learned size, held by a KL term. `commitment` is that term."""

    codes = 0

    def __init__(self, dim: int, weight: float = 4e-4) -> None:
        super().__init__()
        self.weight = weight
        self.spread = nn.Conv2d(dim, dim, 1)

    def forward(self, z: Tensor) -> Quantised:
        spread = self.spread(z).clamp(-12.0, 8.0)
        sample = z
        if self.training:
            sample = z + torch.exp(0.5 * spread) * torch.randn_like(z)
        divergence = 0.5 * (z.square() + spread.exp() - spread - 1).mean() * self.weight * z.shape[1]
        return Quantised(sample, None, divergence, z.new_zeros(()), flat(z).detach())

    def begin(self, vectors: Tensor, generator: torch.Generator) -> None:
        """Nothing begins from data."""

    def learn(self, quantised: Quantised, generator: torch.Generator) -> int:
        """Nothing learns but by gradient."""
        return 0


Quantiser = Codebook | Scalar | Gaussian
