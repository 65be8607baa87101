"""OSC over real UDP: python-osc's client, liblo's oscsend, floods, feedback, and a port that is taken."""

from __future__ import annotations

import logging
import queue
import random
import shutil
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from time import process_time

import pytest
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder
from pythonosc.udp_client import SimpleUDPClient

from phosphene.engine.control.bus import ControlBus
from phosphene.engine.control.feedback import encoded
from phosphene.engine.control.schedule import MOST_HELD
from phosphene.engine.control.server import OscServer
from phosphene.engine.control.table import build_table
from phosphene.engine.core import clock
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.params import Param
from phosphene.engine.show.change import Change
from tests.live.machine import keeps

pytestmark = pytest.mark.live

TABLE = build_table(
    {"bloom": (Param("amount", "Amount", 0.0, 1.0, 0.0),)},
    (Param("zoom", "Zoom", 0.1, 8.0, 1.0),),
)


class Ear:
    """A client's own UDP port: keeps what our side sends to it."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0.1)
        self.port = self._socket.getsockname()[1]
        self.heard: queue.SimpleQueue[tuple[float, str, list]] = queue.SimpleQueue()
        self._closing = False
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._closing:
            try:
                message = OscMessage(self._socket.recv(65535))
            except TimeoutError:
                continue
            self.heard.put((clock.now(), message.address, message.params))

    def take(self) -> list[tuple[float, str, list]]:
        return [self.heard.get() for _ in range(self.heard.qsize())]

    def close(self) -> None:
        self._closing = True
        self._thread.join()
        self._socket.close()


@pytest.fixture
def ear() -> Iterator[Ear]:
    found = Ear()
    yield found
    found.close()


@pytest.fixture
def bus() -> ControlBus:
    return ControlBus()


@pytest.fixture
def server(bus: ControlBus, ear: Ear) -> Iterator[OscServer]:
    found = OscServer(TABLE, bus, port=0, port_out=ear.port)
    yield found
    found.close()


def wait(condition: Callable[[], bool], seconds: float = 3.0) -> None:
    end = clock.now() + seconds
    while not condition():
        assert clock.now() < end, "it did not come"
        clock.sleep(0.005)


def collect(bus: ControlBus, n: int) -> list[Change]:
    changes: list[Change] = []
    wait(lambda: len(changes.extend(bus.drain()) or changes) >= n)
    return changes


def test_a_python_client(server: OscServer, bus: ControlBus) -> None:
    client = SimpleUDPClient("127.0.0.1", server.port)
    t = clock.now()
    client.send_message("/deck/a/zoom", 2)
    client.send_message("/scene", "lagoon")
    client.send_message("/tempo/tap", [])
    client.send_message("/composition/layers/1/video/opacity", 0.5)
    client.send_message("/crossfade/to", ["b", 8.0])
    changes = collect(bus, 5)
    assert [(c.path, c.args) for c in changes] == [
        ("/deck/a/zoom", (2.0,)),
        ("/scene", ("lagoon",)),
        ("/tempo/tap", ()),
        ("/deck/a/level", (0.5,)),
        ("/crossfade/to", ("b", 8.0)),
    ]
    assert all(t <= c.t <= clock.now() and c.source == "osc 127.0.0.1" for c in changes)
    client._sock.close()


def test_oscsend(server: OscServer, bus: ControlBus) -> None:
    if not shutil.which("oscsend"):
        pytest.skip("oscsend is not installed: it is in the package liblo-tools")
    for args in (
        ("/deck/b/style", "s", "ember"),
        ("/crossfade", "f", "0.25"),
        ("/blackout", "i", "1"),
        ("/freeze", "T"),
        ("/tempo/tap",),
        ("/master", "d", "0.5"),
    ):
        subprocess.run(["oscsend", "127.0.0.1", str(server.port), *args], check=True, timeout=300)
    assert [(c.path, c.args) for c in collect(bus, 6)] == [
        ("/deck/b/style", ("ember",)),
        ("/crossfade", (0.25,)),
        ("/blackout", (1,)),
        ("/freeze", (1,)),
        ("/tempo/tap", ()),
        ("/master", (0.5,)),
    ]


def test_a_bundle_acts_on_arrival(server: OscServer, bus: ControlBus) -> None:
    bundle = OscBundleBuilder(IMMEDIATELY)
    for path, value in (("/crossfade", 0.5), ("/master", 0.25)):
        message = OscMessageBuilder(path)
        message.add_arg(value)
        bundle.add_content(message.build())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(bundle.build().dgram, ("127.0.0.1", server.port))
    assert [c.path for c in collect(bus, 2)] == ["/crossfade", "/master"]


def test_bad_messages_are_counted_named_and_dropped(
    server: OscServer, bus: ControlBus, caplog: pytest.LogCaptureFixture
) -> None:
    bad = [b"", b"\xff" * 20, b"/deck/a/zoom", b"/deck/a/zoom\0\0\0\0,f\0\0", b"#bundle\0", b"/nope\0\0\0,\0\0\0"]
    bad += [encoded("/deck/b/zoom", (99.0,)), encoded("/deck/a/zoom", ("x",)), b"#bundle\0" + bytes(8) + b"\0\0\1\0/x\0\0"]
    with caplog.at_level(logging.WARNING), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for datagram in bad:
            sock.sendto(datagram, ("127.0.0.1", server.port))
            clock.sleep(0.002)
        sock.sendto(encoded("/master", (0.5,)), ("127.0.0.1", server.port))
        assert [c.path for c in collect(bus, 1)] == ["/master"]
    assert bus.counters.rejected >= len(bad) - 1  # an empty bundle holds nothing to refuse
    assert server.error
    assert {r.name for r in caplog.records} == {"phosphene.engine.control.server"}
    assert "out of range (/deck/b/zoom): allowed: 0.1 to 8, got: 99.0" in caplog.text


def test_a_flood_neither_stops_the_server_nor_the_others(server: OscServer, bus: ControlBus) -> None:
    """Half a second of 20,000 malformed and 5,000 valid datagrams a second, beside a loop that paces frames."""
    chance = random.Random(1)
    rubbish = [bytes(chance.randrange(256) for _ in range(chance.randrange(1, 60))) for _ in range(64)]
    good = [encoded(f"/fader/{i}", (0.5,)) for i in range(1, 9)]
    stop = threading.Event()
    sent = [0]

    def flood() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            t0 = clock.now()
            while not stop.is_set():
                while sent[0] < (clock.now() - t0) * 25_000:
                    datagram = good[sent[0] // 5 % 8] if sent[0] % 5 == 0 else rubbish[sent[0] % 64]
                    sock.sendto(datagram, ("127.0.0.1", server.port))
                    sent[0] += 1
                clock.sleep(0.001)

    thread = threading.Thread(target=flood)
    thread.start()
    gaps, drained, last = [], 0, clock.now()
    for _ in range(30):
        clock.sleep(1 / 60)
        drained += len(bus.drain())
        gaps.append(clock.now() - last)
        last = clock.now()
    stop.set()
    thread.join()
    keeps(max(gaps), 0.25, "s between two frames of a loop beside the flood")
    assert drained <= 30 * 8, "a frame gets the newest value of each address, not all of them"
    assert bus.counters.received > 200
    assert bus.counters.rejected > 800
    bus.drain()
    client = SimpleUDPClient("127.0.0.1", server.port)
    wait(lambda: bool(client.send_message("/panic", []) or [c for c in bus.drain() if c.path == "/panic"]))
    client._sock.close()


def test_state_goes_out_whole_then_what_changed(server: OscServer, bus: ControlBus, ear: Ear) -> None:
    server.publish({"/crossfade": (0.5,), "/state/scene": ("lagoon",), "/state/fps": (60.0,)})
    clock.sleep(0.1)
    assert ear.take() == [], "nobody spoke yet"
    client = SimpleUDPClient("127.0.0.1", server.port)
    client.send_message("/master", 0.75)
    collect(bus, 1)
    wait(lambda: ear.heard.qsize() >= 3)
    assert {(path, *args) for _, path, args in ear.take()} == {
        ("/crossfade", 0.5),
        ("/state/scene", "lagoon"),
        ("/state/fps", 60.0),
    }
    assert server.clients == ["127.0.0.1"]
    server.publish({"/crossfade": (0.5,), "/state/scene": ("ember",), "/master": (0.75,)})
    wait(lambda: ear.heard.qsize() >= 1)
    clock.sleep(0.1)
    assert [(path, args) for _, path, args in ear.take()] == [("/state/scene", ["ember"])], "no echo, nothing twice"
    client._sock.close()


def test_state_is_rate_limited(server: OscServer, bus: ControlBus, ear: Ear) -> None:
    client = SimpleUDPClient("127.0.0.1", server.port)
    client.send_message("/tempo/tap", [])
    collect(bus, 1)
    for i in range(100):
        server.publish({"/crossfade": (i / 100,), "/state/fps": (float(i),)})
        clock.sleep(0.01)
    clock.sleep(0.2)
    heard = ear.take()
    crossfades = [args[0] for _, path, args in heard if path == "/crossfade"]
    assert 10 <= len(crossfades) <= 40
    assert crossfades[-1] == pytest.approx(0.99)
    assert crossfades == sorted(crossfades)
    assert 4 <= sum(path == "/state/fps" for _, path, _ in heard) <= 14
    client._sock.close()


def test_a_port_that_is_taken_is_said_so(server: OscServer, bus: ControlBus) -> None:
    with pytest.raises(UserError, match="port is in use") as caught:
        OscServer(TABLE, bus, port=server.port)
    assert "--osc-port" in caught.value.remedy
    with pytest.raises(UserError, match="cannot listen"):
        OscServer(TABLE, bus, host="192.0.2.1", port=0)
    with pytest.raises(UserError, match="no such OSC host"):
        OscServer(TABLE, bus, host="no.such.host.invalid", port=0)


def test_close_frees_the_port(bus: ControlBus) -> None:
    server = OscServer(TABLE, bus, port=0)
    port = server.port
    server.close()
    OscServer(TABLE, bus, port=port).close()


def test_a_bundle_of_a_controller_with_colour_pads(server: OscServer, bus: ControlBus) -> None:
    """A fader, a colour, two more faders: the colour alone is refused."""

    def message(address: bytes, tag: bytes, payload: bytes) -> bytes:
        return b"".join(part + b"\0" * (4 - len(part) % 4) for part in (address, b"," + tag)) + payload

    parts = [
        message(b"/fader/1", b"f", struct.pack(">f", 0.25)),
        message(b"/pad/1/colour", b"r", bytes([255, 0, 128, 255])),
        message(b"/fader/2", b"f", struct.pack(">f", 0.5)),
        message(b"/fader/3", b"f", struct.pack(">f", 0.75)),
    ]
    bundle = b"#bundle\0" + struct.pack(">Q", 1) + b"".join(struct.pack(">I", len(part)) + part for part in parts)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(bundle, ("127.0.0.1", server.port))
    assert [(c.path, c.args) for c in collect(bus, 3)] == [
        ("/fader/1", (0.25,)),
        ("/fader/2", (0.5,)),
        ("/fader/3", (0.75,)),
    ]
    wait(lambda: bus.counters.rejected == 1)
    assert "a colour" in server.error


def bundle(*parts: tuple[str, tuple]) -> bytes:
    sent = [encoded(path, args) for path, args in parts]
    return b"#bundle\0" + struct.pack(">Q", 1) + b"".join(struct.pack(">I", len(part)) + part for part in sent)


def sent(server: OscServer, *datagrams: bytes, host: str = "127.0.0.1") -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((host, 0))
        for datagram in datagrams:
            sock.sendto(datagram, ("127.0.0.1", server.port))


@pytest.mark.parametrize("bad", [("x",), (9.0,), (float("nan"),), (), (0.5, 0.5)], ids=str)
def test_a_bad_message_takes_no_good_one_of_its_address_away(server: OscServer, bus: ControlBus, bad: tuple) -> None:
    sent(server, bundle(("/master", (0.5,)), ("/master", (0.25,)), ("/fader/1", (1.0,)), ("/master", bad), ("/master", bad)))
    assert [(c.path, c.args) for c in collect(bus, 2)] == [("/master", (0.25,)), ("/fader/1", (1.0,))]
    wait(lambda: bus.counters.received == 3)
    assert bus.counters.rejected == 2
    assert "/master" in server.error


def test_the_newest_good_value_wins_over_any_number_of_bad_ones(server: OscServer, bus: ControlBus) -> None:
    sent(server, bundle(("/master", (0.25,)), *[("/master", ("x",))] * 1000))
    assert [(c.path, c.args) for c in collect(bus, 1)] == [("/master", (0.25,))]
    wait(lambda: bus.counters.rejected == 1000)
    sent(server, bundle(*[("/master", ("x",))] * 500, ("/master", (0.5,)), ("/master", ("x",))))
    assert [(c.path, c.args) for c in collect(bus, 1)] == [("/master", (0.5,))]
    assert bus.counters.rejected == 1001, "what is older than a good one is not read"


def test_a_button_that_is_let_go_takes_its_press_not_away(server: OscServer, bus: ControlBus) -> None:
    column = "/composition/columns/2/connect"
    sent(server, bundle((column, (1,)), ("/master", (0.5,)), (column, (0,))))
    assert [(c.path, c.args) for c in collect(bus, 2)] == [("/scene/number", (2,)), ("/master", (0.5,))]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux speaks for all of 127.0.0.0/8")
def test_no_host_takes_away_what_another_sends(bus: ControlBus) -> None:
    """In one turn: the server is asleep after a flood when both come."""
    server = OscServer(TABLE, bus, host="0.0.0.0", port=0, port_out=9)
    try:
        for _ in range(20):
            sent(server, bundle(*[("/tempo/tap", ())] * 100))
            sent(server, encoded("/master", (0.25,)), encoded("/listen", ()))
            sent(server, *[encoded("/master", ("x",))] * 50, encoded("/listen", ()), host="127.0.0.77")
            changes: list[Change] = []
            wait(lambda changes=changes: "/master" in [c.path for c in changes.extend(bus.drain()) or changes])
        wait(lambda: set(server.clients) == {"127.0.0.1", "127.0.0.77"})
    finally:
        server.close()


def test_a_flood_of_bad_messages_costs_half_a_core_at_most(server: OscServer, bus: ControlBus) -> None:
    """Bundles of a thousand messages that have to be read to be refused."""
    flood = bundle(*[("/master", ("x",))] * 1000)
    begin, used = clock.now(), process_time()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        while clock.now() - begin < 1.0:
            sock.sendto(flood, ("127.0.0.1", server.port))
            clock.sleep(0.002)
    keeps((process_time() - used) / (clock.now() - begin), 0.75, "of a core beside a flood of bad bundles")
    assert bus.counters.rejected > 1000


def test_a_datagram_of_thousands_of_parts_costs_one_turn(server: OscServer, bus: ControlBus) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for _ in range(20):
            sock.sendto(b"#bundle\0" + bytes(8) + bytes(60_000), ("127.0.0.1", server.port))
        sock.sendto(encoded("/master", (0.5,)), ("127.0.0.1", server.port))
    assert [c.path for c in collect(bus, 1)] == ["/master"]
    assert bus.counters.dropped >= 1


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux speaks for all of 127.0.0.0/8")
def test_a_forged_sender_is_sent_no_more_than_three_times_what_came(bus: ControlBus) -> None:
    """Another address of loopback stands for a host that never asked for anything."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as victim,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as forged,
    ):
        victim.bind(("127.0.0.77", 0))
        victim.settimeout(0.5)
        forged.bind(("127.0.0.77", 0))
        server = OscServer(TABLE, bus, host="0.0.0.0", port=0, port_out=victim.getsockname()[1])
        server.publish({f"/state/{n}": (f"value {n}",) for n in range(60)})
        try:
            forged.sendto(b"/go\0,i\0\0\0\0\0\0", ("127.0.0.1", server.port))
            wait(lambda: server.clients == ["127.0.0.77"])
            token = OscMessage(victim.recv(65535))
            assert token.address == "/state/token"
            assert token.size <= 36
            with pytest.raises(TimeoutError):
                victim.recv(65535)
            forged.sendto(encoded("/listen", (token.params[0],)), ("127.0.0.1", server.port))
            heard = {OscMessage(victim.recv(65535)).address for _ in range(60)}
            assert heard == {f"/state/{n}" for n in range(60)}, "who sends the number back receives, and gets everything"
        finally:
            server.close()


def test_a_pattern_reaches_every_address_that_fits(server: OscServer, bus: ControlBus) -> None:
    sent(server, encoded("/deck/*/zoom", (2.0,)))
    assert [(c.path, c.args) for c in collect(bus, 2)] == [("/deck/a/zoom", (2.0,)), ("/deck/b/zoom", (2.0,))]
    sent(server, encoded("/composition/columns/[2-3]/connect", (1,)), encoded("/tempo/{tap,nowhere}", ()))
    assert [(c.path, c.args) for c in collect(bus, 2)] == [("/scene/number", (3,)), ("/tempo/tap", ())], (
        "the last scene counts"
    )


def test_one_refusal_does_not_stop_the_other_addresses_of_a_pattern(server: OscServer, bus: ControlBus) -> None:
    sent(server, encoded("/deck/a//", (0.5,)))
    found = {c.path: c.args for c in collect(bus, 5)}
    assert found.pop("/deck/a/next_act") == ()
    reached = ("/deck/a/zoom", "/deck/a/level", "/deck/a/fx/bloom/amount", "/deck/a/act_beats")
    assert found == dict.fromkeys(reached, (0.5,))
    assert bus.counters.rejected == 14, "names are no numbers, mappings and values take more, acts no half bars"
    assert "/deck/a/act_name" in server.error, "the newest of those that are told: eight at once"


@pytest.mark.parametrize("pattern", ["/deck/[a/zoom", "/" + "*a" * 60, "/nobody/*", "/state/*", "/deck/{a,b/zoom"])
def test_a_pattern_that_means_nothing_is_refused_once(server: OscServer, bus: ControlBus, pattern: str) -> None:
    sent(server, bundle((pattern, (0.5,)), ("/master", (0.5,))))
    assert [c.path for c in collect(bus, 1)] == ["/master"]
    wait(lambda: bus.counters.rejected == 1)
    assert "pattern" in server.error


def test_a_flood_of_patterns_leaves_room_for_the_others(server: OscServer, bus: ControlBus) -> None:
    flood = [encoded("//" + "*{,a,b,c}" * 15 + f"{n}*", (0.5,)) for n in range(300)]
    sent(server, *flood[:200], encoded("/fader/1", (0.5,)), *flood[200:])
    wait(lambda: bool([c for c in bus.drain() if c.path == "/fader/1"]))
    wait(lambda: server.health().dropped > 0)


def tagged(ahead_s: float, *parts: tuple[str, tuple] | bytes) -> bytes:
    """Return a bundle whose time is so far ahead of the time of day."""
    tag = int((clock.wall_clock().timestamp() + 2_208_988_800 + ahead_s) * 2**32)
    inner = [part if isinstance(part, bytes) else encoded(*part) for part in parts]
    return b"#bundle\0" + struct.pack(">Q", tag) + b"".join(struct.pack(">I", len(part)) + part for part in inner)


def test_a_bundle_for_later_acts_at_its_time(server: OscServer, bus: ControlBus) -> None:
    t = clock.now()
    sent(server, tagged(0.4, ("/fader/1", (0.5,)), ("/fader/2", (0.5,))), tagged(0.2, ("/fader/3", (0.5,))))
    sent(server, tagged(-5.0, ("/fader/4", (0.5,))), encoded("/fader/5", (0.5,)))
    changes = collect(bus, 5)
    assert [c.path for c in changes] == [f"/fader/{n}" for n in (4, 5, 3, 1, 2)]
    at = {c.path: c.t - t for c in changes}
    assert at["/fader/1"] == at["/fader/2"] >= 0.4 - 0.05, "of one moment, by the clock of the sender"
    assert 0.2 - 0.05 <= at["/fader/3"] < at["/fader/1"]


def test_all_of_a_bundle_for_later_reach_one_frame(server: OscServer, bus: ControlBus) -> None:
    faders = [(f"/fader/{n}", (n / 8,)) for n in range(1, 9)]
    for _ in range(10):
        sent(server, tagged(0.02, *faders[:4], tagged(0.01, *faders[4:])))
        changes: list[Change] = []
        wait(lambda changes=changes: bool(changes.extend(bus.drain()) or changes))
        assert [(c.path, c.args) for c in changes] == faders


def test_a_bundle_within_another_may_be_later(server: OscServer, bus: ControlBus) -> None:
    sent(server, tagged(-1.0, tagged(0.2, ("/fader/1", (0.5,))), ("/fader/2", (0.5,))))
    assert [c.path for c in collect(bus, 2)] == ["/fader/2", "/fader/1"]


def test_a_bundle_too_far_ahead_acts_at_once_and_is_counted(server: OscServer, bus: ControlBus) -> None:
    sent(server, tagged(3600.0, ("/master", (0.5,)), ("/fader/1", (0.5,))))
    assert [c.path for c in collect(bus, 2)] == ["/master", "/fader/1"]
    assert server.early == 2
    assert "too far ahead" in server.error
    assert bus.counters.rejected == 0


def test_bundles_for_later_take_bounded_room_and_nobody_elses(server: OscServer, bus: ControlBus) -> None:
    sent(server, *[tagged(9.0, *[(f"/fader/{n % 8 + 1}", (0.5,)) for n in range(500)])] * 4, encoded("/master", (0.5,)))
    assert [c.path for c in collect(bus, 1)] == ["/master"]
    wait(lambda: server.health().dropped > 0)
    assert len(server._schedule._heap) <= MOST_HELD
