"""Runs p5.js sketches in headless Chromium and takes their frames, on a clock that moves one frame at a time.

Called by `tools.datasets.sketches`. The page is served out of this process and reaches nothing else; a sketch that hangs
takes its browser with it, and the next gets a new one. The clock, chance and timers of the page are in `stage.js`
(docs/decisions/captured-sketches.md).
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import html
import io
import json
import os
import shutil
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np

from phosphene.engine.core.child import find_program
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.extras import install
from phosphene.engine.core.files import json_there
from phosphene.engine.core.frame import Size
from phosphene.engine.core.paths import cache_dir
from phosphene.tools.datasets.pictures import fit, load_picture

P5_VERSION = "2.3.4"
_FLAGS = (
    "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--force-color-profile=srgb",
)  # fmt: skip
_ORIGIN = "http://sketch.invalid"  # a name that is never looked up: every request is answered here
_BATCH = 12  # frames a call: 3 MB of PNG at most
_CLOSING_S = 10.0


class SketchRefused(Exception):
    """A sketch that gives no loop; the text says why."""


@dataclass(frozen=True)
class Params:
    """What a sketch is given as `window.params`. size: px of the canvas it is asked for."""

    seed: int
    variant: int
    frames: int
    fps: float
    size: int


def p5_folder() -> Path:
    """Return the folder that npm put p5 into: $PHOSPHENE_P5, else in the cache folder."""
    return Path(os.environ.get("PHOSPHENE_P5", cache_dir() / "p5"))


def find_p5() -> Path:
    """Return p5.min.js of the npm package. Raises UserError."""
    folder = p5_folder()
    script = folder / "node_modules" / "p5" / "lib" / "p5.min.js"
    remedy = f"npm install --ignore-scripts --prefix {folder} p5@{P5_VERSION}"
    if not script.is_file():
        raise UserError("p5.js is not installed", where=str(folder), remedy=remedy)
    package = json_there(script.parents[1] / "package.json")
    version = package.get("version") if isinstance(package, dict) else None
    if version != P5_VERSION:
        what = "another p5.js than sketches are captured with"
        raise UserError(what, where=str(folder), allowed=P5_VERSION, got=version, remedy=remedy)
    return script


def find_chromium() -> Path:
    """Return the browser: $PHOSPHENE_CHROMIUM, else the first on the path, else an installed Chrome. Raises UserError."""
    given = os.environ.get("PHOSPHENE_CHROMIUM")
    if given and os.path.dirname(given):
        if found := shutil.which(os.path.abspath(given)):
            return Path(found)
    else:
        for name in (given,) if given else ("chromium", "chromium-browser", "google-chrome", "chrome"):
            if found := find_program(name):
                return Path(found)
        for place in () if given else _installed():
            if place.is_file():
                return place
    raise UserError(
        "no Chromium to run sketches in",
        where=f"PHOSPHENE_CHROMIUM={given}" if given else "",
        remedy="Debian, Ubuntu: sudo apt-get install chromium; or name one in PHOSPHENE_CHROMIUM",
    )


def _installed() -> list[Path]:
    """Return where Chrome and Edge, which is a Chromium too, are installed on Windows and macOS: never on the path there."""
    if sys.platform == "darwin":
        names = ("Google Chrome", "Chromium", "Microsoft Edge")
        return [Path(f"/Applications/{name}.app/Contents/MacOS/{name}") for name in names]
    if sys.platform == "win32":
        roots = [os.environ[name] for name in ("ProgramFiles", "ProgramFiles(x86)", "LocalAppData") if name in os.environ]
        programs = ("Google/Chrome/Application/chrome.exe", "Microsoft/Edge/Application/msedge.exe")
        return [Path(root, program) for program in programs for root in roots]
    return []


class Browser:
    """Captures sketches, one after another. An async context: the browser runs within it.

    limit_s: time for one capture, beyond which its sketch is refused.
    """

    def __init__(self, limit_s: float) -> None:
        """Raises UserError where Chromium, p5.js or playwright is missing."""
        self.limit_s = limit_s
        self._p5, self._chromium = find_p5(), find_chromium()
        self._stage = Path(__file__).with_name("stage.js")
        self._browser: Any = None
        try:
            from playwright.async_api import Error, async_playwright
        except ImportError as error:
            raise UserError("playwright is not installed", remedy=f"{install('loops')} (no browser of its own)") from error
        self._error, self._playwright = Error, async_playwright()

    async def __aenter__(self) -> Browser:
        self._driver = await self._playwright.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._close()
        await self._playwright.__aexit__(*error)

    async def capture(self, sketch: Path, params: Params, size: Size, count: int) -> np.ndarray:
        """Return the first `count` frames of a sketch, uint8 [count, h, w, 3]. Raises SketchRefused with the reason."""
        if self._browser is None:
            await self._open()
        try:
            async with asyncio.timeout(self.limit_s):
                return await self._capture(sketch, params, size, count)
        except TimeoutError:
            await self._close()
            raise SketchRefused(f"not done in {self.limit_s:g} s: it loops forever, or is too slow") from None
        except self._error as error:
            await self._close()
            raise SketchRefused(f"the browser gave it up: {str(error).splitlines()[0]}") from error

    async def _capture(self, sketch: Path, params: Params, size: Size, count: int) -> np.ndarray:
        context = await self._browser.new_context(
            viewport={"width": params.size, "height": params.size}, device_scale_factor=1, service_workers="block"
        )
        context.set_default_timeout(self.limit_s * 1000)
        page = await context.new_page()
        given = html.escape(json.dumps(asdict(params)))
        index = (
            f'<!doctype html><meta charset="utf-8"><body><script src="/stage.js" data-params="{given}"></script>'
            '<script src="/p5.js"></script><script src="/sketch.js"></script></body>'
        )
        known = {"/stage.js": self._stage, "/p5.js": self._p5, "/sketch.js": sketch}

        async def answer(route: Any) -> None:
            path = unquote(urlsplit(route.request.url).path)
            file = known.get(path, (sketch.parent / path.lstrip("/")).resolve())
            if not route.request.url.startswith(_ORIGIN):
                await route.abort()
            elif path == "/":
                await route.fulfill(body=index, content_type="text/html")
            elif path in known or (file.is_relative_to(sketch.parent.resolve()) and file.is_file()):
                await route.fulfill(path=file)
            else:
                await route.fulfill(status=404, body="")

        await context.route("**/*", answer)
        await page.goto(f"{_ORIGIN}/", wait_until="load")
        if fault := await page.evaluate("stage.begin()"):
            raise SketchRefused(await self._done(context, fault))
        frames: list[np.ndarray] = []
        while len(frames) < count:
            got = await page.evaluate("n => stage.frames(n)", min(_BATCH, count - len(frames)))
            if got["fault"]:
                raise SketchRefused(
                    await self._done(context, f"frame {len(frames) + len(got['found']) + 1}: {got['fault']}")
                )
            frames += [fit(_decode(url), size) for url in got["found"]]
        await context.close()
        return np.stack(frames)

    @staticmethod
    async def _done(context: Any, fault: str) -> str:
        await context.close()
        return f"it throws: {fault}"

    async def _open(self) -> None:
        # A new profile each time, in a folder of playwright's that goes with the browser. No sandbox: it needs rights that
        # containers and root lack.
        self._browser = await self._driver.chromium.launch(
            executable_path=self._chromium, headless=True, chromium_sandbox=False, args=list(_FLAGS)
        )

    async def _close(self) -> None:
        browser, self._browser = self._browser, None
        if browser is not None:
            with contextlib.suppress(TimeoutError, self._error):
                await asyncio.wait_for(browser.close(), _CLOSING_S)


def _decode(url: str) -> np.ndarray:
    return load_picture(io.BytesIO(base64.b64decode(url.partition(",")[2])))
