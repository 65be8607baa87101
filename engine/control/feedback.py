"""State goes out: every client that spoke in the last minute learns what changed, and everything at its first message.

`Feedback.publish` takes values from the render loop (a dictionary update); a thread of its own compares them with what
each client knows, 30 times a second at most, and sends the difference as plain messages. A value that came from a client
is known to it, so a fader is not moved under the hand that moves it.
"""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from pythonosc.osc_message_builder import OscMessageBuilder

from engine.control.address import Table
from engine.core import clock
from engine.core.errors import RateLimitedLog
from engine.show.change import Value
from engine.show.state import ShowState

_log = RateLimitedLog(logging.getLogger(__name__))

MEMORY_S = 60.0  # a client that was silent for so long gets nothing more
MOST_CLIENTS = 16
_TICK_S = 1.0 / 30.0
_HOLD_S = 0.25  # no echo on an address this long after the client itself sent to it: its fader is still in the hand

Args = tuple[Value, ...]


@dataclass
class _Client:
    heard: float
    known: dict[str, Args] = field(default_factory=dict)
    sent: dict[str, float] = field(default_factory=dict)
    held: dict[str, float] = field(default_factory=dict)


class Feedback:
    """The sending side: one thread, idle while nobody has spoken."""

    def __init__(self, table: Table, sock: socket.socket, port: int) -> None:
        self._rate = {a.path: 1.0 / a.rate_hz for a in table.addresses.values()}
        self._socket, self._port = sock, port
        self._lock = threading.Lock()
        self._values: dict[str, Args] = {}
        self._clients: dict[str, _Client] = {}
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="osc-out", daemon=True)
        self._thread.start()

    def publish(self, values: Mapping[str, Args]) -> None:
        """Take the newest values, {address: arguments}. Any thread; never waits for a socket."""
        with self._lock:
            self._values.update(values)

    def heard(self, host: str, path: str = "", args: Args = ()) -> None:
        """Note that `host` spoke, and what it said (canonical address)."""
        t = clock.now()
        with self._lock:
            client = self._clients.get(host)
            if client is None:
                if len(self._clients) >= MOST_CLIENTS:
                    return
                client = self._clients[host] = _Client(t)
            client.heard = t
            if path:
                client.known[path] = args
                client.held[path] = t + _HOLD_S

    @property
    def clients(self) -> list[str]:
        """The hosts that are sent to."""
        with self._lock:
            return list(self._clients)

    def close(self) -> None:
        """Stop sending."""
        self._closing.set()
        self._thread.join(timeout=2.0)

    def _run(self) -> None:
        while not self._closing.wait(_TICK_S):
            for host, path, args in self._due(clock.now()):
                try:
                    self._socket.sendto(encoded(path, args), (host, self._port))
                except OSError as error:
                    _log.warning("send", f"no state to {host}: {error}")
                except Exception as error:  # noqa: BLE001 boundary: one value that is no OSC must not end the feedback for the night
                    _log.warning("encode", f"{path} cannot be sent: {type(error).__name__}: {error}")

    def _due(self, t: float) -> list[tuple[str, str, Args]]:
        due = []
        with self._lock:
            for host in [h for h, c in self._clients.items() if t - c.heard > MEMORY_S]:
                del self._clients[host]
            for host, client in self._clients.items():
                for path, args in self._values.items():
                    if client.known.get(path) == args or t < client.held.get(path, 0.0):
                        continue
                    # Half a tick of grace: a rate of 30 Hz must not become 15 because a tick came a little early.
                    if t - client.sent.get(path, -1e9) < self._rate.get(path, _TICK_S) - 0.5 * _TICK_S:
                        continue
                    client.known[path], client.sent[path] = args, t
                    due.append((host, path, args))
        return due


def encoded(path: str, args: Args) -> bytes:
    """Return one OSC message; an int goes out as i, a float as f, text as s."""
    builder = OscMessageBuilder(path)
    for value in args:
        builder.add_arg(value, "s" if isinstance(value, str) else "i" if isinstance(value, int) else "f")
    return builder.build().dgram


def show_values(state: ShowState) -> dict[str, Args]:
    """Return what clients see of the show document, by address: controls at their own, the rest under /state."""
    values: dict[str, Args] = {
        "/crossfade": (state.crossfade,),
        "/crossfade/kind": (state.kind,),
        "/master": (state.master,),
        "/blackout": (int(state.blackout),),
        "/freeze": (int(state.freeze),),
        "/guard": (int(state.guard),),
        "/hud": (int(state.hud),),
        "/state/scene": (state.scene,),
        "/state/pending": (state.pending,),
        "/state/cue": (state.cue + 1,),
        "/state/message": (state.message,),
        "/state/black": (state.black,),
    }
    for i, value in enumerate(state.faders, 1):
        values[f"/fader/{i}"] = (value,)
        values[f"/state/fader/{i}/label"] = (state.fader_labels.get(i, ""),)
    for name, deck in (("a", state.a), ("b", state.b)):
        values[f"/state/deck/{name}/style"] = (deck.style,)
        values |= {f"/deck/{name}/{param}": (float(value),) for param, value in deck.params.items()}
        for effect, params in deck.chain:
            values |= {f"/deck/{name}/fx/{effect}/{param}": (float(value),) for param, value in params.items()}
    return values
