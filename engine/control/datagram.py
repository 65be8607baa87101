"""What is in a datagram: which messages, whether they can be ours, and their arguments.

Called by the OSC server's thread. A bundle is taken apart element by element: one that is foreign, broken or cut off is
refused by itself, and the rest is taken. Whether a message can be for us is one regular expression; its arguments are read
only where it is the newest of its address. Bundle time tags are not waited for: everything acts on arrival, as a performer
expects.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

from phosphene.engine.core.errors import UserError

Sender = tuple[Any, ...]  # who sent a datagram, as a socket calls it: host and port first

IMMEDIATELY = 1  # the time tag of what is to act at once
_BUNDLE = b"#bundle\0"
_BUNDLE_HEAD = 16  # bytes: the word and a time tag
_DEPTH = 4  # bundles within bundles
_MOST_ARGUMENTS = 16
_ADDRESS = re.compile(rb"(/[\x21-\x7e]{0,200})\0")
_TAGS = re.compile(rb",([\x21-\x7e]*)\0")
_NUMBERS = {"i": struct.Struct(">i"), "f": struct.Struct(">f"), "h": struct.Struct(">q"), "d": struct.Struct(">d")}
_WORDS = {"T": True, "F": False, "N": None}
_LENGTHS = {**{tag: number.size for tag, number in _NUMBERS.items()}, "s": 1, "T": 0, "F": 0, "N": 0, "I": 0}  # at least
# The other types of OSC 1.0 and 1.1: what they are called where they are refused.
_FOREIGN = {
    "r": "a colour", "m": "a MIDI message", "t": "a time tag", "c": "a character", "S": "a symbol", "b": "a blob",
    "[": "a list", "]": "a list",
}  # fmt: skip


class Message(NamedTuple):
    """One message that can be ours: its address, its type tags, its bytes, of which arguments begin at `start`, its time."""

    path: str
    tags: str
    data: bytes
    start: int
    time: int = IMMEDIATELY


class Refused(NamedTuple):
    """One part of a datagram that is not taken, and why. Cheap to make: a flood is made of these."""

    what: str
    allowed: str = ""
    got: object = None
    where: str = ""

    def error(self) -> UserError:
        """Return it as an error for people."""
        return UserError(self.what, where=self.where, allowed=self.allowed, got=self.got)


def messages(datagram: bytes, depth: int = _DEPTH, time: int = IMMEDIATELY) -> Iterator[Message | Refused]:
    """Yield what is in a datagram, in order: at most one entry for four bytes of it, but always one. Raises nothing."""
    if not datagram.startswith(_BUNDLE):
        yield _message(datagram, time)
        return
    at, end = _BUNDLE_HEAD, len(datagram)
    if depth == 0:
        yield Refused("bundles within bundles within bundles", f"{_DEPTH} deep")
    elif end < at:
        yield Refused("a bundle that is cut off", got=datagram)
    else:
        time = max(time, int.from_bytes(datagram[len(_BUNDLE) : at], "big"))
        while at < end:
            size = int.from_bytes(datagram[at : at + 4], "big")
            begin, at = at + 4, at + 4 + size
            if at > end:
                yield Refused("a bundle that is cut off", f"{size} bytes more", f"{max(0, end - begin)} bytes")
            elif size == 0 or size % 4:
                yield Refused("a part of a bundle that has no such length", "4, 8, 12, ... bytes", f"{size} bytes")
            else:
                yield from messages(datagram[begin:at], depth - 1, time)


def _message(data: bytes, time: int) -> Message | Refused:
    head = _ADDRESS.match(data)
    if head is None:
        return Refused("not an OSC message that can be for us", got=data[:24])
    path = head[1].decode("ascii")
    at = _padded(head.end())
    if at >= len(data):
        return Message(path, "", data, len(data), time)
    found = _TAGS.match(data, at)
    if found is None:
        return Refused("no types where they have to be", "a comma, 4, 8, 12, ... bytes in", data[at : at + 8], path)
    tags = found[1].decode("ascii")
    if len(tags) > _MOST_ARGUMENTS:
        return Refused("too many arguments", f"{_MOST_ARGUMENTS}", len(tags), path)
    start = needed = _padded(found.end())
    for tag in tags:
        length = _LENGTHS.get(tag)
        if length is None:
            got = f"{tag}, {_FOREIGN.get(tag, 'which OSC does not know')}"
            return Refused("an argument of a type that nothing here takes", "numbers, text, T, F, N, I", got, path)
        needed += length
    # A number that is missing must not become 0: a cut-off fader would drop to the floor.
    if needed > start and len(data) < needed:
        return Refused("an OSC message that is cut off", got=data[:24], where=path)
    return Message(path, tags, data, start, time)


def arguments(message: Message) -> list[object]:
    """Return a message's arguments: int, float, str, bool, None. An impulse (I) is a press and has no value.

    Raises UserError when a text is cut off or no UTF-8.
    """
    path, tags, data, at, _ = message
    found: list[object] = []
    for tag in tags:
        if tag in _NUMBERS:
            number = _NUMBERS[tag]
            if at + number.size > len(data):
                raise UserError("an OSC message that is cut off", where=path, got=data[:24])
            found.append(number.unpack_from(data, at)[0])
            at += number.size
        elif tag == "s":
            end = data.find(b"\0", at)
            if end < 0:
                raise UserError("an OSC message that is cut off", where=path, got=data[:24])
            try:
                found.append(data[at:end].decode("utf-8"))
            except UnicodeDecodeError as error:
                raise UserError("text that is not UTF-8", where=path, got=data[at:end][:24]) from error
            at = _padded(end + 1)
        elif tag in _WORDS:
            found.append(_WORDS[tag])
    return found


def _padded(length: int) -> int:
    """Return where what comes after `length` bytes begins: everything in OSC begins at a multiple of four."""
    return (length + 3) // 4 * 4
