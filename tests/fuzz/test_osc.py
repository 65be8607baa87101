"""OSC of strangers: any bytes, bundles of good and bad parts. What is good is taken, all else refused by a UserError."""

from __future__ import annotations

import math
import struct

from hypothesis import example, given, settings
from hypothesis import strategies as st

from phosphene.engine.control.bus import ControlBus
from phosphene.engine.control.datagram import Message, arguments, messages
from phosphene.engine.control.schedule import ahead
from phosphene.engine.control.table import build_table
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.paths import is_name
from phosphene.engine.library.catalogue import show_catalogue

CATALOGUE = show_catalogue()
TABLE = build_table(CATALOGUE.effects, CATALOGUE.deck_params)
ADDRESSES = [*TABLE.inputs, *TABLE.aliases, "/nobody", "/deck/*/zoom", "/", "/" + "x" * 300]


def padded(data: bytes) -> bytes:
    return data + b"\0" * (4 - len(data) % 4)


GOOD = padded(b"/master") + padded(b",f") + struct.pack(">f", 0.5)
TAGS = st.lists(st.sampled_from(list(b"ifsdhTFNIrmtcSb[]x,\xff\x00")), max_size=20).map(bytes)
SENT = st.tuples(
    st.sampled_from(ADDRESSES).map(str.encode) | st.binary(max_size=12), TAGS, st.binary(max_size=40), st.integers(0, 3)
).map(lambda parts: (padded(parts[0]) + padded(b"," + parts[1]) + parts[2])[: -parts[3] or None])


def bundle(parts: list[tuple[bytes, int]], tag: int = 0) -> bytes:
    """Each part with the size that it says it has, off by so much."""
    return (
        b"#bundle\0"
        + tag.to_bytes(8, "big")
        + b"".join(((len(p) + off) & 0xFFFFFFFF).to_bytes(4, "big") + p for p, off in parts)
    )


OFF = st.sampled_from([0, 0, 0, 0, 1, -1, 4, -4, 2**31, -(2**16)])
TAG = st.sampled_from([0, 1, 2, 2**63, 2**64 - 1]) | st.integers(0, 2**64 - 1)
PART = st.recursive(
    SENT | st.just(GOOD), lambda inner: st.builds(bundle, st.lists(st.tuples(inner, OFF), max_size=4), TAG), max_leaves=8
)
DATAGRAM = st.binary(max_size=80) | PART | st.tuples(PART, st.integers(0, 200)).map(lambda p: p[0][: p[1]])


@settings(max_examples=300, deadline=None)
@given(DATAGRAM)
@example(b"")
@example(b"#bundle\0")
@example(b"#bundle\0" + bytes(8) + b"\0\0\0\0" * 1000)
@example(padded(b"/scene") + padded(b",s") + b"\xe9t\xe9\0")
@example(padded(b"/tempo/tap") + padded(b",I"))
@example(padded(b"/master") + padded(b",h") + struct.pack(">q", -(2**63)))
@example(padded(b"/master") + padded(b",f") + struct.pack(">f", float("nan")))
def test_any_datagram_is_taken_or_refused(datagram: bytes) -> None:
    bus = ControlBus()
    parts = list(messages(datagram))
    assert len(parts) <= len(datagram) // 4 + 1
    for part in parts:
        if not isinstance(part, Message):
            assert len(part.error().line()) < 2000
            continue
        assert math.isfinite(ahead(part.time, 1e9))
        try:
            change = TABLE.parse(part.path, arguments(part))
        except UserError as error:
            said = error.line()
        else:
            said = ""
            if change is not None:
                bus.put(change)
        assert len(said) < 2000
    for change in bus.drain():
        address = TABLE.inputs[change.path]
        for argument, value in zip(address.arguments, change.args, strict=False):
            if argument.type == "s":
                assert 0 < len(value) <= 200
                assert not argument.named or is_name(value)
            else:
                assert argument.minimum <= value <= argument.maximum


@settings(max_examples=200, deadline=None)
@given(st.lists(SENT, max_size=6), st.lists(st.integers(0, 6), min_size=1, max_size=3))
def test_the_good_parts_of_a_bundle_are_taken_whatever_stands_between(bad: list[bytes], places: list[int]) -> None:
    whole = [part[: len(part) // 4 * 4] for part in bad]
    for place in places:
        whole.insert(min(place, len(whole)), GOOD)
    taken = [part for part in messages(bundle([(part, 0) for part in whole])) if isinstance(part, Message)]
    assert sum(part.data == GOOD for part in taken) == sum(part == GOOD for part in whole)
