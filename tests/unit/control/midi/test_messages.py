"""Bytes into messages, messages into controls: tables of what comes and what it is."""

from __future__ import annotations

import pytest

from phosphene.engine.control.midi.messages import CLOCK, POSITION, Decoder, Event, Key, Message, Splitter, steps


@pytest.mark.parametrize(
    ("data", "messages"),
    [
        ("b0 10 7f", [Message("cc", 1, 16, 127)]),
        ("bf 00 00", [Message("cc", 16, 0, 0)]),
        ("90 24 40", [Message("note", 1, 36, 64)]),
        ("90 24 00", [Message("note", 1, 36, 0)]),
        ("81 24 40", [Message("note", 2, 36, 0)]),
        ("e0 00 40", [Message("bend", 1, 0, 8192)]),
        ("e0 7f 7f", [Message("bend", 1, 0, 16383)]),
        ("c3 05", [Message("program", 4, 0, 5)]),
        ("d0 30", [Message("pressure", 1, 0, 48)]),
        ("a0 24 30", []),
        ("f8", [Message("clock", 0, CLOCK, 0)]),
        ("f2 10 01", [Message("clock", 0, POSITION, 144)]),
        ("b0 10 01 10 02 11 03", [Message("cc", 1, 16, 1), Message("cc", 1, 16, 2), Message("cc", 1, 17, 3)]),
        ("b0 10 f8 05", [Message("clock", 0, CLOCK, 0), Message("cc", 1, 16, 5)]),
        ("c0 01 02", [Message("program", 1, 0, 1), Message("program", 1, 0, 2)]),
        ("f0 7d 01 02 03 f7 b0 01 02", [Message("cc", 1, 1, 2)]),
        ("f0 7d 01 f8 02 f7", [Message("clock", 0, CLOCK, 0)]),
        ("f0 7d 01 b0 01 02", [Message("cc", 1, 1, 2)]),  # a sysex that nobody ended
        ("f1 22 f3 05 f6 fe ff", []),
    ],
)
def test_bytes_are_messages(data: str, messages: list[Message]) -> None:
    splitter = Splitter()
    assert list(splitter.feed(bytes.fromhex(data))) == messages
    assert splitter.malformed == 0
    again = Splitter()
    assert [m for byte in bytes.fromhex(data) for m in again.feed([byte])] == messages, "one byte at a time"


@pytest.mark.parametrize(
    ("data", "malformed", "messages"),
    [
        ("10 7f", 2, []),
        ("b0 10 b0 11 05", 1, [Message("cc", 1, 17, 5)]),
        ("f7 01 02", 2, []),
        ("f2 10 01 05", 1, [Message("clock", 0, POSITION, 144)]),  # the position has no running status
    ],
)
def test_bytes_that_are_no_message_are_counted_and_left_out(data: str, malformed: int, messages: list[Message]) -> None:
    splitter = Splitter()
    assert list(splitter.feed(bytes.fromhex(data))) == messages
    assert splitter.malformed == malformed


def test_a_message_goes_on_in_the_next_bytes() -> None:
    splitter = Splitter()
    assert list(splitter.feed([0xB0, 0x10])) == []
    assert list(splitter.feed([0x05, 0x11])) == [Message("cc", 1, 16, 5)]
    assert list(splitter.feed([0x06])) == [Message("cc", 1, 17, 6)]


@pytest.mark.parametrize(
    ("raw", "full", "unit"),
    [(0, 127, 0.0), (127, 127, 1.0), (64, 127, 64 / 127), (0, 16383, 0.0), (16383, 16383, 1.0), (8192, 16383, 0.5)],
)
def test_values_are_units(raw: int, full: int, unit: float) -> None:
    assert Event(Key("cc", 1, 1), raw, full).unit == unit


def test_fourteen_bits_never_fall_while_the_value_rises() -> None:
    units = [Event(Key("bend", 1), raw, 16383).unit for raw in range(16384)]
    assert units == sorted(set(units))


def cc(number: int, value: int) -> Message:
    return Message("cc", 1, number, value)


WIDE = Key("cc14", 1, 2)


@pytest.mark.parametrize("order", [(2, 34), (34, 2)], ids=["coarse first", "fine first"])
def test_two_halves_are_one_value_in_either_order(order: tuple[int, int]) -> None:
    decoder = Decoder([WIDE])
    halves = {2: 100, 34: 5}
    assert decoder.feed(cc(order[0], halves[order[0]]), 0.0) == []
    assert decoder.feed(cc(order[1], halves[order[1]]), 0.001) == [Event(WIDE, 100 << 7 | 5, 16383)]
    assert not decoder.waiting


def test_a_coarse_half_acts_alone_after_5_ms() -> None:
    decoder = Decoder([WIDE])
    assert decoder.feed(cc(2, 100), 0.0) == []
    assert decoder.due(0.004) == []
    assert decoder.waiting
    assert decoder.due(0.0051) == [Event(WIDE, 100 << 7, 16383)]
    assert decoder.due(1.0) == []
    assert decoder.feed(cc(2, 101), 2.0) == []
    assert decoder.feed(cc(2, 102), 2.001) == [Event(WIDE, 101 << 7, 16383)]


def test_a_fine_half_alone_refines_the_last_value() -> None:
    decoder = Decoder([WIDE])
    assert decoder.feed(cc(34, 9), 0.0) == []
    assert decoder.due(0.006) == [], "of what, nobody knows"
    decoder.feed(cc(2, 64), 1.0)
    decoder.feed(cc(34, 1), 1.001)
    decoder.feed(cc(34, 2), 2.0)
    assert decoder.due(2.006) == [Event(WIDE, 64 << 7 | 2, 16383)]


def test_what_no_mapping_has_stays_as_it_came() -> None:
    decoder = Decoder([WIDE])
    assert decoder.feed(cc(3, 7), 0.0) == [Event(Key("cc", 1, 3), 7, 127)]
    assert decoder.feed(Message("cc", 2, 2, 7), 0.0) == [Event(Key("cc", 2, 2), 7, 127)]
    assert Decoder().feed(cc(99, 7), 0.0) == [Event(Key("cc", 1, 99), 7, 127)]
    assert decoder.feed(Message("bend", 1, 0, 8192), 0.0) == [Event(Key("bend", 1), 8192, 16383)]


def test_an_nrpn_is_selected_and_set_stepped_and_left() -> None:
    key, other = Key("nrpn", 1, 300), Key("rpn", 1, 1)
    decoder = Decoder([key, other])

    def sent(*pairs: tuple[int, int]) -> list[Event]:
        return [event for i, (n, v) in enumerate(pairs) for event in decoder.feed(cc(n, v), i * 0.001)]

    assert sent((99, 300 >> 7), (98, 300 & 127), (6, 64), (38, 3)) == [Event(key, 64 << 7 | 3, 16383)]
    assert sent((96, 0), (96, 0), (97, 0)) == [Event(key, 64 << 7 | n, 16383) for n in (4, 5, 4)]
    assert sent((101, 0), (100, 1), (6, 1), (38, 0)) == [Event(other, 128, 16383)]
    assert sent((101, 127), (100, 127), (6, 1), (38, 0)) == [], "none is selected"
    assert sent((99, 0), (98, 5), (6, 1), (38, 0)) == [], "one that nobody mapped"
    assert sent((99, 2), (98, 44), (6, 10)) == []
    assert decoder.due(1.0) == [Event(key, 10 << 7, 16383)]


@pytest.mark.parametrize(
    ("kind", "table"),
    [
        ("relative-2c", {1: 1, 63: 63, 127: -1, 65: -63, 0: 0}),
        ("relative-64", {65: 1, 63: -1, 64: 0, 127: 63, 0: -64}),
        ("relative-sb", {1: 1, 63: 63, 65: -1, 127: -63, 64: 0, 0: 0}),
    ],
)
def test_encoders_say_how_far_they_were_turned(kind: str, table: dict[int, int]) -> None:
    assert {raw: steps(kind, raw) for raw in table} == table
