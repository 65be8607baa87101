"""Bars live: which beat is "one", of how many; what the conductor makes of it, and what a performer can overrule."""

from __future__ import annotations

import math

import numpy as np
import pytest

from phosphene.engine.core.signals import MEL_BANDS, BeatPosition
from phosphene.engine.tempo.bars import METRES, USUAL, Bars
from phosphene.engine.tempo.conductor import BAR_FLOOR, Conductor
from phosphene.engine.tempo.timeline import Timeline

FRAMES_A_BEAT = 48
FRAME_S = 1 / 60


def played(bars: Bars, beats: int, per_bar: int, first: int = 0, told: float = 0.8) -> list[tuple[int, int]]:
    """Let `bars` hear beats whose "ones" the networks mark; return (per_bar, place of the newest beat judged) after each."""
    rng = np.random.default_rng(5)
    found = []
    mel = np.ones(MEL_BANDS, np.float32)
    for frame in range(FRAMES_A_BEAT * beats):
        beat = frame / FRAMES_A_BEAT
        is_one = (round(beat) - first) % per_bar == 0
        near = abs(beat - round(beat)) < 0.1
        share = min(0.95, max(0.05, (told if is_one else 1.0 - told) + float(rng.normal(0.0, 0.1))))
        heard = 0.8 * near
        bars.listen(beat + 0.1, mel)
        bars.hear(beat, heard * (1.0 - share), heard * share, 1.0 * near, 1.0 * near)
        found.append((bars.per_bar, (bars.judged - bars.one) % bars.per_bar))
    return found[FRAMES_A_BEAT - 1 :: FRAMES_A_BEAT]


@pytest.mark.parametrize("per_bar", [3, 4, 5, 6, 7])
@pytest.mark.parametrize("first", [0, 2])
def test_marked_ones_are_found_in_every_metre(per_bar: int, first: int) -> None:
    bars = Bars()
    found = played(bars, 20 * per_bar, per_bar, first)
    assert found[-1][0] == per_bar
    assert (bars.one - first) % per_bar == 0
    assert bars.confidence > 0.4  # three or six is told apart by little


def test_what_is_not_marked_stays_in_four_and_unsure() -> None:
    bars = Bars()
    found = played(bars, 64, 4, told=0.5)
    assert {per_bar for per_bar, _ in found} == {4}
    assert bars.confidence < BAR_FLOOR


def test_a_moved_beat_opens_the_place_and_keeps_the_metre() -> None:
    bars = Bars()
    played(bars, 60, 3)
    sure = bars.confidence
    bars.moved()
    bars.moved()
    played(bars, 1, 3)
    assert bars.per_bar == 3
    bars._publish()
    assert bars.confidence < sure


def test_numbers_that_jump_and_silence_do_no_harm() -> None:
    bars = Bars()
    mel = np.zeros(MEL_BANDS, np.float32)
    for beat in (0.0, 0.1, 0.3, 5.2, 900.1, 900.4, 3.2, 3.3, -7.9, -7.8, -7.7, 1e6 + 0.1, 1e6 + 0.3):
        bars.listen(beat, mel)
        bars.hear(beat, 0.0, 0.0, 0.0, 0.0)
    assert bars.per_bar in METRES
    assert 0.0 <= bars.confidence <= 1.0
    assert sum(USUAL) == pytest.approx(1.0)


def line_with(one: float, per_bar: float, bpm: float = 120.0, sure: float = 0.9):
    return lambda t: Timeline(t * bpm / 60, t, bpm, 0.9, one, per_bar, sure)


def run(conductor: Conductor, line, begin: float, seconds: float) -> list[BeatPosition]:
    out = []
    for k in range(round(seconds / FRAME_S)):
        t = begin + k * FRAME_S
        conductor.update(line(t), t)
        out.append(conductor.position(t + FRAME_S))
    return out


@pytest.mark.parametrize("one", [0, 1, 2, 3])
@pytest.mark.parametrize("per_bar", [3, 4, 7])
def test_the_bar_meets_the_tracker_without_a_jump(one: int, per_bar: int) -> None:
    conductor = Conductor(120)
    line = line_with(one, per_bar)
    seen = run(conductor, line, 0.0, 2.0 + 3 * per_bar * 0.5)
    bars = np.array([position.bar for position in seen])
    steps = np.diff(bars)
    assert steps.min() > 0.0
    assert steps.max() < 5.0 * FRAME_S * 2.0 / per_bar  # a beat of a bar to catch up: no jump
    after = seen[-1]
    beats = after.beat - round(after.beat - line(0.0).beat_at(2.0 + 3 * per_bar * 0.5)) - one  # the shown line's own numbers
    assert after.bar % 1.0 == pytest.approx(beats / per_bar % 1.0, abs=0.02)
    assert after.per_bar == per_bar
    assert (after.next_bar() - after.beat) % per_bar == pytest.approx((1.0 - after.bar % 1.0) * per_bar % per_bar, abs=1e-6)


def test_an_unsure_tracker_moves_no_bar() -> None:
    conductor = Conductor(120)
    seen = run(conductor, line_with(1, 3, sure=BAR_FLOOR - 0.01), 0.0, 8.0)
    assert {position.per_bar for position in seen} == {4.0}
    assert all(position.bar == pytest.approx(position.beat / 4.0) for position in seen)


def test_resync_overrules_until_follow() -> None:
    conductor = Conductor(120)
    line = line_with(0, 4)
    run(conductor, line, 0.0, 8.25)
    at = 8.25
    conductor.resync(at)
    position = conductor.position(at)
    assert position.bar == pytest.approx(round(position.bar))
    assert position.beat_of_bar == 1
    kept = run(conductor, line, at, 30.0)[-1]
    moved = (kept.one - line(0).beat_at(0.0)) % 4.0
    conductor.follow()
    back = run(conductor, line, at + 30.0, 10.0)[-1]
    assert kept.one == position.one
    assert moved != 0.0 or (position.beat - line(at).beat_at(at)) % 4.0 != 0.0
    beats = back.beat - line(at + 40.0).beat_at(at + 40.0)
    assert (back.one - round(beats)) % 4.0 == pytest.approx(0.0)


def test_bars_that_are_no_numbers_are_not_taken() -> None:
    conductor = Conductor(120)
    for one, per_bar, sure in (
        (math.nan, 4.0, 0.9),
        (1e300, 4.0, 0.9),
        (0.0, 0.0, 0.9),
        (0.0, math.inf, 0.9),
        (0, 4, math.nan),
    ):
        run(conductor, line_with(one, per_bar, sure=sure), 0.0, 1.0)
        position = conductor.position(1.0)
        assert position.per_bar == 4.0
        assert math.isfinite(position.bar)


def test_twice_the_tempo_keeps_bars_of_as_many_beats() -> None:
    conductor = Conductor(120)
    run(conductor, line_with(1, 4), 0.0, 6.0)
    conductor.multiply(2.0, 6.0)
    seen = run(conductor, line_with(1, 4), 6.0, 12.0)
    assert seen[-1].per_bar == 4.0
    assert seen[-1].bpm == pytest.approx(240.0, abs=1.0)
    assert np.diff([position.bar for position in seen]).min() > 0.0


def test_trust_comes_with_the_tracker_and_goes_within_two_seconds() -> None:
    conductor = Conductor(120)
    assert conductor.position(0.0).trust == 0.0
    assert run(conductor, line_with(0, 4), 0.0, 0.5)[-1].trust == 1.0
    doubted = run(conductor, lambda t: Timeline(t * 2.0, t, 120.0, 0.1), 0.5, 2.0)
    assert doubted[-1].trust == 0.0
    assert np.diff([position.trust for position in doubted]).max() <= 0.0
    for k in range(4):
        conductor.tap(2.5 + 0.5 * k)
    assert run(conductor, lambda t: None, 4.1, 0.5)[-1].trust == 1.0  # the performer's beat is always meant
