"""Scenes: `scenes/<slug>.toml`, a look that can be called by name. Schema, reading and checking.

Read on the loader thread (`load_scene`) and by `vj scenes lint` (`lint_scene`, every fault at once). A scene is data: it
names a style, values, effects and mappings that must exist in the catalogue, and runs nothing.

A scene describes one primary deck. It lands on whichever deck is hidden, so its paths are relative: `zoom`,
`fx/bloom/amount`; `second/...` is the optional second deck, which follows on the other side once the crossfade is over;
`master` and `crossfade` are the show's own. (Scenes bound to deck a or b could not be crossfaded into each other.)
`[[act]]` says what it becomes while it plays: see `acts.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

from phosphene.engine.core import paths
from phosphene.engine.core.errors import UserError, did_you_mean, listed
from phosphene.engine.core.files import read_toml
from phosphene.engine.core.params import Param
from phosphene.engine.core.signals import FADERS, PHRASE_BARS, SIGNALS
from phosphene.engine.show.acts import Act
from phosphene.engine.show.catalogue import CROSSFADE, IDLE, MASTER, SHADER, TRANSITIONS, Catalogue, is_transition
from phosphene.engine.show.layers import too_many
from phosphene.engine.show.mapping import CURVES
from phosphene.engine.show.mapping import Mapping as SignalMapping

VERSION: Final = 1
SETLIST = "setlist.toml"  # lies among the scenes and is none

Number = Annotated[float, Field(allow_inf_nan=False)]
Text = Annotated[str, Field(max_length=400)]
Values = Annotated[dict[str, Number], Field(max_length=256)]  # every parameter of a deck is half of that


def _kind(value: str) -> str:
    if not is_transition(value):
        kinds = ", ".join(f"'{kind}'" for kind in TRANSITIONS)
        raise PydanticCustomError("literal_error", "not a kind of transition", {"expected": f"{kinds} or '{SHADER}NAME'"})
    return value


Kind = Annotated[str, Field(max_length=400), AfterValidator(_kind)]
MOST_ACTS = 8
MOST_MAPPINGS = 128  # each is worked out at every frame: 2 us
_MOST_FAULTS = 24  # told of one file


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


class EffectEntry(_Table):
    """One effect of the chain; parameters that are left out keep their defaults."""

    effect: Text
    params: Values = {}


class DeckEntry(_Table):
    """A style, parameter values, and the effects that come first in the chain, in this order."""

    style: Text
    params: Values = {}
    effects: Annotated[tuple[EffectEntry, ...], Field(max_length=32)] = ()


class Transition(_Table):
    """How the scene comes in. beats: length; start: where it may begin; "drop": with the next drop of the music."""

    kind: Kind = "dissolve"
    beats: Annotated[float, Field(ge=0.0, le=256.0)] = 8.0
    start: Literal["now", "beat", "bar", "drop"] = "bar"


class MapEntry(_Table):
    """signal -> curve -> (times another signal) -> attack/release in s -> range -> added to parameter `to`."""

    signal: Text
    to: Text
    curve: Text = "linear"
    attack: Annotated[float, Field(ge=0.0, le=60.0)] = 0.0
    release: Annotated[float, Field(ge=0.0, le=60.0)] = 0.0
    range: tuple[Number, Number] = (0.0, 1.0)
    times: Text = ""
    acts: Annotated[tuple[Text, ...], Field(max_length=MOST_ACTS)] = ()


class ActEntry(_Table):
    """One act: values by path that stand in the place of the scene's own while it plays; the music moves around them.

    bars: how long; on: what the music does when it begins (none: it has its turn); beats: how long the change to it takes.
    style, second_style: what the deck, and the second one, plays meanwhile; "": the scene's own.
    """

    name: Annotated[str, Field(max_length=40, pattern=r"^[a-z0-9][a-z0-9-]*$")]
    bars: Annotated[int, Field(ge=1, le=256)] = PHRASE_BARS
    on: Annotated[tuple[Literal["build", "break", "drop"], ...], Field(max_length=3)] = ()
    beats: Annotated[float, Field(ge=0.0, le=256.0)] = 4.0
    style: Text = ""
    second_style: Text = ""
    values: Values = {}


class Scene(_Table):
    """A scene file. `slug` is the file's name without `.toml`: what `/scene` calls it by."""

    slug: str = ""
    version: Literal[1]
    name: Annotated[str, Field(min_length=1, max_length=80)]
    description: Text = ""
    author: Text = ""
    tags: Annotated[tuple[Text, ...], Field(max_length=64)] = ()
    deck: DeckEntry
    second: DeckEntry | None = None
    mix: Annotated[float, Field(ge=0.0, le=1.0)] = 0.5  # how far the crossfade goes towards the second deck
    faders: Annotated[dict[str, Text], Field(max_length=FADERS)] = {}
    transition: Transition = Transition()
    act: Annotated[tuple[ActEntry, ...], Field(max_length=MOST_ACTS)] = ()
    map: Annotated[tuple[MapEntry, ...], Field(max_length=MOST_MAPPINGS)] = ()

    def mappings(self, part: str, deck: str, other: str) -> tuple[SignalMapping, ...]:
        """Return the mappings of `part` ("deck" or "second") with the paths they have on `deck` ("a" or "b").

        The show's own parameters belong to the primary part. `crossfade` turns with the decks: a scene means
        "towards my second deck", which is towards 0 where that is deck a.
        """
        found = []
        for m in self.map:
            second, path = m.to.startswith("second/"), m.to.removeprefix("second/")
            if second != (part == "second"):
                continue
            low, high = m.range
            if path == CROSSFADE.name and other == "a":
                low, high = -low, -high
            acts = tuple(i for i, act in enumerate(self.act) if act.name in m.acts)
            place = _absolute(path, deck)
            found.append(SignalMapping(m.signal, place, m.curve, m.attack, m.release, (low, high), m.times, acts))
        return tuple(found)

    def acts(self, part: str, deck: str, other: str, base: Mapping[str, float]) -> tuple[Act, ...]:
        """Return the acts as `part` ("deck" or "second") has them on `deck`. base: its own values, by relative path."""
        found = []
        for act in self.act:
            offsets = {}
            for to, value in act.values.items():
                second, path = to.startswith("second/"), to.removeprefix("second/")
                if second != (part == "second"):
                    continue
                added = value - (self.mix if path == CROSSFADE.name else base[path])
                offsets[_absolute(path, deck)] = -added if path == CROSSFADE.name and other == "a" else added
            style = act.second_style if part == "second" else act.style
            found.append(Act(act.name, act.bars, act.on, act.beats, offsets, style))
        return tuple(found)


def _absolute(path: str, deck: str) -> str:
    return path if path in (MASTER.name, CROSSFADE.name) else f"deck/{deck}/{path}"


def scene_names(folders: Iterable[Path]) -> tuple[str, ...]:
    """Return the slugs of the scenes in `folders`, sorted: the order of `/scene/number` and the keys 1 to 9."""
    return tuple(sorted({p.stem for folder in folders for p in folder.glob("*.toml") if p.name != SETLIST}))


def scene_path(name: str) -> Path:
    """Return the file of a scene by its slug or, where there is a slash in `name`, by its path."""
    return paths.find(paths.scene_folders(), f"{name}.toml") if paths.is_name(name) else Path(name)


def load_scene(path: Path, catalogue: Catalogue) -> Scene:
    """Read and check one scene. Raises UserError with the first fault: file, key, allowed, got, remedy."""
    scene, faults = _check(path, catalogue)
    if scene is None or faults:
        raise faults[0]
    return scene


def lint_scene(path: Path, catalogue: Catalogue) -> list[UserError]:
    """Return every fault of one scene file; an empty list when there is none."""
    scene, faults = _check(path, catalogue)
    return faults + (unseen(scene.transition, f"{path}, transition.kind", catalogue) if scene is not None else [])


def unseen(transition: Transition, where: str, catalogue: Catalogue) -> list[UserError]:
    """Return what is wrong with a transition that cannot be drawn here.

    No reason to refuse a scene: it comes in as a dissolve.
    """
    if (kind := transition.kind) in catalogue.transitions:
        return []
    remedy = did_you_mean(kind, catalogue.transitions) or "vj shaders lint tries shaders, and says what is wrong"
    what = "the transition cannot be shown, and is a dissolve"
    return [UserError(what, where=where, allowed=listed(catalogue.transitions), got=kind, remedy=remedy)]


def schema_faults(error: ValidationError, model: type[BaseModel], path: Path) -> list[UserError]:
    """Turn pydantic's findings into errors that name file, key, allowed, got and remedy; unknown keys first.

    A mistyped key is usually also a missing one: its name is the better hint.
    """
    found = sorted(error.errors(include_url=False), key=lambda f: f["type"] != "extra_forbidden")
    told = [_schema_fault(f, model, path) for f in found[:_MOST_FAULTS]]
    more = len(found) - len(told)
    return told + ([UserError(f"and {more} faults more", where=str(path))] if more else [])


def _check(path: Path, catalogue: Catalogue) -> tuple[Scene | None, list[UserError]]:
    try:
        data = read_toml(path, what="scene")
    except UserError as error:
        if error.what == "no such scene":
            folders = paths.scene_folders()
            near = did_you_mean(path.stem, scene_names(folders if path.parent in folders else [path.parent]))
            error = UserError(error.what, where=str(path), remedy=near or "vj scenes list shows what there is")
        return None, [error]
    if (version := data.get("version")) != VERSION:
        remedy = f"start the file with `version = {VERSION}`"
        return None, [
            UserError("unknown scene version", where=f"{path}, version", allowed=f"{VERSION}", got=version, remedy=remedy)
        ]
    try:
        scene = Scene.model_validate({**data, "slug": path.stem} if "slug" not in data else data)
    except ValidationError as error:
        return None, schema_faults(error, Scene, path)
    faults = []
    if "slug" in data:
        faults.append(UserError("unknown key", where=f"{path}, slug", remedy="remove it: the file's name is the slug"))
    return scene, faults + _catalogue_faults(scene, path, catalogue)


def _catalogue_faults(scene: Scene, path: Path, catalogue: Catalogue) -> list[UserError]:
    faults: list[UserError] = []

    def word(key: str, what: str, got: str, allowed: Mapping[str, object] | tuple[str, ...]) -> bool:
        if got in allowed:
            return True
        remedy = did_you_mean(got, allowed) or "use one of those allowed"
        faults.append(UserError(f"unknown {what}", where=f"{path}, {key}", allowed=listed(allowed), got=got, remedy=remedy))
        return False

    def values(key: str, what: str, params: tuple[Param, ...], given: Mapping[str, float]) -> None:
        known = {p.name: p for p in params}
        for name, value in given.items():
            if word(f"{key}.{name}", what, name, known):
                try:
                    known[name].check(value, where=f"{path}, {key}.{name}")
                except UserError as error:
                    faults.append(error)

    for part, entry in (("deck", scene.deck), ("second", scene.second)):
        if entry is None:
            continue
        if not catalogue.there(entry.style):
            word(f"{part}.style", "style", entry.style, (*catalogue.styles, IDLE))
        values(f"{part}.params", "deck parameter", catalogue.deck_params, entry.params)
        for i, effect in enumerate(entry.effects, 1):
            if word(f"{part}.effects[{i}].effect", "effect", effect.effect, catalogue.effects):
                params = catalogue.effects[effect.effect]
                values(f"{part}.effects[{i}].params", f"parameter of {effect.effect}", params, effect.params)
        chain = [e.effect for e in entry.effects]
        if repeated := sorted({n for n in chain if chain.count(n) > 1}):
            where = f"{path}, {part}.effects"
            faults.append(UserError("an effect stands twice", where=where, got=listed(repeated), remedy="keep one of them"))
    own = catalogue.deck_paths
    movable = dict(own)
    if scene.second:
        movable |= {CROSSFADE.name: CROSSFADE} | {f"second/{path}": param for path, param in own.items()}
    faults += _act_style_faults(scene, path, catalogue, word)
    names = tuple(act.name for act in scene.act)
    if repeated := sorted({n for n in names if names.count(n) > 1}):
        faults.append(UserError("two acts have one name", where=f"{path}, act", got=listed(repeated), remedy="rename one"))
    for i, act in enumerate(scene.act, 1):
        for to, value in act.values.items():
            if word(f"act[{i}].values", "parameter", to, movable):
                try:
                    movable[to].check(value, where=f"{path}, act[{i}].values.{to}")
                except UserError as error:
                    faults.append(error)
    for i, m in enumerate(scene.map, 1):
        word(f"map[{i}].signal", "signal", m.signal, SIGNALS)
        word(f"map[{i}].to", "parameter", m.to, (*movable, MASTER.name))
        word(f"map[{i}].curve", "curve", m.curve, CURVES)
        if m.times:
            word(f"map[{i}].times", "signal", m.times, SIGNALS)
        for name in m.acts:
            word(f"map[{i}].acts", "act", name, names)
    for fader in scene.faders:
        word(f"faders.{fader}", "fader", fader, tuple(str(i) for i in range(1, FADERS + 1)))
    return faults


def _act_style_faults(
    scene: Scene, path: Path, catalogue: Catalogue, word: Callable[[str, str, str, tuple[str, ...]], bool]
) -> list[UserError]:
    """Return what is wrong with the styles of acts; `word` says what is in no list."""
    faults = []
    for key, entry in (("style", scene.deck), ("second_style", scene.second)):
        given = {i: style for i, act in enumerate(scene.act, 1) if (style := getattr(act, key))}
        if entry is None:
            if given:
                where = f"{path}, act[{next(iter(given))}].{key}"
                faults.append(UserError("there is no second deck", where=where, remedy="add [second], or remove the key"))
            continue
        for i, style in given.items():
            if not catalogue.there(style):
                word(f"act[{i}].{key}", "style", style, catalogue.styles)
        what, allowed, got = too_many({*given.values()} - {entry.style})
        if what:
            faults.append(UserError(what, where=f"{path}, act", allowed=allowed, got=got, remedy="let acts share one"))
    return faults


_KINDS = {"int": "a whole number", "float": "a number", "string": "a text", "bool": "true or false", "tuple": "a list"}
_BOUNDS = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}


def _schema_fault(found: Mapping[str, Any], model: type[BaseModel], path: Path) -> UserError:
    loc, kind, got = found["loc"], found["type"], found["input"]
    key = "".join(f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in loc).lstrip(".")
    where = f"{path}, {key}"
    last = str(loc[-1]) if loc else ""
    if kind == "extra_forbidden":
        keys = tuple(_fields_at(model, loc[:-1]))
        remedy = did_you_mean(last, keys) or "remove it"
        return UserError("unknown key", where=where, allowed=listed(keys), got=last, remedy=remedy)
    if kind == "missing":
        remedy = "a range is two numbers: [at 0, at 1]" if isinstance(loc[-1], int) else f"add `{last} = ...`"
        return UserError("a value is missing" if isinstance(loc[-1], int) else "key is missing", where=where, remedy=remedy)
    context = found.get("ctx", {})
    words = re.findall(r"'([^']*)'", str(context.get("expected", ""))) if kind == "literal_error" else []
    bound = next((f"{text} {context[key]:g}" for key, text in _BOUNDS.items() if key in context), "")
    allowed = listed(words) if words else bound or _KINDS.get(kind.rpartition("_")[0], "")
    remedy = did_you_mean(str(got), words)
    what = str(found["msg"])
    return UserError(what[0].lower() + what[1:], where=where, allowed=allowed, got=got, remedy=remedy or "change the value")


def _fields_at(model: type[BaseModel], loc: tuple[str | int, ...]) -> list[str]:
    """Return the keys that are allowed at `loc` inside `model`."""
    schema = _schema_of(model)
    node: dict[str, Any] = schema
    for part in loc:
        node = _followed(schema, node)
        node = node.get("items", {}) if isinstance(part, int) else node.get("properties", {}).get(part, {})
    return [name for name in _followed(schema, node).get("properties", {}) if name != "slug"]


@lru_cache(maxsize=8)
def _schema_of(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema()


def _followed(schema: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    for option in node.get("anyOf", []):
        if "$ref" in option:
            node = option
    return schema["$defs"][node["$ref"].rsplit("/", 1)[1]] if "$ref" in node else node
