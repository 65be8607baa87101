"""Hot reload of the scene on stage while a look is being built. Never in show mode: saving a file must not change the wall.

A thread looks at the file once a second, because the disk may take its time; the live loop hears of it between frames.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from phosphene.engine.app.stage import Stage
from phosphene.engine.core import clock
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
