"""OSC over UDP: in on one port, state out to the other.

One thread receives. It wakes for the first datagram, takes whatever else has come (never one thread a message), and acts on
what is good in it (`inbox.py`). When there is more than a few it then rests at least as long as it worked, so a flood costs
half a core at most whatever is in it, and a single message no delay. Nothing that arrives can raise out of this thread,
print, or change the show other than through the table. Bundles for later wait in the same thread (`schedule.py`), which then
sleeps no longer than until the first of them is due.

Measured: 5,000 valid messages a second take 7 % of a core, 20,000 malformed ones on top of them 15 % in all; a loop of
Python beside it that takes 0.25 ms a turn then takes 0.26 ms (median) and 0.6 ms (p99, from 0.45 ms).
"""

from __future__ import annotations

import errno
import logging
import select
import socket
import threading
from collections.abc import Mapping

from phosphene.engine.control.address import Table
from phosphene.engine.control.bus import ControlBus
from phosphene.engine.control.datagram import Message, Sender, messages
from phosphene.engine.control.feedback import Feedback
from phosphene.engine.control.inbox import Inbox
from phosphene.engine.control.schedule import AHEAD_S, Schedule, ahead, wall
from phosphene.engine.control.surface import Args, SurfaceHealth
from phosphene.engine.control.tally import Tally
from phosphene.engine.core import clock
from phosphene.engine.core.errors import RateLimitedLog, UserError

_log = logging.getLogger(__name__)

PORT_IN, PORT_OUT = 9000, 9001
_BUFFER_BYTES = 4 << 20  # asked of the kernel, which may give less: room for a pause of the whole process
_LOOK_S = 0.25  # between two looks at whether to end
_SOON_S = 0.01  # between two looks at whether state has come that somebody waits for
_FEW = 16  # messages in one go that are a performer, not a flood
_REST_S = 0.004  # at least, between two turns of a flood: at most 250 turns a second, each under half a frame late
_MOST_TAKEN = 400  # datagrams read from the socket in one turn


class OscServer:
    """Listens from construction to `close`. host: address to bind, loopback unless told.

    Raises UserError when the address cannot be had: the caller says so and the show goes on without OSC.
    """

    name = "osc"

    def __init__(
        self, table: Table, bus: ControlBus, *, host: str = "127.0.0.1", port: int = PORT_IN, port_out: int = PORT_OUT
    ) -> None:
        self._bus = bus
        self._socket = _bound(host, port)
        self._quiet = RateLimitedLog(_log)
        self._feedback = Feedback(table, self._socket, port_out)
        self._tally = Tally(bus, self._quiet)
        self._inbox = Inbox(table, bus, self._feedback, self._tally)
        self._schedule = Schedule()
        self._closing = False
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
        return self._tally.error

    @property
    def early(self) -> int:
        """Messages of bundles for a time too far ahead, which acted at once."""
        return self._tally.early

    @property
    def wants_state(self) -> bool:
        """Whether a host is sent state now."""
        return bool(self._feedback.clients)

    def publish(self, values: Mapping[str, Args]) -> None:
        """Publish state, {address: arguments}: clients get what changed. Never blocks."""
        self._feedback.publish(values)

    def health(self) -> SurfaceHealth:
        """Return its counters."""
        tally = self._tally
        return SurfaceHealth(self.name, f"port {self.port}", tally.received, tally.rejected, tally.dropped, tally.error)

    def close(self) -> None:
        """Stop listening and sending."""
        self._closing = True
        self._thread.join(timeout=2.0)
        self._feedback.close()
        self._socket.close()

    def _run(self) -> None:
        while not self._closing:
            try:
                look = _SOON_S if self._inbox.waits else _LOOK_S
                wait = min(look, max(0.0, self._schedule.next - clock.now()))
                came = select.select([self._socket], [], [], wait)[0]
                began = clock.now()
                if not came and self._schedule.next > began and not self._inbox.waits:
                    continue
                if self._turn() > _FEW:
                    clock.sleep(max(_REST_S, clock.now() - began))
            except Exception:  # noqa: BLE001 - boundary: no datagram and no socket state may end control for the rest of the night
                self._quiet.warning("turn", "a turn of the OSC thread failed")
                _log.debug("OSC turn", exc_info=True)
                self._bus.reject()
                clock.sleep(0.05)

    def _turn(self) -> int:
        """Take what has come, act on it, return how much that was: datagrams, or messages in them."""
        sizes: dict[str, int] = {}  # bytes by host
        inbox, taken = self._inbox, 0
        now = clock.now()
        while not inbox.full and (held := self._schedule.pop(now)):
            inbox.take(held.message, held.sender, held.t)
        while taken < _MOST_TAKEN and not inbox.full:
            try:
                datagram, sender = self._socket.recvfrom(65535)
            except BlockingIOError:
                break
            except OSError as error:  # Windows reports a client's closed port here
                self._quiet.warning("recv", f"receiving failed: {error}")
                break
            taken += 1
            sizes[sender[0]] = sizes.get(sender[0], 0) + len(datagram)
            self._receive(datagram, sender)
        much = max(taken, inbox.parts)
        inbox.act()
        for host, size in sizes.items():
            self._feedback.received(host, size)
        inbox.answer(clock.now())  # after that: what came is what may go out
        return much

    def _receive(self, datagram: bytes, sender: Sender) -> None:
        """Take what is in a datagram, or hold it until its time: one moment for all of it, so that no bundle is torn."""
        t, day, inbox = clock.now(), wall(), self._inbox
        for part in messages(datagram):
            if inbox.full:
                self._tally.drop(1, "a datagram of more messages than can be used: the rest is dropped")
                break
            wait = ahead(part.time, day) if isinstance(part, Message) else 0.0
            if isinstance(part, Message) and 0.0 < wait <= AHEAD_S:
                inbox.skip()
                if not self._schedule.add(t + wait, part, sender):
                    self._tally.drop(1, "more bundles for later than can be held: the rest is dropped")
                continue
            if wait > AHEAD_S:
                self._tally.hurry(sender[0])
            inbox.take(part, sender, t)


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
