"""What goes out: the show document by address, and plain OSC messages of the types that the table names."""

from __future__ import annotations

import math
import socket
import sys
from collections.abc import Iterator

import pytest
from pythonosc.osc_message import OscMessage

from phosphene.engine.control.feedback import MOST_A_TICK, MOST_CLIENTS, Feedback, encoded, is_own, show_values
from phosphene.engine.control.table import TOKEN, build_table
from phosphene.engine.core.params import Param
from phosphene.engine.show.catalogue import LEVEL, Catalogue
from phosphene.engine.show.document import Document

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
    assert len(encoded("/state/message", ("slug, " * 20_000,))) < 300, "no message carries a library"


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


STATE = {f"/state/{n}": (f"value {n}",) for n in range(200)}  # 6 KB
WHOLE = math.ceil(len(STATE) / MOST_A_TICK)  # ticks until a host that receives has it all
STRANGER = "127.0.0.77"  # not the address that this machine speaks to it from


class Sent:
    """A feedback whose socket keeps what was sent, by host."""

    def __init__(self) -> None:
        self.family = socket.AF_INET
        self.sent: list[tuple[str, bytes]] = []
        self.feedback = Feedback(build_table(EFFECTS, DECK), self, 9001)
        self.feedback.close()  # its thread: `tick` does what that does, at times of its own
        self.feedback.publish(STATE)
        self.t = 1e6

    def sendto(self, data: bytes, address: tuple[str, int]) -> None:
        self.sent.append((address[0], data))

    def tick(self, n: int = 1) -> None:
        for _ in range(n):
            self.t += 1.0 / 30.0
            for client in self.feedback._clients.values():
                client.heard = self.t
            for host, path, args in self.feedback._due(self.t):
                self.sendto(encoded(path, args), (host, 0))

    def spoke(self, host: str, size: int, path: str = "/master") -> None:
        self.feedback.heard(host, path, (0.5,))
        self.feedback.received(host, size)

    def told(self, host: str) -> list[OscMessage]:
        return [OscMessage(data) for to, data in self.sent if to == host]

    def bytes_to(self, host: str) -> int:
        return sum(len(data) for to, data in self.sent if to == host)


@pytest.fixture
def sent() -> Iterator[Sent]:
    if sys.platform != "linux":
        pytest.skip("only Linux speaks for all of 127.0.0.0/8")
    return Sent()


def test_this_machine_is_known_by_its_own_address() -> None:
    assert is_own("127.0.0.1", socket.AF_INET)
    assert not is_own("192.0.2.7", socket.AF_INET)
    assert not is_own("no address", socket.AF_INET)


def test_a_sender_that_may_be_forged_gets_three_times_what_it_sent(sent: Sent) -> None:
    total = 0
    for size in (12, 12, 24, 28, 40):
        sent.spoke(STRANGER, size)
        total += size
        sent.tick(300)
        assert sent.bytes_to(STRANGER) <= 3 * total
    assert 2 * total < sent.bytes_to(STRANGER) <= 3 * total
    assert sent.told(STRANGER)[0].address == TOKEN


def test_a_controller_that_is_played_learns_everything(sent: Sent) -> None:
    sent.feedback.publish({f"/deck/a/fx/{n}": (0.5,) for n in range(50)})
    for _ in range(180):  # a finger on a fader, for three seconds
        sent.spoke(STRANGER, 20)
        sent.tick()
    told = {message.address for message in sent.told(STRANGER)}
    assert set(STATE) <= told
    assert sent.bytes_to(STRANGER) <= 3 * 180 * 20


def test_what_changes_all_the_time_keeps_nothing_away(sent: Sent) -> None:
    sent.feedback.publish({f"/deck/a/{n}": (0.5,) for n in range(50)})
    for k in range(400):
        sent.feedback.publish({"/state/fps": (float(k),), "/state/frame/p99": (float(k),), "/state/scene": (f"scene {k}",)})
        sent.spoke(STRANGER, 12)
        sent.tick()
    told = [message.address for message in sent.told(STRANGER)]
    assert {f"/deck/a/{n}" for n in range(50)} | set(STATE) <= set(told)
    assert told.index("/state/fps") < told.index("/deck/a/0"), "the parameters of the decks come last"
    assert told.count("/state/scene") > 10, "and what changes is told again"


def test_a_host_is_never_sent_more_at_once_than_it_can_hold(sent: Sent) -> None:
    """And the first that is left for later is the first of the next tick, whatever else changes all the time."""
    fast = {f"/state/fast/{n}": (0.0,) for n in range(MOST_A_TICK - 8)}
    values = fast | STATE | {f"/deck/a/fx/{n}": (0.5,) for n in range(300)}
    sent.feedback.publish(values)
    sent.feedback.heard("127.0.0.1")
    for k in range(80):
        before = len(sent.sent)
        sent.feedback.publish({path: (float(k),) for path in fast})
        sent.tick()
        assert len(sent.sent) - before <= MOST_A_TICK
    assert {message.address for message in sent.told("127.0.0.1")} == set(values)


def test_whoever_sends_the_token_back_gets_everything(sent: Sent) -> None:
    sent.spoke(STRANGER, 12)
    sent.tick()
    (message,) = sent.told(STRANGER)
    sent.feedback.asked(STRANGER, (message.params[0] ^ 1,))
    sent.feedback.asked("127.0.0.78", (message.params[0],))
    sent.tick()
    assert len(sent.told(STRANGER)) == 1, "neither a wrong number nor another's"
    assert sent.told("127.0.0.78") == []
    sent.feedback.asked(STRANGER, (message.params[0],))
    sent.tick(WHOLE)
    assert {m.address for m in sent.told(STRANGER)} == {TOKEN, *STATE}


def test_strangers_push_out_nobody_who_listens(sent: Sent) -> None:
    sent.spoke("127.0.0.1", 20)
    sent.spoke("127.0.2.1", 400)  # a controller that is played, from another machine
    for n in range(100):
        sent.spoke(f"127.0.1.{n + 1}", 12)
    sent.tick(WHOLE)
    assert {m.address for m in sent.told("127.0.0.1")} == set(STATE)
    assert "127.0.2.1" in sent.feedback.clients
    assert len(sent.feedback.clients) == MOST_CLIENTS + 1
    for n in range(MOST_CLIENTS):
        sent.spoke(f"127.0.1.{n + 1}", 10**6)  # strangers who talk much
    sent.spoke("127.0.2.2", 24)
    sent.tick()
    assert sent.told("127.0.2.2"), "one who comes new is always answered"


def test_more_listeners_than_there_is_room_for_are_still_answered(sent: Sent) -> None:
    for n in range(MOST_CLIENTS + 3):
        host = f"127.0.3.{n + 1}"
        sent.feedback.asked(host, (sent.feedback._token(host),))
    sent.tick(WHOLE)
    heard = [host for host in sent.feedback.clients if len(sent.told(host)) == len(STATE)]
    assert len(heard) == MOST_CLIENTS
    sent.spoke("127.0.3.17", 24)
    sent.tick()
    assert sent.told("127.0.3.17")
