"""A newest-wins mailbox between threads: slow work answers through it, and an answer to an old question is discarded."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class Latest(Generic[T]):
    """Holds at most one value. `put` replaces an unread one; `take` empties the box. Never blocks longer than a copy."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._full = threading.Condition(self._lock)
        self._value: T | None = None
        self._stamp = 0
        self._closed = False

    def put(self, value: T) -> int:
        """Store `value` and return its stamp (1, 2, ...)."""
        with self._full:
            self._value = value
            self._stamp += 1
            self._full.notify()
            return self._stamp

    def take(self) -> T | None:
        """Return the unread value, or None."""
        with self._lock:
            value, self._value = self._value, None
            return value

    def wait(self, timeout_s: float | None = None) -> T | None:
        """Block until a value is there, the box is closed, or the time is over; return the value or None."""
        with self._full:
            self._full.wait_for(lambda: self._value is not None or self._closed, timeout_s)
            value, self._value = self._value, None
            return value

    def close(self) -> None:
        """Wake every waiter for good."""
        with self._full:
            self._closed = True
            self._full.notify_all()

    @property
    def closed(self) -> bool:
        return self._closed

    @property
    def stamp(self) -> int:
        """The stamp of the newest value that was put: an answer that carries an older one is out of date."""
        return self._stamp
