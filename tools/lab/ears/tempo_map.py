"""Tempo as a function of time, and where that puts the beats, exactly.

A `Curve` is a quantity that goes straight from point to point: the tempo in bpm of what is played, or the speed of a
turntable. Its integral is a parabola between points, so that beats and times are found without adding up steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Curve:
    """points: (s, value > 0), times rising; two points at one time are a jump; held before the first and after the last."""

    points: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        """Raise ValueError for points that are no curve."""
        times = [t for t, _ in self.points]
        if not self.points or sorted(times) != times or min(value for _, value in self.points) <= 0.0:
            raise ValueError(f"no curve: {self.points}")

    @classmethod
    def of(cls, value: float | Sequence[tuple[float, float]]) -> Curve:
        """Return a curve of points, or one that stays at a value."""
        return cls(((0.0, float(value)),)) if isinstance(value, int | float) else cls(tuple(value))

    def at(self, t: np.ndarray | float) -> np.ndarray:
        """Return the value at t in s; at a jump the later one."""
        times, values = self._held()
        t = np.asarray(t, np.float64)
        i = np.clip(np.searchsorted(times, t, "right") - 1, 0, len(times) - 2)
        span = times[i + 1] - times[i]
        share = np.where(span > 0.0, (t - times[i]) / np.where(span > 0.0, span, 1.0), 1.0)
        return values[i] + (values[i + 1] - values[i]) * share

    def total(self, t: np.ndarray | float) -> np.ndarray:
        """Return the integral from 0 to t >= 0 in s."""
        times, values = self._held()
        sums = np.concatenate([[0.0], np.cumsum(np.diff(times) * (values[1:] + values[:-1]) / 2)])
        t = np.asarray(t, np.float64)
        i = np.clip(np.searchsorted(times, t, "right") - 1, 0, len(times) - 2)
        return sums[i] + (t - times[i]) * (values[i] + self.at(t)) / 2

    def when(self, total: np.ndarray | float) -> np.ndarray:
        """Return the time in s at which the integral reaches `total` >= 0."""
        times, values = self._held()
        sums = np.concatenate([[0.0], np.cumsum(np.diff(times) * (values[1:] + values[:-1]) / 2)])
        total = np.asarray(total, np.float64)
        i = np.clip(np.searchsorted(sums, total, "right") - 1, 0, len(times) - 2)
        span = times[i + 1] - times[i]
        slope = np.where(span > 0.0, (values[i + 1] - values[i]) / np.where(span > 0.0, span, 1.0), 0.0)
        rest = total - sums[i]
        # The root of a parabola, in the form that also holds for a straight line.
        return times[i] + 2.0 * rest / (values[i] + np.sqrt(np.maximum(values[i] ** 2 + 2.0 * slope * rest, 0.0)))

    def _held(self) -> tuple[np.ndarray, np.ndarray]:
        """Return (times, values), beginning at 0 or before and ending after any piece."""
        times, values = np.array(self.points, np.float64).T
        first, last = min(0.0, times[0]), max(times[-1], 0.0) + 1e5
        if times[0] > 0.0:
            times, values = np.concatenate([[first], times]), np.concatenate([values[:1], values])
        return np.concatenate([times, [last]]), np.concatenate([values, values[-1:]])


@dataclass(frozen=True)
class TempoMap:
    """From beats to seconds as heard: played at `bpm`, a function of the player's time, on a turntable of `speed`.

    speed: a function of heard time, 1 as recorded. A ride changes pitch with tempo, a ramp does not.
    """

    bpm: Curve
    speed: Curve = Curve(((0.0, 1.0),))

    def played(self, beat: np.ndarray | float) -> np.ndarray:
        """Return the player's time in s of a beat."""
        return self.bpm.when(np.asarray(beat, np.float64) * 60.0)

    def heard(self, beat: np.ndarray | float) -> np.ndarray:
        """Return the time in s at which a beat is heard."""
        return self.speed.when(self.played(beat))

    def beat_at(self, t: np.ndarray | float) -> np.ndarray:
        """Return the beat, a real number, that is heard at t in s."""
        return self.bpm.total(self.speed.total(t)) / 60.0
