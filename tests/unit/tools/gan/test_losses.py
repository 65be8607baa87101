"""What the networks strive for, and what pictures go through on the way."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from phosphene.tools.gan.augment import diff_augment  # noqa: E402
from phosphene.tools.gan.losses import penalty, relativistic_judge, relativistic_maker  # noqa: E402
from phosphene.tools.lab.plain_gan import plain_maker, spoil_reals  # noqa: E402


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_penalty_is_the_squared_slope():
    x = torch.rand(4, 3, 5, 5, requires_grad=True)
    assert penalty(3.0 * x.sum((1, 2, 3)), x).item() == pytest.approx(9.0 * 75, rel=1e-5)


def test_both_sides_pull_against_each_other_and_pairs_are_what_counts():
    real, fake = torch.ones(4, 3, 2, 2), torch.zeros(4, 3, 2, 2)
    right = lambda x: 5.0 * x.mean((1, 2, 3))  # noqa: E731
    wrong = lambda x: -5.0 * x.mean((1, 2, 3))  # noqa: E731
    assert relativistic_judge(right, real, fake, 0.0)[0] < relativistic_judge(wrong, real, fake, 0.0)[0]
    assert relativistic_maker(right, real, fake) > relativistic_maker(wrong, real, fake)
    # A constant added to every verdict changes nothing: only the difference is judged.
    shifted = lambda x: right(x) + 100.0  # noqa: E731
    assert relativistic_judge(shifted, real, fake, 0.0)[0] == pytest.approx(
        relativistic_judge(right, real, fake, 0.0)[0].item(), abs=1e-4
    )


def test_both_penalties_are_in_the_loss():
    slope = lambda x: x.sum((1, 2, 3))  # noqa: E731
    real, fake = torch.rand(2, 3, 4, 4), torch.rand(2, 3, 4, 4)
    without, with_them = (relativistic_judge(slope, real, fake, gamma) for gamma in (0.0, 2.0))
    assert (with_them[0] - without[0]).item() == pytest.approx(48.0 + 48.0, rel=1e-4)
    assert {"r1", "r2"} <= with_them[1].keys()


def test_the_plain_terms_ask_for_colour():
    judge = lambda x: x.new_zeros(len(x))  # noqa: E731
    real = torch.zeros(2, 3, 4, 4)
    real[:, 0] = 1.0
    assert plain_maker(judge, real, torch.full_like(real, 1 / 3)) > plain_maker(judge, real, real) + 0.5


def test_augmentation_repeats_is_differentiable_and_off_at_zero():
    x = torch.rand(6, 3, 16, 24, requires_grad=True)
    assert diff_augment(x, 0.0, seeded()) is x
    once, again = diff_augment(x, 0.9, seeded(3)), diff_augment(x, 0.9, seeded(3))
    assert torch.equal(once, again)
    assert once.shape == x.shape
    assert (once - x).abs().mean() > 0.05
    once.square().mean().backward()
    assert torch.isfinite(x.grad).all()
    assert x.grad.abs().sum() > 0


def test_the_plain_changes_keep_range_and_size():
    x = spoil_reals(torch.rand(8, 3, 12, 20), seeded(1))
    assert x.shape == (8, 3, 12, 20)
    assert 0.0 <= x.min() <= x.max() <= 1.0
    assert np.isfinite(x.numpy()).all()
