"""The measures of `vj bench looks` on pictures of which the answers are known."""

from __future__ import annotations

import numpy as np
import pytest

from phosphene.tools.lab.bench_looks import changed, colour_change, fine_energy, luminance, rhythm, told

H, W = 90, 160
PARTS = {"break": (0.0, 10.0), "drop": (10.0, 42.0)}
TIMES = np.arange(0.0, 42.0, 0.5)


def flat(*rgb: int) -> np.ndarray:
    return np.broadcast_to(np.array(rgb, np.uint8), (H, W, 3)).copy()


def waves(cycles: float) -> np.ndarray:
    """Stripes of so many cycles a pixel."""
    row = 127.5 + 100.0 * np.sin(2.0 * np.pi * cycles * np.arange(W))
    return np.broadcast_to(row[None, :, None], (H, W, 3)).astype(np.uint8)


def mean_colour(pictures: list[np.ndarray]) -> np.ndarray:
    """Features that are known: the mean of each colour, less a half."""
    return np.stack([each.reshape(-1, 3).mean(axis=0) / 255.0 - 0.5 for each in pictures])


def test_fine_detail_is_told_from_coarse() -> None:
    assert fine_energy(waves(1 / 32)) < 0.01
    assert fine_energy(waves(1 / 4)) > 0.98
    assert fine_energy(flat(128, 128, 128)) == 0.0


def test_colours_are_compared_as_they_are_seen() -> None:
    red, blue = np.stack([flat(200, 20, 20)] * 3), np.stack([flat(20, 20, 200)] * 2)
    assert colour_change(red, red) == 0.0
    assert colour_change(red, blue) == pytest.approx(1.0)
    mixed = np.concatenate([red[:2], blue])
    assert 0.2 < colour_change(red, mixed) < 0.8
    assert luminance(flat(255, 255, 255)).mean() == pytest.approx(1.0, abs=1e-3)


def test_a_scene_that_develops_is_told_from_one_that_trembles() -> None:
    rng = np.random.default_rng(0)

    def trembles(t: float) -> np.ndarray:
        return flat(*(128 + rng.integers(-60, 60, 3)))

    def develops(t: float) -> np.ndarray:
        if t < 10.0:
            return flat(40, 90, 220)
        return flat(230, 30, 30) if (t - 10.0) % 32.0 < 16.0 else flat(30, 230, 30)

    shown = {"trembles": [trembles(t) for t in TIMES], "develops": [develops(t) for t in TIMES]}
    found = told(shown, TIMES, PARTS, mean_colour)
    still, moving = found["scenes"]["trembles"], found["scenes"]["develops"]
    assert still["novelty 24 s"] == pytest.approx(still["novelty 1 s"], rel=0.4)
    assert moving["novelty 24 s"] > 10.0 * moving["novelty 1 s"]
    assert moving["break, colour"] > 0.9
    assert found["how many"]["novelty after 24 s at least 1.5 times that after 1 s"] == "1 of 2"
    assert found["unlike others, mean"] > 0.0


def test_without_the_network_the_rest_is_told() -> None:
    shown = {"dark": [flat(60, 10, 10) if t < 10.0 else flat(240, 40, 40) for t in TIMES]}
    found = told(shown, TIMES, PARTS, None)
    assert "novelty" in found["not measured"]
    facts = found["scenes"]["dark"]
    assert "novelty 1 s" not in facts
    assert facts["break, light"] < 0.2
    assert found["how many"]["break's light at least 0.5 of the drop's"] == "0 of 1"


def test_a_picture_that_jumps_with_the_kick_is_told_from_one_that_jumps_beside_it() -> None:
    times = np.arange(1, 180) / 24.0
    kicks = np.arange(0.0, 9.0, 0.5)
    since = times % 0.5

    def found(changes: np.ndarray) -> tuple[float, float]:
        facts = rhythm(changes, times, {"kick": kicks})
        return facts["kick"], facts["kick, null"]

    noise = np.random.default_rng(3).random(len(times))
    with_it, null = found(noise + 3.0 * (since < 0.12))
    assert with_it > null > 1.0
    beside, null = found(noise + 3.0 * ((since > 0.24) & (since < 0.37)))
    assert beside < 1.0 < null
    always, null = found(np.ones(len(times)))
    assert always == null == 1.0


def test_change_is_that_of_lightness() -> None:
    black, white = flat(0, 0, 0), flat(255, 255, 255)
    np.testing.assert_allclose(changed([black, black, white, black]), [0.0, 1.0, 1.0], atol=1e-3)
