"""The output pass is exact at the same size, smooth when it enlarges, and never shows a number that is none."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from phosphene.engine.compositor.output_pass import OutputPass
from phosphene.engine.core.frame import Size
from phosphene.engine.gpu.shader import Passes
from phosphene.engine.gpu.texture import RenderTarget

SMALL, LARGE = Size(64, 36), Size(128, 72)
STEP = 1.0 / 255.0


def encode(linear: np.ndarray) -> np.ndarray:
    x = np.clip(linear, 0.0, 1.0)
    return np.where(x <= 0.0031308, 12.92 * x, 1.055 * np.maximum(x, 1e-9) ** (1 / 2.4) - 0.055)


@pytest.fixture
def output(gl) -> Iterator:
    passes = Passes()
    made = OutputPass(passes)
    targets: list[RenderTarget] = []

    def draw(picture: np.ndarray, size: Size, **given: float) -> np.ndarray:
        source, target = RenderTarget(SMALL), RenderTarget(size, "rgba8")
        targets.extend((source, target))
        source.upload(picture.astype(np.float32))
        made.draw(source, target, **given)
        return target.read()

    yield draw
    for each in (*targets, made, passes):
        each.close()


@pytest.fixture
def picture() -> np.ndarray:
    y, x = np.mgrid[0:36, 0:64] / 64.0
    return np.stack([x, y, 0.5 + 0.4 * np.sin(6 * x), np.ones_like(x)], axis=-1)


def test_same_size_is_srgb_within_a_step(output, picture) -> None:
    out = output(picture, SMALL)
    assert np.abs(out[..., :3] - encode(picture[..., :3])).max() <= 1.1 * STEP
    assert (out[..., 3] == 1.0).all()


def test_network_srgb_comes_back_within_a_step(output) -> None:
    srgb = np.random.default_rng(8).integers(0, 256, (36, 64, 3)) / 255.0
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    out = output(np.concatenate([linear, np.ones((36, 64, 1))], -1), SMALL)
    assert np.abs(out[..., :3] - srgb).max() <= 1.1 * STEP


@pytest.mark.parametrize("size", [LARGE, Size(100, 100), Size(40, 20)], ids=str)
def test_enlarged_gradient_stays_a_gradient(output, picture, size) -> None:
    out = output(picture, size)[..., :3]
    u, v = (np.arange(size.width) + 0.5) / size.width * 64 - 0.5, (np.arange(size.height) + 0.5) / size.height * 36 - 0.5
    expected = encode(np.clip(u, 0, 63) / 64.0)
    inner = (u > 2) & (u < 61)
    assert np.abs(out[:, inner, 0] - expected[inner]).max() < 1.6 * STEP
    rows = encode(np.clip(v, 0, 35) / 64.0)
    inside = (v > 2) & (v < 33)
    assert np.abs(out[inside, :, 1] - rows[inside, None]).max() < 1.6 * STEP


def test_catmull_rom_is_sharper_than_bilinear(output) -> None:
    edge = np.zeros((36, 64, 4))
    edge[:, 32:, :3] = 0.5
    edge[..., 3] = 1.0
    row = output(edge, LARGE)[40, :, 0]
    bilinear = np.interp((np.arange(128) + 0.5) / 2 - 0.5, np.arange(64), encode(edge[0, :, 0]))
    assert np.abs(np.diff(row)).max() > np.abs(np.diff(bilinear)).max() * 1.05


def test_dither_turns_steps_into_their_mean(output) -> None:
    """A level between two codes comes out as both, in the right share, and differently in the next frame."""
    level = (100.3 / 255.0 + 0.055) / 1.055
    flat = np.ones((36, 64, 4)) * level**2.4
    flat[..., 3] = 1.0
    first, second = (output(flat, LARGE, index=index)[..., 0] for index in (0, 1))
    codes = set(np.unique(np.round(first * 255)))
    assert codes == {100.0, 101.0}
    assert first.mean() * 255 == pytest.approx(100.3, abs=0.15)
    assert (first != second).mean() > 0.1


def test_master_and_blackout(output, picture) -> None:
    assert not output(picture, LARGE, master=0.0)[..., :3].any()
    assert not output(picture, LARGE, blackout=1.0)[..., :3].any()
    means = [output(picture, LARGE, master=m)[..., :3].mean() for m in (1.0, 0.5, 0.25)]
    assert means[0] > means[1] > means[2] > 0
    np.testing.assert_array_equal(output(picture, LARGE, blackout=0.4), output(picture, LARGE, master=0.6))


def test_what_is_no_number_is_black_and_stays_where_it_is(output, picture) -> None:
    picture[10, 10] = np.nan
    picture[20, 20, :3] = np.inf
    picture[30, 30, :3] = -1.0
    out = output(picture, SMALL)
    assert out[10, 10, :3].max() <= STEP
    assert out[20, 20, :3].min() >= 1 - STEP
    assert out[30, 30, :3].max() <= STEP
    assert np.isfinite(out).all()


def test_light_above_white_turns_white_smoothly(output) -> None:
    ramp = np.zeros((36, 64, 4))
    ramp[..., 0] = np.linspace(0.0, 6.0, 64)
    ramp[..., 3] = 1.0
    row = output(ramp, SMALL)[5]
    assert row[-1, 0] >= 1 - STEP
    assert row[-1, 1] > 0.7
    assert (np.diff(row[:, 1]) > -1.5 * STEP).all()
