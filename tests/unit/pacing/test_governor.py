"""The governor against simulated machines: cost = constant + per pixel + noise, with reallocation spikes."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phosphene.engine.core.frame import Size
from phosphene.engine.pacing.governor import DEAD_BAND, Governor, size_ladder


def play(governor: Governor, fps: float, seconds: float, cost, realloc_ms: float = 40.0) -> list[tuple[float, Size, float]]:
    """Run the loop of a show: return (time, size, cost) of every frame."""
    frames, t, last = [], 0.0, None
    while t < seconds:
        size = governor.size()
        ms = cost(size, t)
        spent = ms + (realloc_ms if size != last else 0.0)
        governor.record(spent, reallocated=size != last)
        frames.append((t, size, ms))
        t += max(spent / 1e3, 1 / fps)
        last = size
    return frames


@settings(deadline=None, max_examples=40)
@given(
    per_megapixel=st.floats(5.0, 2000.0),
    constant=st.floats(0.0, 6.0),
    noise=st.floats(0.0, 0.10),
    fps=st.sampled_from([24.0, 30.0, 60.0]),
    seed=st.integers(0, 99),
)
def test_it_settles_within_three_seconds_and_stays(per_megapixel, constant, noise, fps, seed):
    rng = np.random.default_rng(seed)

    def cost(size, t):
        return (constant + per_megapixel * size.pixels / 1e6) * (1 + noise * abs(rng.standard_normal()))

    governor = Governor(Size(1280, 720), fps)
    frames = play(governor, fps, 12.0, cost)
    changes = [a[1] != b[1] for a, b in pairwise(frames) if a[0] > 3.0]
    assert sum(changes) <= 2, f"oscillates: {sum(changes)} changes in 9 s, {governor.size()}"
    final = [ms for t, _, ms in frames if t > 9.0]
    smallest = governor.ladder[0]
    if governor.size() != smallest:
        assert np.median(final) <= governor.target_ms * (1 + DEAD_BAND) * 1.05
    if governor.size() != governor.ladder[-1]:
        bigger = governor.ladder[governor.ladder.index(governor.size()) + 1]
        # Not too small either: two rungs up would not have fitted.
        if bigger != governor.ladder[-1]:
            bigger = governor.ladder[governor.ladder.index(bigger) + 1]
        assert cost(bigger, 0.0) > governor.target_ms * (1 - DEAD_BAND)


def test_a_machine_that_slows_down_and_recovers_is_followed():
    governor = Governor(Size(640, 360), 24.0)

    def cost(size, t):
        return 900.0 * size.pixels / 1e6 * (3.0 if 10.0 < t < 20.0 else 1.0)

    frames = play(governor, 24.0, 40.0, cost)

    def at(when):
        return next(size for t, size, _ in frames if t >= when)

    assert at(12.0).pixels < at(9.0).pixels
    assert at(38.0).pixels >= 0.6 * at(9.0).pixels


def test_a_heavier_style_is_followed_without_falling_to_the_floor():
    governor = Governor(Size(1280, 720), 30.0)
    frames = play(governor, 30.0, 30.0, lambda size, t: 2.0 + size.pixels / 1e6 * (40.0 if t < 10 or t > 20 else 160.0))
    light = [size for t, size, _ in frames if 8.0 < t < 10.0]
    heavy = [size for t, size, _ in frames if 13.0 < t < 20.0]
    again = [size for t, size, _ in frames if t > 26.0]
    assert len(set(heavy)) == 1
    assert 0.12 < heavy[-1].pixels / light[-1].pixels < 0.5
    assert min(size.pixels for t, size, _ in frames if t > 3.0) > 0.5 * heavy[-1].pixels
    assert again[-1].pixels > 0.8 * light[-1].pixels


def test_reallocation_time_is_excluded():
    governor = Governor(Size(640, 360), 60.0, start=Size(320, 180))
    before = governor.size()
    for _ in range(100):
        governor.record(500.0, reallocated=True)
    assert governor.size() == before


def test_fixed_never_moves():
    governor = Governor(Size(1280, 720), 30.0, fixed=Size(1280, 720))
    for _ in range(300):
        governor.record(1000.0, False)
    assert governor.size() == Size(1280, 720)
    assert not governor.enabled


def test_one_slow_frame_changes_nothing():
    governor = Governor(Size(640, 360), 60.0, start=Size(320, 180))
    size = governor.size()
    for i in range(200):
        governor.record(100.0 if i == 50 else governor.target_ms, False)
    assert governor.size() == size


@pytest.mark.parametrize(
    "output", [Size(1280, 720), Size(640, 360), Size(1024, 768), Size(720, 1280), Size(64, 36), Size(3, 2)]
)
def test_the_ladder_keeps_the_aspect_and_ends_at_the_output(output):
    ladder = size_ladder(output)
    assert ladder[-1] == output
    assert list(ladder) == sorted(ladder, key=lambda s: s.pixels)
    for size in ladder:
        assert abs(size.width - size.height * output.aspect) <= 1.0


def test_light_frames_shrink_the_picture_but_never_grow_it() -> None:
    governor = Governor(Size(1280, 720), 60)
    first = governor.size()
    for _ in range(600):
        governor.record(1.0, light=True)
    assert governor.size() == first
    for _ in range(600):
        governor.record(40.0, light=True)
    assert governor.size() < first
    for _ in range(1200):
        governor.record(1.0)
    assert governor.size() > first, "null: the same cost, not light"
