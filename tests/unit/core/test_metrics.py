"""Distributions against numpy, across the wrap of their window; and peak memory."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phosphene.engine.core import paths
from phosphene.engine.core.metrics import Distribution, peak_rss_mb


@given(st.lists(st.floats(-1e6, 1e6), max_size=60), st.integers(0, 70))
def test_recent_and_percentiles_agree_with_numpy(values, n):
    kept = Distribution(capacity=16)
    for value in values:
        kept.add(value)
    assert kept.count == len(values)
    newest = values[-16:]
    assert kept.recent(16).tolist() == newest
    expected = newest[-n:] if n else []
    assert kept.recent(n).tolist() == expected
    assert kept.percentile(90, n) == (pytest.approx(float(np.percentile(expected, 90))) if expected else 0.0)
    assert kept.maximum == (max(values) if values else 0.0)


def test_the_maximum_outlives_the_window():
    kept = Distribution(capacity=4)
    for value in (9.0, 1.0, 1.0, 1.0, 1.0):
        kept.add(value)
    assert kept.percentile(100) == 1.0
    assert kept.summary(50, 99) == {"p50": 1.0, "p99": 1.0, "max": 9.0}


def test_an_empty_distribution_is_all_zeros():
    assert Distribution().summary(50) == {"p50": 0.0, "max": 0.0}


def test_peak_memory_is_that_of_a_python_with_numpy():
    assert 10.0 < peak_rss_mb() < 100_000.0


def test_peak_memory_is_not_that_of_whoever_started_the_process():
    ballast = np.ones(64 * 1024 * 1024, np.float64)  # 512 MiB
    code = "from phosphene.engine.core.metrics import peak_rss_mb; print(peak_rss_mb())"
    child = subprocess.run([sys.executable, "-c", code], cwd=paths.PACKAGE, capture_output=True, text=True, check=True)
    assert peak_rss_mb() > ballast.nbytes / 2**20
    assert float(child.stdout) < 200.0
