"""torch's OKLab is the engine's, and its gradients are fit for training."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from phosphene.engine.models import colour
from phosphene.tools.guides.oklab import oklab


def test_agrees_with_the_engine():
    corners = np.array([(r, g, b) for r in (0, 1 / 255, 1) for g in (0, 1) for b in (0, 1)])
    rgb = np.concatenate([np.random.default_rng(1).random((500, 3)), corners])
    ours = oklab(torch.tensor(rgb, dtype=torch.float32))
    assert np.abs(ours.numpy() - colour.oklab(rgb)).max() < 1e-5


def test_channel_first_pictures_keep_their_shape():
    pictures = torch.rand(2, 3, 5, 7)
    lab = oklab(pictures)
    assert lab.shape == pictures.shape
    assert np.abs(lab[1, :, 2, 3].numpy() - colour.oklab(pictures[1, :, 2, 3].numpy())).max() < 1e-5


@pytest.mark.parametrize("level", [0.0, 1e-8, 0.5, 1.0])
def test_gradients_are_finite_and_there(level):
    rgb = torch.full((1, 3, 2, 2), level, requires_grad=True)
    oklab(rgb)[:, 0].sum().backward()
    assert torch.isfinite(rgb.grad).all()
    assert (rgb.grad.abs() > 1e-3).all()
    assert (rgb.grad.abs() < 3).all()


def test_gradients_are_the_slope_away_from_black():
    rgb = torch.rand(1, 3, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(2)) * 0.9 + 0.05
    assert torch.autograd.gradcheck(lambda x: oklab(x).sum((2, 3)), rgb.requires_grad_())
