"""Beat time as a line: beat = beat0 + (t - t0) * bpm / 60.

Written by the tracker (audio thread), carried over a ring as `TIMELINE` records, evaluated by the conductor (main thread)
at any instant. It holds no state and reads no clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np

TIMELINE = np.dtype(
    [
        ("beat0", np.float64),
        ("t0", np.float64),
        ("bpm", np.float64),
        ("confidence", np.float64),
        ("one", np.float64),
        ("per_bar", np.float64),
        ("bar_confidence", np.float64),
    ],
    align=True,
)


@dataclass(frozen=True, slots=True)
class Timeline:
    """A line through (t0, beat0). t0: s on the clock line; bpm > 0; confidence 0..1: how sure its maker is.

    one: a whole beat of the line that begins a bar; per_bar: beats to a bar; bar_confidence: 0..1, how sure of both.
    """

    beat0: float
    t0: float
    bpm: float
    confidence: float
    one: float = 0.0
    per_bar: float = 4.0
    bar_confidence: float = 0.0

    def beat_at(self, t: float) -> float:
        """Return the beat, a real number, at time `t`."""
        return self.beat0 + (t - self.t0) * self.bpm / 60.0

    def time_of(self, beat: float) -> float:
        """Return when the line passes through `beat`."""
        return self.t0 + (beat - self.beat0) * 60.0 / self.bpm

    def reaim(
        self, t: float, beat: float | None = None, bpm: float | None = None, confidence: float | None = None
    ) -> Timeline:
        """Return the line that turns at `t`: through where this one is then, unless `beat` names another place."""
        return Timeline(
            self.beat_at(t) if beat is None else beat,
            t,
            self.bpm if bpm is None else bpm,
            self.confidence if confidence is None else confidence,
            self.one,
            self.per_bar,
            self.bar_confidence,
        )

    def to_record(self) -> np.void:
        """Return a TIMELINE record."""
        bar = self.one, self.per_bar, self.bar_confidence
        record = np.array((self.beat0, self.t0, self.bpm, self.confidence, *bar), TIMELINE)
        return cast(np.void, record[()])  # the stubs know no () that takes the record out

    @classmethod
    def from_record(cls, record: np.void) -> Timeline:
        """Read a TIMELINE record."""
        return cls(*record.tolist())
