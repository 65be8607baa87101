"""The clocks: a grid that never shifts live, exact times offline."""

from __future__ import annotations

import itertools
from fractions import Fraction

import pytest

from phosphene.engine.core import clock
from phosphene.engine.core.clock import DisplayClock, LiveClock, OfflineClock


def test_now_never_steps_back():
    times = [clock.now() for _ in range(1000)]
    assert times == sorted(times)


def test_sleep_until_does_not_return_early():
    wanted = clock.now() + 0.02
    clock.sleep_until(wanted)
    assert clock.now() >= wanted


def test_sleep_until_a_past_time_returns_at_once():
    begun = clock.now()
    clock.sleep_until(begun - 1.0)
    clock.sleep(-1.0)
    assert clock.now() - begun < 0.5


def test_wall_clock_knows_its_zone():
    assert clock.wall_clock().tzinfo is not None


@pytest.mark.parametrize("fps", [Fraction(24), Fraction(60), Fraction(30000, 1001)])
def test_offline_frame_k_is_at_k_over_fps_exactly(fps):
    stepped = OfflineClock(fps)
    for k in range(5000):
        frame = stepped.next_frame()
        assert frame.index == k
        assert frame.time == frame.t_present == float(k / fps)
    assert frame.dt == float(1 / fps)
    assert stepped.missed == 0


def test_live_frames_lie_on_the_grid():
    stepped = LiveClock(200)
    frames = [stepped.next_frame() for _ in range(20)]
    for frame in frames:
        assert frame.time == pytest.approx(frame.index / 200)
        assert frame.t_present == pytest.approx(stepped.t_start + (frame.index + 1) / 200)
    for before, frame in itertools.pairwise(frames):
        assert frame.dt == pytest.approx((frame.index - before.index) / 200)
    assert frames[-1].index == 19 + stepped.missed


def test_a_live_frame_is_not_handed_out_before_its_slot():
    stepped = LiveClock(100)
    for _ in range(5):
        frame = stepped.next_frame()
        assert clock.now() >= stepped.t_start + frame.index / 100


def test_an_overrun_costs_the_slots_it_covered_and_no_more():
    # Slot 0 is asked for 10.3 periods late: slots 0 to 9 are gone, and the one being run through is skipped only when
    # more than half of it is over. Periods are 50 ms, so that a busy machine does not blur the count.
    stepped = LiveClock(20, t_start=clock.now() - 10.3 / 20)
    frame = stepped.next_frame()
    assert frame.index in (9, 10)
    assert stepped.missed == frame.index
    assert frame.dt == pytest.approx((frame.index + 1) / 20)
    following = stepped.next_frame()
    assert following.index == frame.index + 1


def test_half_a_period_late_misses_nothing():
    stepped = LiveClock(5, t_start=clock.now() - 0.2 * 0.3)
    assert stepped.next_frame().index == 0
    assert stepped.missed == 0


def test_a_display_at_59_94_hz_paces_without_a_miss_or_a_drift(monkeypatch: pytest.MonkeyPatch):
    """Ten minutes of swaps with 1 ms of jitter; the null is a grid of 60 Hz, which must miss or be late."""
    import random

    rng, refresh, t = random.Random(3), 59.94, [100.0]
    monkeypatch.setattr(clock, "now", lambda: t[0])
    paced = DisplayClock(60, refresh, t_start=100.0)
    frames = []
    for k in range(36_000):
        t[0] = 100.0 + k / refresh + rng.uniform(-5e-4, 5e-4)
        frames.append(paced.next_frame())
    assert paced.missed == 0
    assert [f.index for f in frames] == list(range(36_000))
    assert abs(frames[-1].time - (t[0] - 100.0)) < 1e-3
    steps = [f.dt for f in frames[300:]]
    assert max(steps) - min(steps) < 1e-4
    assert abs(frames[-1].time - 36_000 / 60) > 0.5, "a 60 Hz grid is elsewhere by now"


def test_a_display_that_skips_refreshes_counts_them(monkeypatch: pytest.MonkeyPatch):
    t = [0.0]
    monkeypatch.setattr(clock, "now", lambda: t[0])
    paced = DisplayClock(60, 60.0, t_start=0.0)
    for at in (0.0, 1 / 60, 2 / 60, 5 / 60, 6 / 60):
        t[0] = at
        frame = paced.next_frame()
    assert paced.missed == 2
    assert frame.index == 6
    assert frame.time == pytest.approx(0.1, abs=0.002)


def test_a_display_that_stops_waiting_does_not_make_the_show_run_away():
    """A minimised window swaps nothing: the frames then come at the rate asked for, not as fast as they can."""
    paced = DisplayClock(100, 100.0)
    frames = [paced.next_frame() for _ in range(40)]
    passed = clock.now() - paced.t_start
    assert passed > 0.3
    assert abs(frames[-1].time - passed) < 0.05


def test_a_centred_clock_depicts_the_middle_of_a_frame() -> None:
    clock = OfflineClock(Fraction(24), centred=True)
    frames = [clock.next_frame() for _ in range(3)]
    assert [f.time for f in frames] == [0.0, 1 / 24, 2 / 24]
    assert [f.t_present - f.time for f in frames] == pytest.approx([1 / 48] * 3)
