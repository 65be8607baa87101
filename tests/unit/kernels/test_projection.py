"""Projections of the plane: against formulas in numpy's own functions, without a seam, and dark where too fine."""

from __future__ import annotations

import math

import numpy as np
import pytest

from phosphene.kernels.cppn import projection
from phosphene.kernels.cppn.projection import FINEST, KINDS, TURN, lit, project

PI = math.pi


def one(kind: int, weight: float = 1.0) -> list[float]:
    return [weight if k == kind else 0.0 for k in range(len(KINDS))]


def places(kind: int, x, y, shift: float = 0.0, dtype=np.float64) -> tuple[np.ndarray, np.ndarray]:
    return project(np, np.asarray(x, dtype), np.asarray(y, dtype), one(kind), 0.0, shift)


def screen(height: int = 90) -> tuple[np.ndarray, np.ndarray]:
    unit = 2 * PI / height
    width = height * 16 // 9
    return np.meshgrid((np.arange(width) + 0.5 - width / 2) * unit, (height / 2 - np.arange(height) - 0.5) * unit)


def back(v):
    """Mirrored repeat, another way."""
    return 2.0 * np.arcsin(np.sin(v / 2.0))


def plainly(kind: int, x, y, shift):
    """The four kinds as a textbook would write them."""
    r, angle = np.hypot(x, y), np.arctan2(y, np.abs(x))
    if kind == 0:
        return back(4.0 * angle), back(3.6 * PI / (r + 0.6) + shift)
    if kind == 1:
        scale = PI / (np.abs(y) + 0.35)
        return back(x * scale), back(0.7 * PI * scale + shift)
    if kind == 2:
        radius = 0.72 * PI
        inside = r < radius
        z = np.sqrt(np.maximum(radius**2 - r**2, 0.0))
        around, up = np.arctan2(x, z), np.arcsin(np.clip(y / radius, -1.0, 1.0))
        return np.where(inside, back(2.0 * around + shift), x), np.where(inside, 2.0 * up, y)
    around = 2.0 * np.arctan2(y, x)
    depth = np.log(r * r + 1e-3) - shift
    return back(around + depth), back(around - depth)


@pytest.mark.parametrize("kind", range(4), ids=KINDS)
@pytest.mark.parametrize("shift", [0.0, 5.3])
def test_the_places_are_those_of_the_textbook(kind, shift):
    x, y = screen()
    got, want = places(kind, x, y, shift), plainly(kind, x, y, shift)
    # The arctangent of five terms is off by 1.2e-5 rad, four times that at the wall. At the ball's rim z is cut off at 1e-3.
    clear = np.abs(np.hypot(x, y) - 0.72 * PI) > 0.01 if kind == 2 else np.ones_like(x, bool)
    for a, b in zip(got, want, strict=True):
        assert np.abs(a - b)[clear].max() < 1e-4
    single = places(kind, x, y, shift, np.float32)
    assert single[0].dtype == single[1].dtype == np.float32
    for a, b in zip(single, want, strict=True):
        assert np.abs(a - b)[clear].max() < 2e-4


@pytest.mark.parametrize("kind", [0, 1, 3], ids=lambda k: KINDS[k])
def test_places_lie_where_networks_were_trained(kind):
    x, y = screen(360)
    for each in places(kind, x, y, 2.0, np.float32):
        assert np.abs(each).max() <= PI + 1e-5


@pytest.mark.parametrize("kind", range(4), ids=KINDS)
def test_after_a_whole_turn_the_camera_is_where_it_was(kind):
    x, y = screen()
    for a, b in zip(places(kind, x, y, 0.0), places(kind, x, y, TURN), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-9)
    moved = places(kind, x, y, 0.4 * TURN)
    assert max(np.abs(a - b).max() for a, b in zip(places(kind, x, y), moved, strict=True)) > 1.0


@pytest.mark.parametrize("kind", [0, 1, 3], ids=lambda k: KINDS[k])
@pytest.mark.parametrize("radius", [0.3, 1.0, 3.0])
def test_no_seam_all_the_way_around(kind, radius):
    angle = np.linspace(0.0, 2.0 * PI, 20_001)
    x, y = np.round(radius * np.cos(angle), 9), radius * np.sin(angle)  # float32 has no 1e-16 beside 3
    for shift in (0.0, 3.0):
        most = 1.1 * radius * angle[1] * fineness(kind, x, y, shift).max() + 2e-4
        for each in places(kind, x, y, shift):
            assert np.abs(np.diff(each)).max() < most
            assert each[0] == pytest.approx(each[-1], abs=1e-6)


def test_left_and_right_of_tunnel_and_floor_are_mirror_images():
    x, y = screen()
    for a, b in zip(places(0, x, y, 1.0), places(0, -x, y, 1.0), strict=True):
        np.testing.assert_array_equal(a, b)
    floor, mirrored = places(1, x, y, 1.0), places(1, x, -y, 1.0)
    for a, b in zip(floor, mirrored, strict=True):
        np.testing.assert_array_equal(a, b)


def test_depth_glides_from_flat_without_a_jump_and_kinds_into_each_other():
    x, y = screen()
    for kind in range(4):
        before = x, y
        for depth in np.linspace(0.0, 1.0, 101)[1:]:
            now = project(np, x, y, one(kind, float(depth)), 1.0 - float(depth), 0.7)
            for a, b in zip(before, now, strict=True):
                assert np.abs(a - b).max() < 0.1 * PI
            before = now
    halfway = project(np, x, y, [0.5, 0.5, 0.0, 0.0], 0.0, 0.7)
    for a, b, c in zip(halfway, places(0, x, y, 0.7), places(1, x, y, 0.7), strict=True):
        np.testing.assert_allclose(a, (b + c) / 2, atol=1e-9)


def fineness(kind: int, x, y, shift: float, step: float = 1e-5) -> np.ndarray:
    """How much finer the pattern is than on the flat plane: the larger singular value, by differences within one fold."""
    columns = []
    for dx, dy in ((step, 0.0), (0.0, step)):
        ahead, behind = places(kind, x + dx, y + dy, shift), places(kind, x - dx, y - dy, shift)
        columns.append([(a - b) / (2 * step) for a, b in zip(ahead, behind, strict=True)])
    jacobian = np.moveaxis(np.array(columns), (0, 1), (-1, -2))
    return np.linalg.norm(jacobian, 2, axis=(-2, -1))


@pytest.mark.parametrize("height", [180, 720])
@pytest.mark.parametrize("kind", range(4), ids=KINDS)
def test_what_is_too_fine_for_pixels_is_dark(kind, height):
    """The bound of `lit` is an analytic one; here it is held against differences, at every pixel."""
    x, y = screen(height)
    pixel = 2 * PI / height
    left, _ = lit(x, y, one(kind), 0.0, 0.0, pixel)
    clear = np.abs(np.hypot(x, y) - 0.72 * PI) > 2e-3 if kind == 2 else np.ones_like(x, bool)
    fine = fineness(kind, x, y, 1.0)
    assert left[clear & (fine * pixel > 1.25 * FINEST)].max(initial=0.0) < 1e-3
    assert left[clear & (fine * pixel > 0.6 * FINEST)].max(initial=0.0) < 0.35
    # And it does not darken what can be seen: most of a large picture keeps most of its light.
    if height == 720 and kind != 2:
        assert np.median(left) > 0.9


def test_light_of_the_flat_plane_is_left_alone():
    x, y = screen()
    left, behind = lit(x, y, [0.0] * 4, 1.0, 1.0, 2 * PI / 90)
    np.testing.assert_array_equal(left, 1.0)
    np.testing.assert_array_equal(behind, 0.0)


@pytest.mark.parametrize("kind", range(4), ids=KINDS)
def test_fog_darkens_and_light_stays_within_its_range(kind):
    x, y = screen()
    clear, thick = (lit(x, y, one(kind), 0.0, fog, 0.01)[0] for fog in (0.0, 1.0))
    assert (thick <= clear + 1e-12).all()
    assert thick.mean() < 0.97 * clear.mean()
    left, behind = lit(x, y, one(kind), 0.0, 0.5, 0.01)
    assert left.min() >= 0.0
    assert left.max() <= 1.0 + 0.12
    assert behind.min() >= 0.0
    assert behind.max() <= 1.0
    assert behind.max() > 0.5


def test_the_rim_of_the_ball_is_dark_on_both_sides():
    """The places jump there, so nothing of the network may be seen within a pixel of it."""
    angle = np.linspace(0.0, 2 * PI, 500)
    for radius in (0.72 * PI - 0.01, 0.72 * PI + 0.01):
        left, _ = lit(radius * np.cos(angle), radius * np.sin(angle), one(2), 0.0, 0.0, 2 * PI / 720)
        assert left.max() < 0.05


def test_the_constants_are_those_that_this_file_writes_down():
    assert projection.KINDS == ("tunnel", "floor", "sphere", "spiral")
    assert TURN == 4 * PI
