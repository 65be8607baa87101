"""Setlists: `scenes/setlist.toml`, the order of a night. `/cue/go` steps through its cues.

Read at start-up and by `vj scenes lint`; never while a frame is due.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from phosphene.engine.core.errors import UserError, did_you_mean, listed
from phosphene.engine.core.files import read_toml
from phosphene.engine.show.catalogue import Catalogue
from phosphene.engine.show.scene import VERSION, EffectEntry, Scene, Text, Transition, Values, schema_faults, unseen


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Cue(_Table):
    """One step: a scene, and what is different about it this time. note: for the performer's eyes."""

    scene: Text
    note: Annotated[str, Field(max_length=200)] = ""
    transition: Transition | None = None
    params: Values = {}  # deck paths of the primary deck: `zoom`, `fx/bloom/amount`


class Setlist(_Table):
    """An ordered list of cues."""

    version: Literal[1]
    name: Text = ""
    cue: Annotated[tuple[Cue, ...], Field(max_length=2000)] = ()

    def played(self, index: int, scene: Scene) -> Scene:
        """Return `scene` as cue `index` plays it: with the cue's own transition and values, where it has any."""
        cue = self.cue[index]
        params, effects = dict(scene.deck.params), {e.effect: dict(e.params) for e in scene.deck.effects}
        for path, value in cue.params.items():
            match path.split("/"):
                case ["fx", effect, name]:
                    effects.setdefault(effect, {})[name] = value
                case _:
                    params[path] = value
        chain = tuple(EffectEntry(effect=name, params=values) for name, values in effects.items())
        deck = scene.deck.model_copy(update={"params": params, "effects": chain})
        return scene.model_copy(update={"deck": deck, "transition": cue.transition or scene.transition})


EMPTY = Setlist(version=VERSION)


def load_setlist(path: Path, catalogue: Catalogue) -> Setlist:
    """Read and check a setlist; a missing file is an empty one. Raises UserError with the first fault."""
    if not path.exists():
        return EMPTY
    setlist, faults = _check(path, catalogue)
    if setlist is None or faults:
        raise faults[0]
    return setlist


def lint_setlist(path: Path, catalogue: Catalogue) -> list[UserError]:
    """Return every fault of a setlist file."""
    setlist, faults = _check(path, catalogue)
    for i, cue in enumerate(setlist.cue if setlist is not None else (), 1):
        if cue.transition is not None:
            faults += unseen(cue.transition, f"{path}, cue[{i}].transition.kind", catalogue)
    return faults


def _check(path: Path, catalogue: Catalogue) -> tuple[Setlist | None, list[UserError]]:
    try:
        setlist = Setlist.model_validate(read_toml(path, what="setlist"))
    except UserError as error:
        return None, [error]
    except ValidationError as error:
        return None, schema_faults(error, Setlist, path)
    faults = []
    for i, cue in enumerate(setlist.cue, 1):
        if cue.scene not in catalogue.scenes:
            remedy = did_you_mean(cue.scene, catalogue.scenes) or "name a scene that exists"
            allowed = listed(catalogue.scenes)
            where = f"{path}, cue[{i}].scene"
            faults.append(UserError("unknown scene", where=where, allowed=allowed, got=cue.scene, remedy=remedy))
        for name, value in cue.params.items():
            where = f"{path}, cue[{i}].params.{name}"
            if (param := catalogue.deck_paths.get(name)) is None:
                paths = tuple(catalogue.deck_paths)
                remedy = did_you_mean(name, paths) or "use one of those allowed"
                faults.append(UserError("unknown parameter", where=where, allowed=listed(paths), got=name, remedy=remedy))
                continue
            try:
                param.check(value, where=where)
            except UserError as error:
                faults.append(error)
    return setlist, faults
