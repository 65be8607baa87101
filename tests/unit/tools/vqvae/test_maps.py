"""Pictures of a codebook: every code is in the atlas, the map shows what differs, use over time shows what died."""

from __future__ import annotations

import numpy as np
import pytest

from phosphene.tools.vqvae.maps import atlas, codebook_map, principal_places, usage_map

RED = np.array([220, 30, 30], np.uint8)


def tiles(count: int) -> np.ndarray:
    """Flat tiles, each code's own gray."""
    gray = (np.arange(count)[::-1] * 255 // count).astype(np.uint8)
    return np.broadcast_to(gray[:, None, None, None], (count, 8, 8, 3)).copy()


def test_every_code_is_in_the_atlas_from_dark_to_bright() -> None:
    sheet = atlas(tiles(20))
    found = sheet[4::10, 4::10, 0].reshape(-1)[:20]
    assert found.tolist() == sorted(tiles(20)[:, 0, 0, 0].tolist())


def test_the_map_keeps_the_two_directions_that_differ_most() -> None:
    rng = np.random.default_rng(1)
    plane = rng.standard_normal((64, 2)) * (5.0, 2.0)
    basis = np.linalg.qr(rng.standard_normal((16, 2)))[0]
    places, shares = principal_places((plane @ basis.T + 7.0 + 0.01 * rng.standard_normal((64, 16))).astype(np.float32))
    assert shares.sum() > 0.999
    centred = plane - plane.mean(0)
    expected, found = (np.linalg.norm(x[:, None] - x[None], axis=2) for x in (centred, places))
    assert np.allclose(expected, found, atol=0.2), "distances in the plane are kept"
    assert places[:, 0].var() > places[:, 1].var()


def test_a_codebook_of_one_dimension_and_one_of_equal_codes_have_places() -> None:
    places, shares = principal_places(np.arange(8, dtype=np.float32)[:, None])
    assert shares == pytest.approx([1.0, 0.0])
    assert len(np.unique(places[:, 0])) == 8
    places, shares = principal_places(np.ones((8, 4), np.float32))
    assert np.isfinite(codebook_map(tiles(8), places, np.zeros(8))).all()
    assert shares.sum() == 0.0


def test_the_most_used_code_is_the_largest_on_the_map() -> None:
    shown = tiles(3)
    shown[1] = RED
    places = np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 0.0]])

    def area(counts: list[int]) -> int:
        return int((codebook_map(shown, places, np.array(counts)) == RED).all(-1).sum())

    assert area([1, 100, 1]) > 8 * area([100, 0, 100]) > 0


def test_use_over_time_shows_when_a_code_dies() -> None:
    shown = usage_map([[], [10, 10, 10], [15, 0, 15], [30, 0, 0]])
    assert shown is not None
    tall, wide = shown.shape[0] // 3, shown.shape[1] // 3
    cells = shown[tall // 2 :: tall, wide // 2 :: wide][:3, :3]
    dead = (cells == cells[1, 2]).all(-1)  # a column an epoch, a row a code, the most used at last on top
    assert dead.tolist() == [[False, False, False], [False, True, True], [False, False, True]]
    assert usage_map([]) is None
    assert usage_map([[1, 2], [1, 2, 3]]) is None
