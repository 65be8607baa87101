"""How far the music has come since the last frame, in beats: what moves effects that go by the beat and not by the clock.

Used by sharp effects on the render thread. Like `BeatPosition`, but it survives corrections: after a resync or a jump in a
track things move on from where they are, at the tempo.
"""

from __future__ import annotations

import math

from phosphene.engine.core.frame import Frame
from phosphene.engine.core.signals import Signals

_LONGEST = 2.0  # beats between two frames: a longer way is a jump of the beat line, not music that was played


def eased(beat: float, snap: float) -> float:
    """Return `beat` bent so that its way is covered soon after it begins. snap: 0 evenly .. 1 three quarters in a fifth."""
    whole = math.floor(beat)
    part = beat - whole
    return whole + (1.0 - snap) * part + snap * (1.0 - (1.0 - part) ** 6)


class BeatSteps:
    """Tells how many beats have passed, frame by frame."""

    def __init__(self) -> None:
        self._last: float | None = None

    def step(self, frame: Frame, signals: Signals, snap: float = 0.0) -> float:
        """Return the beats since the last call, eased by `snap` 0..1; 0 at the first call."""
        now, last = signals.position.beat, self._last
        self._last = now
        if last is None:
            return 0.0
        if not 0.0 <= now - last <= _LONGEST:
            return frame.dt * signals.position.bpm / 60.0
        return eased(now, snap) - eased(last, snap)

    def memory(self) -> list[float]:
        """Return what the next step depends on: nothing, or the last beat."""
        return [] if self._last is None else [self._last]

    def resume(self, memory: list[float]) -> None:
        """Go on from where another one stood."""
        self._last = memory[0] if memory else None

    def reset(self) -> None:
        """Forget the last beat."""
        self._last = None
