"""A small desk for tests of its page: it speaks the desk's protocol, keeps what it is sent, and can be cut off."""

from __future__ import annotations

import asyncio
import io
import json
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from aiohttp import WSMsgType, web
from PIL import Image
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder

PAGE = Path(__file__).parents[2] / "engine" / "desk" / "page"
POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; connect-src 'self'; style-src 'self'; object-src 'none'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
Args = tuple[float | int | str, ...]


def message(path: str, args: Args) -> bytes:
    """Return one OSC message."""
    builder = OscMessageBuilder(path)
    for value in args:
        builder.add_arg(value, "s" if isinstance(value, str) else "i" if isinstance(value, int) else "f")
    dgram: bytes = builder.build().dgram
    return dgram


def bundle(messages: list[bytes]) -> bytes:
    """Return a bundle that acts now."""
    return b"#bundle\0" + (1).to_bytes(8, "big") + b"".join(len(m).to_bytes(4, "big") + m for m in messages)


def jpeg(colour: tuple[int, int, int]) -> bytes:
    """Return a picture of one colour."""
    out = io.BytesIO()
    Image.new("RGB", (320, 180), colour).save(out, "JPEG")
    return out.getvalue()


def leaf(path: str, kind: str, low: float, high: float, default: float, label: str) -> dict[str, Any]:
    """Return a node of the tree."""
    return {
        "FULL_PATH": path,
        "TYPE": kind,
        "RANGE": [{"MIN": low, "MAX": high}],
        "DESCRIPTION": label,
        "DEFAULT": [default],
    }


class FakeDesk:
    """Serves on a port of its own, in a thread. `said`: OSC messages that came; `told`: commands that came."""

    def __init__(self, *, key: str = "", view: bool = False) -> None:
        self.key, self.view = key, view
        self.said: list[tuple[str, list[Any]]] = []
        self.told: list[tuple[str, Any]] = []
        self.inputs: list[str] = []
        self.state: dict[str, Args] = {"/crossfade": (0.0,), "/master": (1.0,), "/blackout": (0,), "/fader/1": (0.25,)}
        self.library: dict[str, Any] = {
            "styles": [], "scenes": [], "setlist": {"name": "", "cues": []}, "inputs": [], "signals": ["bass", "kick"],
            "curves": ["linear", "pow2"], "effects": {}, "decks": ["a", "b"], "transitions": [], "desk": {"urls": []},
        }  # fmt: skip
        self.tree: dict[str, Any] = {"CONTENTS": {"deck": {"CONTENTS": {d: {"CONTENTS": self._deck(d)} for d in "ab"}}}}
        self.port = 0
        self._sockets: set[web.WebSocketResponse] = set()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @staticmethod
    def _deck(deck: str) -> dict[str, Any]:
        bloom = {"amount": leaf(f"/deck/{deck}/fx/bloom/amount", "f", 0, 1, 0, "Amount")}
        return {
            "zoom": leaf(f"/deck/{deck}/zoom", "f", 0.25, 4, 1, "Zoom"),
            "fx": {"CONTENTS": {"bloom": {"CONTENTS": bloom}}},
        }

    def __enter__(self) -> FakeDesk:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._call(self._close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://127.0.0.1:{self.port}/" + (f"#{self.key}" if self.key else "")

    def tell(self, *items: bytes | dict[str, Any]) -> None:
        """Send these to every page."""

        async def send() -> None:
            for socket in list(self._sockets):
                for item in items:
                    await (socket.send_bytes(item) if isinstance(item, bytes) else socket.send_str(json.dumps(item)))

        self._call(send)

    def set(self, path: str, *args: float | str) -> None:
        """Change the state and tell it."""
        self.state[path] = args
        self.tell(message(path, args))

    def stop(self) -> None:
        """Go away: sockets are cut and new ones find nobody."""
        self._call(self._close)

    def start(self) -> None:
        """Come back on the same port."""
        self._call(self._open)

    def _call(self, job: Callable[[], Coroutine[Any, Any, None]]) -> None:
        asyncio.run_coroutine_threadsafe(job(), self._loop).result(10)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._open())
        self._ready.set()
        self._loop.run_forever()

    async def _open(self) -> None:
        app = web.Application()
        app.router.add_get("/", self._root)
        app.router.add_get("/desk/library.json", self._library)
        app.router.add_get("/desk/inputs.json", self._inputs)
        app.router.add_get("/desk/page/{name}", self._file)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def _close(self) -> None:
        for socket in list(self._sockets):
            await socket.close()
        await self._runner.cleanup()

    async def _root(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._socket(request)
        if "application/json" in request.headers.get("Accept", ""):
            return web.json_response(self.tree)
        return self._page("index.html")

    async def _library(self, _: web.Request) -> web.Response:
        return web.json_response(self.library)

    async def _inputs(self, _: web.Request) -> web.Response:
        return web.json_response(self.inputs)

    async def _file(self, request: web.Request) -> web.StreamResponse:
        return self._page(request.match_info["name"])

    def _page(self, name: str) -> web.StreamResponse:
        return web.FileResponse(PAGE / name, headers={"Content-Security-Policy": POLICY})

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for item in socket:
            if item.type == WSMsgType.BINARY:
                osc = OscMessage(item.data)
                self.said.append((osc.address, list(osc.params)))
            elif item.type == WSMsgType.TEXT:
                told = json.loads(item.data)
                self.told.append((told["COMMAND"], told["DATA"]))
                await self._answer(socket, told)
        self._sockets.discard(socket)
        return socket

    async def _answer(self, socket: web.WebSocketResponse, told: dict[str, Any]) -> None:
        if told["COMMAND"] == "HELLO":
            if told["DATA"]["key"] != self.key:
                await socket.close(code=4401)
                return
            self._sockets.add(socket)
            await socket.send_json(
                {"COMMAND": "HELLO", "DATA": {"view": self.view, "name": "Phosphene (test)", "version": "1"}}
            )
        elif told["COMMAND"] == "WATCH":
            await socket.send_bytes(bundle([message(path, args) for path, args in self.state.items()]))
