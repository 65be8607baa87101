"""The control surfaces of a live show: opened, told what the show does, looked after, closed. Render thread.

One that cannot be opened is a line on the panel; the show plays without it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from phosphene.engine.app.recording import Recording
from phosphene.engine.app.stage import Stage
from phosphene.engine.app.telemetry import state_values
from phosphene.engine.control.surface import Args, Surface, SurfaceHealth
from phosphene.engine.core.errors import UserError

S = TypeVar("S", bound=Surface)

_TELL_S = 1.0 / 30.0  # gathering the state costs 0.3 ms: not worth doing more often than clients are told


class Surfaces:
    """Those that could be opened, and why the others could not."""

    def __init__(self, stage: Stage, recording: Recording) -> None:
        self._stage, self._recording = stage, recording
        self._all: list[Surface] = []
        self._missing: list[str] = []
        self._due = 0.0
        self._also: list[Callable[[], Mapping[str, Args]]] = []

    def open(self, name: str, make: Callable[[], S]) -> S | None:
        """Add the surface that `make` returns, and return it; where it raises UserError, say so."""
        try:
            made = make()
        except UserError as error:
            self._stage.say(f"no {name}: {error.line()}")
            self._missing.append(error.line())
            return None
        self._all.append(made)
        return made

    def also_tell(self, values: Callable[[], Mapping[str, Args]]) -> None:
        """Have what `values` returns told with the state: what a surface itself has to say."""
        self._also.append(values)

    @property
    def error(self) -> str:
        """What could not be opened, or what was refused last; empty while all is well."""
        refused = (each.health().error for each in self._all)
        return next(iter(self._missing), "") or next(filter(None, refused), "")

    def health(self) -> list[SurfaceHealth]:
        """Return the counters of each."""
        return [each.health() for each in self._all]

    def tell(self, t: float) -> None:
        """Hand the state to those who want it, 30 times a second at most."""
        if t < self._due or self._stage.signals is None:
            return
        wanting = [each for each in self._all if each.wants_state]
        if wanting:
            self._due = t + _TELL_S
            values = state_values(self._stage, self._stage.signals, self._recording, self.error)
            for also in self._also:
                values |= also()
            for each in wanting:
                each.publish(values)

    def close(self) -> None:
        """Close all of them."""
        for each in self._all:
            each.close()
