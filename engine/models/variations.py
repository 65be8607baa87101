"""Which variation of a style is shown: chosen by hand, or going on by itself with the phrases of the music.

Called by generators on the render thread. What it returns depends on the signals and on what it remembers, never on a clock.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

GLIDE = 0.125  # part of the way to the next variation that is spent moving: two bars of a phrase of sixteen


class Variations:
    """Goes round a style's `variations`, a whole number of 1 or more, each as long as the others.

    A step begins on a line of the phrase where `explore` is a whole number. What `explore` is may change at any time: the
    picture never jumps.
    """

    def __init__(self, variations: int) -> None:
        self.variations = variations
        self._gone, self._explore = GLIDE, 0.0  # steps since the beginning, in whose glide it is not; as it last was
        self._phase: float | None = None

    def step(self, signals: Mapping[str, float], explore: float) -> float:
        """Return the turns that it has gone round, 0 at first. explore: variations a phrase, 0 stays."""
        phase = signals.get("phrase_phase", 0.0) % 1.0
        on = 0.0 if self._phase is None else (phase - self._phase) % 1.0
        if on < 0.5:
            self._gone += explore * on
        else:  # beats that were corrected went back: no way round, but steps have to find the lines again
            self._explore = -1.0
        self._phase = phase
        whole, part = divmod(self._gone, 1.0)
        if explore != self._explore and part >= GLIDE:
            part = max(GLIDE, explore * phase % 1.0)
            self._gone = whole + part
            self._explore = explore if part > GLIDE else self._explore  # else the line is just behind: rest until it is not
        t = min(1.0, part / GLIDE)
        return (whole - 1.0 + t * t * (3.0 - 2.0 * t)) / self.variations

    def memory(self) -> tuple[float, float, float]:
        """Return what the next step depends on; a phase of -1 is none."""
        return self._gone, self._explore, -1.0 if self._phase is None else self._phase

    def resume(self, memory: Sequence[float]) -> None:
        """Take over what another one remembered."""
        self._gone, self._explore, phase = memory
        self._phase = phase if math.isfinite(phase) and phase >= 0.0 else None
