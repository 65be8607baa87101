"""What leaves an offline render: the live picture at no extras, smoother edges, alpha that composites back, linear light."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from phosphene.engine.compositor.export_pass import Export, ExportPass
from phosphene.engine.compositor.output_pass import OutputPass
from phosphene.engine.core.frame import Size
from phosphene.engine.gpu.shader import Passes
from phosphene.engine.gpu.texture import RenderTarget

SIZE = Size(60, 34)


def encode(x: np.ndarray) -> np.ndarray:
    x = np.clip(x, 0.0, 1.0)
    return np.where(x <= 0.0031308, 12.92 * x, 1.055 * np.maximum(x, 1e-9) ** (1 / 2.4) - 0.055)


@pytest.fixture
def drawn(gl) -> Iterator:
    passes, made = Passes(), []

    def draw(picture: np.ndarray, export: Export | None, form: str = "rgba8", **given: float) -> np.ndarray:
        source, target = RenderTarget(SIZE), RenderTarget(SIZE, form)
        made.extend((source, target))
        source.upload(picture.astype(np.float32))
        last = OutputPass(passes) if export is None else ExportPass(passes, export)
        last.draw(source, target, **given)
        last.close()
        return target.read()

    yield draw
    for each in (*made, passes):
        each.close()


def scene(size: Size, alpha: float = 1.0) -> np.ndarray:
    y, x = np.mgrid[0 : size.height, 0 : size.width] / size.height
    colour = np.stack([0.5 + 0.5 * np.sin(9 * x), y, 1.4 * x * y], axis=-1)
    return np.concatenate([colour * alpha, np.full((size.height, size.width, 1), alpha)], axis=-1)


def test_without_extras_it_is_the_live_picture(drawn) -> None:
    for given in ({}, {"master": 0.6, "index": 7}, {"blackout": 0.4}):
        assert np.array_equal(drawn(scene(SIZE), Export(), **given), drawn(scene(SIZE), None, **given))


@pytest.mark.parametrize("ssaa", [2, 3])
def test_supersampling_is_the_mean_of_light(drawn, ssaa: int) -> None:
    export = Export(ssaa)
    large = export.internal(SIZE)
    edge = np.zeros((large.height, large.width, 4))
    x = np.arange(large.width)[None, :] - 0.37 * np.arange(large.height)[:, None]
    edge[..., :3] = (x > 20 * ssaa)[..., None] * np.array([0.8, 0.4, 1.0])
    edge[..., 3] = 1.0
    out = drawn(edge, export, "rgba16f")
    blocks = edge.reshape(SIZE.height, ssaa, SIZE.width, ssaa, 4).mean(axis=(1, 3))
    assert np.abs(out[..., :3] - encode(blocks[..., :3])).max() < 2e-3
    assert len(np.unique(out[..., 0].round(3))) > 2, "edges have steps between dark and bright"


def test_picture_alpha_is_straight(drawn) -> None:
    out = drawn(scene(SIZE, 0.5), Export(alpha="picture"), "rgba16f")
    assert np.allclose(out[..., 3], 0.5, atol=1e-3)
    whole = drawn(scene(SIZE), Export(), "rgba16f")
    rows = scene(SIZE)[..., :3].max(axis=-1) <= 1.0  # above white, film response acts on the light that is there
    assert np.abs(out[rows][:, :3] - whole[rows][:, :3]).max() < 3e-3


def test_luma_alpha_over_black_is_the_picture_again(drawn) -> None:
    plain = drawn(scene(SIZE), Export(), "rgba16f")
    out = drawn(scene(SIZE), Export(alpha="luma"), "rgba16f")
    assert np.abs(out[..., :3] * out[..., 3:] - plain[..., :3]).max() < 2e-3
    black = scene(SIZE) * np.array([0.0, 0.0, 0.0, 1.0])
    assert drawn(black, Export(alpha="luma"), "rgba16f").max() == 0.0


def test_linear_light_is_not_touched(drawn) -> None:
    bright = scene(SIZE) * np.array([3.0, 1.0, 1.0, 1.0])
    out = drawn(bright, Export(linear=True), "rgba16f")
    assert np.abs(out - bright).max() < 2e-3
    assert out[..., :3].max() > 2.5, "highlights are kept"


def test_a_wrong_size_is_refused(drawn) -> None:
    with pytest.raises(ValueError, match="2 times"):
        drawn(scene(SIZE), Export(2))
