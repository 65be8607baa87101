"""State goes out: every host that spoke in the last minute learns what changed, and everything at its first message.

`Feedback.publish` takes values from the render loop (a dictionary update); a thread of its own compares them with what
each client knows, 30 times a second at most, and sends the difference as plain messages. A value that came from a client
is known to it, so a fader is not moved under the hand that moves it.

A sender's address is easily forged, and the state is a thousand times as long as a message: so it goes in full to hosts
that are known to receive it. This machine's own are, and whoever sent back the number that came as `/state/token`. All
others get at most three times the bytes that they sent (QUIC's rule, RFC 9000, 8.1), what matters most first: to a
controller that is played that is everything within seconds. See docs/decisions/osc-listeners.md.

A datagram that a receiver has no room for is lost, and the state is sent once: so a host gets few of them at a time.
"""

from __future__ import annotations

import hashlib
import logging
import math
import secrets
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from phosphene.engine.control.address import Table
from phosphene.engine.control.datagram import Sender
from phosphene.engine.control.encoding import encoded, size
from phosphene.engine.control.surface import Args
from phosphene.engine.control.table import TOKEN
from phosphene.engine.core import clock
from phosphene.engine.core.errors import RateLimitedLog
from phosphene.engine.show.state import ShowState

__all__ = ["MEMORY_S", "MOST_CLIENTS", "Feedback", "encoded", "is_own", "show_values"]

_log = RateLimitedLog(logging.getLogger(__name__))

MEMORY_S = 60.0  # a client that was silent for so long gets nothing more
MOST_CLIENTS = 16  # of each: those known to receive, which nobody pushes out, and the others
_FACTOR = 3  # bytes out for each byte in, to a host that is not known to receive
_SMALLEST = 12  # bytes of a message with a value
_TICK_S = 1.0 / 30.0
# To one host. Linux keeps 277 small datagrams for a program (212,992 bytes, 768 each) until it has read them: the 350 of the
# whole state at once lost its end to a program that was busy for a moment.
MOST_A_TICK = 48
_HOLD_S = 0.25  # no echo on an address this long after the client itself sent to it: its fader is still in the hand


@dataclass
class _Client:
    """room: bytes that may still be sent to it; infinite for one that is known to receive. kept: until when for answers."""

    heard: float
    room: float = 0.0
    kept: float = 0.0
    received: int = 0
    asks: bool = True  # it has not been sent its token yet
    known: dict[str, Args] = field(default_factory=dict)
    sent: dict[str, float] = field(default_factory=dict)
    held: dict[str, float] = field(default_factory=dict)

    @property
    def proven(self) -> bool:
        return self.room == math.inf

    def take(self, path: str, args: Args) -> bool:
        """Take the bytes of a message out of what may be sent to it; False where there is too little left."""
        fits = (needed := size(path, args)) <= self.room
        self.room -= needed if fits else 0
        return fits


class Feedback:
    """The sending side: one thread, idle while nobody has spoken."""

    def __init__(self, table: Table, sock: socket.socket, port: int) -> None:
        self._rate = {a.path: 1.0 / a.rate_hz for a in table.addresses.values()}
        self._socket, self._port = sock, port
        self._secret = secrets.token_bytes(16)
        self._lock = threading.Lock()
        self._values: dict[str, Args] = {}
        self.published = -math.inf  # when, in s
        self._clients: dict[str, _Client] = {}
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="osc-out", daemon=True)
        self._thread.start()

    def publish(self, values: Mapping[str, Args]) -> None:
        """Take the newest values, {address: arguments}. Any thread; never waits for a socket."""
        with self._lock:
            self._values.update(values)
            self.published = clock.now()

    def heard(self, host: str, path: str = "", args: Args = (), *, keep_s: float = 0.0) -> None:
        """Note that `host` spoke, and what it said (canonical address). keep_s: for how long it waits for an answer."""
        t = clock.now()
        own = host not in self._clients and is_own(host, self._socket.family)
        with self._lock:
            client = self._clients.get(host) or self._admit(host, t, own)
            client.heard = t
            if keep_s:
                client.kept = t + keep_s
            if path:
                client.known[path] = args
                client.held[path] = t + _HOLD_S

    def received(self, host: str, size: int) -> None:
        """Note that so many bytes came from `host`: what a host may be sent grows with them."""
        with self._lock:
            if (client := self._clients.get(host)) is not None:
                client.received += size
                client.room += _FACTOR * size

    def asked(self, host: str, args: Args) -> None:
        """Note that `host` asks for state: args is its token, by which it is known to receive, or empty."""
        self.heard(host)
        with self._lock:
            client = self._clients[host]
            client.asks = True
            if args == (self._token(host),) and self._count(proven=True) < MOST_CLIENTS:
                client.room = math.inf

    def value(self, path: str) -> Args | None:
        """Return the newest published value; None where there is none."""
        with self._lock:
            return self._values.get(path)

    def answer(self, sender: Sender, path: str, args: Args, told_as: str) -> None:
        """Send a value to where it was asked for, as far as there is room, and once more with the next state.

        path: as it was asked for; told_as: the address under which the host is told it.
        """
        with self._lock:
            client = self._clients.get(sender[0])
            if client is None:
                return
            client.kept = 0.0
            client.known.pop(told_as, None)
            client.held.pop(told_as, None)
            room = client.take(path, args)
        if room and args != ("?",):  # which would be a question itself
            self._send(path, args, sender)

    @property
    def clients(self) -> list[str]:
        """The hosts that are sent to."""
        with self._lock:
            return list(self._clients)

    def close(self) -> None:
        """Stop sending."""
        self._closing.set()
        self._thread.join(timeout=2.0)

    def _admit(self, host: str, t: float, own: bool) -> _Client:
        """Make room for one more: of those not known to receive the one that said least has to go. Under the lock."""
        proven = own and self._count(proven=True) < MOST_CLIENTS
        if not proven and self._count(proven=False) >= MOST_CLIENTS:
            strangers = [each for each, client in self._clients.items() if not client.proven]
            del self._clients[min(strangers, key=lambda each: (self._clients[each].received, self._clients[each].heard))]
        client = self._clients[host] = _Client(t, math.inf if proven else 0.0)
        return client

    def _count(self, *, proven: bool) -> int:
        return sum(client.proven == proven for client in self._clients.values())

    def _token(self, host: str) -> int:
        """Return the number by which `host` shows that it receives: the same all night, and nobody else's."""
        digest = hashlib.blake2b(host.encode("utf-8", "replace"), key=self._secret, digest_size=4).digest()
        return int.from_bytes(digest, "big", signed=True)

    def _run(self) -> None:
        while not self._closing.wait(_TICK_S):
            for host, path, args in self._due(clock.now()):
                self._send(path, args, (host, self._port))

    def _send(self, path: str, args: Args, to: Sender) -> None:
        try:
            self._socket.sendto(encoded(path, args), to)
        except OSError as error:
            _log.warning("send", f"no state to {to[0]}: {error}")
        except Exception as error:  # noqa: BLE001 boundary: one value that is no OSC must not end the feedback for the night
            _log.warning("encode", f"{path} cannot be sent: {type(error).__name__}: {error}")

    def _due(self, t: float) -> list[tuple[str, str, Args]]:
        due = []
        with self._lock:
            for host in [h for h, c in self._clients.items() if t - c.heard > MEMORY_S]:
                del self._clients[host]
            for host, client in self._clients.items():
                due += [(host, path, args) for path, args in self._news(host, client, t)]
        return due

    def _news(self, host: str, client: _Client, t: float) -> list[tuple[str, Args]]:
        """Return what a client is to be told now, as far as there is room: first what it never heard, of that the decks'
        many parameters last, then what it heard longest ago, so that numbers that change all the time keep nothing away.
        """
        news: list[tuple[str, Args]] = []
        if not client.proven and t < client.kept:
            return news
        if client.asks and not client.proven:
            if not client.take(TOKEN, (self._token(host),)):
                return news
            news.append((TOKEN, (self._token(host),)))
        client.asks = False
        if client.room < _SMALLEST:
            return news
        changed = [(path, args) for path, args in self._values.items() if self._is_due(client, path, args, t)]
        changed.sort(key=lambda each: (client.sent.get(each[0], -math.inf), each[0].startswith("/deck/")))
        for path, args in changed[:MOST_A_TICK]:
            if not client.take(path, args):
                break
            client.known[path], client.sent[path] = args, t
            news.append((path, args))
        return news

    def _is_due(self, client: _Client, path: str, args: Args, t: float) -> bool:
        if client.known.get(path) == args or t < client.held.get(path, 0.0):
            return False
        # Half a tick of grace: a rate of 30 Hz must not become 15 because a tick came a little early.
        return t - client.sent.get(path, -1e9) >= self._rate.get(path, _TICK_S) - 0.5 * _TICK_S


def is_own(host: str, family: int) -> bool:
    """Whether `host` is this machine: the system would speak to it from the very same address. Sends nothing.

    A packet that claims such a sender and comes in from a network is dropped by the system.
    """
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((host, 9))
            ours: str = probe.getsockname()[0]
            return ours == host
    except OSError:
        return False


def show_values(state: ShowState) -> dict[str, Args]:
    """Return what clients see of the show document, by address: controls at their own, the rest under /state."""
    values: dict[str, Args] = {
        "/crossfade": (state.crossfade,),
        "/crossfade/kind": (state.kind,),
        "/preview": (int(state.preview),),
        "/tempo/lookahead": (state.lookahead,),
        "/state/standby": (state.scene if state.on_standby else "",),
        "/master": (state.master,),
        "/blackout": (int(state.blackout),),
        "/freeze": (int(state.freeze),),
        "/guard": (int(state.guard),),
        "/hud": (int(state.hud),),
        "/autopilot": (int(state.autopilot.on),),
        "/autopilot/beats": (state.autopilot.beats,),
        "/autopilot/chance": (state.autopilot.chance,),
        "/autopilot/order": (state.autopilot.order,),
        "/autopilot/return": (state.autopilot.comes_back,),
        "/state/scene": (state.scene,),
        "/state/pending": (state.pending,),
        "/state/cue": (state.cue + 1,),
        "/state/message": (state.message,),
        "/state/black": (state.black,),
        "/state/undo": (len(state.undo),),
        "/state/saved": (state.saved,),
    }
    for i, value in enumerate(state.faders, 1):
        values[f"/fader/{i}"] = (value,)
        values[f"/state/fader/{i}/label"] = (state.fader_labels.get(i, ""),)
    for name, deck in (("a", state.a), ("b", state.b)):
        values[f"/state/deck/{name}/style"] = (deck.seen,)
        values[f"/state/deck/{name}/scene"] = (deck.scene,)
        values[f"/state/deck/{name}/act"] = (act.name if (act := deck.direction.act) else "",)
        values[f"/state/deck/{name}/acts"] = (" ".join(act.name for act in deck.direction.acts),)
        values |= {f"/deck/{name}/{param}": (float(value),) for param, value in deck.params.items()}
        for effect, params in deck.chain:
            values |= {f"/deck/{name}/fx/{effect}/{param}": (float(value),) for param, value in params.items()}
    return values
