"""One connected page, or a foreign OSCQuery client: what it wants, what it knows, and the sending to it.

On the desk's event loop. Each looks for news thirty times a second, all at the same moment: so the thread wakes seldom, and
no other one has to wake it. Nothing queues: a client that reads slowly gets the newest of everything when it is ready, and
one that has read nothing for two seconds is let go.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping

from aiohttp import web

from phosphene.engine.control.surface import Args
from phosphene.engine.core import clock

SLOW_S = 2.0
_HOLD_S = 0.25  # no echo of what the client itself sent so lately: the fader is still in the hand
_TICK_S = 1.0 / 30.0
# What a bundle begins with: the word, and the time tag that means "now" (OSC 1.0).
_BUNDLE = b"#bundle\0" + (1).to_bytes(8, "big")
PICTURES = {"a": b"A", "b": b"B", "wall": b"W"}


class Client:
    """peer: its address, for the source of its changes. role: "play", "view", or "" before it has shown its key."""

    def __init__(self, socket: web.WebSocketResponse, request: web.Request, role: str) -> None:
        self.socket, self.peer, self.role = socket, request.remote or "", role
        self._transport = request.transport
        self.watches = False  # all of the state, in bundles
        self.listens: dict[str, str] = {}  # what it listens to -> the address that has the values; a message each
        self.pictures: tuple[str, ...] = ()
        self.documents: frozenset[str] = frozenset()
        self._known: dict[str, Args] = {}
        self._held: dict[str, float] = {}
        self._seen: dict[str, int] = {}  # number of the newest picture or document that it was sent
        self._words: list[str] = []

    def say(self, command: str, data: object) -> None:
        """Send one line of JSON soon; the newest twenty wait."""
        self._words = [*self._words, json.dumps({"COMMAND": command, "DATA": data})][-20:]

    def abort(self) -> None:
        """Cut the connection."""
        if self._transport is not None:
            self._transport.abort()

    def sent(self, path: str) -> None:
        """Note that the client itself moved this: it is told nothing while it moves a fader, and then what became of it."""
        self._known.pop(path, None)
        self._held[path] = clock.now() + _HOLD_S

    def listen(self, path: str, address: str) -> None:
        """Tell of this path from now on, its value first: that of `address`."""
        self.listens[path] = address
        self._known.pop(path, None)

    def watch(self, on: bool) -> None:
        """Tell of everything from now on, all values first; or of nothing."""
        self.watches = on
        self._known.clear()

    async def run(
        self,
        values: Callable[[], Mapping[str, Args]],
        encoded: Callable[[str, Args], bytes],
        pictures: Mapping[str, tuple[int, bytes]],
        document: Callable[[str], tuple[int, str]],
    ) -> None:
        """Send what is new until the connection ends. Raises TimeoutError for a client that does not read.

        pictures, document: a number that grows, and the picture or text; 0 while there is none.
        """
        loop = asyncio.get_running_loop()
        while not self.socket.closed:
            await asyncio.sleep(_TICK_S - loop.time() % _TICK_S)
            words, self._words = self._words, []
            for line in words:
                await self._send(line)
            if self.role:
                await self._send_state(values(), encoded)
                for name in self.pictures:
                    number, jpeg = pictures.get(name, (0, b""))
                    if number > self._seen.get(name, 0):
                        self._seen[name] = number
                        await self._send(PICTURES[name] + jpeg)
                for name in self.documents:
                    number, text = document(name)
                    if number > self._seen.get(f"/{name}", 0):
                        self._seen[f"/{name}"] = number
                        await self._send(text)

    async def _send_state(self, values: Mapping[str, Args], encoded: Callable[[str, Args], bytes]) -> None:
        listened = {path: values[address] for path, address in self.listens.items() if address in values}
        news = self._news(values if self.watches else listened)
        parts = [encoded(path, args) for path, args in news]
        if self.watches and parts:
            await self._send(_BUNDLE + b"".join(len(part).to_bytes(4, "big") + part for part in parts))
        else:
            for part in parts:
                await self._send(part)

    def _news(self, values: Mapping[str, Args]) -> Iterable[tuple[str, Args]]:
        t = clock.now()
        for path, args in values.items():
            if self._known.get(path) == args or t < self._held.get(path, 0.0):
                continue
            self._known[path] = args
            yield path, args

    async def _send(self, data: str | bytes) -> None:
        async with asyncio.timeout(SLOW_S):
            await (self.socket.send_str(data) if isinstance(data, str) else self.socket.send_bytes(data))
