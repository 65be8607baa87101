"""From music to a decoded network's inputs: what all kinds share. Time, levels, and the beat at a speed that may change.

Render thread; a kind adds `inputs`. Holds all that moves, and is a function of what it was given, so a render repeats and
a take goes on where it stood.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from phosphene.engine.backends.decoders import Inputs
from phosphene.engine.generators.base import Memory
from phosphene.engine.models.encoding import Motion
from phosphene.engine.models.style import Style


class Drive(ABC):
    """values: smoothed levels and `time`, as `encoding.Motion` gives them. params: every parameter of the kind."""

    def __init__(self, style: Style) -> None:
        self.motion = Motion(style.meta.motion.drive, style.meta.preview.time)
        self.values: Mapping[str, float] = {"time": self.motion.phase}
        self.params: Mapping[str, float] = {}
        self._beat = self._beats_a_second = 0.0
        self._pace = 0.0  # s of integrated time in a second: louder music has more
        self._shift: float | None = None  # what a speed other than 1 has added to the beat; None before the first step

    def settle(self, signals: Mapping[str, float]) -> None:
        """Take the levels as if `signals` had been sounding for ever."""
        self.motion.settle(signals)

    def step(self, signals: Mapping[str, float], beat: float, dt: float, params: Mapping[str, float]) -> None:
        """Advance by `dt` s to `beat` beats. params: every parameter of the kind."""
        before = self.motion.phase
        self.values = self.motion.step(signals, dt, params["speed"], params["react"], fly=params["fly"])
        self._pace = (self.motion.phase - before) / dt if dt > 0.0 else params["speed"]
        moved = beat - self._beat if self._shift is not None else 0.0
        self._shift = (self._shift or 0.0) + (params["speed"] - 1.0) * moved
        self._beats_a_second = max(0.0, moved / dt) * params["speed"] if dt > 0.0 else 0.0
        self._beat, self.params = beat, params

    def place(self, ahead: float = 0.0) -> tuple[float, float]:
        """Return integrated time in s and beat, as they will be in `ahead` s if the music goes on."""
        t = self.values["time"] + ahead * self._pace
        return t, self._beat + (self._shift or 0.0) + ahead * self._beats_a_second

    @abstractmethod
    def inputs(self, ahead: float, aspect: float) -> Inputs:
        """Return the inputs as they will be in `ahead` s, for a screen of this width over height."""

    def memory(self) -> Memory:
        """See `core.resumable.Resumable`."""
        return {**self.motion.memory(), "shift": self._shift, "beat": self._beat}

    def resume(self, memory: Memory) -> None:
        """See `core.resumable.Resumable`."""
        self.motion.resume(memory)
        self._shift, self._beat = memory.get("shift"), memory.get("beat", 0.0)
