"""The boards of the library: every material is a picture with light and shade, and the moodboards train on what there is."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest

from phosphene.engine.core.paths import PACKAGE
from phosphene.engine.models.colour import oklab
from phosphene.engine.models.style import load_style
from phosphene.tools.lab.library_boards import NAMES, WORLDS, coloured
from phosphene.tools.lab.materials import MATERIALS, paint

BOARDS, OF_WORLDS = (
    tomllib.loads((PACKAGE / f"tools/moodboards/{name}.toml").read_text(encoding="utf-8")) for name in ("boards", "worlds")
)


@pytest.mark.parametrize("name", MATERIALS)
def test_a_material_has_light_and_shade_and_is_another_drawing_each_time(name):
    first, again, other = (paint(MATERIALS[name], np.random.default_rng(seed), 96, 54) for seed in (1, 1, 2))
    assert first.shape == (54, 96, 3)
    assert first.dtype == np.uint8
    np.testing.assert_array_equal(first, again)
    assert np.abs(first.astype(int) - other).mean() > 3
    light = oklab(first / 255)[..., 0]
    assert np.quantile(light, 0.95) - np.quantile(light, 0.05) > 0.2
    assert light.mean() < 0.85, "a wall of it must not be a lamp"


def test_a_photograph_takes_the_colours_of_its_ramp_in_the_order_of_its_light():
    grey = np.repeat(np.linspace(0, 255, 64).astype(np.uint8)[None, :, None], 3, -1).repeat(4, 0)
    found = coloured(grey, ("#000000", "#ff0000", "#ffffff"))
    assert found[0, 0].max() < 5
    assert found[0, -1].min() > 250
    middle = found[0, 32].astype(int)
    assert middle[0] - middle[1] > 100
    assert (np.diff(oklab(found[0] / 255)[:, 0]) > -1e-3).all()


def test_the_moodboards_train_on_boards_that_are_made():
    assert {Path(style["images"]).name for style in BOARDS["style"]} <= set(NAMES)
    assert {Path(style["images"]).name for style in OF_WORLDS["style"]} == set(WORLDS)
    assert all(set(materials.split()) <= set(MATERIALS) for materials, _, _ in WORLDS.values())


@pytest.mark.parametrize(("board", "variations"), [(BOARDS, 1), (OF_WORLDS, None)])
def test_the_library_has_what_the_moodboards_say(board, variations):
    for style in board["style"]:
        shipped = load_style(style["output"])
        assert shipped.meta.guide == "texture"
        assert shipped.spec.width == style.get("hidden_dim", board["defaults"]["hidden_dim"])
        wanted = variations or len(WORLDS[style["output"]][0].split())
        assert shipped.meta.motion.variations == wanted
