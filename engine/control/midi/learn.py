"""Which control was moved, and what kind it is: judged by what came in 1.5 s after the first message.

`Judge` is fed by the thread of the surface while somebody learns. A person moves one control; a neighbour, a worn knob that
trembles, a clock may speak as well: the one that moved most is meant.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from phosphene.engine.control.address import Address, Table
from phosphene.engine.control.midi.mapping import Button, ControlEntry, Mode
from phosphene.engine.control.midi.messages import Key, Message
from phosphene.engine.core.errors import UserError, did_you_mean

LISTENS_S = 1.5
_JUMP = 96  # between neighbours' values of an encoder in two's complement: 1, then 127
_FEW_VALUES = 8  # that an encoder sends, and a knob that is turned through does not
_REPEATED = 3  # times that a value has to come to be a tick
_ONLY_ENDS = frozenset((0, 127))


@dataclass(frozen=True, slots=True)
class Judged:
    """What moved. button: whether it is one; mode: `pickup`, or the kind of encoder."""

    key: Key
    mode: Mode = "pickup"
    button: bool = False


class Judge:
    """Gathers what one device sends. Ask `judged` once LISTENS_S have passed since `began`."""

    def __init__(self) -> None:
        self.began: float | None = None
        self._heard: list[Message] = []

    def feed(self, message: Message, t: float) -> None:
        """Take a message; a clock, and a note that is let go before any was pressed, say nothing."""
        if message.kind == "clock" or (not self._heard and message.kind == "note" and message.value == 0):
            return
        if self.began is None:
            self.began = t
        if len(self._heard) < 4096:
            self._heard.append(message)

    @property
    def moved(self) -> int:
        """How much the control that moved most did."""
        return max((_moved(each) for each in self._groups().values()), default=0)

    def judged(self) -> Judged | None:
        """Return what moved most; None where nothing did."""
        groups = self._groups()
        if not groups:
            return None
        key = max(groups, key=lambda each: _moved(groups[each]))
        values = [value for _, value in groups[key]]
        if key.kind == "note":
            return Judged(key, button=True)
        return _controller(key, values) if key.kind == "cc" else Judged(key)

    def _groups(self) -> dict[Key, list[tuple[int, int]]]:
        """Return what came by control, as (order, value); the halves of 14 bits and the parts of an NRPN are one control."""
        plain: dict[Key, list[tuple[int, int]]] = defaultdict(list)
        for i, message in enumerate(self._heard):
            plain[Key(message.kind, message.channel, message.number)].append((i, message.value))
        _join_parameters(plain)
        _join_halves(plain)
        return plain


def _join_parameters(plain: dict[Key, list[tuple[int, int]]]) -> None:
    """Put 99, 98 (or 101, 100) and what follows them together."""
    for kind, coarse, fine in (("nrpn", 99, 98), ("rpn", 101, 100)):
        for channel in range(1, 17):
            parts = [Key("cc", channel, n) for n in (coarse, fine, 6)]
            if all(part in plain for part in parts):
                number = plain[parts[0]][-1][1] << 7 | plain[parts[1]][-1][1]
                if number != 0x3FFF:
                    together = [pair for n in (coarse, fine, 6, 38) for pair in plain.pop(Key("cc", channel, n), [])]
                    plain[Key(kind, channel, number)] = sorted(together)


def _join_halves(plain: dict[Key, list[tuple[int, int]]]) -> None:
    """Put two controllers together that are 32 apart and took turns."""
    for key in [k for k in plain if k.kind == "cc" and k.number < 32]:
        other = Key("cc", key.channel, key.number + 32)
        if other not in plain or len(plain[key]) < 2 or abs(len(plain[key]) - len(plain[other])) > 1:
            continue
        order = sorted([(i, 0) for i, _ in plain[key]] + [(i, 1) for i, _ in plain[other]])
        if all(a[1] != b[1] for a, b in pairwise(order)):
            plain[Key("cc14", key.channel, key.number)] = sorted(plain.pop(key) + plain.pop(other))


def _moved(heard: Sequence[tuple[int, int]]) -> int:
    """How many messages came, and how far they went: an encoder says 1, 1, 1, and a knob that trembles 63, 64, 63."""
    values = [value for _, value in heard]
    return len(values) + sum(abs(b - a) for a, b in pairwise(values))


def _controller(key: Key, values: list[int]) -> Judged:
    """Judge a controller by its values."""
    there = set(values)
    often = {value for value in there if values.count(value) >= _REPEATED}
    if there <= _ONLY_ENDS and len(values) < 2 * _REPEATED:
        return Judged(key, button=True)
    if there <= _ONLY_ENDS and 0 in there:
        return Judged(key, button=True)
    few = len(there) < _FEW_VALUES
    if few and often & {63, 65} and 64 not in there and all(48 <= value <= 80 for value in there):
        return Judged(key, "relative-64")
    slow_sb = 0 not in there and all(value % 64 < 16 for value in there) and any(64 < value < 80 for value in there)
    if few and often & {1, 65} and slow_sb:
        return Judged(key, "relative-sb")
    slow_2c = 0 not in there and all(value < 16 or value > 111 for value in there)
    if few and slow_2c and (often & {1, 127} or any(abs(b - a) >= _JUMP for a, b in pairwise(values))):
        return Judged(key, "relative-2c")
    return Judged(key)


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be learnt: an address, with fixed arguments where it takes text."""

    address: Address
    arguments: tuple[float | str, ...] = ()

    @property
    def text(self) -> str:
        """As it was asked for."""
        return " ".join((self.address.path, *(f"{a:g}" if isinstance(a, float) else a for a in self.arguments)))


def parse_target(text: str, table: Table) -> Target:
    """Read `/deck/a/zoom` or `/scene lagoon`. Raises UserError."""
    path, *words = text.split()[:8] or [""]
    path = table.aliases[path].target if path in table.aliases else path
    address = table.inputs.get(path)
    if address is None or path.startswith("/midi/"):
        remedy = did_you_mean(path, table.inputs) or "vj osc lists them all"
        raise UserError("unknown address", where="MIDI learn", got=path, remedy=remedy)
    return Target(address, tuple(_value(word) for word in words))


def _value(word: str) -> float | str:
    try:
        return float(word) if word.lower() not in ("nan", "inf", "-inf", "infinity", "-infinity") else word
    except ValueError:
        return word


def entry_of(judged: Judged, target: Target) -> ControlEntry:
    """Return the entry that lets what moved play the target. Raises UserError where the two do not go together."""
    address = target.address
    first = address.arguments[0] if address.arguments else None
    is_switch = first is not None and first.optional and first.type == "i"
    is_number = first is not None and not is_switch and address.minimum is not None and not target.arguments
    button: Button | None = None
    mode: Mode = judged.mode
    if judged.button:
        button = "toggle" if is_number else "press"
    elif is_switch and judged.mode == "pickup":
        button = "hold"  # a knob over its half
    elif not is_number:
        raise UserError("that is a knob", where=address.path, allowed="a button", remedy="press a button or a pad")
    default = button == "press" and judged.key.kind == "note"
    return ControlEntry(
        input=str(judged.key),
        address=address.path,
        arguments=target.arguments,
        mode=mode,
        button=None if default else button,
    )
