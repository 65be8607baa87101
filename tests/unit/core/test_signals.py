"""Signals at an instant: between hops, after the last hop, around an onset, on the beat."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phosphene.engine.core.signals import (
    DRUMS,
    FADERS,
    HOP,
    NORMALISED,
    PARTS,
    SAMPLE_RATE,
    SIGNALS,
    BeatPosition,
    signals_at,
    silence,
)

HOP_S = HOP / SAMPLE_RATE
NOWHERE = BeatPosition()


def record(t: float, level: float = 0.0, onset_time: float = -math.inf, loudness_db: float = -120.0) -> np.void:
    """Return a FEATURES record whose normalised values are all `level`."""
    made = silence()
    made["t_adc"], made["onset_time"], made["loudness_db"], made["active"] = t, onset_time, loudness_db, level
    for name in NORMALISED:
        made["norm"][name] = level
    made["mel"][:] = level
    made["chroma"][:] = level
    return made


def test_every_signal_is_there_in_the_order_of_the_table():
    signals = signals_at(1.0, [record(1.0)], NOWHERE)
    assert list(signals) == list(SIGNALS)
    assert len(signals) == len(SIGNALS)
    assert all(isinstance(value, float) for value in signals.values())


def test_no_records_at_all_is_silence():
    signals = signals_at(5.0, [], NOWHERE)
    audible = [*NORMALISED, "loudness", "active", "onset"]
    assert [signals[name] for name in audible] == [0.0] * len(audible)
    assert signals.t_audio == -math.inf


def test_between_two_hops_the_values_are_interpolated():
    hops = [record(0.0, 0.0), record(1.0, 0.5), record(2.0, 1.0)]
    assert signals_at(0.5, hops, NOWHERE)["bass"] == pytest.approx(0.25)
    assert signals_at(1.5, hops, NOWHERE)["bass"] == pytest.approx(0.75)
    assert signals_at(1.0, hops, NOWHERE)["bass"] == pytest.approx(0.5)
    assert signals_at(1.5, hops, NOWHERE).mel == pytest.approx(np.full(40, 0.75))
    assert signals_at(1.5, hops, NOWHERE).t_audio == 1.5


def test_before_the_oldest_hop_its_values_hold():
    hops = [record(10.0, 0.25), record(11.0, 1.0)]
    assert signals_at(9.0, hops, NOWHERE)["bass"] == pytest.approx(0.25)


def test_just_after_the_newest_hop_its_values_hold():
    signals = signals_at(1.05, [record(1.0 - HOP_S, 0.1), record(1.0, 0.5)], NOWHERE)
    assert signals["bass"] == pytest.approx(0.5)
    assert signals.t_audio == 1.0


def test_when_capture_stops_everything_fades_and_never_rises():
    last = [record(1.0, 0.8, onset_time=1.0, loudness_db=-40.0)]
    names = [*NORMALISED, "loudness", "active", "onset"]
    steps = [signals_at(1.0 + k * 0.01, last, NOWHERE) for k in range(500)]
    for name in names:
        course = np.array([signals[name] for signals in steps])
        assert np.all(np.diff(course) <= 1e-12), name
        assert course[-1] < 1e-3, name


def test_silence_stays_silent_when_capture_stops():
    course = [signals_at(1.0 + k * 0.01, [record(1.0)], NOWHERE)["loudness"] for k in range(300)]
    assert max(course) == 0.0


def test_an_onset_jumps_to_one_and_decays_in_seconds():
    hops = [record(1.0), record(1.0 + HOP_S, onset_time=1.0)]
    assert signals_at(1.0 + HOP_S, hops, NOWHERE)["onset"] == pytest.approx(math.exp(-HOP_S / 0.12), rel=1e-6)
    assert signals_at(1.12, hops, NOWHERE)["onset"] == pytest.approx(math.exp(-1.0), rel=1e-6)


def test_an_onset_of_the_future_is_not_seen():
    hops = [record(1.0, onset_time=0.2), record(2.0, onset_time=1.9)]
    assert signals_at(1.5, hops, NOWHERE)["onset"] == pytest.approx(math.exp(-1.3 / 0.12), rel=1e-6)


def test_beat_signals_follow_the_position():
    on = signals_at(0.0, [], BeatPosition(beat=16.0, bpm=120.0, confidence=0.7))
    assert (on["beat"], on["beat_phase"], on["bar_phase"], on["confidence"]) == (1.0, 0.0, 0.0, 0.7)
    assert on["phrase_phase"] == 0.25
    off = signals_at(0.0, [], BeatPosition(beat=17.5))
    assert (off["beat"], off["beat_phase"], off["bar_phase"]) == (0.25, 0.5, 0.375)
    assert signals_at(0.0, [], BeatPosition(beat=4.0))["swing"] == pytest.approx(1.0)
    assert signals_at(0.0, [], BeatPosition(beat=8.0))["swing"] == pytest.approx(0.0)


def test_faders_pass_through():
    given_faders = [k / 10 for k in range(1, FADERS + 1)]
    signals = signals_at(0.0, [], NOWHERE, given_faders)
    assert [signals[f"fader{k}"] for k in range(1, FADERS + 1)] == given_faders


@given(
    st.lists(st.floats(0.0, 1.0), min_size=1, max_size=8),
    st.floats(-0.1, 2.0),
    st.floats(-1e4, 1e4),
    st.floats(-120.0, 0.0),
)
def test_every_signal_stays_in_zero_to_one(levels, t, beat, loudness_db):
    hops = [record(k * HOP_S, level, onset_time=k * HOP_S, loudness_db=loudness_db) for k, level in enumerate(levels)]
    signals = signals_at(t, hops, BeatPosition(beat=beat, confidence=0.5))
    for name, value in signals.items():
        assert 0.0 <= value <= 1.0 + 1e-9, name


def test_the_same_arguments_give_the_same_bits():
    rng = np.random.default_rng(7)
    hops = [record(k * HOP_S, float(rng.random())) for k in range(8)]
    first, second = (signals_at(0.0213, hops, BeatPosition(3.3)) for _ in range(2))
    assert dict(first) == dict(second)
    assert first.mel.tobytes() == second.mel.tobytes()


def test_what_comes_back_does_not_share_memory_with_the_records():
    hops = [record(0.0, 0.5), record(1.0, 0.5)]
    signals = signals_at(2.0, hops, NOWHERE)
    before = signals.mel.copy()
    hops[1]["mel"][:] = 9.0
    assert np.array_equal(signals.mel, before)


def test_silence_gives_a_new_record_each_time():
    one, other = silence(), silence()
    one["rms"] = 1.0
    assert other["rms"] == 0.0
    assert other["onset_time"] == -math.inf


def test_a_hit_is_as_high_as_it_is_hard_and_falls():
    before, after = record(1.0), record(1.0 + HOP_S)
    after["drum_time"][DRUMS.index("snare")], after["drum"][DRUMS.index("snare")] = 1.002, 0.8
    assert signals_at(1.001, [before, after], NOWHERE)["snare"] == 0.0  # it has not been
    assert signals_at(1.002, [before, after], NOWHERE)["snare"] == pytest.approx(0.8)
    later = signals_at(1.122, [after, record(1.1)], NOWHERE)
    assert later["snare"] == 0.0  # a record that knows of no hit stands for a stream that begins anew
    assert signals_at(1.05, [before, after], NOWHERE)["snare"] == pytest.approx(0.8)  # seen whole by the frame after it
    assert signals_at(1.09, [before, after], NOWHERE)["snare"] == pytest.approx(0.8 * math.exp(-0.028 / 0.12))
    assert signals_at(1.05, [before, after], NOWHERE)["kick"] == 0.0


def test_parts_rise_between_hops_and_a_drop_falls():
    before, after = record(10.0), record(11.0)
    k, drop = PARTS.index("build"), PARTS.index("drop")
    after["part"][k], after["part_time"][k] = 0.6, 10.75
    after["part"][drop], after["part_time"][drop] = 0.9, 10.5
    half = signals_at(10.5, [before, after], NOWHERE)
    assert half["build"] == pytest.approx(0.3)
    assert half["since_build"] == 1.0
    assert half["drop"] == pytest.approx(0.9)
    assert half["since_drop"] == 0.0
    end = signals_at(11.0, [before, after], NOWHERE)
    assert end["drop"] == pytest.approx(0.9 * math.exp(-0.25))
    assert end["since_build"] == pytest.approx(0.25 / 64.0)
    assert end["break"] == 0.0
    stopped = signals_at(21.0, [before, after], NOWHERE)
    assert stopped["build"] < 1e-6  # as all levels fade once capture has stopped
    assert 0.0 < stopped["drop"] < 0.01


def test_bars_and_phrases_are_those_of_the_position():
    position = BeatPosition(14.0, 120.0, 1.0, one=12.0, number=5.0, per_bar=3.0, rate=0.5, bar_confidence=0.7)
    signals = signals_at(0.0, [], position)
    assert signals["bar_phase"] == pytest.approx(2.0 / 3.0)
    assert signals["phrase_phase"] == pytest.approx((5.0 + 2.0 / 3.0) / 16.0)
    assert signals["bar_confidence"] == 0.7
    assert (position.beat_of_bar, position.next_bar()) == (3, 15.0)
    before = BeatPosition(11.0, one=12.0, number=5.0, per_bar=3.0, rate=0.5)
    assert (before.bar, before.next_bar()) == (4.5, 12.0)
    assert BeatPosition(-3.0).bar == -0.75


def test_where_the_beat_is_not_known_attacks_are_followed():
    hops = [record(1.0, onset_time=0.99)]
    on_the_beat, between = BeatPosition(4.0), BeatPosition(4.5)
    assert signals_at(1.0, hops, on_the_beat)["beat"] == 1.0
    attack = signals_at(1.0, hops, NOWHERE)["onset"]
    for position in (on_the_beat, between):
        unknown = replace(position, trust=0.0)
        assert signals_at(1.0, hops, unknown)["beat"] == pytest.approx(attack)
    half = signals_at(1.0, hops, replace(between, trust=0.5))["beat"]
    assert half == pytest.approx(0.5 * 0.25 + 0.5 * attack)
