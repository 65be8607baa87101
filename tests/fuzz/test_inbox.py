"""Patterns, questions, steps and bundles of strangers, on the OSC thread: nothing raises, nothing gets around the table."""

from __future__ import annotations

import logging
import socket
import struct

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from phosphene.engine.control.bus import ControlBus
from phosphene.engine.control.datagram import messages
from phosphene.engine.control.feedback import Feedback, encoded
from phosphene.engine.control.inbox import Inbox
from phosphene.engine.control.tally import Tally
from phosphene.engine.core import clock
from phosphene.engine.core.errors import RateLimitedLog
from tests.fuzz.test_osc import DATAGRAM, TABLE

PATTERNS = [
    "//",
    "/*",
    "/deck/*/*",
    "/deck/a//",
    "/{a,b",
    "/[",
    "//zoom",
    "/composition/**/*",
    "/state/*",
    "/*" * 20,
    "/fader/[1-3]",
]
PATHS = st.sampled_from([*TABLE.addresses, *TABLE.aliases, *PATTERNS]) | st.text("/*?[]{}!-,ad", max_size=30).map(
    "/".__add__
)
NUMBERS = st.floats(width=32) | st.integers(-(2**31), 2**31 - 1)
ARGS = st.one_of(
    st.just(("?",)),
    st.tuples(st.sampled_from(["a", "+", "-", "*", "?", "/", ""]), NUMBERS),
    st.lists(NUMBERS | st.text("ab?", max_size=3), max_size=3).map(tuple),
)
SENT = st.builds(encoded, PATHS, ARGS)
STATE = {
    "/master": (0.5,),
    "/state/scene": ("?",),
    "/blackout": (1,),
    "/state/tempo/bpm": (float("nan"),),
    "/fader/1": (float("inf"),),
}


class Wire:
    """Stands for a socket: keeps what was sent."""

    family = socket.AF_INET

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, tuple]] = []

    def sendto(self, data: bytes, to: tuple) -> None:
        self.sent.append((data, to))


@pytest.fixture(scope="module")
def feedback() -> tuple[Feedback, Wire]:
    wire = Wire()
    found = Feedback(TABLE, wire, 9)
    found.close()  # its thread
    found.publish(STATE)
    return found, wire


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(DATAGRAM | SENT, max_size=6), st.sampled_from(["127.0.0.1", "192.0.2.7"]), st.booleans())
@example([encoded("//", ("+", 1.0))], "192.0.2.7", True)
@example([encoded("//", ("?",))], "192.0.2.7", True)
@example([encoded("/tempo/bpm", ("+", 1.0)), encoded("/fader/1", ("*", 0.0))], "127.0.0.1", True)
@example([struct.pack(">8sQ", b"#bundle", 2**64 - 1)], "127.0.0.1", False)
def test_any_datagrams_are_taken_or_refused(
    feedback: tuple[Feedback, Wire], datagrams: list[bytes], host: str, later: bool
) -> None:
    told, wire = feedback
    wire.sent.clear()
    told._clients.clear()
    bus = ControlBus()
    tally = Tally(bus, RateLimitedLog(logging.getLogger("fuzz")))
    inbox = Inbox(TABLE, bus, told, tally)
    t = clock.now() - (1.0 if later else 0.0)
    for datagram in datagrams:
        for part in messages(datagram):
            inbox.take(part, (host, 7), t)
    inbox.act()
    told.received(host, sum(map(len, datagrams)))
    inbox.answer(clock.now() + 1.0)
    assert all(to == (host, 7) for _, to in wire.sent)
    if host != "127.0.0.1":
        assert sum(len(data) for data, _ in wire.sent) <= 3 * sum(map(len, datagrams))
    assert len(tally.error) < 2000
    for change in bus.drain():
        address = TABLE.inputs[change.path]
        assert address.only_on == "" or change.args == (1,)
        for argument, value in zip(address.arguments, change.args, strict=False):
            assert argument.type == "s" or argument.minimum <= value <= argument.maximum
