"""The filter that takes offsets out: the recursion it stands for, to the last bits; what it leaves alone; that it rests."""

from __future__ import annotations

import math

import numpy as np
import pytest

from phosphene.engine.audio.dc_blocker import CUTOFF_HZ, DcBlocker
from phosphene.engine.core.signals import HOP, SAMPLE_RATE


def run(x: np.ndarray) -> np.ndarray:
    """Return float32[n] filtered hop by hop; n is cut to whole hops."""
    blocker, out = DcBlocker(HOP, SAMPLE_RATE), np.zeros(len(x) // HOP * HOP, np.float32)
    for k in range(len(x) // HOP):
        blocker.apply(x[k * HOP : (k + 1) * HOP].astype(np.float32), out[k * HOP : (k + 1) * HOP])
    return out


def test_it_is_the_recursion() -> None:
    x = np.random.default_rng(0).standard_normal(8 * HOP).astype(np.float32)
    pole, y, before, expected = math.exp(-2 * math.pi * CUTOFF_HZ / SAMPLE_RATE), 0.0, float(x[0]), []
    for sample in x.astype(float):
        y = sample - before + pole * y
        before = sample
        expected.append(y)
    assert run(x) == pytest.approx(np.array(expected), abs=1e-6)


@pytest.mark.parametrize(("hz", "least"), [(20.0, 0.96), (60.0, 0.99), (1000.0, 0.999)])
def test_what_is_heard_is_left_alone(hz: float, least: float) -> None:
    t = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    out = run(0.5 * np.sin(2 * np.pi * hz * t))[SAMPLE_RATE // 2 :]
    assert least <= np.abs(out).max() / 0.5 <= 1.001


def test_an_offset_is_gone_and_one_that_comes_later_goes() -> None:
    assert np.abs(run(np.full(4 * HOP, 0.7))).max() < 1e-12
    x = np.zeros(SAMPLE_RATE)
    x[4 * HOP :] = 0.5
    out = run(x)
    assert out[4 * HOP] == pytest.approx(0.5)
    assert np.abs(out[4 * HOP + SAMPLE_RATE // 4 :]).max() < 0.5 * math.exp(-7.0)


def test_it_comes_to_rest_without_denormal_numbers() -> None:
    blocker, out = DcBlocker(HOP, SAMPLE_RATE), np.zeros(HOP, np.float32)
    blocker.apply(np.random.default_rng(0).standard_normal(HOP).astype(np.float32), out)
    for _ in range(2000):
        blocker.apply(np.zeros(HOP, np.float32), out)
    assert blocker._mean[-1] == 0.0
    assert np.all(out == 0.0)
