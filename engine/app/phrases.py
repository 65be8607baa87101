"""When the autopilot's next scene is due: on a phrase, counted from the last resync; by seconds where the beat is lost.

A function of what it is told once a frame. Beats in here are counted: four a bar whatever its metre, two in a bar of two.
"""

from __future__ import annotations

import math

from phosphene.engine.core.signals import BeatPosition
from phosphene.engine.show.piloting import PHRASE
from phosphene.engine.tempo.conductor import CONFIDENCE_FLOOR

UNSURE_BEATS = 8.0  # of doubt, until beats are no longer gone by
_BAR = 4.0
_LED = 0.5  # trust in the beat from which on it is known whatever the tracker says: a hand taps it
_JUMP = 8.0  # beats between two frames that did not pass: the count was set, and what is due moves with it


class Phrases:
    """Counts down to the next scene."""

    def __init__(self) -> None:
        self._origin = 0.0  # where phrases are counted from
        self._at, self._number, self._t, self._per_s = 0.0, 0.0, -math.inf, 0.0
        self._start = self._due = 0.0
        self._due_t: float | None = None  # instead, while beats are not gone by
        self._unsure_from: float | None = None
        self._resync = False
        self.bar = _BAR  # how many beats a bar counts

    @property
    def left(self) -> float:
        """Beats until the next scene is due; below 0 when it is late."""
        return self._due - self._at if self._due_t is None else (self._due_t - self._t) * self._per_s

    @property
    def by_seconds(self) -> bool:
        """Whether the beat has been doubtful for so long that its time is kept in seconds."""
        return self._due_t is not None

    @property
    def seconds_left(self) -> float:
        """The same as `left` in s at the last tempo that was known."""
        return self.left / max(0.01, self._per_s)

    def follow(self, position: BeatPosition, t: float) -> None:
        """Take the beat of this frame, which is at `t` s."""
        # A bar of two is half of one of four more often than it is music in two: it counts two, all others four.
        bar = _BAR if position.per_bar > _BAR / 2.0 else position.per_bar
        per_s = position.bpm / 60.0 * bar / position.per_bar
        if self._t > -math.inf:
            passed = (position.bar - self._number) * self.bar
            set_by = passed - (t - self._t) * per_s
            if abs(set_by) > _JUMP:
                self._start, self._due, self._origin = self._start + set_by, self._due + set_by, self._origin + set_by
            self._at += passed
        else:
            self._at = position.bar * bar
        self._number, self._t = position.bar, t
        if bar != self.bar:
            self.bar = bar  # phrases still begin with a bar: with the next one, or whole bars from there
            shift = math.remainder(self._at - self._origin + (1.0 - position.bar % 1.0) * bar, bar)
            self._origin, self._due = self._origin + shift, self._due + shift
        if self._resync:
            self._resync, self._origin = False, self._at + (round(position.bar) - position.bar) * bar
            self._due = self._phrase(self._due)
        if position.confidence >= CONFIDENCE_FLOOR or position.trust >= _LED:
            if self._due_t is not None:
                self._due, self._due_t = self._phrase(self._at + self.left), None
            self._unsure_from, self._per_s = None, per_s
            return
        self._per_s = self._per_s or per_s
        if self._unsure_from is None:
            self._unsure_from = self._at
        if self._due_t is None and self._at - self._unsure_from >= UNSURE_BEATS:
            self._due_t = t + (self._due - self._at) / self._per_s

    def resync(self) -> None:
        """Count phrases from the bar that begins now: the next frame's beat says which that is."""
        self._resync = True

    def plan(self, after: float) -> None:
        """Let the next scene be due so many beats from now, on a phrase."""
        self._start = self._at
        self.plan_anew(after)

    def plan_next(self, after: float) -> None:
        """The same from where the last one was due, unless that is long ago: a scene is called before its phrase begins."""
        self._start = self._due if abs(self.left) < _BAR and not self.by_seconds else self._at
        self.plan_anew(after)

    def plan_anew(self, after: float) -> None:
        """The same from where it was planned last."""
        self._due = self._phrase(self._start + after)
        if self._due_t is not None:
            self._due_t = self._t + (self._start + after - self._at) / self._per_s

    def put_off(self) -> None:
        """Let it be due a phrase later; where several have passed, on the next one to come."""
        phrases = max(1.0, math.floor(-self.left / PHRASE) + 1.0)
        self._due += phrases * PHRASE
        if self._due_t is not None:
            self._due_t += phrases * PHRASE / self._per_s

    def _phrase(self, beat: float) -> float:
        """Return the first phrase that begins at `beat` or later. What is due within a bar of one may not miss it."""
        return self._origin + math.ceil((beat - self._origin - _BAR) / PHRASE) * PHRASE
