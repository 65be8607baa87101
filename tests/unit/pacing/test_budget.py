"""The frame budget's arithmetic."""

from __future__ import annotations

import pytest

from phosphene.engine.pacing.budget import FrameBudget


def test_gaps_times_and_misses():
    budget = FrameBudget(50.0)
    for k, t in enumerate([0.0, 0.02, 0.04, 0.10, 0.12]):
        budget.close(0.005 + 0.001 * k, t, missed=2 if t == 0.10 else 0)
    report = budget.report()
    assert report["frames"] == 5
    assert report["missed"] == 2
    assert report["presented_gap_max_ms"] == pytest.approx(60.0)
    assert report["frame_ms"]["p50"] == pytest.approx(7.0)
    assert report["frame_ms"]["max"] == pytest.approx(9.0)
    assert budget.missed_share == pytest.approx(2 / 7)
    assert budget.budget_ms == 20.0


def test_before_the_first_frame_everything_is_zero():
    budget = FrameBudget(24.0)
    assert budget.report()["frame_ms"] == {"p50": 0.0, "p95": 0.0, "p99": 0.0, "max": 0.0}
    assert budget.missed_share == 0.0
    assert budget.recent_fps() == 0.0
