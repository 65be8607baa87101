"""Hot reload of the scene on stage, and of shaders on the decks, while a look is being built. Never in show mode: saving a
file must not change the wall.

A thread looks at the files once a second, because the disk may take its time; the live loop hears of it between frames.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from phosphene.engine.app.stage import Stage
from phosphene.engine.core import clock
from phosphene.engine.core.errors import UserError
from phosphene.engine.models.shaders import is_shader
from phosphene.engine.show.catalogue import DECKS
from phosphene.engine.show.change import Change

_INTERVAL_S = 1.0


class SceneWatch:
    """Calls the scene on stage again when its file was saved; a bad edit is refused and the running scene goes on."""

    def __init__(self, path_of: Callable[[str], Path]) -> None:
        self._path_of = path_of
        self._slug = ""  # of the scene on stage
        self._found: tuple[str, float] = ("", 0.0)  # scene, time of its file
        self._seen = self._found
        self._closed = threading.Event()

    def begin(self) -> None:
        """Look from now on, until `close`."""
        threading.Thread(target=self._run, name="scene watch", daemon=True).start()

    def look(self, stage: Stage) -> None:
        """Compare the newest time of the file with the last one seen. Render thread; touches no disk."""
        self._slug = slug = stage.state.scene
        found = self._found
        # Called again, a scene that waits for a drop or for TAKE would come in: its file is looked at when it has.
        if not slug or found[0] != slug or stage.state.on_standby:
            return
        if slug in stage.written and stage.written[slug] is None:
            return  # being saved from the stage: what is in it is what is seen
        before, self._seen = self._seen, found
        if before[0] == slug and before[1] != found[1] and stage.written.get(slug) != found[1]:
            stage.say(f"scene {slug} was saved: loading it again")
            stage.bus.put(Change("/scene", (slug,), clock.now(), "file"))

    def check(self) -> None:
        """Read the time of the file on stage. Not on the render thread."""
        slug = self._slug
        try:
            self._found = (slug, self._path_of(slug).stat().st_mtime) if slug else self._found
        except OSError:
            return  # being saved just now, or gone: what is on stage stays

    def close(self) -> None:
        """Look no more."""
        self._closed.set()

    def _run(self) -> None:
        while not self._closed.wait(_INTERVAL_S):
            self.check()


class ShaderWatch:
    """Loads a shader that is on a deck again when its file was saved; a bad edit is refused, and the old one plays on.

    path_of: the file of a shader by its name, a UserError where there is none.
    """

    def __init__(self, path_of: Callable[[str], Path]) -> None:
        self._path_of = path_of
        self._names: tuple[str, ...] = ()  # of the shaders on the decks
        self._found: dict[str, float] = {}  # name -> when its files were saved last
        self._seen: dict[str, float] = {}
        self._closed = threading.Event()

    def begin(self) -> None:
        """Look from now on, until `close`."""
        threading.Thread(target=self._run, name="shader watch", daemon=True).start()

    def look(self, stage: Stage) -> None:
        """Compare the newest times of the files with the last ones seen. Render thread; touches no disk."""
        styles = {deck: stage.state.deck(deck).style for deck in DECKS}
        self._names = tuple(sorted({style for style in styles.values() if is_shader(style)}))
        found = self._found
        for name in self._names:
            if name not in found or self._seen.get(name) == found[name]:
                continue
            decks = [deck for deck, style in styles.items() if style == name]
            if name in self._seen:
                if any(self._busy(stage, deck) for deck in decks):
                    return  # what loads comes first: asked for again, the shader would take its place
                stage.say(f"{name} was saved: loading it again")
                for deck in decks:
                    stage.loader.request_style(deck, name)
            self._seen[name] = found[name]

    def check(self) -> None:
        """Read the times of the files. Not on the render thread."""
        found = {}
        for name in self._names:
            try:
                path = self._path_of(name)
                found[name] = max(each.stat().st_mtime for each in (path, path.with_suffix(".vs")) if each.is_file())
            except (OSError, ValueError, UserError):
                continue  # being saved just now, or gone: what is on the deck stays
        self._found = found

    def close(self) -> None:
        """Look no more."""
        self._closed.set()

    def _busy(self, stage: Stage, deck: str) -> bool:
        staged = stage.state.staged
        waits = staged is not None and staged.deck == deck
        return waits or stage.state.deck(deck).wanted is not None or deck in stage.ready

    def _run(self) -> None:
        while not self._closed.wait(_INTERVAL_S):
            self.check()
