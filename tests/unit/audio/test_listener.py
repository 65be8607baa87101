"""The Listener fills three rings per hop, whatever comes in."""

from __future__ import annotations

import numpy as np
import pytest

from engine.audio.base import PCM
from engine.audio.listener import Listener
from engine.core.ring import Ring
from engine.core.signals import FEATURES, HOP, SAMPLE_RATE
from engine.tempo.timeline import TIMELINE


@pytest.fixture
def rings() -> tuple[Ring, Ring, Ring]:
    made = [Ring.create(bytearray(Ring.nbytes(r, 4096)), r, 4096) for r in (FEATURES, PCM, TIMELINE)]
    return made[0], made[1], made[2]


def constant(left: float, right: float) -> np.ndarray:
    return np.tile(np.array([left, right], np.float32), (HOP, 1))


def test_a_hop_is_one_record_each_with_one_time(rings) -> None:
    listener = Listener(*rings)
    listener.hear(constant(0.25, -0.5), 2.0)
    features, pcm = rings[0].latest(), rings[1].latest()
    assert rings[0].written == rings[1].written == 1
    assert features["t_adc"] == pcm["t_adc"] == 2.0
    assert features["sample"] == pcm["sample"] == HOP
    assert np.array_equal(pcm["pcm"], constant(0.25, -0.5))
    assert features["peak"] == pytest.approx(0.5)


def test_gain_moves_the_analysis_and_not_the_recording(rings) -> None:
    listener = Listener(*rings)
    listener.hear(constant(0.1, 0.1), 0.0, gain=2.0)
    louder = float(rings[0].latest()["rms"])
    other = Listener(*rings)
    other.hear(constant(0.1, 0.1), 0.0)
    assert louder == pytest.approx(2.0 * float(rings[0].latest()["rms"]), rel=1e-5)
    assert np.all(rings[1].latest()["pcm"] == np.float32(0.1))


def test_clipped_samples_are_counted_on_both_channels(rings) -> None:
    listener = Listener(*rings)
    hop = constant(0.2, 0.2)
    hop[:5, 0] = 1.0
    hop[:3, 1] = -1.0
    listener.hear(hop, 0.0)
    assert listener.clipped == 8
    assert listener.peak == 1.0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -1e20])
def test_broken_samples_are_recorded_as_silence(rings, bad: float) -> None:
    listener = Listener(*rings)
    hop = constant(0.2, 0.2)
    hop[9, 1] = bad
    listener.hear(hop, 0.0)
    assert np.all(rings[1].latest()["pcm"] == 0)
    assert rings[0].latest()["peak"] == listener.peak == 0


def test_skipped_samples_are_a_jump_in_the_count(rings) -> None:
    listener = Listener(*rings)
    listener.hear(constant(0, 0), 0.0)
    listener.skip(1000)
    listener.hear(constant(0, 0), 0.1)
    assert rings[0].latest()["sample"] == rings[1].latest()["sample"] == 2 * HOP + 1000


def test_clicks_on_the_beat_become_a_line(rings) -> None:
    """Ten seconds of noise bursts at 120 bpm: the newest record of the timeline ring is that tempo."""
    listener = Listener(*rings)
    rng = np.random.default_rng(0)
    mono = np.zeros(10 * SAMPLE_RATE, np.float32)
    for k in range(20):
        mono[k * 24_000 : k * 24_000 + 2400] = 0.5 * rng.standard_normal(2400) * np.exp(-np.arange(2400) / 500)
    for k in range(len(mono) // HOP):
        listener.hear(np.repeat(mono[k * HOP : (k + 1) * HOP, None], 2, axis=1), (k + 1) * HOP / SAMPLE_RATE)
    assert rings[2].latest()["bpm"] == pytest.approx(120.0, rel=0.02)
