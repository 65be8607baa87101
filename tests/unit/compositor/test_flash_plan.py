"""The plan of a render: too many flashes are softened, the weakest ones, and only those; a film that is fine has none."""

from __future__ import annotations

import numpy as np
import pytest

from phosphene.engine.compositor.flash_plan import find_flashes, plan_flashes, too_many
from phosphene.kernels.guard.reference import DARK, LUMINANCE_STEP, RED_STEP, REGIONS, Transitions

FPS = 30


def kicks(every: float, heights: list[float], seconds: float = 6.0, floor: float = 0.05, decay: float = 0.06) -> np.ndarray:
    """Light that flashes up on every kick and decays, float32 [n]; `heights` come round."""
    t = np.arange(int(seconds * FPS)) / FPS
    n = np.floor(t / every + 1e-9).astype(int)
    return (floor + np.array(heights)[n % len(heights)] * np.exp(-(t - n * every) / decay)).astype(np.float32)


def everywhere(light: np.ndarray, red: np.ndarray | None = None) -> np.ndarray:
    measured = np.zeros((len(light), REGIONS, 3), np.float32)
    measured[:, :, 0] = light[:, None]
    if red is not None:
        measured[:, :, 1:] = red[:, None, None]
    return measured


def planned(light: np.ndarray) -> np.ndarray:
    plan = plan_flashes(everywhere(light), FPS)
    return np.array([v * (plan[k][3, 3, 0] if k in plan else 1.0) for k, v in enumerate(light)], np.float32)


def worst(values: np.ndarray) -> int:
    seen = Transitions(np.float32([LUMINANCE_STEP]), np.float32([DARK]))
    turns = [k for k, v in enumerate(values) if seen.add(np.float32([v]), 1 / FPS)[0]]
    return max((sum(k - FPS < x <= k for x in turns) for k in range(len(values))), default=0)


def test_a_film_that_is_fine_has_no_plan():
    assert not plan_flashes(everywhere(kicks(0.5, [0.8])), FPS)
    assert not plan_flashes(everywhere(np.full(100, 0.5, np.float32)), FPS)
    assert not plan_flashes(np.zeros((0, REGIONS, 3), np.float32), FPS)


def test_the_weakest_flashes_are_softened_and_the_strong_ones_stay():
    light = kicks(0.2, [0.9, 0.25, 0.6, 0.25, 0.3])  # five a second, a strong one each
    shown = planned(light)
    assert worst(light) > 6
    assert worst(shown) <= 6
    strong = np.arange(0, len(light), FPS)
    assert shown[strong[1:]] == pytest.approx(light[strong[1:]])
    assert shown[strong + 12][1:] == pytest.approx(light[strong + 12][1:])
    assert (shown <= light + 1e-6).all()
    assert (shown[light <= light.min() + 1e-3] == light[light <= light.min() + 1e-3]).all()  # what is dark stays as it is


@pytest.mark.parametrize("every", [0.3, 0.25, 0.2, 0.125, 0.1])
def test_no_second_of_steady_flashes_has_more_than_three(every):
    assert worst(planned(kicks(every, [0.9]))) <= 6


def test_flashes_on_a_stair_count_as_what_is_left_of_them():
    flashes = find_flashes(np.float32([0, 0.3, 0.15, 0.6, 0.4, 0.9, 0.0]), 0.1, DARK)
    assert [(f.rise, f.fall) for f in flashes] == [(1, 2), (3, 4), (5, 6)]
    assert [round(f.height, 2) for f in flashes] == [0.15, 0.2, 0.5]
    assert not too_many(flashes, FPS)
    assert len(too_many(find_flashes(kicks(0.2, [0.9]), 0.1, DARK), FPS)) > 8


def test_red_is_faded_where_it_flashes_too_often():
    red = kicks(0.2, [0.5], floor=0.0)
    plan = plan_flashes(everywhere(0.05 * red, red), FPS)
    assert plan
    assert all((cells[..., 0] == 1.0).all() for cells in plan.values())
    left = np.array([v * (plan[k][3, 3, 1] == 0.0 if k in plan else 1.0) for k, v in enumerate(red)])
    seen = Transitions(np.float32([RED_STEP]), np.float32([np.inf]))
    turns = [k for k, v in enumerate(left) if seen.add(np.float32([v]), 1 / FPS)[0]]
    assert max(sum(k - FPS < x <= k for x in turns) for k in range(len(left))) <= 6


def test_only_the_region_that_flashes_is_planned():
    measured = everywhere(np.full(6 * FPS, 0.3, np.float32))
    measured[:, 0, 0] = kicks(0.15, [0.8])
    plan = plan_flashes(measured, FPS)
    assert plan
    assert min(cells[0, 0, 0] for cells in plan.values()) < 0.5
    assert all(cells[5, 5, 0] == 1.0 for cells in plan.values())
