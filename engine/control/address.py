"""What an address is, and how a message to it is checked: every control message passes through here, once.

The OSC server and the keyboard call `Table.parse` on their own threads. `table.py` holds the addresses themselves. Nothing
here keeps state or touches a socket.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.paths import is_name
from phosphene.engine.show.change import Change, Value

MAX_TEXT = 200  # characters of a string argument
_ROUNDING = 1e-6  # float32 on the wire: 0.1 arrives as 0.10000000149, which must not fall out of a range that ends at 0.1


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument. type: f, i or s. choices: the only words allowed. optional: the address also acts without it.

    named: it names something of the library, and is never a path: whoever can send a message may not open files.
    """

    name: str
    type: str
    minimum: float = -math.inf
    maximum: float = math.inf
    choices: tuple[str, ...] = ()
    optional: bool = False
    unit: str = ""
    named: bool = False

    @property
    def allowed(self) -> str:
        """The range or the words, for people."""
        if self.named:
            return f"a name of the library, 1 to {MAX_TEXT} characters, never a path"
        if self.type == "s":
            return ", ".join(self.choices) if self.choices else f"text of 1 to {MAX_TEXT} characters"
        if math.isinf(self.minimum):
            return "a number"
        return f"{self.minimum:g} to {self.maximum:g}{' ' + self.unit if self.unit else ''}"

    def read(self, value: object, where: str) -> Value:
        """Return `value` as this argument's type. Raises UserError: wrong type, not finite, out of range, no such word."""
        if self.type == "s":
            return self._word(value, where)
        if isinstance(value, bool):
            value = int(value)
        if not isinstance(value, (int, float)):
            raise UserError("not a number", where=where, allowed=self.allowed, got=repr(value))
        slack = _ROUNDING * max(1.0, abs(self.minimum), abs(self.maximum)) if self.minimum > -math.inf else 0.0
        # Written so that NaN fails too; whole numbers of any length compare without being made floats first.
        if not self.minimum - slack <= value <= self.maximum + slack or value in (math.inf, -math.inf):
            shown = value if abs(value) < 1e30 else "a huge number"
            raise UserError("out of range", where=where, allowed=self.allowed, got=shown)
        if self.type == "i":
            if value != int(value):
                raise UserError("not a whole number", where=where, allowed=self.allowed, got=value)
            return int(value)
        return min(self.maximum, max(self.minimum, float(value)))

    def _word(self, value: object, where: str) -> str:
        if not isinstance(value, str):
            raise UserError("not a text", where=where, allowed=self.allowed, got=repr(value))
        if not 0 < len(value) <= MAX_TEXT or not value.isprintable():
            raise UserError("not a usable text", where=where, allowed=self.allowed, got=repr(value[:40]))
        if self.named and not is_name(value):
            raise UserError("a path", where=where, allowed=self.allowed, got=value)
        if self.choices and value not in self.choices:
            raise UserError("unknown word", where=where, allowed=self.allowed, got=value)
        return value


@dataclass(frozen=True, slots=True)
class Address:
    """One address. No arguments: a trigger, which acts on a press (no argument or non-zero) and ignores the release (0).

    every: no press may be replaced by a later one. output: sent by us, not understood. rate_hz: at most so often.
    only_on: what a message may switch on and never off; "" for all others, else how it is switched off.
    """

    path: str
    arguments: tuple[Argument, ...]
    description: str
    default: Value | None = None
    every: bool = False
    output: bool = False
    rate_hz: float = 30.0
    group: str = ""
    only_on: str = ""

    @property
    def types(self) -> str:
        """OSC type tags, such as `f` or `s[f]`; "" for a trigger."""
        return "".join(f"[{a.type}]" if a.optional else a.type for a in self.arguments)

    @property
    def minimum(self) -> float | None:
        """Least value of the first argument; None where it has no range."""
        return self._bound("minimum")

    @property
    def maximum(self) -> float | None:
        """Greatest value of the first argument; None where it has no range."""
        return self._bound("maximum")

    def _bound(self, which: str) -> float | None:
        if not self.arguments or self.arguments[0].type == "s":
            return None
        value: float = getattr(self.arguments[0], which)
        return None if math.isinf(value) else value

    def read(self, args: Sequence[object]) -> tuple[Value, ...] | None:
        """Return the checked arguments; None for the release of a trigger. Raises UserError."""
        if not self.arguments:
            return () if _pressed(self.path, args) else None
        args = [a for a in args if a is not None]
        least = sum(not a.optional for a in self.arguments)
        if not least <= len(args) <= len(self.arguments):
            allowed = " ".join(f"[{a.name}]" if a.optional else a.name for a in self.arguments)
            raise UserError("wrong number of arguments", where=self.path, allowed=allowed, got=len(args))
        return tuple(a.read(v, self.path) for a, v in zip(self.arguments, args, strict=False))


@dataclass(frozen=True, slots=True)
class Alias:
    """Another program's address for one of ours. What it sends becomes our argument by one rule.

    fixed: act on a press with these arguments. scale: its 0..1 becomes this range. Neither: its arguments are ours.
    """

    path: str
    target: str
    description: str
    fixed: tuple[Value, ...] | None = None
    scale: tuple[float, float] | None = None

    def args(self, args: Sequence[object]) -> Sequence[object] | None:
        """Return the arguments for `target`; None for a release. Raises UserError."""
        if self.fixed is not None:
            return self.fixed if _pressed(self.path, args) else None
        if self.scale is None:
            return args
        (unit,) = Address(self.path, (Argument("unit", "f", 0.0, 1.0),), "").read(args) or (0.0,)
        low, high = self.scale
        return (low + float(unit) * (high - low),)


class Table:
    """All addresses and aliases. Frozen after it is built; safe on any thread."""

    def __init__(self, addresses: Sequence[Address], aliases: Sequence[Alias]) -> None:
        self.addresses: Mapping[str, Address] = {a.path: a for a in addresses}
        self.aliases: Mapping[str, Alias] = {a.path: a for a in aliases}
        self.inputs: Mapping[str, Address] = {a.path: a for a in addresses if not a.output}
        wrong = [a.path for a in aliases if a.target not in self.inputs or a.path in self.addresses]
        if wrong or len(self.addresses) != len(addresses) or len(self.aliases) != len(aliases):
            raise ValueError(f"an address stands twice, or an alias leads nowhere: {wrong}")

    def __contains__(self, path: str) -> bool:
        """Whether `path` is an address or an alias that is listened to."""
        return path in self.inputs or path in self.aliases

    def parse(self, path: str, args: Sequence[object] = (), t: float = 0.0, source: str = "") -> Change | None:
        """Return the checked change; None where there is nothing to do (a button let go). Raises UserError, nothing else."""
        if (alias := self.aliases.get(path)) is not None:
            given = alias.args(args)
            if given is None:
                return None
            path, args = alias.target, given
        address = self.inputs.get(path)
        if address is None:
            raise unknown(path)
        checked = address.read(args)
        if address.only_on and source.startswith(("osc", "midi")) and checked != (1,):
            raise UserError("not switched off by a message", where=path, allowed="1", got=0, remedy=address.only_on)
        return None if checked is None else Change(path, checked, t, source, address.every)


def unknown(path: str) -> UserError:
    """Return what is said of an address that is not in the table."""
    where = path[:80]
    if any(sign in path for sign in "*?[]{}"):
        return UserError("address patterns are not understood", where=where, remedy="send to each address by itself")
    return UserError("unknown address", where=where, remedy="vj osc lists them all")


def _pressed(path: str, args: Sequence[object]) -> bool:
    """Whether a trigger's arguments are a press. Raises UserError on anything but one number or none."""
    args = [a for a in args if a is not None]
    if not args:
        return True
    value = args[0]
    if len(args) > 1 or not isinstance(value, (int, float)) or value != value:
        raise UserError("a trigger takes no argument, or 1 pressed and 0 released", where=path, got=repr(args)[:60])
    return bool(value)
