"""Messages of bundles that are for later: held until their time, a few seconds at most and in bounded room.

A bundle's time tag is NTP: seconds since 1900 and a fraction, by the clock of whoever sent it. It is made a time of our own
when it comes, so a clock that is set meanwhile moves nothing. Lives on the OSC thread, whose `select` waits no longer than
until `next`.
"""

from __future__ import annotations

import heapq
import math
from typing import NamedTuple

from phosphene.engine.control.datagram import IMMEDIATELY, Message, Sender
from phosphene.engine.core import clock

AHEAD_S = 10.0  # further than that is a clock that is wrong by hours more often than a plan
MOST_HELD = 1024  # messages
MOST_BYTES = 1 << 20  # of those, together: a single text may have 64 KB
_NTP_S = 2_208_988_800  # from 1900 to 1970


class Held(NamedTuple):
    """A message for the time t, in s; n: which of all that were held."""

    t: float
    n: int
    message: Message
    sender: Sender


class Schedule:
    """A heap of messages by their time."""

    def __init__(self) -> None:
        self._heap: list[Held] = []
        self._bytes = self._n = 0

    def add(self, t: float, message: Message, sender: Sender) -> bool:
        """Hold a message until `t`; False where there is no room."""
        if len(self._heap) >= MOST_HELD or self._bytes + len(message.data) > MOST_BYTES:
            return False
        self._n += 1
        self._bytes += len(message.data)
        heapq.heappush(self._heap, Held(t, self._n, message, sender))
        return True

    def pop(self, t: float) -> Held | None:
        """Return the next message whose time has come at `t`, those of one bundle in their order."""
        if self.next > t:
            return None
        held = heapq.heappop(self._heap)
        self._bytes -= len(held.message.data)
        return held

    @property
    def next(self) -> float:
        """When the next message is due; infinite where there is none."""
        return self._heap[0].t if self._heap else math.inf


def ahead(tag: int, wall: float) -> float:
    """Return how many seconds a time tag lies ahead of `wall`, in s since 1970; 0 where it says "at once"."""
    return 0.0 if tag == IMMEDIATELY else tag / 2**32 - _NTP_S - wall


def wall() -> float:
    """Return the time of day, in s since 1970."""
    return clock.wall_clock().timestamp()
