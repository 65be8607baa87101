"""What every control surface is to the show: OSC, the desk's pages, a MIDI controller.

A surface makes `Change`s through the one table, with its own name as their source, and puts them on the bus. It owns a
thread and never makes the render loop wait: state is handed to it 30 times a second and the newest wins. One contract suite
runs over all of them (`tests/contract/test_surfaces.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from phosphene.engine.show.change import Value

Args = tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class SurfaceHealth:
    """One surface in a line. where: what it listens to or plays with; error: what was refused last, while that is news."""

    name: str
    where: str = ""
    received: int = 0
    rejected: int = 0
    dropped: int = 0
    error: str = ""


class Surface(Protocol):
    """A way in, and the way of state out to whoever plays with it. Made and closed on the main thread."""

    name: str

    @property
    def wants_state(self) -> bool:
        """Whether somebody is there who is to be told what the show does."""
        ...

    def publish(self, values: Mapping[str, Args]) -> None:
        """Take the newest state, {address: arguments}, at most 30 times a second. Never waits."""
        ...

    def health(self) -> SurfaceHealth:
        """Return its counters. Any thread."""
        ...

    def close(self) -> None:
        """Stop within 2 s. Closing again does nothing."""
        ...
