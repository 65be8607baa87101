"""What the show was last known to be: for those who ask (`/master "?"`), and for those who move a value from where it is.

State is published only while somebody is told it. So for whoever speaks first, it is waited for the next publication, which
comes within a thirtieth of a second; after `WAIT_S` what there is has to do. Lives on the OSC thread.
"""

from __future__ import annotations

from phosphene.engine.control.address import Address, Table
from phosphene.engine.control.datagram import Message, Sender
from phosphene.engine.control.feedback import Feedback
from phosphene.engine.control.surface import Args

WAIT_S = 0.3
_KEPT_S = WAIT_S + 0.2  # an answer goes out a turn after the wait is over: until then its room is not for state
MOST_ASKED = 1024  # questions that wait at one time
_FRESH_S = 0.25  # state that is older comes from a time when nobody was told
_OWN_S = 0.25  # so long what was sent here counts for more than what is published, which is a frame or two behind
_QUESTION = b"?\0"


def is_question(message: Message) -> bool:
    """Whether a message asks for a value: one text, "?"."""
    return message.tags == "s" and message.data.startswith(_QUESTION, message.start)


class Known:
    """The newest value of each address, of what was sent here and what the show published."""

    def __init__(self, table: Table, feedback: Feedback) -> None:
        self._table, self._feedback = table, feedback
        self._own: dict[str, tuple[Args, float]] = {}

    def note(self, path: str, args: Args, t: float) -> None:
        """Note what is on its way to the show; but no text: a style or a scene that was called is not there yet."""
        if len(args) == 1 and not isinstance(args[0], str):
            self._own[path] = (args, t)
        else:
            self._own.pop(path, None)

    def fresh(self, path: str, t: float) -> bool:
        """Whether the value of an address or alias is that of now."""
        return self._noted(self._address(path).path, t) is not None or t - self._feedback.published < _FRESH_S

    def value(self, path: str, t: float) -> Args | None:
        """Return the value of the address that `path` means; None where none is known."""
        return self._noted(self._address(path).path, t) or self._feedback.value(self.told(path))

    def told(self, path: str) -> str:
        """Return the address under which the value of `path`, an alias or not, is published."""
        address = self._address(path)
        return address.told_as or address.path

    def seen_at(self, path: str, t: float) -> Args | None:
        """Return the value of an address or alias in what it takes; None where none is known, or where it is a button."""
        alias, value = self._table.aliases.get(path), self.value(path, t)
        if alias is None or value is None:
            return value
        if alias.scale is not None:
            low, high = alias.scale
            return ((float(value[0]) - low) / (high - low),)
        return value if alias.fixed is None else None

    def _address(self, path: str) -> Address:
        alias = self._table.aliases.get(path)
        return self._table.addresses[alias.target if alias else path]

    def _noted(self, path: str, t: float) -> Args | None:
        args, at = self._own.get(path, ((), -_OWN_S))
        return args if args and t - at < _OWN_S else None


class Questions:
    """Who asked for which address and was not answered yet."""

    def __init__(self, known: Known, feedback: Feedback) -> None:
        self._known, self._feedback = known, feedback
        self._asked: dict[tuple[Sender, str], tuple[float, bool]] = {}

    def __len__(self) -> int:
        """How many wait."""
        return len(self._asked)

    def ask(self, sender: Sender, path: str, t: float, *, alone: bool) -> bool:
        """Ask for an address or alias; False where too many wait. alone: it was named, not reached by a pattern."""
        if len(self._asked) >= MOST_ASKED and (sender, path) not in self._asked:
            return False
        self._feedback.heard(sender[0], keep_s=_KEPT_S)
        self._asked[sender, path] = (t + WAIT_S, alone)
        return True

    def answer(self, t: float) -> list[tuple[str, str]]:
        """Answer what can be; return path and host of those who named an address of which nothing is known."""
        unanswered = []
        for (sender, path), (deadline, alone) in list(self._asked.items()):
            value = self._known.seen_at(path, t)
            if t < deadline and (value is None or not self._known.fresh(path, t)):
                continue
            del self._asked[sender, path]
            if value is not None:
                self._feedback.answer(sender, path, value, self._known.told(path))
            elif alone:
                unanswered.append((path, sender[0]))
        return unanswered
