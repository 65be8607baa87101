"""The camera over a still: never beyond the edge, at rest on the bar line, and where it was after all of its places."""

from __future__ import annotations

import numpy as np
import pytest

from phosphene.engine.generators.wander import PLACES, path, punched, window_at

HALVES = ((0.5, 0.5), (0.5, 0.28), (0.15, 0.5))


@pytest.mark.parametrize("half", HALVES)
@pytest.mark.parametrize("wander", [0.0, 0.5, 1.0])
def test_no_edge_is_ever_seen(half: tuple[float, float], wander: float) -> None:
    for seed in range(40):
        places = path(seed)
        for turns in np.linspace(-2.0, 9.0, 150):
            x, y, size = window_at(places, float(turns), wander, half)
            for middle, side in ((x, half[0]), (y, half[1])):
                assert side / size - 1e-9 <= middle <= 1.0 - side / size + 1e-9
            assert size >= 1.0


def test_it_goes_far_arrives_and_comes_back() -> None:
    places, half = path(3), (0.5, 0.28)
    along = np.array([window_at(places, t / 60.0, 1.0, half) for t in range(60 * PLACES + 1)])
    step = np.abs(np.diff(along, axis=0)).max(axis=1)
    assert np.allclose(along[0], along[-1]), "a closed path"
    for n in range(1, PLACES):
        at = 60 * n
        assert max(step[at - 1], step[at]) < 0.15 * step[at - 30], "it rests on the line and moves in between"
    sizes = along[::60, 2]
    assert sizes.max() / sizes.min() > 1.3
    assert step.max() < 0.05, "and never jumps"


def test_without_wandering_it_stays_and_a_kick_is_a_small_step() -> None:
    places = path(5)
    seen = {window_at(places, t, 0.0, (0.5, 0.3)) for t in (0.0, 0.3, 2.7)}
    assert seen == {(0.5, 0.5, 1.0)}
    x, y, size = punched((0.5, 0.5, 1.0), {"kick": 1.0}, 1.0)
    assert (x, y) == (0.5, 0.5)
    assert 1.03 < size < 1.15
    assert punched((0.5, 0.5, 1.0), {"kick": 1.0}, 0.0) == punched((0.5, 0.5, 1.0), {}, 1.0) == (0.5, 0.5, 1.0)
