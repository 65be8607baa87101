"""The filter over tempo and phase, and the rule of the bass drum, on pulses that are known."""

from __future__ import annotations

import numpy as np
import pytest

from phosphene.engine.core.signals import HOP, SAMPLE_RATE
from phosphene.engine.tempo.beat_filter import BeatFilter
from phosphene.engine.tempo.cut import Cut
from phosphene.engine.tempo.off_beat import OffBeat
from phosphene.engine.tempo.resonators import Resonators

FRAME_S = 2 * HOP / SAMPLE_RATE


def pulses(beats: np.ndarray, seconds: float) -> np.ndarray:
    """Return the activation of every frame: a bell 20 ms wide at each beat."""
    times = np.arange(round(seconds / FRAME_S)) * FRAME_S
    return np.exp(-0.5 * ((times[:, None] - beats[None]) / 0.02) ** 2).max(axis=1)


@pytest.mark.parametrize("bpm", [62.0, 97.0, 128.0, 174.0])
def test_a_steady_pulse_is_found_with_its_phase(bpm: float) -> None:
    filter_ = BeatFilter(FRAME_S, 55.0, 200.0)
    beats = np.arange(0.3, 12.0, 60.0 / bpm)
    for activation in pulses(beats, 12.0):
        filter_.step(float(activation), 1.0)
    position, hz, share = filter_.best()
    assert hz * 60.0 == pytest.approx(bpm, rel=0.03)  # at 174 bpm intervals of whole frames are 3 % apart
    true = ((12.0 - FRAME_S) - beats[-1]) * bpm / 60.0
    assert abs((position - true + 0.5) % 1.0 - 0.5) < 0.06
    assert share > 0.8
    assert filter_.near(position + 3.0, hz) == pytest.approx(share, abs=0.1)
    assert filter_.near(position + 0.5, hz) < 0.1


def test_a_tempo_that_moves_is_followed() -> None:
    """From 120 to 140 bpm in 15 s: wherever one looks, the phase is right."""
    times = np.linspace(0.0, 15.0, 15_001)
    beat = np.concatenate([[0.0], np.cumsum(np.diff(times) * (120.0 + 20.0 * times[:-1] / 15.0) / 60.0)])
    beats = np.interp(np.arange(int(beat[-1]) + 1), beat, times)
    filter_, errors = BeatFilter(FRAME_S, 55.0, 200.0), []
    for k, activation in enumerate(pulses(beats, 15.0)):
        filter_.step(float(activation), 1.0)
        if k * FRAME_S > 4.0 and k % 20 == 0:
            position, _, _ = filter_.best()
            errors.append((position - np.interp(k * FRAME_S, times, beat) + 0.5) % 1.0 - 0.5)
    assert np.abs(errors).max() < 0.1


def test_what_says_nothing_changes_nothing() -> None:
    filter_ = BeatFilter(FRAME_S, 55.0, 200.0)
    for activation in pulses(np.arange(0.0, 8.0, 0.5), 8.0):
        filter_.step(float(activation), 1.0)
    position, hz, _ = filter_.best()
    for _ in range(100):
        filter_.step(0.9, 0.0)
    later, same, _ = filter_.best()
    assert same == pytest.approx(hz, rel=0.02)
    assert abs((later - position - 100 * FRAME_S * hz + 0.5) % 1.0 - 0.5) < 0.1


def test_minutes_of_nothing_leave_no_zeros() -> None:
    filter_ = BeatFilter(FRAME_S, 55.0, 200.0)
    for _ in range(3000):
        filter_.step(0.0, 1.0)
    assert filter_._share.min() >= 1e-31
    for activation in pulses(np.arange(0.0, 8.0, 0.5), 8.0):
        filter_.step(float(activation), 1.0)
    assert filter_.best()[1] * 60.0 == pytest.approx(120.0, rel=0.02)


def heard(on: float, between: float, every: int = 1) -> OffBeat:
    """Return the rule after twelve beats with bass of such strengths on them, and after `every` so many of them between."""
    rule = OffBeat()
    for k in range(12 * 40):
        bass = on if k % 40 == 0 else between if k % (40 * every) == 20 else 0.0
        rule.step(k / 40.0, bass)
    return rule


def test_a_bass_drum_between_all_beats_moves_them_half_a_beat() -> None:
    assert heard(1.0, 0.0).half == 0.0
    assert heard(0.2, 1.0).half == 0.5
    assert heard(1.0, 1.0).half == 0.0, "bass on both says nothing"
    assert heard(0.2, 1.0, every=2).half == 0.0, "every other one is no drum on every beat"


def test_it_is_taken_back_and_forgotten() -> None:
    rule = heard(0.2, 1.0)
    for k in range(12 * 40):
        rule.step(k / 40.0, 1.0 if k % 40 == 0 else 0.0)
    assert rule.half == 0.0
    rule = heard(0.2, 1.0)
    rule.reset()
    assert rule.half == 0.0


def kicks(on: list[float], between: list[float]) -> OffBeat:
    """Return the rule after beats with bass of such strengths on them, and after them."""
    rule = OffBeat()
    for k in range(len(on) * 40):
        bass = on[k // 40] if k % 40 == 0 else between[k // 40] if k % 40 == 20 else 0.0
        rule.step(k / 40.0, bass)
    return rule


def test_the_first_kick_after_an_intro_hides_none_of_those_that_follow() -> None:
    """It rises three times as much: compared with it alone, the rest are no four-on-the-floor for eight beats."""
    assert kicks([0.1] * 12, [0.0] * 5 + [6.0] + [2.0] * 6).half == 0.5
    assert kicks([0.1] * 12, [0.0] * 4 + [6.0, 0.3, 6.0] + [0.3] * 5).half == 0.0, "two such make no drum of what is weak"


def test_bass_that_is_stronger_all_along_moves_them_though_it_is_but_a_little_stronger() -> None:
    assert kicks([1.6, 1.8] * 6, [2.3, 2.5] * 6).half == 0.5
    assert kicks([1.6, 2.4] * 6, [2.2, 2.5] * 6).half == 0.0, "as strong on every other beat"
    assert kicks([2.0] * 12, [2.1] * 12).half == 0.0
    assert kicks([1.0] * 12, [1.26, 2.25] * 6).half == 0.0, "bass that answers is not even"


def found_cuts(activation: np.ndarray, weight: np.ndarray | None = None) -> list[float]:
    """Let a filter hear, and where it is cut the one that takes its place; return when cuts are found, in s."""
    heard, cut, found = BeatFilter(FRAME_S, 55.0, 200.0), Cut(BeatFilter(FRAME_S, 55.0, 200.0)), []
    for k, (likely, says) in enumerate(zip(activation, np.ones(len(activation)) if weight is None else weight, strict=True)):
        heard.step(float(likely), float(says))
        if cut.step(heard.foreseen, float(likely), float(says), FRAME_S):
            heard, cut.fresh = cut.fresh, heard
            found.append(k * FRAME_S)
    return found


@pytest.mark.parametrize(("aside", "period"), [(0.25, 0.5), (0.2, 0.5), (0.1, 0.37), (0.0, 0.61)])
def test_a_beat_that_was_foreseen_and_is_no_more_was_cut_once(aside: float, period: float) -> None:
    beats = np.concatenate([np.arange(0.0, 14.9, 0.5), np.arange(15.0 + aside, 25.0, period)])
    (at,) = found_cuts(pulses(beats, 25.0))
    assert 15.25 < at < 17.5


def test_fills_breaks_and_what_was_never_foreseen_are_no_cuts() -> None:
    steady = np.arange(0.0, 25.0, 0.5)
    assert found_cuts(pulses(steady, 25.0)) == []
    fill = 0.35 * pulses(np.arange(15.0, 17.0, 0.125), 25.0)  # as the networks hear one
    assert found_cuts(np.maximum(pulses(steady, 25.0), fill)) == []
    silent = pulses(steady[(steady < 15.0) | (steady > 19.0)], 25.0)
    playing = np.abs(np.arange(len(silent)) * FRAME_S - 17.0) > 2.0
    assert found_cuts(silent, playing.astype(float)) == [], "a break says nothing"
    rng = np.random.default_rng(3)
    assert found_cuts(rng.uniform(0.0, 0.3, 3000)) == []


def test_repetition_forgets_what_was_before_the_mark_and_nothing_else() -> None:
    rng = np.random.default_rng(4)
    old, new = rng.standard_normal((2, 900, 2))
    both, alone = (Resonators(HOP / SAMPLE_RATE, 4.0, 55.0, 200.0, 126.0, 1.0) for _ in range(2))
    for bass, rest in old:
        both.step(bass, rest)
    both.mark()
    for bass, rest in new:
        both.step(bass, rest)
        alone.step(bass, rest)
    both.forget(0.0)
    assert both.age_s == pytest.approx(alone.age_s)
    assert np.allclose(both.score(slice(0, 40))[0], alone.score(slice(0, 40))[0], atol=0.01)


def test_opened_the_filter_finds_a_beat_half_a_beat_aside_sooner() -> None:
    """Two seconds of the new beat are enough; sure of the old one, it is not there yet."""
    shares = []
    for part in (0.0, 0.5):
        filter_ = BeatFilter(FRAME_S, 55.0, 200.0)
        for activation in pulses(np.arange(0.0, 10.0, 0.5), 10.0):
            filter_.step(float(activation), 1.0)
        filter_.open(part)
        assert filter_._share.sum() == pytest.approx(1.0)
        for activation in pulses(np.arange(0.25, 2.0, 0.5), 2.0):
            filter_.step(float(activation), 0.7)
        shares.append(filter_.near((2.0 - 0.25) / 0.5, 2.0))
    assert shares[1] > 0.8
    assert shares[0] < 0.1
    assert filter_.foreseen > 0.0
