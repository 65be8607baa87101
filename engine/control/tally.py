"""What became of the messages that came over OSC: counted here and on the bus, and the newest refusal in words.

Written on the OSC thread; the counters and `error` may be read on any.
"""

from __future__ import annotations

from collections.abc import Callable

from phosphene.engine.control.bus import ControlBus
from phosphene.engine.core import clock
from phosphene.engine.core.errors import RateLimitedLog, UserError

_NEWS_S = 10.0  # how long a refusal is news: one stray message must not stand on the HUD for the rest of the night
_MOST_SAID = 8  # refusals put into words in one turn; the others are counted


class Tally:
    """received: taken, or replaced by a newer one. early: for a time too far ahead, and acted on at once."""

    def __init__(self, bus: ControlBus, quiet: RateLimitedLog) -> None:
        self._bus, self._quiet = bus, quiet
        self.received = self.rejected = self.dropped = self.early = 0
        self._refusal = ("", 0.0)  # the newest one, and when it was
        self._said = 0

    @property
    def error(self) -> str:
        """What was refused in the last seconds, the newest; empty while all is understood."""
        text, at = self._refusal
        return text if clock.now() - at < _NEWS_S else ""

    def begin(self) -> None:
        """Begin a new turn of the thread."""
        self._said = 0

    def refuse(self, fault: Callable[[], UserError], kind: str, host: str) -> None:
        """Count a message that is refused, and say why while that is not too much to say."""
        self._bus.reject()
        self.rejected += 1
        self._said += 1
        if self._said <= _MOST_SAID:
            self._say(kind, host, fault())

    def drop(self, count: int, reason: str) -> None:
        """Count messages that are left out because there are too many."""
        self._bus.drop(count)
        self.dropped += count
        self._quiet.warning("flood", reason)

    def supersede(self, count: int) -> None:
        """Count messages that newer ones replaced or went on from."""
        self._bus.supersede(count)
        self.received += count

    def hurry(self, host: str) -> None:
        """Count a message for a time that is too far ahead, and that is taken at once instead."""
        self.early += 1
        self._say("early", host, UserError("a bundle for a time too far ahead acts at once", remedy="set both clocks"))

    def _say(self, kind: str, host: str, error: UserError) -> None:
        self._refusal = (error.line(), clock.now())
        self._quiet.warning(kind, f"OSC from {host}: {error.line()}")
