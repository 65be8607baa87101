"""The states that a recording on stage goes through, as plain data of the render thread. See `recording.py`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from phosphene.engine.app.opening import Opening
from phosphene.engine.app.take import Take
from phosphene.engine.app.take_state import Trail
from phosphene.engine.output.sink import RecorderSink

Report = Callable[[], Mapping[str, Any]]


@dataclass
class Armed:
    """Asked for, without a picture yet: nothing is on any disk."""

    path: Path | None
    report: Report


@dataclass
class Waiting:
    """Being opened, or open and waiting for the next frame.

    begun: its log runs already, because only the encoder is opened again; last: the time of its newest picture. heard:
    whether this frame's beginning was heard; first, trails: what the log will begin with.
    """

    opening: Opening
    report: Report
    begun: bool = False
    last: float = 0.0
    heard: bool = False
    first: list[bytes] = field(default_factory=list)
    trails: list[Trail] = field(default_factory=list)

    @property
    def take(self) -> Take | None:
        return self.opening.take

    def forget(self) -> None:
        """Let go of the beginning that was heard: another frame will be the first, or none."""
        for trail in self.trails:
            trail.close()
        self.heard, self.first, self.trails = False, [], []


@dataclass
class Running:
    """Being recorded, or finished. sink None: it was stopped before it had one.

    again: the GPU's encoder takes no picture, it is to begin again by way of host memory. reported: the report was handed
    over.
    """

    take: Take | None
    sink: RecorderSink | None
    wanted: Path | None
    report: Report
    last: float
    again: bool = False
    reported: bool = False
    said: set[str] = field(default_factory=set)

    def new_faults(self) -> dict[str, str]:
        """Return what has gone wrong and was not told yet, a line each: `film`, `sound`, `log`."""
        found: dict[str, str] = {}
        if self.sink is not None:
            recorder = self.sink.recorder
            state = recorder.status().state
            if recorder.film_ended and state.startswith("failed"):
                left = f"what was recorded lies at {recorder.film}" if recorder.film else "nothing was recorded"
                found["film"] = f"recording {state}; {left}"
            if recorder.sound_error:
                found["sound"] = f"the sound of the take is not whole: {recorder.sound_error}"
        if self.take is not None and self.take.error:
            found["log"] = self.take.error
        found = {kind: line for kind, line in found.items() if kind not in self.said}
        self.said |= found.keys()
        return found
