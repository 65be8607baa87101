"""The monitor: what came in, newest first, bounded, with what was wrong; and nothing at all while nobody looks."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from functools import partial

import pytest
from pythonosc.osc_message_builder import OscMessageBuilder

from phosphene.engine.control.bus import ControlBus
from phosphene.engine.control.datagram import Message, arguments, messages
from phosphene.engine.control.midi.surface import MidiSurface
from phosphene.engine.control.monitor import MOST, Monitor, Told, refused
from phosphene.engine.control.server import OscServer
from phosphene.engine.control.table import build_table
from phosphene.engine.core import clock
from phosphene.engine.core.errors import UserError
from phosphene.engine.library.catalogue import show_catalogue
from tests.fake_midi import FakePorts

TABLE = build_table({}, ())


def packet(path: str, *args: float | int | str) -> bytes:
    builder = OscMessageBuilder(path)
    for value in args:
        builder.add_arg(value)
    dgram: bytes = builder.build().dgram
    return dgram


def until(true: Callable[[], object]) -> None:
    give_up = clock.now() + 10.0
    while not true():
        assert clock.now() < give_up, "it did not come"
        clock.sleep(0.005)


@pytest.fixture
def bus() -> ControlBus:
    return ControlBus()


@pytest.fixture
def send(bus: ControlBus) -> Iterator[Callable[[bytes], object]]:
    server = OscServer(TABLE, bus, port=0, port_out=9)
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    yield lambda data: sock.sendto(data, ("127.0.0.1", server.port))
    sock.close()
    server.close()


def seen(bus: ControlBus) -> dict[str, Told]:
    return {str(each["address"]): each for each in bus.monitor.newest()}


def test_nothing_is_kept_while_nobody_looks() -> None:
    monitor = Monitor()
    assert monitor.note("/master", tuple, "osc 1.2.3.4", 1.0) is None
    refused(None, "no")
    monitor.want(True)
    assert monitor.newest() == []
    monitor.note("/master", lambda: (0.5,), "osc 1.2.3.4", 1.0)
    monitor.want(False)
    assert monitor.newest() == []


def test_the_newest_push_the_oldest_out_and_numbers_go_on() -> None:
    monitor = Monitor()
    monitor.want(True)
    for i in range(3 * MOST):
        monitor.note("/fader/1", lambda i=i: (i,), "osc 1.2.3.4", float(i))
    found = monitor.newest()
    assert [each["number"] for each in found] == list(range(3 * MOST, 2 * MOST, -1))
    assert found[0] == {
        "number": 3 * MOST, "t": 3 * MOST - 1.0, "address": "/fader/1", "args": [3 * MOST - 1], "from": "osc 1.2.3.4",
        "why": "",
    }  # fmt: skip
    monitor.want(False)
    monitor.want(True)
    monitor.note("/fader/1", tuple, "osc 1.2.3.4", 0.0)
    assert monitor.newest()[0]["number"] == 3 * MOST + 1


def test_whatever_strangers_send_is_short_and_is_json() -> None:
    monitor = Monitor()
    monitor.want(True)
    noted = monitor.note(
        "/" + 5000 * "x", lambda: [float("nan"), float("inf"), 10**40, "y" * 9000, b"\0", None] * 20, "osc", 0.0
    )
    refused(noted, lambda: UserError("z" * 9000))
    text = json.dumps(monitor.newest(), allow_nan=False)
    assert len(text) < 4000


def test_an_osc_message_is_seen_with_its_arguments_and_its_sender(bus: ControlBus, send: Callable[[bytes], object]) -> None:
    bus.monitor.want(True)
    send(packet("/crossfade", 0.25))
    send(packet("/scene", "tide"))
    until(lambda: {"/crossfade", "/scene"} <= set(seen(bus)))
    assert seen(bus)["/crossfade"] | {"t": 0.0, "number": 0} == {
        "number": 0, "t": 0.0, "address": "/crossfade", "args": [0.25], "from": "osc 127.0.0.1", "why": "",
    }  # fmt: skip
    assert seen(bus)["/scene"]["args"] == ["tide"]
    assert abs(float(str(seen(bus)["/scene"]["t"])) - clock.now()) < 10.0


@pytest.mark.parametrize(
    ("data", "address", "why"),
    [
        (packet("/nowhere", 1), "/nowhere", "unknown address"),
        (packet("/crossfade", 7.0), "/crossfade", "out of range"),
        (packet("/fader/*x", 0.5), "/fader/*x", "no address is like this pattern"),
        (packet("/fader/[", 0.5), "/fader/[", "pattern"),
        (packet("/nowhere", "?"), "/nowhere", "unknown address"),
    ],
)
def test_what_is_refused_says_why(
    bus: ControlBus, send: Callable[[bytes], object], data: bytes, address: str, why: str
) -> None:
    bus.monitor.want(True)
    send(data)
    until(lambda: seen(bus).get(address, {}).get("why"))
    assert why in str(seen(bus)[address]["why"])


def test_a_datagram_that_is_no_message_is_seen_as_refused(bus: ControlBus, send: Callable[[bytes], object]) -> None:
    bus.monitor.want(True)
    send(b"\xff\xfe\xfd\xfc")
    until(lambda: bus.monitor.newest())
    (found,) = bus.monitor.newest()
    assert found["why"]
    assert found["from"] == "osc 127.0.0.1"


def test_a_pattern_is_one_message(bus: ControlBus, send: Callable[[bytes], object]) -> None:
    bus.monitor.want(True)
    send(packet("/fader/[12]", 0.5))
    until(lambda: len(bus.drain()) == 2)
    assert [each["address"] for each in bus.monitor.newest()] == ["/fader/[12]"]
    assert bus.monitor.newest()[0]["why"] == ""


def test_a_controller_is_seen_by_what_it_plays(bus: ControlBus) -> None:
    bus.monitor.want(True)
    ports = FakePorts("MIDI Mix")
    catalogue = show_catalogue()
    midi = MidiSurface(build_table(catalogue.effects, catalogue.deck_params), bus, ports=ports)
    try:
        until(lambda: midi.devices)
        ports.play((0x90, 25, 127), (0x90, 27, 127), (0xB0, 62, 1), (0xB0, 62, 127), (0xB0, 19, 64), (0xB0, 19, 0))
        until(lambda: bus.monitor.newest())
        assert str(bus.monitor.newest()[0]["from"]).startswith("midi")
        assert str(bus.monitor.newest()[0]["address"]) in TABLE.inputs
    finally:
        midi.close()


@pytest.mark.parametrize("path", [b"/nowhere\0\0\0\0", b"/scene\0\0"])
@pytest.mark.parametrize("text", [b"\xff\xfe\xff\0", b"abcd"], ids=["no UTF-8", "cut off"])
def test_arguments_that_cannot_be_read_are_left_out(path: bytes, text: bytes) -> None:
    (message,) = messages(path + b",s\0\0" + text)
    assert isinstance(message, Message)
    monitor = Monitor()
    monitor.want(True)
    noted = monitor.note(message.path, partial(arguments, message), "osc 10.0.0.7", 1.0)
    (told,) = monitor.newest()
    assert told["args"] == []
    assert "UTF-8" in str(told["why"]) or "cut off" in str(told["why"])
    refused(noted, "unknown address")
    assert monitor.newest()[0]["why"] == "unknown address"
