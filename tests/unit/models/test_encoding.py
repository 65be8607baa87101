"""The one input encoding: coordinates, the view, time as an integral, smoothing, exact bias folding."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phosphene.engine.core.frame import Size
from phosphene.engine.models.encoding import (
    AUDIO_INPUTS,
    BASE_INPUTS,
    SPATIAL_INPUTS,
    UNIFORM_INPUTS,
    Motion,
    View,
    coordinates,
    fold_bias,
    input_values,
    pixel_grid,
    uniform_vector,
)


def grid(size: Size, view: View | None = None, names=("x", "y")) -> np.ndarray:
    return coordinates(size, view or View(), names).reshape(size.height, size.width, len(names))


def test_short_side_spans_pi_at_pixel_centres_and_y_points_up():
    for size in (Size(16, 9), Size(9, 16), Size(320, 180)):
        c = grid(size)
        step = 2 * math.pi / min(size.width, size.height)
        assert c.dtype == np.float32
        np.testing.assert_allclose(np.diff(c[0, :, 0]), step, rtol=1e-4)
        np.testing.assert_allclose(np.diff(c[:, 0, 1]), -step, rtol=1e-4)
        short = c[0, :, 0] if size.width < size.height else c[:, 0, 1]
        assert abs(short).max() == pytest.approx(math.pi - step / 2, rel=1e-5)
        np.testing.assert_allclose(c.mean((0, 1)), 0, atol=1e-5)


def test_the_view_zooms_turns_and_moves_the_picture():
    size = Size(180, 180)
    c = grid(size, View(zoom=2.0))
    np.testing.assert_allclose(c, grid(size) / 2, atol=1e-6)
    # A quarter turn counter-clockwise: what was on the right (x = pi) is now at the top.
    c = grid(size, View(rotate=0.25))
    assert c[0, 90, 0] == pytest.approx(math.pi, abs=0.05)
    assert abs(c[0, 90, 1]) < 0.05
    # Panned right by half the short side: the origin is at the right edge.
    c = grid(size, View(pan_x=1.0, zoom=3.0))
    assert np.linalg.norm(c[90, 179]) < 0.05
    c = grid(size, View(pan_y=1.0, rotate=0.1))
    assert np.linalg.norm(c[0, 90]) < 0.05


@pytest.mark.parametrize("n", range(2, 9))
def test_a_fold_repeats_n_times_around_the_centre(n):
    size = Size(64, 64)
    names = (f"fold{n}_x", f"fold{n}_y")
    c = grid(size, names=("x", "y", *names))
    z = c[..., 0] + 1j * c[..., 1]
    expected = np.abs(z) * np.exp(1j * n * np.angle(z))
    np.testing.assert_allclose(c[..., 2] + 1j * c[..., 3], expected, atol=2e-5)
    np.testing.assert_allclose(grid(size, View(rotate=1 / n), names), c[..., 2:], atol=1e-4)


def test_the_other_spatial_inputs():
    size = Size(32, 18)
    c = grid(size, names=("x", "y", "radius", "abs_x", "abs_y"))
    np.testing.assert_allclose(c[..., 2], np.hypot(c[..., 0], c[..., 1]), rtol=1e-5)
    np.testing.assert_array_equal(c[..., 3], np.abs(c[..., 0]))
    np.testing.assert_array_equal(c[..., 4], np.abs(c[..., 1]))
    assert np.isfinite(coordinates(Size(3, 3), View(), SPATIAL_INPUTS)).all()  # a pixel centre lies on the origin


def test_the_cached_grid_cannot_be_spoilt():
    with pytest.raises(ValueError):
        pixel_grid(Size(4, 4))[0][0] = 1.0


def test_every_uniform_input_has_a_value_and_react_scales_sound_only():
    signals = dict.fromkeys(AUDIO_INPUTS, 0.5)
    quiet, loud = input_values(3.0, signals, {}, 0.5), input_values(3.0, signals, {}, 2.0)
    assert set(quiet) == set(UNIFORM_INPUTS)
    for name in UNIFORM_INPUTS:
        if name in AUDIO_INPUTS:
            assert loud[name] == 4 * quiet[name]
        else:
            assert loud[name] == quiet[name]
    assert set(BASE_INPUTS) - {"x", "y"} <= set(UNIFORM_INPUTS)


@given(st.floats(0, 1), st.floats(0, 1e-3))
def test_cycles_and_ramp_never_jump(phase, step):
    a = input_values(0.0, {}, {"phrase_phase": phase, "beat_phase": phase, "bar_phase": phase})
    b = input_values(0.0, {}, {"phrase_phase": (phase + step) % 1.0, "beat_phase": (phase + step) % 1.0,
                               "bar_phase": (phase + step) % 1.0})  # fmt: skip
    for name in ("time_ramp", "beat_sin", "beat_cos", "bar_sin", "bar_cos"):
        assert abs(a[name] - b[name]) <= 2 * math.pi * step + 1e-9
        assert -1.0 <= a[name] <= 1.0


def test_scales_and_order():
    values = input_values(10.0, {"bass": 1.0}, {})
    np.testing.assert_array_equal(uniform_vector(("bass", "time"), values, {"time": 0.1}), [1.0, 1.0])


@given(st.lists(st.tuples(st.floats(0, 4), st.floats(0.001, 0.1)), min_size=1, max_size=30))
def test_changing_speed_never_jumps_time(steps):
    motion, last = Motion(drive=3.0), 0.0
    for speed, dt in steps:
        now = motion.step({"rms": 1.0, "onset": 1.0}, dt, speed)["time"]
        assert 0.0 <= now - last <= dt * speed * 4.0 + 1e-12
        last = now


def test_louder_music_moves_time_faster_and_speed_zero_stops_it():
    quiet, loud, still = Motion(3.0), Motion(3.0), Motion(3.0)
    for _ in range(100):
        quiet.step({}, 0.02)
        loud.step({"rms": 1.0}, 0.02)
        still.step({"rms": 1.0}, 0.02, speed=0.0)
    assert quiet.phase == pytest.approx(2.0)
    assert loud.phase > 1.8 * quiet.phase
    assert still.phase == 0.0


def test_smoothing_is_in_seconds_not_in_frames():
    def level(fps: int) -> float:
        motion = Motion()
        for k in range(fps):
            values = motion.step({"bass": 1.0 if k < fps // 2 else 0.0}, 1 / fps)
        return values["bass"]

    assert level(24) == pytest.approx(level(120), abs=1e-3)
    assert level(24) == pytest.approx(math.exp(-0.5 / 0.18), rel=0.01)


def test_a_kick_shows_in_its_first_frame_and_leaves_slowly():
    motion = Motion()
    motion.step({}, 1 / 60)
    assert motion.step({"bass": 1.0}, 1 / 60)["bass"] > 0.7
    assert motion.step({"bass": 0.0}, 1 / 60)["bass"] > 0.6


def test_settled_levels_are_what_a_still_shows():
    motion = Motion(3.0, phase=7.0)
    motion.settle({"bass": 0.4, "centroid": 0.8})
    values = motion.step({"bass": 0.4, "centroid": 0.8}, 0.0)
    assert (values["time"], values["bass"], values["centroid"]) == (7.0, 0.4, 0.8)


def test_folding_stays_exact_over_a_night():
    rng = np.random.default_rng(0)
    w0, b0 = rng.normal(0, 3, (16, 3)).astype(np.float32), rng.normal(0, 1, 16).astype(np.float32)
    for seconds in (0.0, 1.0, 18_000.0, 86_400.0):
        bias = fold_bias(w0, b0, [2], np.array([seconds]), periodic=True)
        exact = b0.astype(np.float64) + w0[:, 2].astype(np.float64) * seconds
        assert bias.dtype == np.float32
        assert np.abs(bias).max() <= math.pi + 1e-6
        np.testing.assert_allclose(np.sin(bias.astype(np.float64)), np.sin(exact), atol=3e-7)
    # Without the reduction the same sum in float32 is off by more than a 255th after five hours.
    naive = b0 + w0[:, 2] * np.float32(18_000.1)
    exact = b0.astype(np.float64) + w0[:, 2].astype(np.float64) * 18_000.1
    assert np.abs(np.sin(naive.astype(np.float64)) - np.sin(exact)).max() > 1 / 255


def test_folding_without_a_period_keeps_the_sum():
    w0, b0 = np.array([[1.0, 2.0]], np.float32), np.array([100.0], np.float32)
    assert fold_bias(w0, b0, [1], np.array([3.0]), periodic=False)[0] == 106.0


def test_one_motion_goes_on_where_another_stood():
    first, second = Motion(3.0), Motion(3.0)
    for k in range(50):
        first.step({"bass": k % 7 / 7, "rms": k % 3 / 3, "onset": 0.5}, 1 / 30)
    second.resume({"phase": first.phase, "levels": first.levels | {"of a later time": 1.0}})
    assert second.step({"bass": 0.2, "rms": 0.9}, 1 / 30) == first.step({"bass": 0.2, "rms": 0.9}, 1 / 30)
    assert first.levels == second.levels
