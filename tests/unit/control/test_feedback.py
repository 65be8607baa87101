"""What goes out: the show document by address, and plain OSC messages of the types that the table names."""

from __future__ import annotations

import socket

from pythonosc.osc_message import OscMessage

from engine.control.feedback import Feedback, encoded, show_values
from engine.control.table import build_table
from engine.core.params import Param
from engine.show.catalogue import LEVEL, Catalogue
from engine.show.document import Document

EFFECTS = {"bloom": (Param("amount", "Amount", 0.0, 1.0, 0.0),)}
DECK = (Param("zoom", "Zoom", 0.1, 8.0, 1.0), LEVEL)


def test_every_value_of_the_show_has_a_described_address() -> None:
    table = build_table(EFFECTS, DECK)
    values = show_values(Document(Catalogue((), EFFECTS, DECK)).empty())
    for path, args in values.items():
        address = table.addresses[path]
        (value,) = args
        assert {"f": float, "i": int, "s": str}[address.arguments[0].type] is type(value), path
    controls = {a.path for a in table.inputs.values() if a.types in ("f", "i") and a.path.startswith(("/deck", "/fader"))}
    assert controls <= set(values)


def test_encoding() -> None:
    message = OscMessage(encoded("/x", (1, 0.5, "word")))
    assert (message.address, message.params) == ("/x", [1, 0.5, "word"])


def test_a_value_that_is_no_osc_does_not_end_the_feedback() -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client,
    ):
        client.bind(("127.0.0.1", 0))
        client.settimeout(3.0)
        feedback = Feedback(build_table(EFFECTS, DECK), sender, client.getsockname()[1])
        feedback.heard("127.0.0.1")
        feedback.publish({"/state/frame/missed": (2**40,), "/state/message": ("file\udcff",)})
        feedback.publish({"/master": (0.5,)})
        assert OscMessage(client.recv(1000)).params == [0.5]
        feedback.publish({"/master": (0.25,)})
        assert OscMessage(client.recv(1000)).params == [0.25]
        feedback.close()
