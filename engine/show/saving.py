"""What is on stage as a scene: the scene itself, and its text. Pure; `app/scene_file.py` writes it.

The deck that is seen most becomes the scene's own, the other one its second where both are seen. Numbers are written with
seven digits: a fader's 0.3 comes over OSC as 0.30000001192, and a person is to read the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import tomli_w
from pydantic import ValidationError

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.params import Param
from phosphene.engine.core.paths import is_name
from phosphene.engine.show.acts import UNDIRECTED, offsets, weight
from phosphene.engine.show.catalogue import CROSSFADE, IDLE, MASTER, SOURCES, Catalogue
from phosphene.engine.show.directing import values_of
from phosphene.engine.show.remap import relative
from phosphene.engine.show.scene import (
    MOST_MAPPINGS,
    SETLIST,
    VERSION,
    ActEntry,
    DeckEntry,
    EffectEntry,
    MapEntry,
    Scene,
    Transition,
)
from phosphene.engine.show.state import DeckState, ShowState

_MOST_NAME = 80
_BARE = re.compile(r"[A-Za-z0-9_-]+")


def scene_of(state: ShowState, catalogue: Catalogue, slug: str) -> Scene:
    """Return what is on stage as the scene `slug`. Raises UserError where no scene can say it."""
    if not is_name(slug) or f"{slug}.toml".casefold() == SETLIST:
        raise UserError("a scene cannot be called so", got=slug[:80], remedy="choose a name without slashes")
    own, other = ("b", "a") if state.crossfade > 0.5 else ("a", "b")
    deck, second = state.deck(own), _second(state, other)
    if second is not None and [a.name for a in second.direction.acts] != [a.name for a in deck.direction.acts]:
        second = _without_acts(second, other, catalogue)  # a scene has one course
    mix = _short(state.crossfade if own == "a" else 1.0 - state.crossfade) if second is not None else 0.5
    entries = [*_mapped(deck, own, own, catalogue, paired=second is not None)]
    if second is not None:
        entries += _mapped(second, other, own, catalogue, paired=True)
    if len(entries) > MOST_MAPPINGS:
        allowed = f"{MOST_MAPPINGS} in a scene"
        raise UserError("too many mappings for one scene", allowed=allowed, got=len(entries), remedy="hide one deck first")
    known = deck.scene == state.scene
    try:
        return Scene(
            slug=slug,
            version=VERSION,
            name=_name(slug, state.scene_name if known and state.scene == slug else ""),
            deck=_entry(deck, own, catalogue),
            second=None if second is None else _entry(second, other, catalogue),
            mix=mix,
            faders={str(i): label for i, label in sorted(state.fader_labels.items())} if known else {},
            transition=deck.transition or Transition(),
            act=_acts(deck, own, catalogue, second, mix),
            map=tuple(entries),
        )
    except ValidationError as error:
        raise UserError("no scene can say what is on stage", got=error.errors(include_url=False)[0]["msg"]) from error


def toml_of(scene: Scene) -> str:
    """Return the text of a scene's file."""
    told: dict[str, object] = {"version": scene.version, "name": scene.name}
    told |= {key: value for key in ("description", "author", "tags") if (value := getattr(scene, key))}
    if scene.second is not None:
        told["mix"] = scene.mix
    parts = [_lines(told), f"[deck]\n{_deck_lines(scene.deck)}"]
    if scene.second is not None:
        parts.append(f"[second]\n{_deck_lines(scene.second)}")
    if scene.faders:
        parts.append(f"[faders]\n{_lines(scene.faders)}")
    parts.append(f"[transition]\n{_lines(scene.transition.model_dump())}")
    for act in scene.act:
        told_act = {"name": act.name, "bars": act.bars, "beats": act.beats}
        told_act |= {key: value for key in ("on", "style", "second_style") if (value := getattr(act, key))}
        parts.append(f"[[act]]\n{_lines(told_act)}" + (f"[act.values]\n{_lines(act.values)}" if act.values else ""))
    for m in scene.map:
        values = {
            key: value
            for key, value in m.model_dump().items()
            if value not in ("", ()) and (key, value) != ("curve", "linear")
        }
        parts.append(f"[[map]]\n{_lines(values)}")
    return "\n".join(parts)


def _second(state: ShowState, other: str) -> DeckState | None:
    """Return the deck that is seen less; None where it is not seen at all."""
    between = 0.0 < state.crossfade < 1.0
    # At an end of the crossfade, too, where the music moves that between the two decks of one scene.
    together = state.a.scene == state.b.scene != ""
    moved = any(m.parameter == CROSSFADE.name for m in (*state.a.mappings, *state.b.mappings))
    return state.deck(other) if between or (together and moved) else None


def _library_style(style: str, catalogue: Catalogue) -> str:
    """Return a style that a file may name. Raises UserError."""
    if style not in (*catalogue.styles, IDLE, "") and not style.startswith(SOURCES):
        raise UserError("the style is not of the library", got=style[:80], remedy="put it into your folder of styles")
    return style


def _entry(deck: DeckState, name: str, catalogue: Catalogue) -> DeckEntry:
    moved = {m.parameter for m in deck.mappings}
    effects = []
    for effect, values in deck.chain:
        changed = _changed(catalogue.effects[effect], values)
        if changed or any(f"deck/{name}/fx/{effect}/{p.name}" in moved for p in catalogue.effects[effect]):
            effects.append(EffectEntry(effect=effect, params=changed))
    style = _library_style(deck.style, catalogue)
    return DeckEntry(style=style, params=_changed(catalogue.deck_params, deck.params), effects=tuple(effects))


def _changed(params: Iterable[Param], values: Mapping[str, float]) -> dict[str, float]:
    """Return the values that are not a parameter's default."""
    # Seven digits of the end of a range may lie beyond it.
    short = {p.name: p.clamp(_short(values[p.name])) for p in params if values[p.name] != p.default}
    return {p.name: short[p.name] for p in params if p.name in short and short[p.name] != p.default}


def _mapped(deck: DeckState, name: str, own: str, catalogue: Catalogue, *, paired: bool) -> Iterable[MapEntry]:
    """Yield a deck's mappings as the scene of deck `own` says them; without those that move nothing in it."""
    shown = (MASTER.name, *((CROSSFADE.name,) if paired else ()))
    paths, names = catalogue.deck_paths, [act.name for act in deck.direction.acts]
    for m in deck.mappings:
        # What the show has once belongs to the scene, whichever of its decks it stood on.
        to, (low, high) = relative(m, own if m.parameter in shown else name)
        if to in paths:
            to = to if name == own else f"second/{to}"
        elif to not in shown:
            continue
        acts = tuple(names[i] for i in m.acts if i < len(names))
        told = {"signal": m.signal, "to": to, "curve": m.curve, "times": m.times, "acts": acts}
        numbers = {"attack": _short(m.attack), "release": _short(m.release), "range": (_short(low), _short(high))}
        yield MapEntry.model_validate(told | numbers)


def _acts(deck: DeckState, own: str, catalogue: Catalogue, second: DeckState | None, mix: float) -> tuple[ActEntry, ...]:
    """Return the acts of a deck, and of the one beside it, with the values that they come to now."""
    entries = []
    for i, act in enumerate(deck.direction.acts):
        values = _act_values(deck, own, act.offsets, catalogue)
        if second is not None and CROSSFADE.name in act.offsets:
            added = act.offsets[CROSSFADE.name]
            values[CROSSFADE.name] = _short(CROSSFADE.clamp(mix + (added if own == "a" else -added)))
        if second is not None and second.direction.acts:
            other = "a" if own == "b" else "b"
            beside = _act_values(second, other, second.direction.acts[i].offsets, catalogue)
            values |= {f"second/{path}": value for path, value in beside.items()}
        told = {"name": act.name, "bars": act.bars, "on": act.on, "beats": _short(act.beats), "values": values}
        told["style"] = _library_style(act.style, catalogue)
        if second is not None and second.direction.acts:
            told["second_style"] = _library_style(second.direction.acts[i].style, catalogue)
        entries.append(ActEntry.model_validate(told))
    return tuple(entries)


def _act_values(deck: DeckState, name: str, offsets: Mapping[str, float], catalogue: Catalogue) -> dict[str, float]:
    """Return base and offset of each value that an act moves, by its path on the deck."""
    base, found = values_of(deck.params, deck.chain), {}
    for path, added in offsets.items():
        target = catalogue.targets.get(path)
        if target is not None and target.deck == name:
            own = path.removeprefix(f"deck/{name}/")
            found[own] = target.param.clamp(_short(target.param.clamp(base[own] + added)))
    return found


def _without_acts(deck: DeckState, name: str, catalogue: Catalogue) -> DeckState:
    """Return a deck with the act that plays as its own values and mappings."""
    direction = deck.direction
    values = _act_values(deck, name, offsets(direction), catalogue)
    params = {key: values.get(key, value) for key, value in deck.params.items()}
    chain = tuple(
        (effect, {key: values.get(f"fx/{effect}/{key}", value) for key, value in given.items()})
        for effect, given in deck.chain
    )
    mappings = tuple(replace(m, acts=()) for m in deck.mappings if weight(direction, m.acts) > 0.5)
    return replace(deck, style=deck.seen, params=params, chain=chain, mappings=mappings, direction=UNDIRECTED)


def _name(slug: str, before: str) -> str:
    readable = re.sub(r"[-_]+", " ", slug).strip()
    return (before or readable[:1].upper() + readable[1:] or slug)[:_MOST_NAME]


def _short(value: float) -> float:
    return float(f"{value:.7g}") + 0.0  # never -0.0


def _deck_lines(entry: DeckEntry) -> str:
    lines = [f"style = {_value(entry.style)}"]
    if entry.params:
        lines.append(f"params = {_value(entry.params)}")
    if entry.effects:
        effects = [{"effect": e.effect} | ({"params": e.params} if e.params else {}) for e in entry.effects]
        lines += ["effects = [", *(f"    {_value(effect)}," for effect in effects), "]"]
    return "\n".join(lines) + "\n"


def _lines(values: Mapping[str, object]) -> str:
    return "".join(f"{_key(key)} = {_value(value)}\n" for key, value in values.items())


def _value(value: object) -> str:
    """Return a value in one line, tables too: `tomli_w` gives each of them lines of its own."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(str(k))} = {_value(v)}" for k, v in value.items()) + " }"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(map(_value, value)) + "]"
    return tomli_w.dumps({"x": value}).removeprefix("x = ").rstrip("\n")


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _value(key)
