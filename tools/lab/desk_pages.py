"""Pages of the desk without a browser, as a process: they watch everything and count what comes. See `bench_desk.py`.

Arguments: URL, pages, seconds. Says one line of JSON: for each page pictures, states, documents and bytes a second; for the
first one also how old pictures are when they arrive: ms since their frame left.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import aiohttp
import numpy as np

from phosphene.engine.core import clock
from phosphene.engine.desk.pictures import presented


async def _page(url: str, seconds: float, ages: list[float] | None) -> dict[str, Any]:
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
                picture = message.data[:1] not in b"#/"
                counts["pictures" if picture else "states"] += 1
                counts["bytes"] += len(message.data)
                if picture and ages is not None:
                    ages.append(1e3 * (clock.now() - presented(message.data[1:])))
            elif message.type is aiohttp.WSMsgType.TEXT:
                counts["documents"] += 1
            else:
                break
    found: dict[str, Any] = {name: round(count / seconds, 1) for name, count in counts.items()}
    if ages:
        found["picture_age_ms"] = {f"p{q}": round(float(np.percentile(ages, q)), 1) for q in (50, 99)}
    return found


async def _all(url: str, pages: int, seconds: float) -> list[dict[str, Any]]:
    return await asyncio.gather(*(_page(url, seconds, [] if k == 0 else None) for k in range(pages)))


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(_all(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))) + "\n")
