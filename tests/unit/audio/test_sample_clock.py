"""One smooth line from jittery times: jitter, drift, lost samples, times that run ahead."""

from __future__ import annotations

import numpy as np
import pytest

from phosphene.engine.audio.sample_clock import SampleClock
from phosphene.engine.core.signals import HOP, SAMPLE_RATE

HOP_S = HOP / SAMPLE_RATE


def stamps(told: np.ndarray, arrived: np.ndarray | None = None) -> np.ndarray:
    clock = SampleClock(HOP, SAMPLE_RATE)
    arrived = told + 1.0 if arrived is None else arrived
    return np.array([clock.stamp(float(t), float(a)) for t, a in zip(told, arrived, strict=True)])


def grid(n: int, period: float = HOP_S) -> np.ndarray:
    return 100.0 + period * np.arange(1, n + 1)


def test_jitter_of_callbacks_does_not_show() -> None:
    true = grid(4000)
    out = stamps(true + np.random.default_rng(0).normal(0.0, 0.002, len(true)))
    assert np.max(np.abs(out[200:] - true[200:])) < 1e-3
    assert np.max(np.abs(np.diff(out[500:]) - HOP_S)) < 5e-5


def test_drift_of_the_sound_card_is_followed() -> None:
    true = grid(20_000, HOP_S * (1 + 100e-6))
    out = stamps(true + np.random.default_rng(1).normal(0.0, 0.0005, len(true)))
    assert np.max(np.abs(out[5000:] - true[5000:])) < 1e-3


def test_late_callbacks_are_not_believed_but_lost_samples_are() -> None:
    told = grid(2000)
    told[500:505] += 0.1  # five odd times
    told[1000:] += 0.2  # 200 ms that never arrived
    clock = SampleClock(HOP, SAMPLE_RATE)
    out = np.array([clock.stamp(float(t), float(t) + 1.0) for t in told])
    assert out[500:505] == pytest.approx(grid(2000)[500:505], abs=1e-3)
    assert out[1100:] == pytest.approx(told[1100:], abs=1e-3)
    assert clock.skipped == pytest.approx(0.2 * SAMPLE_RATE, abs=0.02 * SAMPLE_RATE)
    assert np.all(np.diff(out) >= 0)


def test_no_stamp_is_later_than_the_arrival() -> None:
    """Blocks come in pairs, and the system's times are 5 ms too late: the line steps back once and stays even."""
    told = grid(1000)
    arrived = told.copy()
    arrived[0::2] = told[1::2] - 0.005
    arrived[1::2] = told[1::2] - 0.005
    out = stamps(told, arrived)
    assert np.all(out <= arrived + 1e-9)
    assert np.diff(out[10:]) == pytest.approx(np.full(989, HOP_S), abs=1e-6)


def test_a_block_that_comes_early_moves_the_line_in_small_steps() -> None:
    """A sound server that converts the rate delivers a block up to 1 ms earlier than any before it, at any time."""
    told = grid(1000)
    arrived = told + 0.001
    arrived[400], arrived[700] = told[400] - 0.001, told[700] - 0.0015
    out = stamps(told, arrived)
    assert np.max(np.abs(np.diff(out) - HOP_S)) < 2e-4
    assert out[-1] == pytest.approx(told[-1] - 0.0015, abs=1e-6)
    later = out - arrived
    assert np.max(later) < 1e-3
    assert not np.any(later[410:700] > 0)


def test_time_never_runs_backwards() -> None:
    told = grid(1000)
    told[300:] -= 0.5
    out = stamps(told)
    assert np.all(np.diff(out) >= 0)
    assert out[-1] == pytest.approx(told[-1], abs=1e-3)
