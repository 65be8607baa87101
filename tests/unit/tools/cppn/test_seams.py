"""Pictures laid edge to edge: whole periods where there are any, and no step at an edge that the picture has not itself."""

from __future__ import annotations

import numpy as np
import pytest

from phosphene.tools.cppn.seams import tile
from phosphene.tools.cppn.torus import closest, likest

HEIGHT, WIDTH, ACROSS, DOWN = 90, 160, 24, 18


def waves(right: int = 0, down: int = 0) -> np.ndarray:
    """Return crossed waves, 24 and 18 px long, [90, 160, 3], moved by so many px: its width is no whole number of them."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    one = 0.5 + 0.25 * np.sin(2 * np.pi * (x + right) / ACROSS) + 0.25 * np.sin(2 * np.pi * (y + down) / DOWN)
    return np.repeat(one[..., None], 3, 2).astype(np.float32)


def rough(seed: int, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """Return smooth noise without any period."""
    rng = np.random.default_rng(seed)
    coarse = rng.random((height // 8 + 2, width // 8 + 2))
    y, x = np.arange(height) / 8, np.arange(width) / 8
    rows = np.stack([np.interp(y, np.arange(len(coarse)), column) for column in coarse.T], 1)
    one = np.stack([np.interp(x, np.arange(coarse.shape[1]), row) for row in rows])
    return np.repeat(one[..., None], 3, 2).astype(np.float32)


def step_at_edge(picture: np.ndarray) -> float:
    """Return the mean difference from last to first column or row, over that of neighbours inside; the larger."""
    across, down = np.abs(np.diff(picture, axis=1)).mean(), np.abs(np.diff(picture, axis=0)).mean()
    ends = np.abs(picture[:, 0] - picture[:, -1]).mean(), np.abs(picture[0] - picture[-1]).mean()
    return float(max(ends[0] / across, ends[1] / down))


def test_a_regular_pattern_is_cut_to_whole_periods():
    found, unlike = tile([waves()])
    assert found.shape[1] % ACROSS == 0
    assert found.shape[0] % DOWN == 0
    assert step_at_edge(found) < 1.6, "a sine's steepest step is pi / 2 of its mean one"
    assert unlike < 0.01 < tile([rough(0)])[1]


def test_regular_pictures_are_moved_until_they_meet():
    found, unlike = tile([waves(), waves(10, 8)])
    assert unlike < 0.01
    assert np.abs(found[:, ACROSS:] - found[:, :-ACROSS]).max() < 0.01, "one wave runs through both, and round"
    assert np.abs(found[:, 0] - found[:, -ACROSS]).max() < 0.01
    fixed, worse = tile([waves(), waves(10, 8)], equal=True)
    assert fixed.shape[1] > found.shape[1]
    assert worse > unlike, "with nothing to give, it cannot meet across"


@pytest.mark.parametrize("equal", [False, True])
@pytest.mark.parametrize("count", [1, 2, 4])
def test_no_edge_is_a_step(count, equal):
    pictures = [rough(k) for k in range(count)]
    found, _ = tile(pictures, equal)
    assert step_at_edge(found) < 2.0 < min(step_at_edge(each) for each in pictures)
    assert found.shape[0] >= 0.6 * HEIGHT - 2
    margin = 12
    assert found.shape[1] == count * (WIDTH - margin) if equal and count > 1 else found.shape[1] >= 0.5 * WIDTH * count


def test_what_is_laid_is_what_the_pictures_show():
    left, right = rough(1), rough(2)
    found, _ = tile([left, right])
    inner = found[15:45, 20:70]
    assert any(np.array_equal(left[y : y + 30, 20:70], inner) for y in range(60)), "the first picture is there as it was"


def test_it_takes_the_smallest_of_pictures():
    found, _ = tile([rough(3, 32, 58)])
    assert min(found.shape[:2]) >= 18
    assert np.isfinite(found).all()


def test_the_pictures_that_meet_best_are_laid():
    pictures = np.stack([rough(k) for k in range(6)])
    half = likest(pictures, 3)
    costs = [tile([half[i], half[j]])[1] for i, j in ((0, 1), (0, 2), (1, 2))]
    assert tile(closest(pictures, 2))[1] == min(costs) < max(costs)
    assert closest(pictures[:1], 2).shape[0] == 1
