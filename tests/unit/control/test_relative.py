"""Steps from where a value is: which messages are one, in whose measure they count, and where they end."""

from __future__ import annotations

import math

import pytest

from phosphene.engine.control import relative
from phosphene.engine.control.datagram import Message
from phosphene.engine.control.table import build_table
from phosphene.engine.core.errors import UserError

TABLE = build_table({}, ())


@pytest.mark.parametrize(
    ("path", "tags", "may"),
    [
        ("/master", "sf", True),
        ("/master", "si", True),
        ("/blackout", "sd", True),
        ("/composition/master", "sf", True),
        ("/master", "f", False),
        ("/master", "ss", False),
        ("/master", "sff", False),
        ("/crossfade/to", "sf", False),
        ("/scene", "sf", False),
        ("/panic", "sf", False),
        ("/composition/columns/1/connect", "sf", False),
    ],
)
def test_which_messages_may_be_one(path: str, tags: str, may: bool) -> None:
    alias = TABLE.aliases.get(path)
    assert relative.may_step(Message(path, tags, b"", 0), TABLE.inputs[alias.target if alias else path], alias) == may


def test_what_they_say() -> None:
    assert relative.read("/x", ["a", 0.5]) == [0.5]
    assert [relative.read("/x", [sign, 2]) for sign in "+-*"] == [("+", 2.0), ("-", 2.0), ("*", 2.0)]
    for args in (["/", 1.0], ["", 1.0], ["++", 1.0], ["+", math.nan], ["*", math.inf]):
        with pytest.raises(UserError, match="neither a value nor a step"):
            relative.read("/x", args)


@pytest.mark.parametrize(
    ("path", "start", "steps", "end"),
    [
        ("/master", 0.5, [("+", 0.25)], 0.75),
        ("/master", 0.5, [("+", 9.0), ("-", 0.25)], 0.75),
        ("/master", 0.5, [("-", 9.0), ("+", 0.25)], 0.25),
        ("/master", 0.5, [("*", 1e308), ("*", 1e308)], 1.0),
        ("/tempo/nudge", 0.5, [("*", -1.0)], -0.5),
        ("/tempo/bpm", 120.0, [("+", 8.0)], 128.0),
        ("/composition/tempocontroller/tempo", 140.0, [("+", 0.25)], 0.5),
        ("/composition/tempocontroller/tempo", 140.0, [("+", 2.0)], 1.0),
        ("/composition/master", 0.5, [("+", 0.25)], 0.75),
        ("/scene/number", 3, [("+", 0.3), ("+", 0.3)], 4),
        ("/blackout", 1, [("-", 1.0)], 0),
        ("/composition/recorder/record", 0, [("+", 0.6)], 1),
    ],
)
def test_where_they_lead(path: str, start: float, steps: list, end: float) -> None:
    alias = TABLE.aliases.get(path)
    address = TABLE.inputs[alias.target if alias else path]
    found = relative.moved(address, alias, start, steps)
    assert found == pytest.approx(end)
    assert TABLE.parse(path, [found]) is not None
