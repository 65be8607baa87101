"""Hot reload of the scene on stage, and of shaders on the decks and between them, while a look is being built.

Never in show mode: saving a file must not change the wall. A thread looks at the files once a second, because the disk may
take its time; the live loop hears of it between frames.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from phosphene.engine.app.stage import Stage
from phosphene.engine.backends.isf_known import KnownShader
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
        self._names: tuple[str, ...] = ()  # of the shaders on the decks, those of acts among them
        self._found: dict[str, float] = {}  # name -> when its files were saved last
        self._seen: dict[str, float] = {}
        self._closed = threading.Event()

    def begin(self) -> None:
        """Look from now on, until `close`."""
        threading.Thread(target=self._run, name="shader watch", daemon=True).start()

    def look(self, stage: Stage) -> None:
        """Compare the newest times of the files with the last ones seen. Render thread; touches no disk."""
        styles = [(deck, stage.state.deck(deck).style, False) for deck in DECKS]
        styles += [(deck, style, True) for deck in DECKS for style in stage.state.deck(deck).layers.loaded]
        self._names = tuple(sorted({style for _, style, _ in styles if is_shader(style)}))
        found = self._found
        for name in self._names:
            if name not in found or self._seen.get(name) == found[name]:
                continue
            decks = [(deck, beside) for deck, style, beside in styles if style == name]
            if name in self._seen:
                if any(self._busy(stage, deck) for deck, beside in decks if not beside):
                    return  # what loads comes first: asked for again, the shader would take its place
                stage.say(f"{name} was saved: loading it again")
                for deck, beside in decks:
                    stage.loader.request_style(deck, name, beside=beside)
            self._seen[name] = found[name]

    def check(self) -> None:
        """Read the times of the files. Not on the render thread."""
        found = {}
        for name in self._names:
            try:
                saved = _saved(self._path_of(name))
            except UserError:
                continue  # gone: what is on the deck stays
            if saved:
                found[name] = saved
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


class TransitionWatch:
    """Draws the transition that is chosen anew when its shader was saved; a bad edit is refused, and the old one stays.

    files: the file of each transition that is a shader, by its kind. tried: reads and tries one, which may take seconds; a
    UserError where it is refused. Called on the thread that looks.
    """

    def __init__(self, files: Mapping[str, Path], tried: Callable[[Path], KnownShader]) -> None:
        self._files, self._tried = files, tried
        self._kind = ""
        # Kind -> when its files were saved last: of all, so that what is saved before it is chosen is noticed as well.
        self._times = {kind: _saved(path) for kind, path in files.items()}
        self._found: queue.SimpleQueue[tuple[str, KnownShader | UserError]] = queue.SimpleQueue()  # not yet drawn
        self._closed = threading.Event()

    def begin(self) -> None:
        """Look from now on, until `close`."""
        threading.Thread(target=self._run, name="transition watch", daemon=True).start()

    def look(self, stage: Stage) -> None:
        """Draw with what was found. Render thread; touches no disk."""
        self._kind = stage.state.kind
        try:
            kind, known = self._found.get_nowait()
        except queue.Empty:
            return
        try:
            if isinstance(known, UserError):
                raise known
            stage.mixer.load_transition(kind, known)
            stage.say(f"{kind} was saved: loaded again")
        except UserError as error:
            stage.say(f"{kind} refused: {error.line()}")

    def check(self) -> None:
        """Compare the time of the file with the last one seen, and try what was saved. Not on the render thread."""
        kind = self._kind
        if (path := self._files.get(kind)) is None:
            return
        saved = _saved(path)
        if saved == 0.0 or saved == self._times[kind]:
            return
        self._times[kind] = saved
        try:
            self._found.put((kind, self._tried(path)))
        except UserError as error:
            self._found.put((kind, error))

    def close(self) -> None:
        """Look no more."""
        self._closed.set()

    def _run(self) -> None:
        while not self._closed.wait(_INTERVAL_S):
            self.check()


def _saved(path: Path) -> float:
    """Return when a shader was saved last, with the `.vs` beside it; 0 where it is being saved just now, or gone."""
    try:
        return max(each.stat().st_mtime for each in (path, path.with_suffix(".vs")) if each.is_file())
    except (OSError, ValueError):
        return 0.0
