"""The desk's server over real sockets on loopback: what pages get and send, and what strangers do not."""

from __future__ import annotations

import asyncio
import json
import math
import socket
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import aiohttp
import numpy as np
import pytest
from aiohttp import WSMsgType, WSServerHandshakeError

from phosphene.engine.control.bus import ControlBus
from phosphene.engine.control.feedback import encoded
from phosphene.engine.control.oscquery import Namespace
from phosphene.engine.control.table import build_table
from phosphene.engine.core import clock
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.params import Param
from phosphene.engine.desk.access import Keys
from phosphene.engine.desk.server import DeskServer

TABLE = build_table({"bloom": (Param("amount", "Amount", 0.0, 1.0, 0.0),)}, (Param("zoom", "Zoom", 0.1, 8.0, 1.0),))
PICTURE = np.zeros((18, 32, 4), np.uint8)


class Shelf:
    """A library of one file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "preview.mp4").write_bytes(bytes(range(256)))

    def document(self) -> dict[str, object]:
        return {"styles": [], "desk": {}}

    def inputs(self) -> list[str]:
        return ["default", "demo"]

    def suggested(self, heard: dict[str, object]) -> dict[str, object]:
        if heard["why"] == "broken":
            raise OSError("a disk")
        return {"styles": [heard["why"]]}

    def file(self, kind: str, slug: str, name: str) -> Path | None:
        found = self.folder / name
        return found if (kind, slug) == ("style", "manta") and found.is_file() else None


@pytest.fixture
def desk(tmp_path) -> Iterator[DeskServer]:
    server = DeskServer(TABLE, ControlBus(), Shelf(tmp_path), Namespace(TABLE), port=0)
    yield server
    server.close()


def run(work: Callable[[aiohttp.ClientSession], Awaitable[object]]) -> object:
    async def all_of_it() -> object:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(20)) as session:
            return await work(session)

    return asyncio.run(all_of_it())


async def page(session: aiohttp.ClientSession, desk: DeskServer, key: str = "") -> aiohttp.ClientWebSocketResponse:
    socket = await session.ws_connect(f"http://127.0.0.1:{desk.port}/")
    await say(socket, "HELLO", {"key": key})
    return socket


async def say(socket: aiohttp.ClientWebSocketResponse, command: str, data: object) -> None:
    await socket.send_str(json.dumps({"COMMAND": command, "DATA": data}))


async def told(socket: aiohttp.ClientWebSocketResponse, command: str) -> object:
    while True:
        message = await socket.receive()
        assert message.type in (WSMsgType.TEXT, WSMsgType.BINARY), message
        if message.type is WSMsgType.TEXT and (line := json.loads(message.data))["COMMAND"] == command:
            return line["DATA"]


async def binary(socket: aiohttp.ClientWebSocketResponse) -> bytes:
    while True:
        message = await socket.receive()
        assert message.type in (WSMsgType.TEXT, WSMsgType.BINARY), message
        if message.type is WSMsgType.BINARY:
            return message.data


async def until(done: Callable[[], bool]) -> None:
    while not done():
        await asyncio.sleep(0.01)


def test_a_page_says_hello_and_plays(desk):
    async def work(session):
        socket = await page(session, desk)
        assert (await told(socket, "HELLO"))["view"] is False
        await socket.send_bytes(encoded("/crossfade", (0.25,)))
        await socket.send_bytes(encoded("/tempo/tap", ()))
        await until(lambda: desk.health().received == 2)

    run(work)
    changes = desk._bus.drain()
    assert [(change.path, change.args, change.source) for change in changes] == [
        ("/crossfade", (0.25,), "desk 127.0.0.1"),
        ("/tempo/tap", (), "desk 127.0.0.1"),
    ]


def test_what_cannot_be_played_is_told_to_the_page_that_sent_it(desk):
    async def work(session):
        socket = await page(session, desk)
        lines = []
        for sent in (encoded("/crossfade", (7.0,)), encoded("/nowhere", ()), b"/cut", b"", encoded("/guard", (0,))):
            await socket.send_bytes(sent)
            lines.append(await told(socket, "REFUSED"))
        for text in (
            "",
            "{",
            "[]",
            '"x"',
            '{"COMMAND": "SHELL", "DATA": "rm"}',
            '{"COMMAND": "LISTEN", "DATA": 7}',
            "[" * 9999,
        ):
            await socket.send_str(text)
            lines.append(await told(socket, "REFUSED"))
        return lines

    lines = run(work)
    assert "out of range" in lines[0]
    assert "unknown address" in lines[1]
    assert "not switched off" in lines[4]
    assert len(lines) == 12
    assert all(lines)
    assert desk.health().rejected == 12
    assert desk.health().error == lines[-1]
    assert desk._bus.drain() == []


def test_a_page_that_watches_gets_everything_and_then_what_changes(desk):
    async def work(session):
        socket = await page(session, desk)
        await say(socket, "WATCH", True)
        await until(lambda: desk.wants_state)
        desk.publish({"/crossfade": (0.5,), "/state/scene": ("pulse",)})
        first = await binary(socket)
        desk.publish({"/crossfade": (0.75,), "/state/scene": ("pulse",)})
        second = await binary(socket)
        return first, second

    first, second = run(work)
    assert first.startswith(b"#bundle\0")
    assert b"/crossfade\0" in first
    assert b"pulse\0" in first
    assert b"/crossfade\0" in second
    assert b"pulse" not in second


def test_a_hand_is_not_told_its_own_fader_and_gets_what_others_do_with_it_later(desk):
    async def work(session):
        mover, other = await page(session, desk), await page(session, desk)
        for each in (mover, other):
            await say(each, "WATCH", True)
            await told(each, "HELLO")
        await mover.send_bytes(encoded("/crossfade", (0.25,)))
        await until(lambda: desk.health().received == 1)
        desk.publish({"/crossfade": (0.25,), "/master": (1.0,)})
        got = [await binary(mover), await binary(other)]
        desk.publish({"/crossfade": (0.5,), "/master": (1.0,)})
        return [*got, await binary(mover)]

    own, others, later = run(work)
    assert b"/crossfade" not in own
    assert b"/crossfade" in others
    assert b"/crossfade" in later


def test_a_foreign_client_reads_the_tree_and_listens(desk):
    async def work(session):
        async with session.get(f"http://127.0.0.1:{desk.port}/crossfade?RANGE") as answer:
            assert answer.status == 200
            assert (await answer.json())["RANGE"] == [{"MIN": 0.0, "MAX": 1.0}]
        async with session.get(f"http://127.0.0.1:{desk.port}/nowhere") as answer:
            assert answer.status == 404
        socket = await session.ws_connect(f"http://127.0.0.1:{desk.port}/")
        await say(socket, "LISTEN", "/crossfade/position")
        await until(lambda: any(client.listens for client in desk._clients))
        desk.publish({"/crossfade": (0.5,), "/master": (1.0,)})
        return await binary(socket)

    assert run(work) == encoded("/crossfade/position", (0.5,))


def test_pictures_go_only_to_those_who_look_and_the_newest_wins(desk):
    released = []

    async def work(session):
        looks, other = await page(session, desk), await page(session, desk)
        assert desk.pictures_wanted == frozenset()
        await say(looks, "PICTURES", ["wall", "nonsense"])
        await until(lambda: desk.pictures_wanted == {"wall"})
        desk.picture("wall", PICTURE, lambda: released.append("wall"))
        data = await binary(looks)
        await say(looks, "PICTURES", [])
        await until(lambda: desk.pictures_wanted == frozenset())
        await say(other, "WATCH", False)
        return data

    data = run(work)
    assert data.startswith(b"W\xff\xd8")
    assert released == ["wall"]


def test_documents_are_sent_to_those_who_want_them(desk):
    async def work(session):
        socket = await page(session, desk)
        await say(socket, "DOCUMENTS", ["numbers"])
        await until(lambda: desk.documents_wanted == {"numbers"})
        desk.document("numbers", {"fps": 60.0, "p99": [math.nan, {"ms": math.inf}]})
        first = await told(socket, "DOCUMENT")
        desk.offer("/scene", ["pulse", "tide"])
        return first, await told(socket, "PATH_CHANGED")

    assert run(work) == ({"name": "numbers", "value": {"fps": 60.0, "p99": [None, {"ms": None}]}}, "/scene")


def test_inputs_are_looked_for_again_when_a_page_asks(tmp_path):
    desk = DeskServer(TABLE, ControlBus(), Shelf(tmp_path), Namespace(TABLE), port=0)
    desk.keys = Keys.new()

    async def work(session):
        url = f"http://127.0.0.1:{desk.port}/desk/inputs.json"
        async with (
            session.get(url) as refused,
            session.get(url, headers={"Authorization": f"Bearer {desk.keys.view}"}) as answer,
        ):
            return refused.status, await answer.json()

    assert run(work) == (401, ["default", "demo"])
    desk.close()


def test_suggestions_are_made_beside_the_show_and_a_fault_costs_them_alone(desk):
    async def work(session):
        socket = await page(session, desk)
        await say(socket, "DOCUMENTS", ["suggestions"])
        await until(lambda: "suggestions" in desk.documents_wanted)
        desk.suggest({"why": "broken"})
        await until(lambda: not desk._working)
        desk.suggest({"why": "calm"})
        return await told(socket, "DOCUMENT")

    assert run(work) == {"name": "suggestions", "value": {"styles": ["calm"]}}


def test_messages_are_gathered_while_a_page_shows_them_and_not_longer(desk):
    async def work(session):
        socket = await page(session, desk)
        await socket.send_bytes(encoded("/crossfade", (0.1,)))
        await until(lambda: desk.health().received == 1)
        assert desk._bus.monitor.newest() == []
        await say(socket, "DOCUMENTS", ["messages"])
        await until(lambda: desk._bus.monitor.wanted)
        await socket.send_bytes(encoded("/crossfade", (0.25,)))
        await socket.send_bytes(encoded("/crossfade", (7.0,)))
        await until(lambda: len(desk._bus.monitor.newest()) == 2 and desk._bus.monitor.newest()[0]["why"])
        wrong, good = desk._bus.monitor.newest()
        assert (good["address"], good["args"], good["from"], good["why"]) == ("/crossfade", [0.25], "desk 127.0.0.1", "")
        assert "out of range" in wrong["why"]
        await socket.close()
        await until(lambda: not desk._bus.monitor.wanted)

    run(work)
    assert desk._bus.monitor.newest() == []


def test_files_of_the_library_come_in_parts_and_no_others_come(desk):
    async def work(session):
        base = f"http://127.0.0.1:{desk.port}"
        async with session.get(f"{base}/desk/style/manta/preview.mp4", headers={"Range": "bytes=2-4"}) as answer:
            assert (answer.status, await answer.read()) == (206, bytes([2, 3, 4]))
        codes = []
        for path in ("/desk/style/manta/style.toml", "/desk/style/../preview.mp4", "/desk/page/..%2fserver.py",
                     "/desk/page/.hidden", "/desk/style", "/desk/style/a/b/c/d"):  # fmt: skip
            async with session.get(f"{base}{path}") as answer:
                codes.append(answer.status)
        return codes

    assert run(work) == [404] * 6


@pytest.mark.parametrize("headers", [{"Origin": "http://evil.example"}, {"Host": "evil.example"}])
def test_other_pages_and_names_are_turned_away(desk, headers):
    async def work(session):
        async with session.get(f"http://127.0.0.1:{desk.port}/", headers=headers) as answer:
            assert answer.status == 403
        with pytest.raises(WSServerHandshakeError):
            await session.ws_connect(f"http://127.0.0.1:{desk.port}/", headers=headers)

    run(work)


def test_beyond_this_machine_a_key_is_needed_and_a_view_key_only_looks(desk):
    desk.keys = Keys("open sesame", "look")

    async def work(session):
        base = f"http://127.0.0.1:{desk.port}"
        codes = []
        for path in ("/desk/library.json", "/crossfade?VALUE", "/desk/library.json?key=look", "/crossfade?VALUE&key=look"):
            async with session.get(base + path) as answer:
                codes.append(answer.status)
        wrong = await page(session, desk, "guess")
        closed = await wrong.receive()
        silent = await session.ws_connect(base)
        await say(silent, "WATCH", True)
        unknown = await silent.receive()
        view = await page(session, desk, "look")
        assert (await told(view, "HELLO"))["view"] is True
        await view.send_bytes(encoded("/blackout", (1,)))
        refused = await told(view, "REFUSED")
        return codes, closed.data, unknown.data, refused

    codes, wrong, unknown, refused = run(work)
    assert codes == [401, 401, 200, 204]
    assert (wrong, unknown) == (4401, 4401)
    assert "look and not touch" in refused
    assert desk._bus.drain() == []


def test_a_message_that_is_too_long_ends_that_page_alone(desk):
    async def work(session):
        huge, other = await page(session, desk), await page(session, desk)
        await huge.send_bytes(bytes(1 << 20))
        while (await huge.receive()).type not in (WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.ERROR):
            pass
        await other.send_bytes(encoded("/master", (0.5,)))
        await until(lambda: desk.health().received == 1)

    run(work)


def test_fifty_pages_come_and_sixteen_are_served(desk):
    async def work(session):
        sockets = [await page(session, desk) for _ in range(50)]
        answers = [await socket.receive() for socket in sockets]
        return [answer.type for answer in answers].count(WSMsgType.TEXT), answers[-1].data

    assert run(work) == (16, 4429)


def test_a_page_that_does_not_read_is_let_go_and_costs_the_show_nothing(desk, monkeypatch):
    monkeypatch.setattr("phosphene.engine.desk.client.SLOW_S", 0.2)
    noise = np.random.default_rng(1).integers(0, 255, (540, 960, 4), np.uint8)

    async def work(session):
        reader, writer = await asyncio.open_connection("127.0.0.1", desk.port, limit=1024)
        head = f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{desk.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        writer.write(f"{head}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
        await reader.readuntil(b"\r\n\r\n")
        for command, data in (("HELLO", {"key": ""}), ("PICTURES", ["a", "b", "wall"])):
            body = json.dumps({"COMMAND": command, "DATA": data}).encode()
            writer.write(bytes([0x81, 0x80 | len(body), 0, 0, 0, 0]) + body)  # masked with zeros
        await until(lambda: len(desk.pictures_wanted) == 3)
        took = []
        while desk._clients:
            began = clock.now()
            for name in ("a", "b", "wall"):
                desk.picture(name, noise, lambda: None)
            took.append(clock.now() - began)
            await asyncio.sleep(0.005)
        writer.close()
        return sorted(took)[len(took) // 2]

    assert run(work) < 1e-3


def test_the_next_port_is_taken_where_one_is_in_use_and_ten_in_a_row_are_said(desk, tmp_path):
    second = DeskServer(TABLE, ControlBus(), Shelf(tmp_path), Namespace(TABLE), port=desk.port)
    try:
        assert desk.port < second.port <= desk.port + 9
    finally:
        second.close()
    with pytest.raises(UserError, match="no such host"):
        DeskServer(TABLE, ControlBus(), Shelf(tmp_path), Namespace(TABLE), host="no.such.host.invalid", port=0)


def test_a_port_at_the_end_of_all_ports_is_refused_in_words(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 65535))
        taken.listen()
        with pytest.raises(UserError, match="no port for the desk"):
            DeskServer(TABLE, ControlBus(), Shelf(tmp_path), Namespace(TABLE), port=65535)


def test_a_stranger_who_says_nothing_takes_nobodys_place_for_long(desk, monkeypatch):
    monkeypatch.setattr("phosphene.engine.desk.server._HELLO_S", 0.1)
    desk.keys = Keys("open sesame", "look")

    async def work(session):
        silent = await session.ws_connect(f"http://127.0.0.1:{desk.port}/")
        ours = await page(session, desk, "open sesame")
        await told(ours, "HELLO")
        while (await silent.receive()).type not in (WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.ERROR):
            pass
        await until(lambda: len(desk._clients) == 1)
        await ours.send_bytes(encoded("/master", (0.5,)))
        await until(lambda: desk.health().received == 1)

    run(work)


def test_the_render_loop_asks_no_name_server(desk, monkeypatch):
    def asked(*_: object) -> None:
        raise AssertionError("a name server was asked")

    for name in ("getaddrinfo", "gethostname", "gethostbyname"):
        monkeypatch.setattr(socket, name, asked)
    assert desk.health().where.startswith("http://127.0.0.1:")
    assert desk.url
