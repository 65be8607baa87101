"""Pages of the desk without a browser, as a process: they watch everything and count what comes. See `bench_desk.py`.

Arguments: URL, pages, seconds. Says one line of JSON: pictures a second and their age, messages a second.
"""

from __future__ import annotations

import asyncio
import json
import sys

import aiohttp

from phosphene.engine.core import clock


async def _page(url: str, seconds: float) -> dict[str, float]:
    counts = {"pictures": 0.0, "states": 0.0, "documents": 0.0, "bytes": 0.0}
    ends = clock.now() + seconds
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        told: tuple[tuple[str, object], ...] = (
            ("HELLO", {"key": ""}),
            ("WATCH", True),
            ("PICTURES", ["a", "b", "wall"]),
            ("DOCUMENTS", ["numbers", "signals", "moved"]),
        )
        for command, data in told:
            await socket.send_str(json.dumps({"COMMAND": command, "DATA": data}))
        while clock.now() < ends:
            message = await socket.receive()
            if message.type is aiohttp.WSMsgType.BINARY:
                counts["states" if message.data[:1] in b"#/" else "pictures"] += 1
                counts["bytes"] += len(message.data)
            elif message.type is aiohttp.WSMsgType.TEXT:
                counts["documents"] += 1
            else:
                break
    return {name: round(count / seconds, 1) for name, count in counts.items()}


async def _all(url: str, pages: int, seconds: float) -> list[dict[str, float]]:
    return await asyncio.gather(*(_page(url, seconds) for _ in range(pages)))


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(_all(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))) + "\n")
