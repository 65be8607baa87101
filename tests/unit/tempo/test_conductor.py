"""The conductor: what the show's beat does under a sure tracker, an unsure one, none, and under a performer's hands."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phosphene.engine.tempo.conductor import CONFIDENCE_FLOOR, FASTEST_BPM, SLOWEST_BPM, Conductor
from phosphene.engine.tempo.timeline import TIMELINE, Timeline

FRAME_S = 1 / 60


def run(conductor: Conductor, line, start: float, seconds: float) -> np.ndarray:
    """Step frames; `line(t)` is the tracker. Returns the beats shown, float64[frames]."""
    beats = []
    for k in range(round(seconds / FRAME_S)):
        t = start + k * FRAME_S
        conductor.update(line(t), t)
        beats.append(conductor.position(t + FRAME_S).beat)
    return np.array(beats)


def phase_error(conductor: Conductor, line: Timeline, t: float, ratio: float = 1.0) -> float:
    error = conductor.position(t).beat - line.beat_at(t) * ratio
    return abs(error - round(error))


def sure(bpm: float, beat0: float = 0.0):
    return lambda t: Timeline(beat0 + t * bpm / 60, t, bpm, 0.9)


def tap_at(conductor: Conductor, bpm: float, start: float, taps: int = 6, jitter=0.0) -> float:
    rng = np.random.default_rng(1)
    for k in range(taps):
        t = start + k * 60 / bpm + float(rng.normal(0, jitter))
        conductor.tap(t)
    return t


def test_follows_a_sure_line_in_phase_and_tempo():
    conductor = Conductor(120)
    run(conductor, sure(128, 0.4), 0, 5)
    assert phase_error(conductor, sure(128, 0.4)(5.0), 5.0) < 0.005
    assert conductor.position(5.0).bpm == pytest.approx(128, abs=0.1)


def test_a_ride_is_followed_closely_and_run_on_with_calmly():
    slope = 3.0  # bpm a second: a DJ's ride of 4 % in 1.6 s
    beats = lambda t: 2.0 * t + slope / 120.0 * t * t  # noqa: E731
    ride = lambda t: Timeline(beats(t), t, 120.0 + slope * t, 0.9)  # noqa: E731
    conductor = Conductor(120)
    run(conductor, ride, 0.0, 5.0)
    assert phase_error(conductor, ride(5.0), 5.0) < 0.04
    wobbling = lambda t: Timeline(2.0 * t, t, 120.0 + 6.0 * math.sin(40.0 * t), 0.9)  # noqa: E731
    steady = Conductor(120)
    run(steady, wobbling, 0.0, 5.04)
    run(steady, lambda t: None, 5.04, 10.0)
    assert steady.position(15.0).bpm == pytest.approx(120.0, abs=0.5)


def test_runs_on_below_the_confidence_floor():
    conductor = Conductor(120)
    run(conductor, sure(128), 0, 5)
    unsure = lambda t: Timeline(t * 3.0, t, 93.0, CONFIDENCE_FLOOR - 0.01)  # noqa: E731
    run(conductor, unsure, 5, 20)
    assert phase_error(conductor, sure(128)(25.0), 25.0) < 0.05
    assert conductor.position(25.0).confidence == pytest.approx(CONFIDENCE_FLOOR - 0.01)


def test_runs_on_without_a_line_and_with_a_stale_one():
    conductor = Conductor(120)
    run(conductor, sure(140), 0, 5)
    stale = sure(140)(5.0)
    run(conductor, lambda t: stale if t < 8 else None, 5, 10)
    assert conductor.position(15.0).bpm == pytest.approx(140, abs=0.1)
    assert conductor.position(15.0).confidence == 0.0
    assert phase_error(conductor, sure(140)(15.0), 15.0) < 0.05


def test_a_restarted_tracker_that_counts_from_zero_moves_nothing():
    conductor = Conductor(120)
    before = run(conductor, sure(120, 1000.0), 0, 4)
    after = run(conductor, sure(120, -3.0), 4, 4)
    steps = np.diff(np.concatenate([before[60:], after]))
    assert np.abs(steps - 2 * FRAME_S).max() < 1e-3


def test_taps_set_tempo_and_phase_and_hold_against_the_tracker():
    conductor = Conductor(120)
    run(conductor, sure(128), 0, 3)
    last = tap_at(conductor, 97, 3.0, jitter=0.008)
    position = conductor.position(last)
    assert position.bpm == pytest.approx(97, rel=0.02)
    assert abs(position.beat - round(position.beat)) < 0.05
    run(conductor, sure(128), last, 30)
    assert conductor.leading
    assert conductor.position(last + 30).bpm == pytest.approx(97, rel=0.02)


def test_a_stray_and_a_missing_tap_do_not_bend_the_tempo():
    conductor = Conductor(120)
    for t in (0.0, 0.5, 1.0, 1.17, 1.5, 2.5, 3.0):
        conductor.tap(t)
    assert conductor.position(3.0).bpm == pytest.approx(120, rel=0.01)


def test_two_taps_and_taps_far_apart_set_nothing():
    conductor = Conductor(120)
    for t in (1.0, 1.4, 9.0, 20.0, 20.3):
        conductor.tap(t)
    assert conductor.position(21.0).bpm == 120
    assert not conductor.leading


def test_the_tracker_takes_over_again_once_it_agrees_at_any_octave():
    conductor = Conductor(120)
    last = tap_at(conductor, 70, 0.0)
    tracked = lambda t: Timeline((t - last) * 140.6 / 60 + 8.05, t, 140.6, 0.9)  # noqa: E731
    run(conductor, tracked, last, 12)
    assert not conductor.leading
    assert conductor.position(last + 12).bpm == pytest.approx(70.3, abs=0.05)


def test_a_tracker_on_the_off_beat_does_not_take_the_lead_back():
    conductor = Conductor(120)
    last = tap_at(conductor, 120, 0.0)
    run(conductor, lambda t: Timeline((t - last) * 2 + 0.5, t, 120.0, 1.0), last, 20)
    assert conductor.leading
    phase = conductor.position(last + 20).beat
    assert abs(phase - round(phase)) < 0.05
    conductor.follow()
    run(conductor, lambda t: Timeline((t - last) * 2 + 0.5, t, 120.0, 1.0), last + 20, 5)
    phase = conductor.position(last + 25).beat
    assert abs(phase - round(phase)) > 0.45


def test_resync_makes_now_the_one_and_the_bar_is_kept():
    conductor = Conductor(120)
    run(conductor, sure(120), 0, 5.5)  # beat 11
    conductor.resync(5.51)
    assert conductor.position(5.51).beat % 4 == 0
    run(conductor, sure(120), 5.51, 20)
    bar = (conductor.position(25.5).beat - 0.0) % 4  # 40 beats after the one, by the tracker's beat
    assert min(bar, 4 - bar) < 0.02


def test_resync_off_the_tracked_beat_moves_the_beat_for_good():
    conductor = Conductor(120)
    run(conductor, sure(120), 0, 5)
    conductor.resync(5.2)  # 0.4 beats after the tracker's beat
    run(conductor, sure(120), 5.2, 5)
    assert conductor.position(10.2).beat % 4 == pytest.approx(2.0, abs=0.05)  # 10 beats on


def test_nudge_moves_at_once_and_stays():
    conductor = Conductor(120)
    run(conductor, sure(120), 0, 5)
    before = conductor.position(5.0).beat
    conductor.nudge(-1 / 16, 5.0)
    assert conductor.position(5.0).beat == pytest.approx(before - 1 / 16)
    run(conductor, sure(120), 5, 5)
    assert phase_error(conductor, sure(120, -1 / 16)(10.0), 10.0) < 0.005


@pytest.mark.parametrize(("factor", "bpm"), [(2.0, 256.0), (0.5, 64.0)])
def test_multiply_scales_the_tempo_and_goes_on_following(factor, bpm):
    conductor = Conductor(120)
    run(conductor, sure(128), 0, 5)
    conductor.multiply(factor, 5.0)
    run(conductor, sure(128), 5, 5)
    assert conductor.position(10.0).bpm == pytest.approx(bpm, rel=1e-3)
    # Each beat of the slower of the two falls on a beat of the faster one.
    error = conductor.position(10.0).beat - sure(128)(10.0).beat_at(10.0) * factor
    period = min(1.0, factor)
    assert abs(error - round(error / period) * period) < 0.01


def test_multiply_out_of_range_and_nonsense_change_nothing():
    conductor = Conductor(170)
    conductor.multiply(2.0, 0.0)
    conductor.multiply(math.nan, 0.0)
    conductor.nudge(math.inf, 0.0)
    conductor.set_bpm(math.nan, 0.0)
    assert conductor.position(0.0).bpm == 170
    conductor.set_bpm(1000.0, 0.0)
    assert conductor.position(0.0).bpm == FASTEST_BPM
    conductor.set_bpm(-5.0, 0.0)
    assert conductor.position(0.0).bpm == SLOWEST_BPM


def test_an_octave_that_was_chosen_outlives_the_trackers_change_of_mind_and_ends_with_the_piece():
    conductor = Conductor(120)
    run(conductor, sure(70), 0, 5)
    conductor.multiply(2.0, 5.0)
    run(conductor, sure(70), 5, 3)
    run(conductor, sure(140), 8, 3)
    assert conductor.position(11.0).bpm == pytest.approx(140, rel=0.005)
    run(conductor, sure(70), 11, 3)
    assert conductor.position(14.0).bpm == pytest.approx(140, rel=0.005)
    run(conductor, sure(100), 14, 3)
    assert conductor.position(17.0).bpm == pytest.approx(100, rel=0.005)


def test_the_trackers_change_of_octave_is_followed_where_the_performer_said_nothing():
    conductor = Conductor(120)
    run(conductor, sure(70), 0, 5)
    run(conductor, sure(140), 5, 5)
    assert conductor.position(10.0).bpm == pytest.approx(140, rel=0.005)


def test_timeline_turns_without_a_jump_and_survives_its_record():
    line = Timeline(3.0, 10.0, 90.0, 0.5)
    turned = line.reaim(12.0, bpm=180.0)
    assert turned.beat_at(12.0) == line.beat_at(12.0) == 6.0
    assert turned.time_of(9.0) == 13.0
    assert line.reaim(12.0, beat=0.25).beat_at(12.0) == 0.25
    record = line.to_record()
    assert record.dtype == TIMELINE
    assert Timeline.from_record(record) == line


lines = st.one_of(
    st.none(),
    st.builds(
        lambda beat, bpm, confidence, age: (beat, bpm, confidence, age),
        st.floats(-10, 10),
        st.floats(40, 210),
        st.floats(0, 1),
        st.floats(0, 2),
    ),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(lines, st.integers(1, 30), st.floats(0.002, 0.06)), min_size=1, max_size=12), st.floats(0, 0.05))
def test_whatever_the_tracker_says_the_beat_moves_on_without_a_jump(parts, ahead):
    conductor = Conductor(120)
    t, beat = 0.0, conductor.position(0.0).beat
    shown_at = 0.0
    for line, frames, dt in parts:
        for _ in range(frames):
            t += dt
            conductor.update(None if line is None else Timeline(line[0], t - line[3], line[1], line[2]), t)
            now = conductor.position(t + ahead)
            assert math.isfinite(now.beat)
            assert SLOWEST_BPM <= now.bpm <= FASTEST_BPM
            step = (now.beat - beat) / (t + ahead - shown_at)
            assert 0.0 < step <= FASTEST_BPM / 60 * 1.4 + 1e-9
            beat, shown_at = now.beat, t + ahead


actions = st.sampled_from(["tap", "bpm", "double", "half", "follow", "frames"])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(actions, st.floats(0.05, 1.0)), min_size=1, max_size=20))
def test_tempo_acts_never_turn_time_back_while_frames_run(acts):
    """Between acts of the performer the beat rises; it is finite and its tempo in range after each of them."""
    conductor = Conductor(120)
    t = 0.0
    for act, value in acts:
        if act == "tap":
            conductor.tap(t)
        elif act == "bpm":
            conductor.set_bpm(30 + 270 * value, t)
        elif act in ("double", "half"):
            conductor.multiply(2.0 if act == "double" else 0.5, t)
        elif act == "follow":
            conductor.follow()
        beats = []
        for _ in range(max(2, round(value / FRAME_S))):
            conductor.update(sure(123)(t), t)
            beats.append(conductor.position(t).beat)
            t += FRAME_S
        assert (np.diff(beats) > 0).all()
        assert SLOWEST_BPM <= conductor.position(t).bpm <= FASTEST_BPM


def test_a_lookahead_shows_the_beat_earlier_and_slides_there_without_a_step_back() -> None:
    plain, early = Conductor(), Conductor()
    early.look_ahead(0.25)
    beats, apart = [], []
    for k in range(600):
        t = k / 60.0
        if k == 400:
            early.look_ahead(0.0)
        for each in (plain, early):
            each.update(None, t)
        beats.append(early.position(t).beat)
        apart.append(beats[-1] - plain.position(t).beat)
    assert apart[399] == pytest.approx(0.25 * 2.0, abs=1e-6), "120 bpm are two beats a second"
    assert apart[599] == pytest.approx(0.0, abs=1e-6)
    steps = np.diff(beats) * 30.0
    assert steps.min() >= 0.9 - 1e-6
    assert steps.max() <= 1.1 + 1e-6
    early.look_ahead(float("nan"))
    early.update(None, 10.0)
    assert early.position(10.0) == plain.position(10.0)


def test_a_slower_tempo_with_a_lookahead_takes_no_beat_back() -> None:
    conductor = Conductor(120)
    conductor.look_ahead(0.5)
    beats, t = [], 0.0
    for k in range(720):
        t = k / 60.0
        conductor.update(None, t)
        beats.append(conductor.position(t + 1 / 60).beat)
        if k == 600:
            conductor.set_bpm(60.0, t)
    assert (np.diff(beats) > 0.0).all()
    assert conductor.position(t).bpm == 60.0


@pytest.mark.parametrize("hand", ["nudge", "resync"])
def test_after_a_hand_moved_the_beat_a_lookahead_takes_nothing_back(hand: str) -> None:
    conductor = Conductor(120)
    conductor.look_ahead(0.5)
    beats = []
    for k in range(720):
        t = k / 60.0
        bpm = 120.0 if k <= 600 else 150.0
        conductor.update(sure(bpm)(t), t)
        beats.append(conductor.position(t + 1 / 60).beat)
        if k == 600:
            conductor.nudge(0.3, t) if hand == "nudge" else conductor.resync(t)
    assert (np.diff(beats[602:]) > 0.0).all()
