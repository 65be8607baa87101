"""The slow gain: quiet music is followed, noise is not, and nothing pumps."""

from __future__ import annotations

import numpy as np
import pytest

from phosphene.engine.audio.analyzer import Analyzer
from phosphene.engine.audio.lift import AIM_DB, MOST_DB, Lift
from phosphene.engine.core.signals import FEATURES, HOP, SAMPLE_RATE

HOP_S = HOP / SAMPLE_RATE
BAR = round(2.0 / HOP_S)
LEVELS = ("rms", "bass", "mid", "treble", "flux")


def music(seconds: float) -> np.ndarray:
    """Return float32 [n], peak 1: kick, snare, hats and a chord at 120 bpm, full scale."""
    rng = np.random.default_rng(0)
    t = np.arange(round(seconds / HOP_S) * HOP) / SAMPLE_RATE
    noise = rng.standard_normal(len(t))
    kick = np.exp(-20 * (t % 0.5)) * np.sin(2 * np.pi * 60 * (t % 0.5))
    snare = np.exp(-25 * ((t + 0.5) % 1.0)) * noise
    hats = np.exp(-60 * (t % 0.25)) * np.diff(noise, prepend=0.0)
    chord = sum(np.sin(2 * np.pi * hz * t) for hz in (220.0, 277.0, 330.0))
    mix = kick + 0.2 * snare + 0.05 * hats + 0.05 * chord * np.exp(-4 * (t % 1.0))
    return (mix / np.abs(mix).max()).astype(np.float32)


def quiet(pcm: np.ndarray, db: float) -> np.ndarray:
    return (pcm * np.float32(10.0 ** (db / 20.0))).astype(np.float32)


def hiss(seconds: float, rms_db: float) -> np.ndarray:
    rng = np.random.default_rng(1)
    return (10.0 ** (rms_db / 20.0) * rng.standard_normal(round(seconds / HOP_S) * HOP)).astype(np.float32)


def hum(seconds: float, rms_db: float, hz: float = 50.0) -> np.ndarray:
    t = np.arange(round(seconds / HOP_S) * HOP) / SAMPLE_RATE
    buzz = sum(np.sin(2 * np.pi * hz * k * t) / k for k in range(1, 60))
    return (10.0 ** (rms_db / 20.0) * buzz / buzz.std()).astype(np.float32)


def hear(pcm: np.ndarray, analyzer: Analyzer | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return the FEATURES of the hops of `pcm` and the gain on each in dB."""
    analyzer = analyzer or Analyzer()
    hops = pcm.reshape(-1, HOP)
    found, gain = np.zeros(len(hops), FEATURES), np.zeros(len(hops))
    for k, hop in enumerate(hops):
        found[k] = analyzer.process(hop, k * HOP_S)
        gain[k] = analyzer.lift.db
    return found, gain


@pytest.mark.parametrize("db", [-40.0, -50.0, -60.0])
def test_quiet_music_is_as_lively_as_loud_music_after_eight_seconds(db: float) -> None:
    pcm = music(14.0)
    later = round(8.0 / HOP_S)
    loud, none = hear(quiet(pcm, -20.0))
    found, _ = hear(quiet(pcm, db))
    assert not none.any()
    assert np.abs(found["active"] - loud["active"])[later:].mean() < 0.02
    for name in LEVELS:
        assert np.abs(found["norm"][name] - loud["norm"][name])[later:].mean() < 0.06, name
    assert found["onset"][later:].sum() == loud["onset"][later:].sum()
    # The levels that are told are those of what comes in.
    for name in ("rms", "bass", "mid", "treble", "peak"):
        assert found[name][later:] == pytest.approx(loud[name][later:] * 10.0 ** ((db + 20.0) / 20.0), rel=1e-3, abs=5e-7)


def test_music_at_ordinary_levels_is_not_touched() -> None:
    _, gain = hear(quiet(music(6.0), -20.0))
    assert not gain.any()


def test_steady_music_never_pumps() -> None:
    _, gain = hear(quiet(music(20.0), -55.0))
    settled = gain[round(8.0 / HOP_S) :]
    bars = settled[: len(settled) // BAR * BAR].reshape(-1, BAR)
    assert np.ptp(bars, axis=1).max() < 0.5


@pytest.mark.parametrize("gap", ["silence", "hiss"])
def test_a_break_does_not_raise_the_gain(gap: str) -> None:
    pcm = quiet(music(9.0), -50.0)
    rest = np.zeros(round(9.0 / HOP_S) * HOP, np.float32) if gap == "silence" else hiss(9.0, -85.0)
    analyzer = Analyzer()
    hear(pcm, analyzer)
    before = analyzer.lift.slow_db
    found, _ = hear(rest, analyzer)
    assert analyzer.lift.slow_db == pytest.approx(before, abs=0.5)
    assert found["active"][round(8.0 / HOP_S) :].max() < 0.01
    back, _ = hear(pcm, analyzer)
    assert back["active"][round(0.1 / HOP_S)] == 1.0


def test_loud_music_after_quiet_music_is_heard_as_it_comes() -> None:
    analyzer = Analyzer()
    hear(quiet(music(10.0), -60.0), analyzer)
    assert analyzer.lift.slow_db > 35.0
    found, gain = hear(music(6.0), analyzer)
    later = round(0.6 / HOP_S)
    assert not gain[later:].any()
    # Nothing above the aim and 10 dB, from the first hop on: the references of the levels are not thrown off.
    assert np.max((found["loudness_db"] + gain)[gain > 0.0]) <= AIM_DB + 10.0 + 1e-3
    plain, _ = hear(music(6.0))
    late = round(3.0 / HOP_S)
    for name in ("rms", "bass"):
        assert np.abs(found["norm"][name] - plain["norm"][name])[late:].mean() < 0.1


@pytest.mark.parametrize(
    "noise",
    [hiss(15.0, -80.0), hiss(15.0, -62.0), hum(15.0, -70.0), hum(15.0, -62.0, 60.0), hum(8.0, -75.0) + hiss(8.0, -75.0)],
)
def test_the_noise_of_an_open_input_is_never_lifted(noise: np.ndarray) -> None:
    found, gain = hear(noise)
    assert not gain.any()
    assert not found["active"].any()


def test_noise_that_is_switched_on_is_no_music() -> None:
    steps = np.concatenate([hiss(4.0, level) for level in (-100.0, -70.0, -100.0, -70.0, -90.0)])
    _, gain = hear(steps)
    assert not gain.any()


def test_a_crack_takes_little_of_the_gain() -> None:
    analyzer = Analyzer()
    pcm = quiet(music(10.0), -55.0)
    hear(pcm, analyzer)
    before = analyzer.lift.slow_db
    crack = pcm[: 4 * HOP].copy()
    crack[100:1000] += hiss(1.0, -6.0)[:900]
    hear(crack, analyzer)
    assert analyzer.lift.slow_db > before - 7.0


def step(lift: Lift, seconds: float, loudness_db: float, lively: bool) -> None:
    """Give it `seconds` of one level, whose body changes by 4 dB every tenth of a second if it is lively."""
    for k in range(round(seconds / HOP_S)):
        body = 10.0 ** (loudness_db / 20.0)
        lift.step(loudness_db, body * (1.6 if lively and k // 19 % 2 else 1.0))


def test_the_gain_is_bounded_and_slow() -> None:
    lift = Lift(HOP_S)
    step(lift, 30.0, -110.0, lively=True)
    assert lift.slow_db == MOST_DB
    lift = Lift(HOP_S)
    step(lift, 5.0, -10.0, lively=True)
    step(lift, 19.0, -70.0, lively=True)
    assert lift.slow_db == 0.0
    step(lift, 61.0, -70.0, lively=True)  # 30 dB in a minute
    assert lift.slow_db == pytest.approx(10.0, abs=1.5)


def test_an_hour_of_silence_changes_nothing() -> None:
    """Zeros, fed to the gain alone: the analysis of an hour would take minutes."""
    lift = Lift(HOP_S)
    step(lift, 10.0, -50.0, lively=True)
    before = lift.slow_db
    step(lift, 3600.0, -120.0, lively=False)
    assert lift.slow_db == pytest.approx(before, abs=1.0)
    assert lift.db == 0.0
    lift.step(-50.0, 1e-3)
    assert lift.db == pytest.approx(before, abs=1.0)
