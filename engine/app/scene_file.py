"""Writes a scene that was made on stage into the person's folder. Loader thread: the disk may take its time.

What is there is never lost: an earlier file of that name is kept as `NAME.toml.before`, or under a number, which no list of
scenes shows; what came with the program is never touched, a person's own stands before it.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from phosphene.engine.core import paths
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.files import reason
from phosphene.engine.core.naming import beside, numbered
from phosphene.engine.core.placing import Working, claim, discarding, put
from phosphene.engine.show.catalogue import Catalogue
from phosphene.engine.show.saving import toml_of
from phosphene.engine.show.scene import Scene, load_scene

_MOST_KEPT = 10_000  # earlier files of one name


def write_scene(scene: Scene, again: bool, catalogue: Catalogue) -> Path:
    """Write `scene` under its slug and return where it is. again: where there is one, its place may be taken.

    Raises UserError; the first words of it quote nothing of any file.
    """
    name, folders = f"{scene.slug}.toml", paths.scene_folders()
    target, there = folders[0] / name, paths.find(folders, f"{scene.slug}.toml")
    try:
        if os.path.lexists(there):
            if not again:
                remedy = "choose another name, or send 1 after it to replace it"
                raise UserError("a scene of that name is there", where=str(there), remedy=remedy)
            scene = _with_words_of(there, scene, catalogue)
        with discarding(claim(target, ".part")) as working:
            working.write(toml_of(scene).encode("utf-8"))
            _read_back(working.path, scene, catalogue)
            return _placed(working, target, again)
    except OSError as error:
        what = f"the scene cannot be written: {reason(error)}"
        raise UserError(what, where=str(target), remedy="choose another name, or look at the folder") from error


def _with_words_of(path: Path, scene: Scene, catalogue: Catalogue) -> Scene:
    """Return `scene` with what a person wrote about the one before it: the show knows nothing of that."""
    try:
        before = load_scene(path, catalogue)
    except UserError:
        return scene  # it is kept as it is
    return scene.model_copy(update={"description": before.description, "author": before.author, "tags": before.tags})


def _read_back(path: Path, scene: Scene, catalogue: Catalogue) -> None:
    """Read what was written before it has its name. Raises UserError where it is not the scene."""
    try:
        found = load_scene(path, catalogue).model_copy(update={"slug": scene.slug})
    except UserError as error:
        raise UserError("what was written cannot be read back", got=error.line()) from error
    if found != scene:
        raise UserError("what was written is not what is on stage", where=str(path))


def _placed(working: Working, target: Path, again: bool) -> Path:
    aside = _set_aside(target) if again else None
    try:
        # Whatever has the name by now came in between: it stays, and this gets a number.
        return working.hand_over(lambda path: False)
    except OSError:
        if aside is not None:
            with contextlib.suppress(OSError):  # then it is kept where it is
                put(aside, target)
        raise


def _set_aside(target: Path) -> Path | None:
    """Rename an earlier file so that no list of scenes shows it; None: there is none."""
    for n in range(_MOST_KEPT):
        aside = numbered(beside(target, ".before"), n)
        try:
            put(target, aside, patient=True)
        except FileExistsError:
            continue
        except FileNotFoundError:
            return None
        return aside
    raise FileExistsError(f"too many earlier files of {target.name}")
