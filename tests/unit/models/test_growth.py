"""Growing styles: determinism, that draws are pictures, that sound moves them by the stated amount."""

from __future__ import annotations

import numpy as np
import pytest

from phosphene.engine.models.colour import (
    from_hex,
    linear_to_srgb,
    logit,
    oklab,
    oklab_to_srgb,
    palette,
    srgb_to_linear,
    to_hex,
)
from phosphene.engine.models.cppn import CppnSpec
from phosphene.engine.models.encoding import BASE_INPUTS
from phosphene.engine.models.growth import PALETTES, Recipe, draw_recipe, grow, sample_inputs
from phosphene.kernels.cppn.reference import forward


def test_the_same_seed_grows_the_same_style():
    spec = CppnSpec(width=16, layers=3)
    (a, na), (b, nb) = grow(spec, draw_recipe(5), 5), grow(spec, draw_recipe(5), 5)
    assert na == nb
    for (w, bias), (w2, bias2) in zip(a, b, strict=True):
        assert np.array_equal(w, w2)
        assert np.array_equal(bias, bias2)
    other, _ = grow(spec, draw_recipe(5), 6)
    assert not np.array_equal(a[0][0], other[0][0])


@pytest.mark.parametrize("seed", range(6))
def test_a_draw_is_a_picture_dark_and_coloured(seed):
    inputs = BASE_INPUTS if seed % 2 else ("fold5_x", "fold5_y", "radius", *BASE_INPUTS[2:])
    spec = CppnSpec(inputs, 24, 2 + seed % 3)
    weights, scales = grow(spec, draw_recipe(seed), seed)
    for (w, b), shape in zip(weights, spec.shapes, strict=True):
        assert w.shape == shape
        assert b.shape == shape[:1]
        assert np.isfinite(w).all()
    rng = np.random.default_rng(0)
    pixels = forward(sample_inputs(spec, rng, scales), weights, spec.layer_activations)
    light = oklab(pixels)[:, 0]
    assert np.percentile(light, 10) < 0.25, "no dark"
    assert np.percentile(light, 98) > 0.4, "no light"
    assert pixels.std(0).max() > 0.1


def test_sound_moves_the_picture_by_what_was_asked():
    spec = CppnSpec(width=24, layers=3)
    weights, scales = grow(spec, Recipe(), 11)
    rng = np.random.default_rng(1)
    base = sample_inputs(spec, rng, dict.fromkeys(scales, 0.0) | {"time": 0.2})
    still = forward(base, weights, spec.layer_activations)
    for name, target in (("bass", 0.13), ("onset", 0.12), ("treble", 0.05)):
        moved = base.copy()
        moved[:, spec.inputs.index(name)] += scales[name]
        change = np.sqrt(np.mean((forward(moved, weights, spec.layer_activations) - still) ** 2))
        assert change == pytest.approx(target, rel=0.25), name


def test_recipes_name_palettes_that_exist_and_grounds_are_dark():
    assert {draw_recipe(seed).palette for seed in range(200)} <= set(PALETTES)
    for ramps in PALETTES.values():
        for ramp in ramps:
            light = [oklab(from_hex(c))[0] for c in ramp]
            assert light[0] < 0.15
            assert light == sorted(light)


def test_colour_conversions():
    rgb = np.random.default_rng(0).uniform(0, 1, (50, 3))
    np.testing.assert_allclose(linear_to_srgb(srgb_to_linear(rgb)), rgb, atol=1e-12)
    np.testing.assert_allclose(oklab_to_srgb(oklab(rgb)), rgb, atol=1e-6)
    np.testing.assert_allclose(oklab(np.ones(3)), [1.0, 0.0, 0.0], atol=1e-4)
    assert to_hex(from_hex("#12abef")) == "#12abef"
    np.testing.assert_allclose(1 / (1 + np.exp(-logit(rgb))), np.clip(rgb, 1 / 510, 1 - 1 / 510))


def test_the_palette_finds_the_colours_of_a_picture():
    colours = ["#000000", "#ff0000", "#00ff00", "#0000ff", "#ffffff"]
    picture = np.zeros((40, 40, 3))
    for i, c in enumerate(colours[1:]):
        picture[:, 20 + 4 * i : 23 + 4 * i] = from_hex(c)
    found = palette(picture)
    assert found[0] == "#000000"
    assert sorted(found) == sorted(colours)
