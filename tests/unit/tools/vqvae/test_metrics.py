"""What a reconstruction is worth: each measure on pictures whose score is known, and sums over a whole set."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from phosphene.tools.vqvae.metrics import Totals, edge_counts, perplexity, psnr, ssim


def pictures(n: int = 4) -> torch.Tensor:
    return torch.rand(n, 1, 24, 24, generator=torch.Generator().manual_seed(1))


def test_perplexity_is_the_number_of_codes_that_are_used_alike() -> None:
    assert perplexity(np.array([5, 5, 5, 5, 0, 0])) == pytest.approx(4.0)
    assert perplexity(np.array([9, 0, 0])) == pytest.approx(1.0)
    assert perplexity(np.zeros(4)) == 0.0
    share = np.array([0.5, 0.25, 0.25])
    assert perplexity(share * 100) == pytest.approx(2 ** (0.5 * 1 + 0.5 * 2))


def test_perplexity_of_a_whole_set_is_not_the_mean_of_its_batches() -> None:
    totals = Totals(4)
    real = torch.full((1, 1, 16, 16), 0.5)
    for code in range(4):  # each batch uses one code alone
        totals.add(real, torch.zeros(1, 1, 16, 16), torch.zeros(()), torch.full((1, 2, 2), code))
    assert totals.scores(0.25)["perplexity"] == pytest.approx(4.0)
    assert totals.scores(0.25)["used"] == 4


def test_psnr_and_ssim() -> None:
    a = pictures()
    assert torch.allclose(ssim(a, a), torch.ones(4), atol=1e-5)
    assert psnr(a, (a + 0.1)).mean().item() == pytest.approx(20.0, abs=1e-3)
    noisy = (a + 0.3 * torch.randn(a.shape, generator=torch.Generator().manual_seed(2))).clamp(0, 1)
    assert ssim(a, noisy).max() < 0.9
    assert psnr(a, a).min() == 100.0


def test_edges_may_be_a_pixel_off_and_no_more() -> None:
    real = torch.zeros(1, 1, 20, 20)
    real[..., 10:] = 1.0
    one, five = torch.roll(real, 1, 3), torch.roll(real, 5, 3)
    one[..., 0], five[..., :5] = 0.0, 0.0
    right, made, hit, there = edge_counts(one, real).tolist()
    assert right == made > 0
    assert hit == there > 0
    assert edge_counts(five, real)[0] == 0
    assert edge_counts(real * 0.2, real)[1] == 0, "a blur has no edge"


def test_objective_weighs_pictures_not_batches_and_knows_its_floor() -> None:
    real, logits = pictures(5), torch.zeros(5, 1, 24, 24)
    totals = Totals(2)
    totals.add(real[:4], logits[:4], torch.tensor(0.1), None)
    totals.add(real[4:], logits[4:], torch.tensor(0.6), None)
    scores = totals.scores(0.25)
    assert scores["commitment"] == pytest.approx((4 * 0.1 + 0.6) / 5)
    assert scores["objective"] == pytest.approx(np.log(2) + 0.25 * scores["commitment"], rel=1e-5)
    perfect = Totals(2)
    perfect.add(real, torch.logit(real.clamp(1e-6, 1 - 1e-6)), torch.zeros(()), None)
    assert perfect.scores(0.25)["bce"] == pytest.approx(scores["floor"], rel=1e-3)
    assert "perplexity" not in scores
    black = torch.zeros(1, 1, 16, 16)
    assert functional.binary_cross_entropy(black, black).item() == 0.0


def test_nothing_measured_is_no_score() -> None:
    assert Totals(4).scores(0.25) == {}
