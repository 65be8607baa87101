"""What is in a datagram: which messages, whether they can be ours, and their arguments.

Called by the OSC server's thread. python-osc reads the arguments; what it would be slow, noisy or recursive about (foreign
type tags, broken bundles, unknown addresses) is turned away before, by one regular expression per message.
Bundle time tags are not waited for: everything acts on arrival, as a performer expects.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pythonosc.osc_message import OscMessage, ParseError

from engine.core.errors import UserError

_BUNDLE = b"#bundle\0"
_DEPTH = 4  # bundles within bundles
# Address, padding, then type tags that our table knows: numbers, text, true, false, nil. Tags may be missing.
_HEAD = re.compile(rb"(/[\x21-\x7e]{0,200})\x00{1,4}(?:,([ifsdhTFN]{0,16})\x00|\Z)")


def messages(datagram: bytes, depth: int = _DEPTH) -> Iterator[tuple[str, bytes]]:
    """Yield (address, message bytes) of every message. Raises UserError at the first part that is no OSC."""
    if not datagram.startswith(_BUNDLE):
        head = _HEAD.match(datagram)
        if head is None:
            raise UserError("not an OSC message that can be for us", got=datagram[:24])
        tags = head[2] or b""
        # python-osc reads a number that is missing as 0.0: a cut-off fader would drop to the floor.
        if len(datagram) < (head.end() + 3) // 4 * 4 + sum(8 if tag in b"hd" else 4 for tag in tags if tag not in b"TFN"):
            raise UserError("an OSC message that is cut off", got=datagram[:24])
        yield head[1].decode("ascii"), datagram
        return
    if depth == 0:
        raise UserError("bundles within bundles within bundles", allowed=f"{_DEPTH} deep")
    at, end = 16, len(datagram)
    while at < end:
        size = int.from_bytes(datagram[at : at + 4], "big")
        if size == 0 or at + 4 + size > end:
            raise UserError("a bundle that is cut off", got=datagram[at : at + 24])
        yield from messages(datagram[at + 4 : at + 4 + size], depth - 1)
        at += 4 + size


def arguments(message: bytes) -> list[object]:
    """Return a message's arguments. Raises UserError when they are cut off or no UTF-8."""
    try:
        return OscMessage(message).params
    except (ParseError, ValueError) as error:
        raise UserError("an OSC message that is cut off", got=message[:24]) from error
