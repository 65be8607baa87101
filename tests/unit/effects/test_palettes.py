"""Palettes run from near black to a light colour, ever lighter, and none looks like another."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from phosphene.engine.effects.colour import colour_matrix
from phosphene.kernels.effects.palettes import ENTRIES, PALETTES, table


def test_table_is_one_row_a_palette() -> None:
    rows = table()
    assert rows.shape == (len(PALETTES), ENTRIES, 4)
    assert rows.dtype == np.float32
    assert rows.min() >= 0.0
    assert rows.max() <= 1.0
    assert (rows[..., 3] == 1.0).all()


@pytest.mark.parametrize("index", range(len(PALETTES)), ids=list(PALETTES))
def test_a_palette_goes_from_dark_to_light(index: int) -> None:
    light = table()[index, :, :3] @ np.array([0.2126, 0.7152, 0.0722])
    assert light[0] < 0.005
    assert light[-1] > 0.7
    assert (np.diff(light) > 0.0).all(), "lightness must survive the grade"


def test_palettes_differ() -> None:
    for a, b in itertools.combinations(table()[..., :3], 2):
        assert np.abs(a - b).mean() > 0.01


def test_colour_matrix_keeps_grey_and_turns_hue() -> None:
    for saturation, hue in ((1.0, 0.0), (0.0, 0.3), (2.5, -0.4), (1.0, 1.0)):
        np.testing.assert_allclose(colour_matrix(saturation, hue) @ np.ones(3), 1.0, atol=1e-5)
    np.testing.assert_allclose(colour_matrix(1.0, 0.0), np.eye(3), atol=1e-6)
    np.testing.assert_allclose(colour_matrix(1.0, 1 / 3) @ [1, 0, 0], [0, 1, 0], atol=1e-5)
