"""The way from control threads to the render loop: bounded, and the last value of an address wins.

Any thread puts; the render loop drains once a frame. A fader that sends a thousand values between two frames costs one
change, while presses (tap, panic, go) are all kept, in order, up to a bound. A lock is held for a dictionary operation
only, so neither side waits for the other's work.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from phosphene.engine.control.monitor import Monitor
from phosphene.engine.show.change import Change

__all__ = ["Change", "ControlBus", "Counters"]

CAPACITY = 1024  # several times the number of addresses: only presses can fill it


@dataclass(frozen=True, slots=True)
class Counters:
    """received: messages understood. rejected: refused (with a reason). dropped: understood, but there was no room."""

    received: int = 0
    rejected: int = 0
    dropped: int = 0


class ControlBus:
    """Holds the changes since the last drain, in order of arrival. monitor: what surfaces heard, while somebody looks."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self.monitor = Monitor()
        self._lock = threading.Lock()
        self._waiting: dict[str | int, Change] = {}
        self._presses = 0
        self._received = self._rejected = self._dropped = 0

    def put(self, change: Change) -> bool:
        """Add a change; False when it was dropped because the bus is full of others. Never waits."""
        with self._lock:
            return self._add(change)

    def put_all(self, changes: Sequence[Change]) -> int:
        """Add changes in order, all of them before the next drain; return how many there was no room for."""
        with self._lock:
            return sum(not self._add(change) for change in changes)

    def _add(self, change: Change) -> bool:
        self._received += 1
        waiting = self._waiting
        key: str | int = change.path
        if change.every:
            self._presses += 1
            key = self._presses
        # Taken out and put in again, so that the newest value also has the newest place in the order.
        elif waiting.pop(key, None) is not None:
            waiting[key] = change
            return True
        if len(waiting) >= self._capacity:
            self._dropped += 1
            return False
        waiting[key] = change
        return True

    def reject(self, count: int = 1) -> None:
        """Count messages that were refused."""
        with self._lock:
            self._rejected += count

    def drop(self, count: int) -> None:
        """Count messages that were left unread because there were too many."""
        with self._lock:
            self._dropped += count

    def supersede(self, count: int) -> None:
        """Count messages that a newer one replaced before they were read: received, as if they had been put."""
        with self._lock:
            self._received += count

    def drain(self) -> list[Change]:
        """Return everything put since the last call, in order of arrival, and empty the bus."""
        if not self._waiting:
            return []
        with self._lock:
            waiting, self._waiting = self._waiting, {}
        return list(waiting.values())

    @property
    def counters(self) -> Counters:
        """The counts since the start."""
        with self._lock:
            return Counters(self._received, self._rejected, self._dropped)
