"""MIDI bytes become messages, and messages become controls with a value of 0 to 1. No objects of a MIDI library.

Called on the thread of the surface, for each device by itself. Never raises for what arrives: bytes that are no message
are counted and left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

KINDS = ("cc", "cc14", "nrpn", "rpn", "note", "bend", "program", "pressure")
NUMBERED = {"cc": 127, "cc14": 31, "nrpn": 16383, "rpn": 16382, "note": 127}  # kind -> greatest number; the others have none
CLOCK, START, CONTINUE, STOP, POSITION = 0xF8, 0xFA, 0xFB, 0xFC, 0xF2
_DATA = {0x80: 2, 0x90: 2, 0xA0: 2, 0xB0: 2, 0xC0: 1, 0xD0: 1, 0xE0: 2}  # status -> bytes that follow
_SYSTEM = {0xF1: 1, 0xF2: 2, 0xF3: 1}
_SYSEX, _SYSEX_END, _REAL_TIME = 0xF0, 0xF7, 0xF8
_HALF_S = 0.005  # how long the first half of a 14-bit value waits for the second: two messages take 2 ms on a 5-pin cable
_NO_PARAMETER = 0x3FFF  # of NRPN and RPN: nothing is selected


class Key(NamedTuple):
    """A control of a device. kind: one of KINDS; channel: 1 to 16; number: 0 where the kind has none."""

    kind: str
    channel: int
    number: int = 0

    def __str__(self) -> str:
        return f"{self.kind} {self.channel} {self.number}" if self.kind in NUMBERED else f"{self.kind} {self.channel}"


class Message(NamedTuple):
    """A message as it came. kind: cc, note, bend, program, pressure, or clock (number: its status byte).

    value: 0 to 127; of bend and of a song position 0 to 16383. A note that is let go has the value 0.
    """

    kind: str
    channel: int
    number: int
    value: int


class Event(NamedTuple):
    """What a control was moved to. raw: as it came; full: the greatest that `raw` can be."""

    key: Key
    raw: int
    full: int

    @property
    def unit(self) -> float:
        """0 to 1. Of 14 bits 8192 is the middle, exactly: a wheel at rest must not move what it plays."""
        if self.full < 128:
            return self.raw / self.full
        return self.raw / 16384.0 if self.raw <= 8192 else 0.5 + (self.raw - 8192) / (2.0 * 8191.0)


class Splitter:
    """Cuts one device's bytes into messages: running status, real time between the bytes of others, sysex of any length.

    malformed: bytes that belonged to nothing.
    """

    def __init__(self) -> None:
        self.malformed = 0
        self._status = 0
        self._data: list[int] = []
        self._in_sysex = False

    def feed(self, data: Iterable[int]) -> Iterator[Message]:
        """Yield the messages that are whole now."""
        for byte in data:
            if byte >= _REAL_TIME:  # may stand anywhere, and ends nothing
                if byte in (CLOCK, START, CONTINUE, STOP):
                    yield Message("clock", 0, byte, 0)
            elif byte >= 0x80:
                self.malformed += len(self._data)  # the last one was cut off
                self._data.clear()
                self._in_sysex = byte == _SYSEX
                self._status = 0 if byte in (_SYSEX, _SYSEX_END) else byte
            elif self._in_sysex:
                continue
            elif not self._status:
                self.malformed += 1
            else:
                self._data.append(byte)
                if (found := self._whole()) is not None:
                    yield found

    def _whole(self) -> Message | None:
        status, data = self._status, self._data
        kind, channel = status & 0xF0, (status & 0x0F) + 1
        if len(data) < (_SYSTEM.get(status, 0) if kind == 0xF0 else _DATA[kind]):
            return None
        first, last = data[0], data[-1]
        data.clear()
        match kind:
            case 0x80:
                return Message("note", channel, first, 0)
            case 0x90:
                return Message("note", channel, first, last)
            case 0xB0:
                return Message("cc", channel, first, last)
            case 0xC0:
                return Message("program", channel, 0, first)
            case 0xD0:
                return Message("pressure", channel, 0, first)
            case 0xE0:
                return Message("bend", channel, 0, last << 7 | first)
            case 0xF0:
                self._status = 0  # only channel messages have a running status
                return Message("clock", 0, status, last << 7 | first) if status == POSITION else None
        return None  # pressure of single keys: played by nobody who plays pictures


class Decoder:
    """Puts the halves of 14-bit values and of NRPN together, for those controls that a mapping has; all else as it came."""

    def __init__(self, wanted: Iterable[Key] = ()) -> None:
        wanted = set(wanted)
        self._pairs = {(k.channel, k.number) for k in wanted if k.kind == "cc14"}
        self._parameters = {k for k in wanted if k.kind in ("nrpn", "rpn")}
        self._channels = {k.channel for k in self._parameters}
        self._halves: dict[Key, tuple[int | None, int | None, float]] = {}  # coarse, fine, when the first came
        self._selected: dict[int, tuple[str, int, int]] = {}  # channel -> kind, coarse, fine
        self._values: dict[Key, int] = {}  # what 96 and 97 step from

    def feed(self, message: Message, t: float) -> list[Event]:
        """Return what controls were moved to by this message."""
        kind, channel, number, value = message
        if kind == "cc":
            if channel in self._channels and (number in (6, 38) or 96 <= number <= 101):
                return self._parameter(channel, number, value, t)
            for coarse in (number, number - 32):
                if (channel, coarse) in self._pairs and 0 <= number - coarse <= 32:
                    return self._half(Key("cc14", channel, coarse), value, number == coarse, t)
        elif kind == "clock":
            return []
        return [Event(Key(kind, channel, number), value, 16383 if kind == "bend" else 127)]

    def due(self, t: float) -> list[Event]:
        """Return the values whose second half did not come in time: a coarse one alone has the fine half 0, a fine one the
        coarse half that came last.
        """
        found = []
        for key, (coarse, fine, began) in list(self._halves.items()):
            if t - began >= _HALF_S:
                del self._halves[key]
                if coarse is not None:
                    found.append(self._event(key, coarse << 7))
                elif fine is not None and key in self._values:
                    found.append(self._event(key, self._values[key] & 0x3F80 | fine))
        return found

    @property
    def waiting(self) -> bool:
        """Whether a value is half there."""
        return bool(self._halves)

    def _half(self, key: Key, value: int, is_coarse: bool, t: float) -> list[Event]:
        """Take one half: whichever comes first waits for the other."""
        coarse, fine, _ = self._halves.pop(key, (None, None, t))
        found = []
        if is_coarse:
            if coarse is not None:  # a second coarse one: the first had no fine one
                found.append(self._event(key, coarse << 7))
            coarse = value
        else:
            fine = value
        if coarse is not None and fine is not None:
            return [*found, self._event(key, coarse << 7 | fine)]
        self._halves[key] = coarse, fine, t
        return found

    def _parameter(self, channel: int, number: int, value: int, t: float) -> list[Event]:
        if number >= 98:
            kind = "nrpn" if number < 100 else "rpn"
            before = self._selected.get(channel)
            coarse, fine = before[1:] if before is not None and before[0] == kind else (127, 127)
            self._selected[channel] = (kind, value, fine) if number % 2 else (kind, coarse, value)
            return []
        kind, coarse, fine = self._selected.get(channel, ("nrpn", 127, 127))
        key = Key(kind, channel, coarse << 7 | fine)
        if key.number == _NO_PARAMETER or key not in self._parameters:
            return []
        if number in (96, 97):
            step = 1 if number == 96 else -1
            return [self._event(key, min(16383, max(0, self._values.get(key, 0) + step)))]
        return self._half(key, value, number == 6, t)

    def _event(self, key: Key, value: int) -> Event:
        self._values[key] = value
        return Event(key, value, 16383)


RELATIVE = ("relative-2c", "relative-64", "relative-sb")


def steps(kind: str, value: int) -> int:
    """Return how far an endless encoder was turned: `value` is what it sent, kind one of RELATIVE."""
    if kind == "relative-2c":  # two's complement of 7 bits
        return value if value < 64 else value - 128
    if kind == "relative-64":
        return value - 64
    return value if value < 64 else 64 - value  # a bit for the sign
