"""What a control is, judged by what it sends; and what a control of that kind plays."""

from __future__ import annotations

import random

import pytest

from phosphene.engine.control.midi.learn import Judge, Judged, entry_of, parse_target
from phosphene.engine.control.midi.mapping import checked
from phosphene.engine.control.midi.messages import CLOCK, Key, Message
from phosphene.engine.control.table import build_table
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.params import Param

TABLE = build_table({}, (Param("zoom", "Zoom", 0.25, 4.0, 1.0),))
KNOB = Key("cc", 1, 16)


def cc(*values: int, number: int = 16) -> list[Message]:
    return [Message("cc", 1, number, value) for value in values]


def judged(messages: list[Message]) -> Judged | None:
    judge = Judge()
    for i, message in enumerate(messages):
        judge.feed(message, i * 0.01)
    return judge.judged()


def alternating(a: int, b: int, values: list[int]) -> list[Message]:
    return [m for v in values for m in (*cc(v >> 7, number=a), *cc(v & 127, number=b))]


@pytest.mark.parametrize(
    ("messages", "found"),
    [
        (cc(*range(10, 90)), Judged(KNOB)),
        (cc(57), Judged(KNOB)),
        (cc(0, 1, 2, 3), Judged(KNOB)),
        (cc(*range(60, 70)), Judged(KNOB)),
        (cc(64, 65, 66), Judged(KNOB)),
        (cc(127, 0), Judged(KNOB, button=True)),
        (cc(127), Judged(KNOB, button=True)),
        (cc(127, 0, 127, 0, 127, 0, 127, 0), Judged(KNOB, button=True)),
        (cc(1, 1, 1, 1), Judged(KNOB, "relative-2c")),
        (cc(1, 1, 2, 127, 126, 127), Judged(KNOB, "relative-2c")),
        (cc(*[127] * 8), Judged(KNOB, "relative-2c")),
        (cc(65, 65, 65, 63, 63), Judged(KNOB, "relative-64")),
        (cc(63, 63, 63, 62), Judged(KNOB, "relative-64")),
        (cc(1, 1, 1, 65, 65, 65, 66), Judged(KNOB, "relative-sb")),
        (alternating(2, 34, [100, 300, 900, 4000, 9000]), Judged(Key("cc14", 1, 2))),
        ([Message("note", 10, 36, 127), Message("note", 10, 36, 0)], Judged(Key("note", 10, 36), button=True)),
        ([Message("note", 10, 36, 0)], None),
        ([Message("bend", 1, 0, v) for v in (8192, 9000, 8192)], Judged(Key("bend", 1))),
        ([Message("program", 3, 0, 5)], Judged(Key("program", 3))),
        ([*cc(2, number=99), *cc(44, number=98), *cc(10, number=6), *cc(3, number=38)], Judged(Key("nrpn", 1, 300))),
        ([*cc(0, number=101), *cc(1, number=100), *cc(10, 20, number=6)], Judged(Key("rpn", 1, 1))),
        ([Message("clock", 0, CLOCK, 0)] * 40, None),
        ([], None),
    ],
    ids=str,
)
def test_a_control_is_what_it_sends(messages: list[Message], found: Judged | None) -> None:
    assert judged(messages) == found


def test_the_control_that_moved_most_is_meant() -> None:
    trembling = cc(63, 64, 63, number=99)
    assert judged([*trembling, *cc(*range(20, 60))]) == Judged(KNOB)
    assert judged([*cc(127, 0), *trembling]) == Judged(KNOB, button=True)
    assert judged([*trembling, *cc(*[1] * 12)]) == Judged(KNOB, "relative-2c")


def test_any_mess_is_judged() -> None:
    chance = random.Random(3)
    for _ in range(300):
        kinds = [chance.choice(("cc", "note", "bend", "program", "pressure", "clock")) for _ in range(chance.randrange(40))]
        found = judged([Message(k, chance.randrange(1, 17), chance.randrange(128), chance.randrange(128)) for k in kinds])
        assert found is None or found.key.channel in range(1, 17)


@pytest.mark.parametrize(
    ("address", "kind", "plays"),
    [
        ("/deck/a/zoom", Judged(KNOB), {"mode": "pickup", "button": ""}),
        ("/deck/a/zoom", Judged(KNOB, "relative-2c"), {"mode": "relative-2c", "button": ""}),
        ("/deck/a/zoom", Judged(KNOB, button=True), {"button": "toggle", "low": 0.25, "high": 4.0}),
        ("/blackout", Judged(KNOB, button=True), {"button": "press", "arguments": ()}),
        ("/blackout", Judged(KNOB), {"button": "hold"}),
        ("/tempo/tap", Judged(Key("note", 1, 3), button=True), {"button": "press"}),
        ("/scene lagoon", Judged(KNOB, button=True), {"button": "press", "arguments": ("lagoon",)}),
        ("/crossfade/to a 8", Judged(KNOB, button=True), {"button": "press", "arguments": ("a", 8.0)}),
        ("/scene/number", Judged(Key("program", 1)), {"low": 1.0, "high": 99.0}),
        ("/composition/master", Judged(KNOB), {"address": "/master"}),
    ],
)
def test_what_is_learnt_suits_the_address(address: str, kind: Judged, plays: dict) -> None:
    control = checked(entry_of(kind, parse_target(address, TABLE)), TABLE, "test")
    assert control.key == kind.key
    assert {name: getattr(control, name) for name in plays} == plays


@pytest.mark.parametrize("address", ["", "/nope", "/midi/learn", "/state/fps", "nan"])
def test_no_such_address(address: str) -> None:
    with pytest.raises(UserError, match="unknown address"):
        parse_target(address, TABLE)


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("/tempo/tap", Judged(KNOB)),
        ("/scene lagoon", Judged(KNOB, "relative-2c")),
        ("/scene", Judged(KNOB, button=True)),
        ("/scene ../x", Judged(KNOB, button=True)),
        ("/crossfade/to a 900", Judged(KNOB, button=True)),
    ],
)
def test_what_does_not_go_together_is_refused(address: str, kind: Judged) -> None:
    with pytest.raises(UserError):
        checked(entry_of(kind, parse_target(address, TABLE)), TABLE, "test")
