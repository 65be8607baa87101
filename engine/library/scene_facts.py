"""What the autopilot goes by when it chooses by the music: the scenes' tags, and the energy and genres of their styles."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from phosphene.engine.core.errors import UserError
from phosphene.engine.library.library import energy_of
from phosphene.engine.models.style import meta_of
from phosphene.engine.show.catalogue import IDLE, Catalogue
from phosphene.engine.show.choosing import SceneFacts, facts_of
from phosphene.engine.show.scene import load_scene, scene_path

_log = logging.getLogger(__name__)


def read_facts(catalogue: Catalogue) -> dict[str, SceneFacts]:
    """Return {scene: facts} of all that can be read. Reads files: 10 ms a scene, never on the render thread."""
    return {name: facts for name in catalogue.scenes if (facts := _read(name, catalogue)) is not None}


def read_aside(catalogue: Catalogue, take: Callable[[dict[str, SceneFacts]], None]) -> None:
    """Read them on a thread of its own, which hands them to `take`."""

    def read() -> None:
        try:
            take(read_facts(catalogue))
        except Exception as error:  # noqa: BLE001 boundary: without them scenes are chosen all the same
            _log.warning("what the scenes are like cannot be read: %s: %s", type(error).__name__, error)

    threading.Thread(target=read, name="scene facts", daemon=True).start()


def _read(name: str, catalogue: Catalogue) -> SceneFacts | None:
    try:
        scene = load_scene(scene_path(name), catalogue)
        if scene.deck.style == IDLE:
            return facts_of(scene.tags, (), None, scene.transition.start)
        meta = meta_of(scene.deck.style)
    except UserError as error:  # it is refused, and said, when it is called
        _log.debug("nothing is known of scene %s: %s", name, error.line())
        return None
    return facts_of(scene.tags, (*meta.tags, *meta.genres), energy_of(meta), scene.transition.start)
