"""Decoded styles in music: they follow it more than chance does, and no frame is blacker than what the network painted."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

pytest.importorskip("onnxruntime")

from phosphene.engine.core.frame import Frame, Size
from phosphene.engine.core.signals import BeatPosition, signals_at
from phosphene.engine.generators.decoded import DecodedGenerator, fitted
from phosphene.engine.generators.gan import GAN_PARAMS, GanDrive
from phosphene.engine.models.encoding import AUDIO_INPUTS
from phosphene.engine.models.style import Motion, Style

FPS = 24


def music(seconds: float = 8.0, seed: int = 1) -> list[dict[str, float]]:
    """Sparse, uneven strikes whose levels ring, as the analyser's do."""
    rng = np.random.default_rng(seed)
    rows, ring = [], 0.0
    for struck in rng.random(round(seconds * FPS)) < 0.09:
        ring = 1.0 if struck else ring * math.exp(-1 / FPS / 0.12)
        row = dict.fromkeys(AUDIO_INPUTS, 0.2) | {"onset": ring, "bass": 0.2 + 0.7 * ring, "rms": 0.3 + 0.5 * ring}
        rows.append(row | {"flux": float(struck), "onset_strength": 0.9 * float(struck)})
    return rows


@pytest.fixture(scope="module")
def driven(tiny_gan) -> Style:
    """The tiny GAN with a trained style's drive."""
    return dataclasses.replace(tiny_gan, meta=tiny_gan.meta.model_copy(update={"motion": Motion(drive=1.0)}))


def test_a_gan_follows_the_music_more_than_shuffled_music(driven):
    pytest.importorskip("torch")
    from phosphene.tools.cppn.liveliness import reactivity

    found = reactivity(driven, music())
    assert found.correlation > 0.3
    assert found.correlation > found.null + 0.1
    assert 0.0 <= found.lag <= 2 / FPS


def test_a_gan_that_hears_nothing_is_not_above_its_null(driven):
    pytest.importorskip("torch")
    from phosphene.tools.cppn.liveliness import reactivity

    # The strikes are in what is measured against, and not in what the style is given.
    found = reactivity(driven, [row | {"onset": 0.2, "bass": 0.4, "rms": 0.4} for row in music()])
    assert found.correlation <= found.null


class Bright:
    """A decoder that paints no pixel black, nor near it: what is dark in a frame was put there on the way."""

    name = "bright"

    def __init__(self) -> None:
        self.trial = self.decode({})

    def decode(self, inputs) -> np.ndarray:
        return np.random.default_rng(0).uniform(0.4, 0.9, (36, 64, 3)).astype(np.float32)

    def close(self) -> None:
        pass


@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize("size", ["128x72", "96x96", "54x96", "150x50"])
def test_nothing_on_the_way_to_the_screen_is_black(gl, tiny_gan, size, live):
    from phosphene.engine.gpu.shader import Passes
    from phosphene.engine.gpu.texture import RenderTarget

    passes, target = Passes(), RenderTarget(Size.parse(size), "rgba32f")
    generator = DecodedGenerator(tiny_gan, GanDrive(tiny_gan), Bright(), GAN_PARAMS, passes, live=live)
    rng = np.random.default_rng(2)
    by_name = {p.name: p for p in GAN_PARAMS}
    for k in range(12):
        params = {
            name: by_name[name].from_unit(rng.choice([0.0, 0.3, 1.0])) for name in ("zoom", "rotate", "pan_x", "pan_y")
        }
        generator.render(Frame(k, k / FPS, k / FPS, 1 / FPS, FPS), signals_at(0.0, [], BeatPosition(k / 12)), params, target)
        picture = target.read()[..., :3]
        assert (picture.max(-1) < 0.01).mean() == 0.0, params
    generator.close()
    target.close()
    passes.close()


@pytest.mark.parametrize("size", [Size(128, 72), Size(50, 90), Size(33, 33), Size(200, 40)])
def test_nothing_is_black_in_a_render_without_a_show(size):
    picture = fitted(Bright().trial, size)
    assert picture.shape == (size.height, size.width, 3)
    assert (picture.max(-1) < 0.01).mean() == 0.0


def black(picture: np.ndarray) -> float:
    return float((picture.max(-1) < 0.01).mean())


def test_a_gan_that_learnt_no_black_shows_none(driven):
    from phosphene.engine.backends.plain_decoder import open_decoder
    from phosphene.engine.generators.still import sequence

    def quieter(share: float) -> Style:
        weights = driven.weights | {"out.weight": share * driven.weights["out.weight"], "out.bias": np.zeros(3, np.float32)}
        return dataclasses.replace(driven, weights=weights)

    decoder = open_decoder(quieter(1e-3))
    trial = np.stack([decoder.decode(driven.spec.trial(np.random.default_rng(k))) for k in range(24)])
    decoder.close()
    darkest = np.arctanh(2.0 * trial - 1.0).max(-1).min() / 1e-3  # before the last tanh, at full contrast
    assert darkest < np.arctanh(2 * 0.01 - 1), "at full contrast it would paint black"
    # The contrast at which pictures of random latents, as in training, just have no black.
    style = quieter(np.arctanh(2 * 0.0101 - 1) / darkest)
    frames = list(sequence(style, Size(64, 36), music(3.0), 1 / FPS))
    assert max(map(black, frames)) <= 0.01
