"""The desk's server: the page over HTTP; control, state and pictures over one WebSocket. It is an OSCQuery server as well.

A thread of its own with an event loop. The render loop hands over state, pictures and documents, each a dictionary update,
and only where somebody looks; it waits for nothing here. It wakes nobody either, which would hand over the interpreter as
well (0.2 ms a time). What a page sends goes through the one table like any message.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import math
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from aiohttp import WSMsgType, web

from phosphene.engine.control.address import Table
from phosphene.engine.control.bus import ControlBus
from phosphene.engine.control.datagram import Message, arguments, messages
from phosphene.engine.control.feedback import encoded
from phosphene.engine.control.monitor import refused
from phosphene.engine.control.oscquery import Namespace
from phosphene.engine.control.surface import Args, SurfaceHealth
from phosphene.engine.control.table import LISTEN
from phosphene.engine.core import clock
from phosphene.engine.core.errors import RateLimitedLog, UserError
from phosphene.engine.core.paths import is_name
from phosphene.engine.desk.access import Keys, is_loopback, is_ours
from phosphene.engine.desk.client import PICTURES, Client
from phosphene.engine.desk.invitation import addresses, qr_svg, with_key
from phosphene.engine.desk.library import DeskLibrary
from phosphene.engine.desk.listening import listening
from phosphene.engine.desk.pictures import jpeg

_log = logging.getLogger(__name__)

PORT = 8800
MESSAGES = "messages"  # the document of what came in, which is gathered while a page shows it
SUGGESTIONS = "suggestions"  # the document of the styles that suit the music
_MOST_CLIENTS = 16
_HELLO_S = 5.0  # by then a page has shown its key
_MOST_BYTES = 65536  # of one message in
_TELL_S, _FRESH_S = 2.0, 0.15  # the show tells its values so long after a question; so long a first one waits for them
_NEWS_S = 10.0  # how long a refusal is news
_FLOOD, _REST_S = 64, 0.004  # so many messages in a row, then a rest: a client that floods costs half a core at most
_PAGE = Path(__file__).parent / "page"
_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; media-src 'self'; connect-src 'self'; style-src 'self'; "
    "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_KINDS = {".webp": "image/webp", ".png": "image/png", ".mp4": "video/mp4"}
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class DeskServer:
    """Serves from construction to `close`. tree: what an OSCQuery client is answered.

    Raises UserError where no port can be had: the caller says so and the show goes on without a desk.
    """

    name = "desk"

    def __init__(
        self,
        table: Table,
        bus: ControlBus,
        library: DeskLibrary,
        tree: Namespace,
        *,
        host: str = "127.0.0.1",
        port: int = PORT,
        version: str = "",
    ) -> None:
        self._table, self._bus, self._library, self._tree, self._version = table, bus, library, tree, version
        self._socket = listening(host, port)
        self.host = host
        self.port: int = self._socket.getsockname()[1]
        # Once: asking the system for its name and addresses may wait for a name server, and `health` is asked every frame.
        self._found = addresses(host, self.port)
        self.keys = Keys() if is_loopback(host) else Keys.new()
        self._quiet = RateLimitedLog(_log)
        self._clients: list[Client] = []
        self._values: Mapping[str, Args] = {}
        self._wires: dict[str, tuple[Args, bytes]] = {}
        self._pictures: dict[str, tuple[int, bytes]] = {}
        self._documents: dict[str, tuple[int, object]] = {}
        self._texts: dict[str, tuple[int, str]] = {}
        self._working: set[str] = set()
        self._asked_until = 0.0
        self._received = self._rejected = self._dropped = 0
        self._refusal = ("", 0.0)
        self.pictures_wanted: frozenset[str] = frozenset()  # read by the render loop
        self.documents_wanted: frozenset[str] = frozenset()
        self._loop = asyncio.new_event_loop()
        self._ending = asyncio.Event()
        self._workers = ThreadPoolExecutor(2, "desk-work")
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="desk", daemon=True)
        self._thread.start()
        self._ready.wait(5.0)

    # For the render loop

    @property
    def wants_state(self) -> bool:
        """Whether a page is open, or a client has just asked for the tree."""
        return clock.now() < self._asked_until or any(
            client.role and (client.watches or client.listens) for client in self._clients
        )

    def publish(self, values: Mapping[str, Args]) -> None:
        """Take the newest state. Never waits."""
        self._values = values
        self._tree.publish(values)

    def picture(self, name: str, picture: np.ndarray, release: Callable[[], None], t: float = 0.0) -> None:
        """Take a picture, uint8 [h, w, 4], of `a`, `b` or `wall`; `release` is called when it is no longer needed.

        t: when its frame leaves.
        """
        if name in self._working:  # the last one is not done: this one is let go rather than queued
            release()
            return
        self._working.add(name)
        self._workers.submit(self._encode, name, picture, release, t)

    def document(self, name: str, value: object) -> None:
        """Take the newest of a JSON document that pages may want, such as `numbers`."""
        self._documents[name] = self._documents.get(name, (0, None))[0] + 1, value

    def suggest(self, heard: Mapping[str, object]) -> None:
        """Take what is heard now (`DeskLibrary.suggested`): the document `suggestions` is made of it on a worker."""
        if SUGGESTIONS not in self._working:
            self._working.add(SUGGESTIONS)
            self._workers.submit(self._suggest, heard)

    def offer(self, path: str, words: Sequence[str]) -> None:
        """Tell which words an address takes now: pages and clients read the lists again where they are others."""
        if self._tree.offer(path, words):
            self._soon(self._tell_all, "PATH_CHANGED", path)

    def health(self) -> SurfaceHealth:
        """Return its counters."""
        text, at = self._refusal
        error = text if clock.now() - at < _NEWS_S else ""
        pages = f", {len(self._clients)} open" if self._clients else ""
        return SurfaceHealth(self.name, self._found[0] + pages, self._received, self._rejected, self._dropped, error)

    @property
    def address(self) -> str:
        """Where the page is found, without a key."""
        return self._found[0]

    @property
    def url(self) -> str:
        """Where the page is found, with the key where one is needed."""
        return with_key(self._found[0], self.keys.play)

    def invitation(self) -> dict[str, object]:
        """Return what a page shows for phones to come in: the addresses, and a QR code each to play and to look."""
        if not self.keys.play:
            return {"urls": self._found, "qr": None, "view_qr": None}
        codes = {"qr": qr_svg(self.url), "view_qr": qr_svg(with_key(self._found[0], self.keys.view))}
        return {"urls": [with_key(each, self.keys.play) for each in self._found], **codes}

    def close(self) -> None:
        """Stop serving."""
        if self._thread.is_alive():
            self._soon(self._ending.set)
            self._thread.join(timeout=1.9)
        self._workers.shutdown(wait=False, cancel_futures=True)
        self._socket.close()

    # On the desk's thread

    def _soon(self, call: Callable[..., object], *args: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(call, *args)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        except Exception:  # noqa: BLE001 boundary: whatever a network does, the show goes on without its desk
            self._quiet.warning("desk", "the desk's server ended")
            _log.debug("desk", exc_info=True)
        finally:
            self._ready.set()
            self._loop.close()

    async def _serve(self) -> None:
        app = web.Application(client_max_size=_MOST_BYTES)
        app.router.add_get("/{path:.*}", self._answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5, handle_signals=False)
        await runner.setup()
        await web.SockSite(runner, self._socket).start()
        self._ready.set()
        await self._ending.wait()
        for client in list(self._clients):
            with contextlib.suppress(Exception):
                await asyncio.wait_for(client.socket.close(code=1001), 0.5)
        await runner.cleanup()

    def _tell_all(self, command: str, data: object) -> None:
        for client in self._clients:
            client.say(command, data)

    def _encode(self, name: str, picture: np.ndarray, release: Callable[[], None], t: float) -> None:
        try:
            self._pictures[name] = self._pictures.get(name, (0, b""))[0] + 1, jpeg(picture, t)
        except Exception:  # noqa: BLE001 boundary: a preview that cannot be encoded is left out
            _log.debug("preview", exc_info=True)
        finally:
            release()
            self._working.discard(name)

    def _document(self, name: str) -> tuple[int, str]:
        """Return a document's number and its line of JSON; made once for all clients."""
        number, value = self._documents.get(name, (0, None))
        found = self._texts.get(name, (0, ""))
        if found[0] != number:
            line = {"COMMAND": "DOCUMENT", "DATA": {"name": name, "value": _plain(value)}}
            found = self._texts[name] = number, json.dumps(line)
        return found

    def _suggest(self, heard: Mapping[str, object]) -> None:
        try:
            self.document(SUGGESTIONS, self._library.suggested(heard))
        except Exception:  # noqa: BLE001 boundary: the page plays without suggestions
            _log.debug("suggestions", exc_info=True)
        finally:
            self._working.discard(SUGGESTIONS)

    def _wire(self, path: str, args: Args) -> bytes:
        """Return a message as bytes; made once for all clients."""
        found = self._wires.get(path)
        if found is None or found[0] != args:
            found = self._wires[path] = args, encoded(path, args)
        return found[1]

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if not is_ours(request.headers.get("Host", ""), request.headers.get("Origin")):
            return web.Response(status=403, text="this address is not that of a desk", headers=_HEADERS)
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._talk(request)
        path = request.path
        if path == "/" and "text/html" in request.headers.get("Accept", ""):
            return web.FileResponse(_PAGE / "index.html", headers=_HEADERS)
        if path.startswith("/desk/page/"):
            name = path.removeprefix("/desk/page/")
            file = _PAGE / name
            if not is_name(name) or name.startswith(".") or not file.is_file():
                return web.Response(status=404, headers=_HEADERS)
            return web.FileResponse(file, headers=_HEADERS)
        given = request.headers.get("Authorization", "").removeprefix("Bearer ") or request.query.get("key", "")
        if not self.keys.admits(given):
            return web.Response(status=401, text="a key is needed: open the address with its QR code", headers=_HEADERS)
        if path == "/desk/library.json":
            found = await self._loop.run_in_executor(self._workers, self._library.document)
            if self.keys.admits(given) == "play":  # who may look only is not told how to get in
                found["desk"] = self.invitation()
            return web.json_response(found, headers=_HEADERS)
        if path == "/desk/inputs.json":  # a device may have been plugged in since the library was read
            inputs = await self._loop.run_in_executor(self._workers, self._library.inputs)
            return web.json_response(inputs, headers=_HEADERS)
        if path.startswith("/desk/"):
            return await self._file(path)
        query = "&".join(part for part in request.query_string.split("&") if part and not part.startswith("key="))
        if not self.wants_state:
            self._asked_until = clock.now() + _TELL_S
            await asyncio.sleep(_FRESH_S)  # nobody has looked: the show tells its values within a frame or two
        self._asked_until = clock.now() + _TELL_S
        status, body = self._tree.answer(path, query)
        return web.Response(status=status, body=body, content_type="application/json", headers=_HEADERS)

    async def _file(self, path: str) -> web.StreamResponse:
        parts = path.split("/")[2:]
        file = None
        if len(parts) == 3:
            file = await self._loop.run_in_executor(self._workers, partial(self._library.file, *parts))
        if file is None:  # a picture's still may not be made yet: no fault, and no line in a browser's console
            return web.Response(status=204 if parts[0] == "media" else 404, headers=_HEADERS)
        kind = _KINDS.get(file.suffix)  # Python knows some of these on some systems only
        return web.FileResponse(
            file, headers=_HEADERS | {"Cache-Control": "max-age=60"} | ({"Content-Type": kind} if kind else {})
        )

    async def _talk(self, request: web.Request) -> web.StreamResponse:
        ws = web.WebSocketResponse(max_msg_size=_MOST_BYTES, heartbeat=5.0, compress=False)
        await ws.prepare(request)
        if len(self._clients) >= _MOST_CLIENTS:
            await ws.close(code=4429, message=b"too many pages are open")
            return ws
        role = self.keys.admits(request.query.get("key", ""))
        client = Client(ws, request, role)
        self._clients.append(client)
        if not role:  # strangers who say nothing must not fill the places of those who have a key
            self._loop.call_later(_HELLO_S, self._turn_away, client)
        sender = asyncio.ensure_future(self._send_to(client))
        try:
            await self._hear(client)
        finally:
            sender.cancel()
            self._clients.remove(client)
            self._note_wanted()
        return ws

    def _turn_away(self, client: Client) -> None:
        if not client.role:
            client.abort()

    async def _send_to(self, client: Client) -> None:
        try:
            await client.run(lambda: self._values, self._wire, self._pictures, self._document)
        except (TimeoutError, ConnectionError):
            client.abort()  # it does not read: closing politely would wait for it

    async def _hear(self, client: Client) -> None:
        since_rest = 0
        async for message in client.socket:
            if message.type is WSMsgType.TEXT:
                await self._told(client, message.data)
            elif message.type is WSMsgType.BINARY:
                self._played(client, message.data)
            since_rest += 1
            if since_rest % _FLOOD == 0:
                await asyncio.sleep(_REST_S)

    async def _told(self, client: Client, text: str) -> None:
        """Act on a line of JSON: what a page wants to be told, or OSCQuery's LISTEN and IGNORE."""
        try:
            told = json.loads(text)
            command, data = told["COMMAND"], told.get("DATA")
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            self._refuse(client, 'not a command: {"COMMAND": ..., "DATA": ...} is expected')
            return
        if command == "HELLO":
            key = data.get("key", "") if isinstance(data, dict) else ""
            client.role = self.keys.admits(key if isinstance(key, str) else "")
            if not client.role:
                await client.socket.close(code=4401, message=b"wrong key")
                return
            about = {"view": client.role == "view", "name": f"Phosphene ({socket.gethostname()})", "version": self._version}
            client.say("HELLO", about)
        elif not client.role:
            await client.socket.close(code=4401, message=b"no key")
        elif command == "WATCH":
            client.watch(data is True)
        elif command in ("LISTEN", "IGNORE") and isinstance(data, str):
            if command == "IGNORE":
                client.listens.pop(data, None)
            elif address := self._tree.listened(data):
                client.listen(data, address)
        elif command == "PICTURES" and isinstance(data, list):
            client.pictures = tuple(name for name in PICTURES if name in data)
        elif command == "DOCUMENTS" and isinstance(data, list):
            client.documents = frozenset(name for name in data[:32] if isinstance(name, str))
        else:
            self._refuse(client, f"no such command: {str(command)[:40]}")
        self._note_wanted()

    def _note_wanted(self) -> None:
        self.pictures_wanted = frozenset(name for client in self._clients for name in client.pictures)
        self.documents_wanted = frozenset().union(*(client.documents for client in self._clients))
        if (wanted := MESSAGES in self.documents_wanted) != self._bus.monitor.wanted:
            self._bus.monitor.want(wanted)

    def _played(self, client: Client, data: bytes) -> None:
        """Put what a page sends on the bus."""
        if client.role != "play":
            self._refuse(client, "this page may look and not touch")
            return
        source, t, monitor = f"desk {client.peer}", clock.now(), self._bus.monitor
        for part in messages(data):
            if not isinstance(part, Message):
                refused(monitor.note(part.where, tuple, source, t), part.error)
                self._refuse(client, part.error().line())
                continue
            noted = monitor.note(part.path, partial(arguments, part), source, t)
            try:
                change = self._table.parse(part.path, arguments(part), t, source)
            except UserError as error:
                refused(noted, error.line())
                self._refuse(client, error.line())
                continue
            if change is None or change.path == LISTEN:
                continue
            self._received += 1
            if not self._bus.put(change):
                self._dropped += 1
            elif not change.every:  # a button is told at once what it did
                client.sent(change.path)

    def _refuse(self, client: Client, line: str) -> None:
        self._rejected += 1
        self._bus.reject()
        self._refusal = (line, clock.now())
        self._quiet.warning("desk", f"desk, {client.peer}: {line}")
        client.say("REFUSED", line)


def _plain(value: object) -> object:
    """Return a document as JSON has it: nothing in place of what is no number, of a show that has only begun for one."""
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
