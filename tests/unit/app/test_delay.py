"""The picture's delay behind the sound: steady under jitter, deaf to a source that stopped; onset latency counts once."""

from __future__ import annotations

import numpy as np
import pytest

from phosphene.engine.app.delay import PictureDelay
from phosphene.engine.app.latency import OnsetLatency


def test_steady_under_the_beat_of_hops_and_frames() -> None:
    delay, rng = PictureDelay(), np.random.default_rng(1)
    seen = [delay.update(k / 60, k / 60 - 0.030 - float(rng.uniform(0, 0.0053)), 1 / 60) for k in range(600)]
    assert seen[-1] == pytest.approx(0.0327, abs=0.001)
    assert np.abs(np.diff(seen[60:])).max() < 0.0001


def test_a_source_that_stopped_changes_nothing() -> None:
    delay = PictureDelay()
    for k in range(60):
        before = delay.update(k / 24, k / 24 - 0.04, 1 / 24)
    assert delay.update(10.0, 2.0, 1 / 24) == before
    assert delay.update(10.0, float("-inf"), 1 / 24) == before
    assert delay.update(10.0, 10.5, 1 / 24) == before


class Onsets:
    """A source that has heard these onsets."""

    def __init__(self) -> None:
        self.times: list[float] = [1.0]

    def onsets_since(self, cursor: int) -> tuple[list[float], int]:
        return self.times[cursor:], len(self.times)


def test_onset_latency() -> None:
    source = Onsets()
    latency = OnsetLatency(source)
    source.times += [2.0, 2.1]
    latency.begin_frame()
    latency.presented(2.15)
    latency.presented(2.2)
    assert latency.ms.count == 2
    assert sorted(latency.ms.recent(2)) == pytest.approx([50.0, 150.0])
    source.times.append(0.5)
    latency.begin_frame()
    latency.presented(3.0)
    assert latency.ms.count == 2, "an onset of long ago is not late, it is old"
