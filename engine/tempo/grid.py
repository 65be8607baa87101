"""The beat of a whole piece as a table of times, and the conductor that reads from it.

`BeatGrid` is made once per piece (`engine.audio.prepared`) and is frozen. `GridConductor` stands where the live
`Conductor` does, on the render thread; with the whole piece known it needs no tracker, and its first bar is already right.
Neither reads a clock: both are functions of what they are told.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from phosphene.engine.core.signals import BeatPosition
from phosphene.engine.tempo.conductor import BEATS_PER_BAR, Conductor
from phosphene.engine.tempo.course import Course
from phosphene.engine.tempo.timeline import Timeline

DEFAULT_BPM = 120.0  # of silence, and of music without a beat
_LEAST = 2  # beats: a tempo needs two


@dataclass(frozen=True, eq=False)
class BeatGrid:
    """times: float64 [n >= 2], s, rising: when the beats fall. confidence: float64 [n] 0..1. first: number of the first one.

    ones: int64 [bars], rising: which of the beats begin bars; None: beat 0 does, and every fourth before and after it.
    bar_confidence: 0..1. Beat 0 is a downbeat; beats before it are negative. Between beats time runs evenly; before the
    first and after the last at the tempo of the two nearest, in bars like the nearest.
    """

    times: np.ndarray
    confidence: np.ndarray
    first: int = 0
    ones: np.ndarray | None = None
    bar_confidence: float = 0.0

    @classmethod
    def steady(cls, seconds: float, bpm: float = DEFAULT_BPM) -> BeatGrid:
        """Return a grid for a piece of `seconds` without a beat: an even tempo from time 0, confidence 0."""
        times = np.arange(max(_LEAST, int(seconds * bpm / 60.0) + 1)) * (60.0 / bpm)
        return cls(times, np.zeros(len(times)))

    @classmethod
    def of_course(cls, course: Course | None, seconds: float) -> BeatGrid:
        """Return the grid of a course: every whole beat between 0 and `seconds`. A steady one where there is no course."""
        if course is None:
            return cls.steady(seconds)
        times, beats = course.times, course.beats
        # The course begins and ends within half a second of the piece: the ends run on at their tempo.
        early = beats[0] - (times[0] + 1.0) * (beats[1] - beats[0]) / (times[1] - times[0])
        late = beats[-1] + max(0.0, seconds + 1.0 - times[-1]) * (beats[-1] - beats[-2]) / (times[-1] - times[-2])
        times = np.concatenate([[-1.0], times, [max(times[-1], seconds + 1.0) + 1e-6]])
        beats = np.concatenate([[early], beats, [late + 1e-6]])
        at = np.interp(np.arange(np.ceil(beats[0]), np.floor(beats[-1]) + 1), beats, times)
        # A beat on the very first sample may be found a few ms early: it is the first beat all the same.
        at = at[(at > -0.25 * np.diff(at, append=2 * at[-1] - at[-2])) & (at < seconds)]
        if len(at) < _LEAST:
            return cls.steady(seconds)
        return cls(at, np.interp(at, course.times, course.confidence))

    def with_bars(self, ones: np.ndarray, confidence: float) -> BeatGrid:
        """Return the same beats in other bars: ones int64 [bars >= 1], rising, which of them begin one."""
        return replace(self, first=-int(ones[0]), ones=ones, bar_confidence=confidence)

    @cached_property
    def _trust(self) -> float:
        return float(self.confidence.any())

    @cached_property
    def downbeats(self) -> np.ndarray:
        """Which of the beats begin bars, int64, rising."""
        if self.ones is not None:
            return self.ones
        return np.arange(-self.first % BEATS_PER_BAR, len(self.times), BEATS_PER_BAR)

    @property
    def bpm(self) -> np.ndarray:
        """Tempo at every beat, float64 [n]: of the interval that it begins (the last one: that it ends)."""
        steps = np.diff(self.times)
        return 60.0 / np.concatenate([steps, steps[-1:]])

    @property
    def bars(self) -> np.ndarray:
        """Times of the downbeats, float64, s, rising."""
        bars: np.ndarray = self.times[self.downbeats]
        return bars

    def position(self, t: float) -> BeatPosition:
        """Return the beat at `t` in s, any real number: continuous, and rising with `t`."""
        times = self.times
        i = min(len(times) - 2, max(0, int(np.searchsorted(times, t, side="right")) - 1))
        begun, step = float(times[i]), float(times[i + 1] - times[i])
        part = (t - begun) / step
        inside = min(1.0, max(0.0, part))
        sure = float(self.confidence[i]) * (1.0 - inside) + float(self.confidence[i + 1]) * inside
        return BeatPosition(self.first + i + part, 60.0 / step, sure, *self._bar(i), self.bar_confidence, self._trust)

    def _bar(self, i: int) -> tuple[float, float, float, float]:
        """Return the bar of beat `i` as a BeatPosition has it: one, number, per_bar, rate."""
        ones = self.ones
        if ones is None or len(ones) < 2:
            return 0.0, 0.0, float(BEATS_PER_BAR), 1.0 / BEATS_PER_BAR
        k = max(0, int(np.searchsorted(ones, i, side="right")) - 1)
        per_bar = float(ones[min(k, len(ones) - 2) + 1] - ones[min(k, len(ones) - 2)])
        first = round((self.first + int(ones[0])) / BEATS_PER_BAR)
        return float(self.first + ones[k]), float(first + k), per_bar, 1.0 / per_bar

    def time_of(self, beat: float) -> float:
        """Return when the music passes through `beat`, s: the inverse of `position`."""
        i = min(len(self.times) - 2, max(0, int(np.floor(beat)) - self.first))
        begun, step = float(self.times[i]), float(self.times[i + 1] - self.times[i])
        return begun + (beat - self.first - i) * step

    def line_at(self, t: float) -> Timeline:
        """Return the grid around `t` as a line, for whoever follows lines."""
        here = self.position(t)
        return Timeline(here.beat, t, here.bpm, here.confidence, here.one, here.per_bar, here.bar_confidence)


class GridConductor:
    """A `Conductor` over a grid: same methods, same promises to a performer.

    Until something is corrected the beat is the grid's, to the bit and in any order of times. From the first correction on
    (tap, bpm, resync, nudge, multiply) a live Conductor goes on from where the beat is, with the grid as the line that it
    follows: a correction then means what it means on stage.
    """

    def __init__(self, grid: BeatGrid) -> None:
        self._grid = grid
        self._live: Conductor | None = None

    @property
    def leader(self) -> str:
        """See `Conductor`."""
        return "music" if self._live is None else self._live.leader

    @property
    def leading(self) -> bool:
        """True while the performer's tempo stands against the grid's."""
        return self._live is not None and self._live.leading

    def position(self, t: float) -> BeatPosition:
        """Return the beat at `t` in s."""
        return self._grid.position(t) if self._live is None else self._live.position(t)

    def requested(self) -> None:
        """Return None: nobody leads from outside."""

    def update(self, line: Timeline | None, t: float, outside: tuple[str, Timeline] | None = None) -> None:
        """Go on to time `t`, once a frame. What a tracker heard up to now (`line`) is not asked: the grid heard it all."""
        if self._live is not None:
            self._live.update(self._grid.line_at(t), t)

    def tap(self, t: float) -> None:
        """Take one tap at time `t`."""
        self._corrected(t).tap(t)

    def set_bpm(self, bpm: float, t: float) -> None:
        """Set the tempo, clamped to 30..300, from the beat where it is."""
        self._corrected(t).set_bpm(bpm, t)

    def resync(self, t: float) -> None:
        """Make `t` a downbeat."""
        self._corrected(t).resync(t)

    def nudge(self, beats: float, t: float) -> None:
        """Move the beat by `beats` (> 0: ahead), at once and for good."""
        self._corrected(t).nudge(beats, t)

    def multiply(self, factor: float, t: float) -> None:
        """Scale the tempo by `factor` (2, 1/2)."""
        self._corrected(t).multiply(factor, t)

    def look_ahead(self, seconds: float) -> None:
        """Do nothing: a film has no late screen."""

    def follow(self) -> None:
        """Hand the lead back to the grid, at its own octave and phase."""
        if self._live is not None:
            self._live.follow()

    def _corrected(self, t: float) -> Conductor:
        if self._live is None:
            line = self._grid.line_at(t)
            self._live = Conductor(line.bpm, t)
            self._live.nudge(line.beat0, t)
            self._live.follow()  # the nudge only put it in its place: it is no correction to be kept
            self._live.set_bar(self._grid.position(t))
            self._live.update(line, t)
        return self._live
