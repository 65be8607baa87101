"""What is no sound, in arrays of any shape and kind."""

from __future__ import annotations

import numpy as np
import pytest

from phosphene.engine.audio.mending import ABSURD, SoundFaults, all_sound, broken_line, mend


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("bad", [np.nan, -np.nan, np.inf, -np.inf, ABSURD, -ABSURD, 3e38])
def test_one_bad_sample_is_found_and_mended_alone(kind: type, bad: float) -> None:
    for at in (0, 5, 11):
        samples = np.linspace(-1.0, 1.0, 12).astype(kind).reshape(6, 2)
        expected = samples.copy()
        samples.reshape(-1)[at], expected.reshape(-1)[at] = bad, 0.0
        assert not all_sound(samples)
        assert mend(samples) == 1
        assert np.array_equal(samples, expected)
        assert all_sound(samples)
        assert mend(samples) == 0


def test_what_is_loud_is_sound_and_nothing_is_too() -> None:
    assert all_sound(np.array([0.999 * ABSURD, -0.999 * ABSURD]))
    assert all_sound(np.zeros((0, 2), np.float32))
    assert mend(np.zeros((0, 2), np.float32)) == 0


def test_faults_are_lines() -> None:
    assert SoundFaults().lines() == []
    lines = SoundFaults(3, "Invalid data").lines()
    assert lines == [broken_line(3), "the file breaks off: Invalid data"]
    assert "silence" in lines[0]
