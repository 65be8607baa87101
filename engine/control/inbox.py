"""What the OSC thread does with the messages of one turn: sorts them by address, checks the newest of each, acts at once.

Of each address the newest message that stands the check against the table goes to the bus, and every press. The older ones
are not read, but where a newer one is refused: that costs no other message. All of a turn is put on the bus in one go: the
messages of a bundle reach the same frame. A pattern is as many messages as addresses that it means, each checked by itself.

What a turn may cost is bounded here: messages, addresses acted on, patterns matched, refusals put into words.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from phosphene.engine.control.address import Table, unknown
from phosphene.engine.control.bus import ControlBus
from phosphene.engine.control.datagram import Message, Refused, arguments
from phosphene.engine.control.feedback import Feedback
from phosphene.engine.control.pattern import Patterns, is_pattern
from phosphene.engine.control.table import LISTEN
from phosphene.engine.core import clock
from phosphene.engine.core.errors import RateLimitedLog, UserError
from phosphene.engine.show.change import Change

Sender = tuple[Any, ...]  # what a socket calls it: host and port first

_NEWS_S = 10.0  # how long a refusal is news: one stray message must not stand on the HUD for the rest of the night
_MOST_PARTS = 1024  # messages looked at in one turn: a single datagram of 64 KB may hold 16,000
_MOST_READ = 256  # addresses and presses that are acted on in one turn: more than one pattern may reach; the rest is dropped
_MOST_SAID = 8  # refusals put into words in one turn; the others are counted
_MATCHING_S = 0.02  # for patterns not seen before, in one turn: 60 as people write them, three of the worst


class _Heard(NamedTuple):
    """A message that came: at, which of its turn; t, when, in s."""

    at: int
    message: Message
    sender: Sender
    t: float

    @property
    def host(self) -> str:
        host: str = self.sender[0]
        return host


class Inbox:
    """The messages of a turn, and the counters of all. On the OSC thread; counters and `error` may be read on any."""

    def __init__(self, table: Table, bus: ControlBus, feedback: Feedback, quiet: RateLimitedLog) -> None:
        self._table, self._bus, self._feedback, self._quiet = table, bus, feedback, quiet
        self._patterns = Patterns([*table.inputs, *table.aliases])
        self._waiting: dict[str | int, list[_Heard]] = {}  # by address, those of one address from the oldest to the newest
        self._parts = self._presses = self._said = 0
        self._matching = 0.0
        self.received = self.rejected = self.dropped = self.early = 0
        self._refusal = ("", 0.0)  # the newest one, and when it was

    @property
    def error(self) -> str:
        """What was refused in the last seconds, the newest; empty while all is understood."""
        text, at = self._refusal
        return text if clock.now() - at < _NEWS_S else ""

    @property
    def parts(self) -> int:
        """How many messages this turn has looked at."""
        return self._parts

    @property
    def full(self) -> bool:
        """Whether this turn can take no more."""
        return self._parts >= _MOST_PARTS

    def take(self, part: Message | Refused, sender: Sender, t: float) -> None:
        """Keep a message until `act`, or refuse what is none."""
        self._parts += 1
        if isinstance(part, Refused):
            self._refuse(part.error, "malformed", sender[0])
        elif part.path in self._table:
            self._sort(_Heard(self._parts, part, sender, t))
        elif is_pattern(part.path):
            for path in self._matched(part.path, sender[0]):
                self._parts += 1
                self._sort(_Heard(self._parts, part._replace(path=path), sender, t))
        else:  # no such address is refused unread
            self._refuse(lambda: unknown(part.path), "unknown", sender[0])

    def skip(self) -> None:
        """Count a message that this turn looked at and left for another one."""
        self._parts += 1

    def hurry(self, host: str) -> None:
        """Count a message for a time that is too far ahead, and that is taken at once instead."""
        self.early += 1
        self._say("early", host, UserError("a bundle for a time too far ahead acts at once", remedy="set both clocks"))

    def act(self) -> None:
        """Put what is good on the bus, in the order in which it came, and begin a new turn."""
        waiting, self._waiting = list(self._waiting.values()), {}
        if len(waiting) > _MOST_READ:
            dropped = sum(map(len, waiting[_MOST_READ:]))
            self.drop(dropped, f"more messages than can be used: {dropped} dropped in one go")
        found = [good for heard in waiting[:_MOST_READ] if (good := self._newest(heard)) is not None]
        changes = []
        for _, change, host in sorted(found, key=lambda each: each[0]):
            if change.path == LISTEN:
                self._feedback.asked(host, change.args)
            else:
                self._feedback.heard(host, change.path, change.args)
                changes.append(change)
        self.received += len(changes)
        self._bus.put_all(changes)
        self._parts = self._said = 0
        self._matching = 0.0

    def drop(self, count: int, reason: str) -> None:
        """Count messages that are left out because there are too many."""
        self._bus.drop(count)
        self.dropped += count
        self._quiet.warning("flood", reason)

    def _matched(self, pattern: str, host: str) -> tuple[str, ...]:
        began = clock.now()
        if self._matching > _MATCHING_S:
            self.drop(1, "more address patterns than can be matched: the rest is dropped")
            return ()
        try:
            hits = self._patterns.hits(pattern)
        except UserError as error:
            refused = error
            self._refuse(lambda: refused, "pattern", host)
            return ()
        finally:
            self._matching += clock.now() - began
        if not hits:
            self._refuse(lambda: _no_hit(pattern), "unknown", host)
        return hits

    def _sort(self, heard: _Heard) -> None:
        """Keep a message beside those of its address, and each press by itself."""
        path = heard.message.path
        alias = self._table.aliases.get(path)
        if self._table.inputs[alias.target if alias else path].every:
            self._presses += 1
            self._waiting[self._presses] = [heard]
            return
        key = f"{path} {heard.host}" if path == LISTEN else path  # each host asks for itself
        found = self._waiting.pop(key, [])  # and put in again: what nobody has sent to since is acted on first
        found.append(heard)
        self._waiting[key] = found

    def _newest(self, heard: list[_Heard]) -> tuple[int, Change, str] | None:
        """Return the newest good one of an address: which it was, what it changes, whose it is."""
        for older, each in reversed([*enumerate(heard)]):
            try:
                change = self._table.parse(each.message.path, arguments(each.message), each.t, f"osc {each.host}")
            except UserError as error:
                refused = error
                self._refuse(lambda: refused, each.message.path, each.host)  # noqa: B023 called at once
                continue
            if change is not None:
                self.received += older
                self._bus.supersede(older)
                return each.at, change, each.host
            self._feedback.heard(each.host)  # a button that is let go takes back no press before it
        return None

    def _refuse(self, fault: Callable[[], UserError], kind: str, host: str) -> None:
        self._bus.reject()
        self.rejected += 1
        self._said += 1
        if self._said <= _MOST_SAID:
            self._say(kind, host, fault())

    def _say(self, kind: str, host: str, error: UserError) -> None:
        self._refusal = (error.line(), clock.now())
        self._quiet.warning(kind, f"OSC from {host}: {error.line()}")


def _no_hit(pattern: str) -> UserError:
    return UserError("no address is like this pattern", where=pattern[:80], remedy="vj osc lists them all")
