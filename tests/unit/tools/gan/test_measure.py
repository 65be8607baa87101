"""The measures: best for the same pictures, worse for others, and each null says what nothing would have scored."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

from phosphene.tools.gan.measure import colours, features, fid, kid, measure, precision_recall


def stripes(n: int, seed: int, hue: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    x = np.arange(64)[None, None, :, None]
    waves = 0.5 + 0.5 * np.sin(x * rng.uniform(0.2, 0.9, (n, 1, 1, 1)) + rng.uniform(0, 6, (n, 1, 1, 1)))
    colour = np.roll(np.array([1.0, 0.4, 0.1]), hue)
    return (255 * waves * colour * np.ones((1, 36, 1, 1))).astype(np.uint8)


def test_the_same_distribution_scores_better_than_another():
    train, alike, other = features(stripes(60, 0)), features(stripes(60, 1)), features(stripes(60, 2, hue=1))
    assert train.shape == (60, 256)
    assert np.square(train).mean() == pytest.approx(1.0, rel=1e-3)
    assert abs(kid(train, alike)[0]) < 0.2 * kid(train, other)[0]
    assert fid(train, alike) < fid(train, other)
    assert fid(train, train) == pytest.approx(0.0, abs=1e-3)
    near, far = precision_recall(train, alike), precision_recall(train, other)
    assert min(near) > 0.6
    assert max(far) < min(near)


def test_one_picture_over_and_over_is_precise_and_recalls_nothing():
    train = features(stripes(40, 0))
    precision, recall = precision_recall(train, np.repeat(train[:1], 40, axis=0))
    assert precision == 1.0
    assert recall < 0.2


def test_black_pixels_are_counted():
    half = np.full((2, 20, 20, 3), 120, np.uint8)
    half[:, :, :10] = 0
    found = colours(half)
    assert found["black"] == pytest.approx(0.5)
    assert found["chroma"] < 0.01


def test_every_number_has_its_null_beside_it():
    found = measure(stripes(40, 1), stripes(40, 0), stripes(10, 5))
    assert {"kid", "kid_real", "fid", "fid_real", "nearest_train", "nearest_train_held_out", "black_real"} <= found.keys()
    assert all(np.isfinite(v) for v in found.values())


def test_a_path_is_longer_where_the_picture_follows_the_latent_more():
    import torch

    from phosphene.tools.gan.measure import path_length
    from phosphene.tools.gan.networks import unit

    rng = torch.Generator().manual_seed(0)
    ends = {"z": unit(torch.randn(24, 8, 2, 2, generator=rng)), "style": unit(torch.randn(24, 3, generator=rng))[:, None]}

    def painter(strength: float, name: str):
        def paint(inputs):
            colour = (128 + strength * inputs[name].flatten(1)[:, :3]).clamp(0, 255).byte().numpy()
            return np.broadcast_to(colour[:, None, None], (len(colour), 16, 16, 3))

        return paint

    calm, lively, styled = (path_length(painter(*each), ends) for each in ((20.0, "z"), (60.0, "z"), (60.0, "style")))
    assert lively > 1.5 * calm > 0.0
    assert styled > 1.5 * calm, "the style is drawn too, and moves"
    assert path_length(painter(0.0, "z"), ends) == 0.0
