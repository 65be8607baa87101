"""What the OSC thread does with the messages of one turn: sorts them by address, checks the newest of each, acts at once.

Of each address the newest message that stands the check against the table goes to the bus, and every press. The older ones
are not read, but where a newer one is refused: that costs no other message. All of a turn is put on the bus in one go: the
messages of a bundle reach the same frame. A pattern is as many messages as addresses that it means, each checked by itself.
Questions are answered, and values moved from where they are, by the newest state that is known (`asking.py`).

What a turn may cost is bounded here: messages, addresses acted on, patterns matched.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from phosphene.engine.control import relative
from phosphene.engine.control.address import Table, unknown
from phosphene.engine.control.asking import WAIT_S, Known, Questions, is_question
from phosphene.engine.control.bus import ControlBus
from phosphene.engine.control.datagram import Message, Refused, Sender, arguments
from phosphene.engine.control.feedback import Feedback
from phosphene.engine.control.monitor import Noted, refused
from phosphene.engine.control.pattern import Patterns, is_pattern
from phosphene.engine.control.table import LISTEN
from phosphene.engine.control.tally import Tally
from phosphene.engine.core import clock
from phosphene.engine.core.errors import UserError
from phosphene.engine.show.change import Change

_MOST_PARTS = 1024  # messages looked at in one turn: a single datagram of 64 KB may hold 16,000
_MOST_READ = 512  # addresses and presses that are acted on in one turn: more than one pattern may reach; the rest is dropped
_MOST_LATER = 1024  # steps that wait for the state that they start from
_MATCHING_S = 0.02  # for patterns not seen before, in one turn: 60 as people write them, three of the worst


class _Heard(NamedTuple):
    """A message that came: at, which of all; t, when, in s; noted, for whoever looks."""

    at: int
    message: Message
    sender: Sender
    t: float
    noted: Noted | None = None

    @property
    def host(self) -> str:
        host: str = self.sender[0]
        return host


class Inbox:
    """The messages of a turn. On the OSC thread."""

    def __init__(self, table: Table, bus: ControlBus, feedback: Feedback, tally: Tally) -> None:
        self._table, self._bus, self._feedback, self._tally = table, bus, feedback, tally
        self._patterns = Patterns([*table.inputs, *table.aliases])
        aliases = [a.path for a in table.aliases.values() if a.fixed is None]
        self._readable = Patterns([*(a.path for a in table.addresses.values() if a.arguments), *aliases])
        self._known = Known(table, feedback)
        self._questions = Questions(self._known, feedback)
        self._later = 0  # steps that wait
        self._waiting: dict[str | int, list[_Heard]] = {}  # by address, those of one address from the oldest to the newest
        self._parts = self._presses = self._count = 0
        self._matching = 0.0

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
        host, monitor = sender[0], self._bus.monitor
        if isinstance(part, Refused):
            self._refuse(monitor.note(part.where, tuple, f"osc {host}", t), part.error, "malformed", host)
            return
        noted = monitor.note(part.path, partial(arguments, part), f"osc {host}", t)
        if is_question(part):
            self._ask(part.path, sender, t, noted)
        elif part.path in self._table:
            self._sort(part, sender, t, noted)
        elif is_pattern(part.path):
            for path in self._matched(self._patterns, part.path, host, noted):
                self._parts += 1
                self._sort(part._replace(path=path), sender, t, noted)
        else:  # no such address is refused unread
            self._refuse(noted, partial(unknown, part.path), "unknown", host)

    def skip(self) -> None:
        """Count a message that this turn looked at and left for another one."""
        self._parts += 1

    @property
    def waits(self) -> bool:
        """Whether there are questions, or steps, for which the state has to come first."""
        return bool(self._later or self._questions)

    def answer(self, t: float) -> None:
        """Answer the questions that can be answered."""
        for path, host in self._questions.answer(t):
            self._tally.refuse(lambda: _not_known(path), path, host)  # noqa: B023 called at once

    def act(self) -> None:
        """Put what is good on the bus, in the order in which it came, and begin a new turn."""
        self._parts = self._later = 0
        self._matching = 0.0
        self._tally.begin()
        waiting, self._waiting = list(self._waiting.values()), {}
        if len(waiting) > _MOST_READ:
            dropped = sum(map(len, waiting[_MOST_READ:]))
            self._tally.drop(dropped, f"more messages than can be used: {dropped} dropped in one go")
        found = [good for heard in waiting[:_MOST_READ] if (good := self._newest(heard)) is not None]
        changes = []
        for _, change, host in sorted(found, key=lambda each: each[0]):
            if change.path == LISTEN:
                self._feedback.asked(host, change.args)
            else:
                self._feedback.heard(host, change.path, change.args)
                self._known.note(change.path, change.args, clock.now())
                changes.append(change)
        self._tally.received += len(changes)
        self._bus.put_all(changes)

    def _refuse(self, noted: Noted | None, fault: Callable[[], UserError], kind: str, host: str) -> None:
        """Refuse a message. fault: returns the same whenever it is called."""
        refused(noted, fault)
        self._tally.refuse(fault, kind, host)

    def _ask(self, path: str, sender: Sender, t: float, noted: Noted | None) -> None:
        alone = path in self._table or path in self._table.addresses
        if not alone and not is_pattern(path):
            self._refuse(noted, partial(unknown, path), "unknown", sender[0])
            return
        paths = (path,) if alone else self._matched(self._readable, path, sender[0], noted)
        self._parts += len(paths)
        asked = sum(self._questions.ask(sender, each, t, alone=alone) for each in paths)
        if asked < len(paths):
            self._tally.drop(len(paths) - asked, "more questions than can be answered: the rest is dropped")

    def _matched(self, patterns: Patterns, pattern: str, host: str, noted: Noted | None) -> tuple[str, ...]:
        began = clock.now()
        if self._matching > _MATCHING_S:
            self._tally.drop(1, "more address patterns than can be matched: the rest is dropped")
            return ()
        try:
            hits = patterns.hits(pattern)
        except UserError as error:
            self._refuse(noted, partial(_same, error), "pattern", host)
            return ()
        finally:
            self._matching += clock.now() - began
        if not hits:
            self._refuse(noted, partial(_no_hit, pattern), "unknown", host)
        return hits

    def _sort(self, message: Message, sender: Sender, t: float, noted: Noted | None) -> None:
        """Keep a message beside those of its address, and each press by itself."""
        self._count += 1
        self._keep(_Heard(self._count, message, sender, t, noted))

    def _keep(self, heard: _Heard) -> None:
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
        """Return the newest good one of an address: which it was, what it changes, whose it is.

        Steps are all taken, from the newest value before them.
        """
        steps: list[tuple[_Heard, relative.Step]] = []
        for older, each in reversed([*enumerate(heard)]):
            try:
                args = self._read(each)
                if isinstance(args, tuple):
                    steps.append((each, args))
                    continue
                change = self._table.parse(each.message.path, args, each.t, f"osc {each.host}")
            except UserError as error:
                self._refuse(each.noted, partial(_same, error), each.message.path, each.host)
                continue
            if change is not None:
                self._tally.supersede(older)
                return self._moved(steps, change) if steps else (each.at, change, each.host)
            self._feedback.heard(each.host)  # a button that is let go takes back no press before it
        return self._moved(steps, None) if steps else None

    def _read(self, heard: _Heard) -> relative.Step | Sequence[object]:
        """Return a message's arguments, or the step that it is, a tuple."""
        args, path = arguments(heard.message), heard.message.path
        alias = self._table.aliases.get(path)
        address = self._table.inputs[alias.target if alias else path]
        return relative.read(path, args) if relative.may_step(heard.message, address, alias) else args

    def _moved(self, steps: list[tuple[_Heard, relative.Step]], start: Change | None) -> tuple[int, Change, str] | None:
        """Return where steps lead, from a change before them or from what is known; None where that has to come first.

        steps: the newest first.
        """
        newest, steps = steps[0][0], steps[::-1]
        path, host, t = newest.message.path, newest.host, clock.now()
        alias = self._table.aliases.get(path)
        value = start.args if start else self._known.value(path, t)
        if not start and t < steps[0][0].t + WAIT_S and (value is None or not self._known.fresh(path, t)):
            self._feedback.heard(host)  # so that the state comes
            self._wait([each for each, _ in steps])
            return None
        try:
            if not value or isinstance(value[0], str) or not math.isfinite(value[0]):
                raise _not_known(path)
            address = self._table.inputs[alias.target if alias else path]
            at = relative.moved(address, alias, value[0], (step for _, step in steps))
            change = self._table.parse(path, [at], newest.t, f"osc {host}")
        except UserError as error:
            self._refuse(newest.noted, partial(_same, error), path, host)
            return None
        self._tally.supersede(len(steps) - (start is None))
        if change is not None:
            self._known.note(change.path, change.args, t)  # the next one of this turn, by an alias, goes on from here
            return newest.at, change, host
        return None

    def _wait(self, heard: list[_Heard]) -> None:
        """Leave messages for the next turn."""
        room = _MOST_LATER - self._later
        for each in heard[:room]:
            self._later += 1
            self._keep(each)
        if len(heard) > room:
            self._tally.drop(len(heard) - room, "more steps than can wait for the state: the rest is dropped")


def _same(error: UserError) -> UserError:
    return error.with_traceback(None)  # whoever keeps it is not to keep a whole stack


def _no_hit(pattern: str) -> UserError:
    return UserError("no address is like this pattern", where=pattern[:80], remedy="vj osc lists them all")


def _not_known(path: str) -> UserError:
    return UserError("nothing is known of its value", where=path, remedy="send the value that it is to have")
