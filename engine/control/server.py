"""OSC over UDP: in on one port, state out to the other.

One thread receives. It wakes for the first datagram, takes whatever else has come (never one thread a message), and of each
address puts the newest message that stands the check against the table on the bus, and every press. The older ones are not
read, but where a newer one is refused: that costs no other message. When there is more than a few it then rests at least as
long as it worked, so a flood costs half a core at most whatever is in it, and a single message no delay. Nothing that
arrives can raise out of this thread, print, or change the show other than through the table.

Measured: 5,000 valid messages a second take 7 % of a core, 20,000 malformed ones on top of them 15 % in all; a loop of
Python beside it that takes 0.25 ms a turn then takes 0.26 ms (median) and 0.6 ms (p99, from 0.45 ms).
"""

from __future__ import annotations

import errno
import logging
import select
import socket
import threading
from collections.abc import Callable, Mapping
from typing import NamedTuple

from phosphene.engine.control.address import Table, unknown
from phosphene.engine.control.bus import ControlBus
from phosphene.engine.control.datagram import Message, arguments, messages
from phosphene.engine.control.feedback import Feedback
from phosphene.engine.control.surface import Args, SurfaceHealth
from phosphene.engine.control.table import LISTEN
from phosphene.engine.core import clock
from phosphene.engine.core.errors import RateLimitedLog, UserError
from phosphene.engine.show.change import Change

_log = logging.getLogger(__name__)

PORT_IN, PORT_OUT = 9000, 9001
_BUFFER_BYTES = 4 << 20  # asked of the kernel, which may give less: room for a pause of the whole process
_FEW = 16  # messages in one go that are a performer, not a flood
_REST_S = 0.004  # at least, between two turns of a flood: at most 250 turns a second, each under half a frame late
_NEWS_S = 10.0  # how long a refusal is news: one stray message must not stand on the HUD for the rest of the night
_MOST_TAKEN = 400  # datagrams read from the socket in one turn
_MOST_PARTS = 1024  # messages looked at in one turn: a single datagram of 64 KB may hold 16,000
_MOST_READ = 128  # addresses and presses that are acted on in one turn; the rest is dropped and counted
_MOST_SAID = 8  # refusals put into words in one turn; the others are counted


class _Heard(NamedTuple):
    """A message that came: at, which of its turn; host, who sent it; t, when, in s."""

    at: int
    message: Message
    host: str
    t: float


class OscServer:
    """Listens from construction to `close`. host: address to bind, loopback unless told.

    Raises UserError when the address cannot be had: the caller says so and the show goes on without OSC.
    """

    name = "osc"

    def __init__(
        self, table: Table, bus: ControlBus, *, host: str = "127.0.0.1", port: int = PORT_IN, port_out: int = PORT_OUT
    ) -> None:
        self._table, self._bus = table, bus
        self._socket = _bound(host, port)
        self._quiet = RateLimitedLog(_log)
        self._feedback = Feedback(table, self._socket, port_out)
        self._closing = False
        self._presses = self._said = 0
        self._received = self._rejected = self._dropped = 0
        self._refusal = ("", 0.0)  # the newest one, and when it was
        self._thread = threading.Thread(target=self._run, name="osc-in", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """The port that is listened to (the kernel's choice where 0 was asked for)."""
        port: int = self._socket.getsockname()[1]
        return port

    @property
    def clients(self) -> list[str]:
        """The hosts that state goes to."""
        return self._feedback.clients

    @property
    def error(self) -> str:
        """What was refused in the last seconds, the newest; empty while all is understood."""
        text, at = self._refusal
        return text if clock.now() - at < _NEWS_S else ""

    @property
    def wants_state(self) -> bool:
        """Whether a host is sent state now."""
        return bool(self._feedback.clients)

    def publish(self, values: Mapping[str, Args]) -> None:
        """Publish state, {address: arguments}: clients get what changed. Never blocks."""
        self._feedback.publish(values)

    def health(self) -> SurfaceHealth:
        """Return its counters."""
        return SurfaceHealth(self.name, f"port {self.port}", self._received, self._rejected, self._dropped, self.error)

    def close(self) -> None:
        """Stop listening and sending."""
        self._closing = True
        self._thread.join(timeout=2.0)
        self._feedback.close()
        self._socket.close()

    def _run(self) -> None:
        while not self._closing:
            try:
                if not select.select([self._socket], [], [], 0.25)[0]:
                    continue
                began = clock.now()
                if self._turn() > _FEW:
                    clock.sleep(max(_REST_S, clock.now() - began))
            except Exception:  # noqa: BLE001 - boundary: no datagram and no socket state may end control for the rest of the night
                self._quiet.warning("turn", "a turn of the OSC thread failed")
                _log.debug("OSC turn", exc_info=True)
                self._bus.reject()
                clock.sleep(0.05)

    def _turn(self) -> int:
        """Take what has come, act on it, return how much that was: datagrams, or messages in them."""
        waiting: dict[str | int, list[_Heard]] = {}  # by address, those of one address from the oldest to the newest
        sizes: dict[str, int] = {}  # bytes by host
        taken = parts = 0
        self._said = 0
        while taken < _MOST_TAKEN and parts < _MOST_PARTS:
            try:
                datagram, sender = self._socket.recvfrom(65535)
            except BlockingIOError:
                break
            except OSError as error:  # Windows reports a client's closed port here
                self._quiet.warning("recv", f"receiving failed: {error}")
                break
            taken += 1
            host = sender[0]
            sizes[host] = sizes.get(host, 0) + len(datagram)
            for part in messages(datagram):
                parts += 1
                if parts > _MOST_PARTS:
                    self._drop(1, "a datagram of more messages than can be used: the rest is dropped")
                    break
                if isinstance(part, Message):
                    self._sort(waiting, _Heard(parts, part, host, clock.now()))
                else:
                    self._refuse(part.error, "malformed", host)
        self._act(list(waiting.values()))
        for host, size in sizes.items():
            self._feedback.received(host, size)
        return max(taken, parts)

    def _sort(self, waiting: dict[str | int, list[_Heard]], heard: _Heard) -> None:
        """Keep a message beside those of its address, and each press by itself; no such address is refused unread."""
        path = heard.message.path
        alias = self._table.aliases.get(path)
        address = self._table.inputs.get(alias.target if alias else path)
        if address is None:
            self._refuse(lambda: unknown(path), "unknown", heard.host)
            return
        if address.every:
            self._presses += 1
            waiting[self._presses] = [heard]
            return
        key = f"{path} {heard.host}" if path == LISTEN else path  # each host asks for itself
        found = waiting.pop(key, [])  # and put in again: what nobody has sent to since is acted on first
        found.append(heard)
        waiting[key] = found

    def _act(self, waiting: list[list[_Heard]]) -> None:
        """Put what is good on the bus, in the order in which it came."""
        if len(waiting) > _MOST_READ:
            dropped = sum(map(len, waiting[_MOST_READ:]))
            self._drop(dropped, f"more messages than can be used: {dropped} dropped in one go")
        found = [good for heard in waiting[:_MOST_READ] if (good := self._newest(heard)) is not None]
        for _, change, host in sorted(found, key=lambda each: each[0]):
            if change.path == LISTEN:
                self._feedback.asked(host, change.args)
            else:
                self._received += 1
                self._bus.put(change)
                self._feedback.heard(host, change.path, change.args)

    def _newest(self, heard: list[_Heard]) -> tuple[int, Change, str] | None:
        """Return the newest good one of an address: which it was, what it changes, whose it is."""
        for older, (at, message, host, t) in reversed([*enumerate(heard)]):
            try:
                change = self._table.parse(message.path, arguments(message), t, f"osc {host}")
            except UserError as error:
                refused = error
                self._refuse(lambda: refused, message.path, host)  # noqa: B023 called at once
                continue
            if change is not None:
                self._received += older
                self._bus.supersede(older)
                return at, change, host
            self._feedback.heard(host)  # a button that is let go takes back no press before it
        return None

    def _refuse(self, fault: Callable[[], UserError], kind: str, host: str) -> None:
        self._bus.reject()
        self._rejected += 1
        self._said += 1
        if self._said <= _MOST_SAID:
            error = fault()
            self._refusal = (error.line(), clock.now())
            self._quiet.warning(kind, f"OSC from {host}: {error.line()}")

    def _drop(self, count: int, reason: str) -> None:
        self._bus.drop(count)
        self._dropped += count
        self._quiet.warning("flood", reason)


def _bound(host: str, port: int) -> socket.socket:
    where = f"{host}:{port}"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        sock = socket.socket(family, kind, protocol)
    except OSError as error:
        raise UserError("no such OSC host", where=where, got=error, remedy="give an address of this machine") from error
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
        sock.bind(address)
    except OSError as error:
        sock.close()
        if error.errno == errno.EADDRINUSE:
            remedy = "another program listens there: close it, or choose another port with --osc-port"
            raise UserError("the OSC port is in use", where=where, remedy=remedy) from error
        remedy = "give an address of this machine with --osc-host and a port from 1024 up with --osc-port"
        raise UserError("cannot listen for OSC", where=where, got=error, remedy=remedy) from error
    sock.setblocking(False)
    return sock
