"""Questions and steps over real UDP: answered where they came from, moved from where the show is, and no more than came."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator

import pytest
from pythonosc.osc_message import OscMessage

from phosphene.engine.control.bus import ControlBus
from phosphene.engine.control.feedback import encoded
from phosphene.engine.control.server import OscServer
from phosphene.engine.show.change import Change
from tests.live.test_osc import TABLE, Ear, bundle, bus, collect, ear, server, wait

__all__ = ["bus", "ear", "server"]  # fixtures

pytestmark = pytest.mark.live


class Asker:
    """A client that asks from its own port and hears what comes back there."""

    def __init__(self, server: OscServer, host: str = "127.0.0.1") -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((host, 0))
        self.socket.settimeout(3.0)
        self.to = ("127.0.0.1", server.port)

    def send(self, *datagrams: bytes) -> None:
        for datagram in datagrams:
            self.socket.sendto(datagram, self.to)

    def ask(self, path: str) -> None:
        self.send(encoded(path, ("?",)))

    def heard(self, n: int = 1) -> list[tuple[str, list]]:
        found = [OscMessage(self.socket.recv(65535)) for _ in range(n)]
        return [(message.address, message.params) for message in found]


@pytest.fixture
def asker(server: OscServer) -> Iterator[Asker]:
    found = Asker(server)
    yield found
    found.socket.close()


STATE = {
    "/master": (0.5,),
    "/crossfade": (0.25,),
    "/deck/a/zoom": (2.0,),
    "/deck/b/zoom": (4.0,),
    "/state/scene": ("lagoon",),
    "/state/tempo/bpm": (140.0,),
    "/blackout": (1,),
}


def test_a_question_is_answered_where_it_came_from(server: OscServer, asker: Asker, ear: Ear) -> None:
    server.publish(STATE)
    for path, value in (
        ("/master", 0.5),
        ("/composition/master", 0.5),
        ("/composition/tempocontroller/tempo", 0.25),
        ("/tempo/bpm", 140.0),
        ("/state/tempo/bpm", 140.0),
        ("/scene", "lagoon"),
        ("/crossfade/position", 0.25),
        ("/blackout", 1),
    ):
        asker.ask(path)
        assert asker.heard() == [(path, [value])]
    asker.ask("/deck/*/zoom")
    assert asker.heard(2) == [("/deck/a/zoom", [2.0]), ("/deck/b/zoom", [4.0])]
    assert server.health().rejected == 0
    wait(lambda: ear.heard.qsize() >= len(STATE))
    ear.take()
    asker.ask("/scene")
    wait(lambda: "/state/scene" in [path for _, path, _ in ear.take()]), "and it is told once more where all state goes"


def test_whoever_asks_first_waits_for_the_state(server: OscServer, asker: Asker) -> None:
    """A show publishes only while somebody is told: the question makes it."""
    assert not server.wants_state
    asker.ask("/master")
    wait(lambda: server.wants_state)
    server.publish(STATE)
    assert asker.heard() == [("/master", [0.5])]


@pytest.mark.parametrize("path", ["/panic", "/scene/number", "/nobody", "/nobody/*", "/go", "/deck/a/[b/zoom"])
def test_what_has_no_value_is_refused(server: OscServer, bus: ControlBus, asker: Asker, path: str) -> None:
    server.publish(STATE)
    asker.ask(path)
    wait(lambda: bus.counters.rejected == 1)
    assert path in server.error
    assert bus.drain() == []


def test_values_are_moved_from_where_they_are(server: OscServer, bus: ControlBus, asker: Asker) -> None:
    server.publish(STATE)
    asker.send(encoded("/master", ("+", 0.125)))
    assert [(c.path, c.args) for c in collect(bus, 1)] == [("/master", (0.625,))]
    asker.send(encoded("/master", ("-", 0.5)), encoded("/deck/a/zoom", ("*", 100.0)))
    assert [(c.path, c.args) for c in collect(bus, 2)] == [("/master", (0.125,)), ("/deck/a/zoom", (8.0,))]
    asker.send(encoded("/composition/tempocontroller/tempo", ("+", 0.25)))
    assert [(c.path, c.args) for c in collect(bus, 1)] == [("/tempo/bpm", (260.0,))]
    asker.send(encoded("/crossfade", ("a", 0.75)), encoded("/crossfade/to", ("a", 8)))
    assert [(c.path, c.args) for c in collect(bus, 2)] == [("/crossfade", (0.75,)), ("/crossfade/to", ("a", 8.0))]
    assert server.health().rejected == 0


def test_no_step_is_lost(server: OscServer, bus: ControlBus, asker: Asker) -> None:
    """Whether they come in one turn or in many; the published state is a frame or two behind."""
    server.publish(STATE)
    steps = [encoded("/deck/a/zoom", ("+", 0.0625))] * 16
    asker.send(bundle(*[("/deck/a/zoom", ("+", 0.0625))] * 16), *steps)
    changes: list[Change] = []
    wait(lambda: (changes.extend(bus.drain()) or changes) and changes[-1].args == (4.0,))
    asker.send(bundle(("/master", (0.25,)), ("/master", ("+", 0.5)), ("/master", ("x", 0.5)), ("/master", ("-", 0.125))))
    assert [(c.path, c.args) for c in collect(bus, 1)] == [("/master", (0.625,))]
    assert bus.counters.received == 32 + 3
    assert bus.counters.rejected == 1


def test_the_first_step_waits_for_the_state(server: OscServer, bus: ControlBus, asker: Asker) -> None:
    asker.send(encoded("/master", ("+", 0.125)), encoded("/master", ("+", 0.125)), encoded("/fader/1", (0.5,)))
    assert [c.path for c in collect(bus, 1)] == ["/fader/1"], "and nobody waits for it"
    server.publish(STATE)
    assert [(c.path, c.args) for c in collect(bus, 1)] == [("/master", (0.75,))]


@pytest.mark.parametrize(
    "args", [("+", float("nan")), ("+", float("inf")), ("/", 2.0), ("+",), ("+", "1"), (0.1, "+")], ids=str
)
def test_a_step_that_is_none_is_refused(server: OscServer, bus: ControlBus, asker: Asker, args: tuple) -> None:
    server.publish(STATE)
    asker.send(encoded("/master", args))
    wait(lambda: bus.counters.rejected == 1)
    assert bus.drain() == []


def test_a_step_does_not_get_around_the_table(server: OscServer, bus: ControlBus, asker: Asker) -> None:
    server.publish({"/guard": (1,)})
    asker.send(encoded("/guard", ("-", 1)), encoded("/guard", ("*", 0.0)))
    wait(lambda: bus.counters.rejected == 2)
    assert "not switched off" in server.error
    assert bus.drain() == []


def test_a_step_from_nowhere_is_refused(server: OscServer, bus: ControlBus, asker: Asker) -> None:
    asker.send(encoded("/audio/gain", ("+", 1.0)))
    wait(lambda: bus.counters.rejected == 1)
    assert "nothing is known" in server.error


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux speaks for all of 127.0.0.0/8")
def test_answers_are_no_more_than_three_times_what_came(bus: ControlBus) -> None:
    server = OscServer(TABLE, bus, host="0.0.0.0", port=0, port_out=9)
    server.publish(STATE | {f"/fader/{n}": (0.5,) for n in range(1, 9)})
    forged = Asker(server, "127.0.0.77")
    try:
        question = encoded("//", ("?",))
        forged.send(question)
        came = 0
        while came < 2 * len(question):  # the longest of the answers has 36 bytes
            came += len(forged.socket.recv(65535))
        forged.socket.settimeout(0.5)
        with pytest.raises(TimeoutError):
            forged.socket.recv(65535)
        assert came <= 3 * len(question)
        forged.socket.settimeout(3.0)
        forged.send(encoded("/master", ("?",)))
        assert forged.heard() == [("/master", [0.5])], "one answer fits"
    finally:
        forged.socket.close()
        server.close()
