"""Quantisers: gradients, moving averages, restarts, rotation, levels, each against a plain computation."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional

from phosphene.engine.core.errors import UserError
from phosphene.tools.lab.plain_vqvae import Rescued
from phosphene.tools.vqvae.quantisers import (
    Codebook,
    Gaussian,
    Scalar,
    distances,
    kmeans,
    rotated,
    straight_through,
)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def grid(seed: int, n: int = 4, dim: int = 6, side: int = 5) -> torch.Tensor:
    return torch.randn(n, dim, side, side, generator=generator(seed))


def exile(book: Codebook, count: int) -> None:
    """Put the first codes, and their averages, where no vector is near."""
    with torch.no_grad():
        book.vectors[:count] += 100.0
        book.total.copy_(book.vectors * book.count[:, None])


def test_straight_through_gives_the_code_and_the_vectors_gradient() -> None:
    z = grid(1).requires_grad_()
    book = Codebook(16, 6, generator())
    book.begin(grid(2).permute(0, 2, 3, 1).reshape(-1, 6), generator())
    found = book(z)
    nearest = distances(z.detach().permute(0, 2, 3, 1).reshape(-1, 6), book.vectors).argmin(1)
    assert torch.equal(found.codes.reshape(-1), nearest)
    assert torch.allclose(found.z, book.embed(found.codes), atol=1e-6)
    weights = torch.randn(found.z.shape, generator=generator(3))
    (found.z * weights).sum().backward()
    assert torch.allclose(z.grad, weights), "the gradient passes as it came"


def test_commitment_is_the_mean_square_to_the_code_and_pulls_the_encoder_alone() -> None:
    z = grid(1).requires_grad_()
    book = Codebook(16, 6, generator())
    found = book(z)
    expected = (z.detach() - book.embed(found.codes)).square().mean()
    assert found.commitment.item() == pytest.approx(expected.item(), rel=1e-5)
    found.commitment.backward()
    assert z.grad.abs().sum() > 0
    assert not book.vectors.requires_grad
    assert found.pull.item() == 0.0


def test_a_codebook_that_learns_by_gradient_is_pulled_to_its_vectors() -> None:
    book = Codebook(4, 6, generator(), learning="gradient", restart=0.0)
    z = grid(1)
    found = book(z)
    found.pull.backward()
    used = int(found.codes[0, 0, 0])
    mine = z.permute(0, 2, 3, 1).reshape(-1, 6)[found.codes.reshape(-1) == used]
    downhill = -book.vectors.grad[used]
    assert torch.dot(downhill, mine.mean(0) - book.vectors[used]).item() > 0


def test_moving_averages_are_those_of_a_plain_computation() -> None:
    book = Codebook(5, 3, generator(), decay=0.9, restart=0.0)
    count, total = [1.0] * 5, book.vectors.clone()
    for k in range(4):
        found = book(grid(k, dim=3))
        vectors, codes = found.vectors, found.codes.reshape(-1)
        for code in range(5):
            own = vectors[codes == code]
            count[code] = 0.9 * count[code] + 0.1 * len(own)
            total[code] = 0.9 * total[code] + 0.1 * own.sum(0)
        book.learn(found, generator(k))
    whole = sum(count)
    for code in range(5):
        smooth = (count[code] + 1e-5) / (whole + 5e-5) * whole
        assert torch.allclose(book.vectors[code], total[code] / smooth, atol=1e-5)
        assert book.count[code].item() == pytest.approx(count[code], rel=1e-5)


def test_restart_revives_dead_codes_on_data() -> None:
    book = Codebook(32, 6, generator(), restart=1.0)
    exile(book, 31)
    assert len(book(grid(1)).codes.unique()) == 1
    revived = sum(book.learn(book(grid(k, n=16)), generator(k)) for k in range(40))
    assert revived >= 31
    used = book(grid(99, n=16)).codes.unique()
    assert len(used) >= 28, "nearly all of 32 are in use again"
    assert book.vectors.abs().max() < 10, "none is left where there is no data"


def test_without_restart_dead_codes_stay_dead() -> None:
    book = Codebook(32, 6, generator(), restart=0.0)
    exile(book, 31)
    for k in range(40):
        assert book.learn(book(grid(k)), generator(k)) == 0
    assert len(book(grid(99)).codes.unique()) == 1


def test_the_plain_rescue_needs_a_thousand_unused_steps() -> None:
    book = Rescued(8, 6, generator(), restart=1e-6)
    exile(book, 7)
    early = sum(book.learn(book(grid(k)), generator(k)) for k in range(60))
    assert early == 0
    book.count[:7] = 1e-7  # as after 1,600 steps at 0.99
    assert sum(book.learn(book(grid(k)), generator(k)) for k in range(60)) >= 7


def test_rotation_leads_to_the_code_and_keeps_norms_and_angles() -> None:
    z = torch.randn(50, 8, generator=generator(1)).requires_grad_()
    q = torch.randn(50, 8, generator=generator(2)) * 3
    out = rotated(z, q)
    assert torch.allclose(out, q, atol=1e-4)
    upstream = torch.randn(50, 8, generator=generator(3))
    out.backward(upstream)
    scale = (q.norm(dim=1) / z.detach().norm(dim=1))[:, None]
    back = z.grad / scale
    assert torch.allclose(back.norm(dim=1), upstream.norm(dim=1), rtol=1e-4), "a rotation keeps the norm"
    angle_there = functional.cosine_similarity(upstream, q)
    angle_here = functional.cosine_similarity(back, z.detach())
    assert torch.allclose(angle_here, angle_there, atol=1e-4), "and the angle to the vector is the one to the code"
    plain = straight_through(z, q)
    assert not torch.allclose(torch.autograd.grad(plain, z, upstream)[0], z.grad)


def test_kmeans_finds_separate_clusters_and_fills_every_code() -> None:
    centres = torch.eye(6) * 10
    points = (centres[:, None] + 0.1 * torch.randn(6, 40, 6, generator=generator(1))).reshape(-1, 6)
    found = kmeans(points, 6, generator(2))
    assert distances(centres, found).min(1).values.max() < 0.1
    assert len(distances(points, kmeans(points, 64, generator(3))).argmin(1).unique()) == 64


def test_cosine_codes_lie_on_the_sphere_and_stay_there() -> None:
    book = Codebook(16, 6, generator(), inner=3, cosine=True, restart=1.0)
    for k in range(5):
        found = book(grid(k))
        book.learn(found, generator(k))
        assert torch.allclose(book.vectors.norm(dim=1), torch.ones(16), atol=1e-5)
        assert torch.allclose(found.vectors.norm(dim=1), torch.ones(len(found.vectors)), atol=1e-5)
    assert book(grid(9)).z.shape == (4, 6, 5, 5)


@pytest.mark.parametrize("levels", [(8, 4, 4), (5, 5, 5), (4, 4)])
def test_fsq_has_as_many_codes_as_its_levels_give_and_reads_them_back(levels: tuple[int, ...]) -> None:
    scalar = Scalar(levels, 6)
    assert scalar.codes == math.prod(levels)
    with torch.no_grad():
        scalar.reduce.weight.copy_(2 * torch.eye(len(levels), 6)[..., None, None])  # so that every level is reached
        scalar.reduce.bias.zero_()
    found = scalar(grid(1, n=256, side=12))
    assert found.codes.min() >= 0
    assert len(found.codes.unique()) == scalar.codes, "every code can be reached, none is beyond"
    assert found.codes.max() < scalar.codes
    assert torch.allclose(scalar.embed(found.codes), found.z, atol=1e-5)


def test_fsq_lets_a_gradient_through() -> None:
    z = grid(1).requires_grad_()
    Scalar((8, 4, 4), 6)(z).z.sum().backward()
    assert z.grad.abs().sum() > 0
    with pytest.raises(UserError, match="levels"):
        Scalar((8, 1), 6)


def test_the_even_term_spreads_vectors_and_is_no_part_of_the_loss() -> None:
    z = (grid(1) * 0.01 + 1.0).requires_grad_()  # all in one spot, among codes all around
    book = Codebook(16, 6, generator(), even=1.0, restart=0.0).train()
    book.begin(grid(2, n=8).permute(0, 2, 3, 1).reshape(-1, 6), generator())
    found = book(z)
    assert found.pull.item() == 0.0
    before = book._unevenness(found.vectors).item()
    found.pull.backward()
    moved = z.detach() - 50.0 * z.grad
    assert book._unevenness(book(moved).vectors).item() < before
    book.eval()
    assert not book(z).pull.requires_grad


def test_a_gaussian_is_noisy_in_training_only() -> None:
    bottleneck, z = Gaussian(6), grid(1)
    assert not torch.equal(bottleneck(z).z, z)
    assert bottleneck(z).codes is None
    bottleneck.eval()
    assert torch.equal(bottleneck(z).z, z)


def test_the_same_seed_gives_the_same_codebook() -> None:
    def trained() -> torch.Tensor:
        book = Codebook(16, 6, generator(5))
        for k in range(5):
            book.learn(book(grid(k)), generator(k))
        return book.vectors

    assert torch.equal(trained(), trained())
