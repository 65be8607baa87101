"""The rules of the flash guard in numpy: what a flash is, at most three in any second, below that nothing changes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kernels.guard import reference
from kernels.guard.reference import REGIONS, TILES, Guard, Transitions, measure, regions

RATES = (24, 30, 60)


def tiles_of(luminance: float, red: float = 0.0) -> np.ndarray:
    tiles = np.zeros((TILES, TILES, 2), np.float32)
    tiles[..., 0], tiles[..., 1] = luminance, red
    return tiles


def guarded(light: np.ndarray, fps: int, red: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return what is shown of a picture of one light and red: both [n], held back by a guard."""
    guard, shown, reds = Guard(), [], []
    for k, value in enumerate(light):
        saturated = 0.0 if red is None else float(red[k])
        factor, fading = guard.hold(tiles_of(float(value), saturated), 1 / fps)[3, 3]
        shown.append(value * factor)
        reds.append(saturated * factor * (fading < reference.FADED_ENOUGH))
    return np.array(shown), np.array(reds)


def worst(values: np.ndarray, fps: int, step: float, dark: float = np.inf) -> tuple[int, int]:
    """Return the most rises and the most transitions within any second."""
    seen, rises, turns = Transitions(np.float32([step]), np.float32([dark])), [], []
    for k, value in enumerate(values):
        if seen.add(np.float32([value]), 1 / fps)[0]:
            turns.append(k)
            if seen.rising[0]:
                rises.append(k)
    return tuple(
        max((sum(k - fps < x <= k for x in found) for k in range(len(values))), default=0) for found in (rises, turns)
    )


def wave(hz: float, fps: int, duty: float = 0.5, low: float = 0.02, high: float = 0.9, seconds: float = 4.0) -> np.ndarray:
    """A square wave whose periods are whole frames where they can be."""
    k = np.arange(int(seconds * fps))
    return np.where((k * hz / fps + 1e-9) % 1.0 < duty, high, low).astype(np.float32)


@pytest.mark.parametrize("fps", RATES)
@pytest.mark.parametrize("hz", [1.0, 2.0, 2.5, 2.9, 3.0])
@pytest.mark.parametrize("duty", [0.2, 0.5, 0.8])
def test_up_to_three_flashes_a_second_nothing_changes(fps, hz, duty):
    given_light = wave(hz, fps, duty)
    if worst(given_light, fps, reference.LUMINANCE_STEP, reference.DARK)[1] > 6:
        pytest.skip("frames make the flashes uneven: this one has seven transitions in a second")
    assert np.array_equal(guarded(given_light, fps)[0], given_light)


@pytest.mark.parametrize("fps", RATES)
@pytest.mark.parametrize("hz", [3.4, 4.0, 5.0, 7.5, 12.0])
@pytest.mark.parametrize("duty", [0.2, 0.5, 0.7])
def test_of_more_the_fourth_is_held_back(fps, hz, duty):
    given_light = wave(hz, fps, duty)
    shown, _ = guarded(given_light, fps)
    rises, turns = worst(shown, fps, reference.LUMINANCE_STEP, reference.DARK)
    before = worst(given_light, fps, reference.LUMINANCE_STEP, reference.DARK)
    assert rises <= 3
    assert turns <= 6 or before[1] <= 6
    assert shown.max() == pytest.approx(0.9)  # not a show without flashes
    assert (shown <= given_light + 1e-6).all()  # it only ever dims: a blackout is black at once


def test_a_flash_that_is_held_back_is_softened_and_not_removed():
    shown, _ = guarded(wave(4.0, 60), 60)
    peaks = shown.reshape(-1, 15)[:, 2]
    assert {round(float(p), 2) for p in peaks} == {0.9, 0.09}
    assert 0.6 < np.mean(peaks > 0.5) < 0.8  # more than two a second come through


def test_light_that_stays_comes_back_without_a_jump():
    light = np.concatenate([wave(8.0, 60, seconds=0.75), np.full(120, 0.9, np.float32)])
    shown, _ = guarded(light, 60)
    assert shown[-1] == pytest.approx(0.9)
    back = shown[45:]
    assert np.diff(back[5:]).max() < 0.07  # eight frames from black to white at the fastest
    assert back[5] < 0.2


@pytest.mark.parametrize("fps", RATES)
def test_saturated_red_counts_by_itself(fps):
    red = wave(5.0, fps, low=0.0, high=0.07)
    light = 0.2126 * red  # far below a flash of light
    shown_light, shown_red = guarded(light, fps, red)
    assert np.array_equal(shown_light, light)
    assert worst(red, fps, reference.RED_STEP)[1] > 6
    assert worst(shown_red, fps, reference.RED_STEP)[1] <= 6


def test_faded_red_is_not_saturated_any_more():
    for light in ([1.0, 0.0, 0.0], [1.0, 0.05, 0.0], [0.3, 0.0, 0.02]):
        picture = np.tile(np.float32(light), (TILES, TILES, 1))
        assert measure(picture)[..., 1].min() > 0.0
        cells = np.tile(np.float32([1.0, reference.FADED_ENOUGH]), (6, 6, 1))
        assert measure(reference.apply(picture, cells))[..., 1].max() == 0.0


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(RATES),
    st.lists(st.tuples(st.floats(0.01, 0.6), st.floats(0.1, 1.0), st.floats(0.01, 0.5), st.booleans()), max_size=30),
    st.floats(0.0, 0.3),
)
@example(60, [(0.05, 1.0, 0.04, False)] * 20, 0.0)
def test_whatever_comes_there_are_at_most_three_flashes_in_a_second(fps, kicks, floor):
    k = np.arange(5 * fps) / fps
    light, t = np.full(len(k), floor), 0.0
    for wait, height, length, decays in kicks:
        t += wait
        after = k >= t
        with np.errstate(over="ignore"):
            shape = np.exp(np.where(after, -(k - t) / length, 0.0)) if decays else (k < t + length)
        light = np.maximum(light, height * after * shape)
    light = np.minimum(light, 1.0).astype(np.float32)
    shown, _ = guarded(light, fps)
    assert worst(shown, fps, reference.LUMINANCE_STEP, reference.DARK)[0] <= 3
    assert (shown <= light + 1e-6).all()
    if worst(light, fps, reference.LUMINANCE_STEP * reference.CAUTION, reference.DARK)[1] <= 4:
        assert np.array_equal(shown, light)


def test_only_the_place_that_flashes_is_held_back():
    guard, fps = Guard(), 30
    least = np.ones((6, 6))
    for value in wave(6.0, fps, high=0.5):
        tiles = tiles_of(0.3)
        tiles[:8, :8, 0] = value
        least = np.minimum(least, guard.hold(tiles, 1 / fps)[..., 0])
    assert least[0, 0] < 0.2
    assert least[5, 5] == 1.0


def test_flashes_that_wander_count_for_the_whole_picture():
    guard, fps, shown = Guard(), 30, []
    for k in range(6 * fps):
        tiles = tiles_of(0.0)
        if k % 5 < 2:  # six a second, each in another sixth of the picture: none of the regions flashes often
            column = (k // 5 * 4) % TILES
            tiles[:, column : column + 4, 0] = 0.95
        cells = guard.hold(tiles, 1 / fps)
        shown.append(float((tiles[..., 0] * reference.spread(cells, TILES, TILES)[..., 0]).mean()))
    assert worst(np.array(shown), fps, reference.LUMINANCE_STEP, reference.DARK)[0] <= 3


def test_the_measure_is_that_of_the_standard():
    picture = np.zeros((36, 64, 3), np.float32)
    picture[:, :32] = 1.0
    tiles = measure(picture)
    assert tiles[:, :12, 0].min() == pytest.approx(1.0)
    found = regions(tiles)
    assert found.shape == (REGIONS, 2)
    assert found[-1, 0] == pytest.approx(0.5)
    assert measure(np.tile(np.float32([0.8, 0.1, 0.1]), (36, 64, 1)))[0, 0] == pytest.approx([0.24884, 0.6], abs=1e-4)
    assert measure(np.tile(np.float32([0.79, 0.1, 0.11]), (36, 64, 1)))[0, 0, 1] == 0.0


@pytest.mark.parametrize("size", [(1, 1), (7, 13), (24, 24), (25, 49), (90, 160)])
def test_any_size_can_be_measured(size):
    picture = np.full((*size, 3), 0.5, np.float32)
    assert measure(picture)[..., 0] == pytest.approx(0.5)
