"""Hot reload of the scene on stage while a look is being built. Never in show mode: saving a file must not change the wall.

Called by the live loop between frames; one `stat` a second.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from engine.app.stage import Stage
from engine.core import clock
from engine.show.change import Change

_INTERVAL_S = 1.0


class SceneWatch:
    """Calls the scene on stage again when its file was saved; a bad edit is refused and the running scene goes on."""

    def __init__(self, path_of: Callable[[str], Path]) -> None:
        self._path_of = path_of
        self._seen: tuple[str, float] = ("", 0.0)
        self._due = 0.0

    def look(self, stage: Stage) -> None:
        """Compare the file's time with the last one seen."""
        t = clock.now()
        slug = stage.state.scene
        if t < self._due or not slug:
            return
        self._due = t + _INTERVAL_S
        try:
            changed = self._path_of(slug).stat().st_mtime
        except OSError:
            return  # being saved just now, or gone: what is on stage stays
        before, self._seen = self._seen, (slug, changed)
        if before[0] == slug and before[1] != changed:
            stage.say(f"scene {slug} was saved: loading it again")
            stage.bus.put(Change("/scene", (slug,), t, "file"))
