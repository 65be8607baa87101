"""Loads styles and scenes away from the render thread, and saves scenes, so that no change hitches the picture.

Offline the same code runs inline: there a frame may take as long as it likes, and must not depend on a thread's luck.

The render loop asks (`request_style`, `request_scene`, `request_save`) and polls `finished()` once a frame; nothing here
draws. A newer request for the same deck replaces an unstarted older one, and an answer to an old question is discarded; of
what is to be saved nothing is left out. A style is read, checked, opened on the best backend that takes it and warmed before
it is handed over; one that fails is refused with a reason, and the one on stage plays on.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from typing import Protocol

from phosphene.engine.backends.base import Opened
from phosphene.engine.backends.select import Selection
from phosphene.engine.core.errors import UserError
from phosphene.engine.models.style import Style, load_style
from phosphene.engine.show.scene import Scene

_log = logging.getLogger(__name__)
_SAVE = "save"
_BESIDE = " beside "  # in the key of an act's style: nobody waits for it yet
_MOST_SAVES = 16  # that wait for a disk: a button that flutters must not fill memory


@dataclass(frozen=True, slots=True)
class StyleLoaded:
    """A style that is ready to be swapped in on `deck`. name: what it was asked for by, a slug or a path.

    beside: it is that of an act, and is kept beside the deck's own.
    """

    deck: str
    style: Style
    program: Opened
    backend: str
    refused: list[dict[str, str]] = field(default_factory=list)
    excluded: frozenset[str] = frozenset()
    name: str = ""
    beside: bool = False


@dataclass(frozen=True, slots=True)
class SceneLoaded:
    """A scene that passed every check."""

    scene: Scene


@dataclass(frozen=True, slots=True)
class SceneWritten:
    """A scene that was saved. name: what it was to be called; slug: what it is called; changed: time of its file."""

    name: str
    slug: str
    changed: float


@dataclass(frozen=True, slots=True)
class LoadFailed:
    """What was refused: `what` is "style", "scene" or "save" (of a scene); `deck` is empty but for a style.

    reason: the whole line, for those who sit at the machine. brief: what quotes nothing of any file, for all others.
    """

    what: str
    name: str
    deck: str
    reason: str
    brief: str
    beside: bool = False


Answer = StyleLoaded | SceneLoaded | SceneWritten | LoadFailed


class Loader(Protocol):
    """Asked by the render thread for styles and scenes, which it polls the answers of; no call waits or raises."""

    def request_style(self, deck: str, name: str, excluded: frozenset[str] = frozenset(), *, beside: bool = False) -> None:
        """Ask for style `name` on `deck`, on any backend but the `excluded` ones. beside: for an act."""
        ...

    def request_scene(self, name: str) -> None:
        """Ask for scene `name`."""
        ...

    def request_save(self, scene: Scene, again: bool) -> None:
        """Ask for `scene` to be written under its slug. again: also where there is one."""
        ...

    def finished(self) -> list[Answer]:
        """Return the answers that arrived since the last call and are still wanted."""
        ...

    def close(self) -> None:
        """Answer no more."""
        ...


class StageLoader:
    """The loader thread, or with `inline` no thread at all. See `Loader`.

    `open_style(style, excluded)` picks a backend; `read_scene(name)` reads and checks a scene; `write_scene(scene, again)`
    writes one and returns where.
    """

    def __init__(
        self,
        open_style: Callable[[Style, frozenset[str]], tuple[Opened, Selection]],
        read_scene: Callable[[str], Scene],
        write_scene: Callable[[Scene, bool], Path] | None = None,
        *,
        inline: bool = False,
    ) -> None:
        self._open_style = open_style
        self._read_scene = read_scene
        self._write_scene = write_scene
        self._wake = threading.Condition()
        # "a", "b", "scene", or a name of its own for each style of an act and each scene to be saved -> stamp, what to do
        self._wanted: dict[str, tuple[int, Callable[[], Answer]]] = {}
        self._stamps: dict[str, int] = {}
        self._saves = count(1)
        self._answers: queue.SimpleQueue[tuple[str, int, Answer]] = queue.SimpleQueue()
        self._closing = False
        self._thread = None if inline else threading.Thread(target=self._run, name="loader", daemon=True)
        if self._thread:
            self._thread.start()

    def request_style(self, deck: str, name: str, excluded: frozenset[str] = frozenset(), *, beside: bool = False) -> None:
        """Ask for style `name` on `deck`, on any backend but the `excluded` ones. Those of acts wait for all others."""
        work = partial(self._style, deck, name, excluded, beside)
        key = f"{deck}{_BESIDE}{name}" if beside else deck
        self._request(key, partial(self._attempt, "style", name, deck, work, beside))

    def request_scene(self, name: str) -> None:
        """Ask for scene `name`."""
        self._request("scene", partial(self._attempt, "scene", name, "", lambda: SceneLoaded(self._read_scene(name))))

    def request_save(self, scene: Scene, again: bool) -> None:
        """Ask for `scene` to be written: every one of them, in order."""
        key = f"{_SAVE} {next(self._saves)}"
        with self._wake:
            waiting = sum(each.startswith(_SAVE) for each in self._wanted)
        if waiting >= _MOST_SAVES:
            self._stamps[key] = 1
            busy = f"{waiting} scenes are still being saved"
            self._answers.put((key, 1, LoadFailed("save", scene.slug, "", busy, busy)))
            return
        self._request(key, partial(self._attempt, "save", scene.slug, "", partial(self._save, scene, again)))

    def finished(self) -> list[Answer]:
        """Return the answers that arrived since the last call and are still wanted. Never blocks."""
        answers: list[Answer] = []
        while True:
            try:
                key, stamp, answer = self._answers.get_nowait()
            except queue.Empty:
                return answers
            if stamp == self._stamps[key]:
                answers.append(answer)
            elif isinstance(answer, StyleLoaded):
                answer.program.close()
            if key.startswith(_SAVE):
                del self._stamps[key]

    def close(self) -> None:
        """Stop after the job at hand; scenes that are to be saved still are."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        if self._thread:
            self._thread.join(timeout=5.0)

    def _request(self, key: str, job: Callable[[], Answer]) -> None:
        with self._wake:
            stamp = self._stamps[key] = self._stamps.get(key, 0) + 1
            if self._thread:
                self._wanted[key] = (stamp, job)
                self._wake.notify()
        if not self._thread:
            self._answers.put((key, stamp, job()))

    def _run(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._wanted or self._closing)
                if self._closing:
                    self._wanted = {key: job for key, job in self._wanted.items() if key.startswith(_SAVE)}
                if not self._wanted:
                    return
                key = min(self._wanted, key=lambda each: _BESIDE in each)  # the oldest of those that somebody waits for
                stamp, job = self._wanted.pop(key)
            self._answers.put((key, stamp, job()))

    def _style(self, deck: str, name: str, excluded: frozenset[str], beside: bool) -> Answer:
        style = load_style(name)
        program, selection = self._open_style(style, excluded)
        return StyleLoaded(deck, style, program, selection.name, selection.refused, excluded, name, beside)

    def _save(self, scene: Scene, again: bool) -> Answer:
        if self._write_scene is None:
            raise UserError("scenes cannot be saved here", got=scene.slug)
        path = self._write_scene(scene, again)
        return SceneWritten(scene.slug, path.stem, path.stat().st_mtime)

    def _attempt(self, what: str, name: str, deck: str, work: Callable[[], Answer], beside: bool = False) -> Answer:
        """Return what `work` returns, or why it cannot be had."""
        try:
            return work()
        except UserError as error:
            reason, brief = error.line(), error.what
        except Exception as error:  # noqa: BLE001 boundary: whatever a foreign file or a backend throws must not end the loader thread
            _log.debug("%s %r failed", what, name, exc_info=True)
            reason, brief = f"{type(error).__name__}: {error}", f"it cannot be {'saved' if what == 'save' else 'loaded'}"
        return LoadFailed(what, name, deck, reason, brief, beside)
