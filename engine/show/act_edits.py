"""What a hand does to the acts of a deck: values, bars, calls, styles, and the list itself. Pure, called by `document.py`.

A message says which act last, by name or by number from 1; without it the one that plays is meant. The two decks of one
scene have one course: what is no value and no style of a deck changes on both. What is refused is told in `message`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Final

from pydantic import ValidationError

from phosphene.engine.core.errors import UserError, listed
from phosphene.engine.show import layers
from phosphene.engine.show.act_list import with_acts
from phosphene.engine.show.acts import CALLS, Act, named
from phosphene.engine.show.catalogue import DECKS, Catalogue
from phosphene.engine.show.directing import values_of
from phosphene.engine.show.scene import MOST_ACTS, ActEntry
from phosphene.engine.show.state import DeckState, ShowState
from phosphene.engine.show.verbs import Message, Verb

NONE: Final = "none"  # no call, no style of its own: a message has no empty text
ONS = (NONE, *(" ".join(kind for i, kind in enumerate(CALLS) if bits >> i & 1) for bits in range(1, 2 ** len(CALLS))))
FIRST = "start"  # name of what a scene without acts was, once it has some
_BARS = 8  # of a new act: half a phrase, as the acts of most shipped scenes

EDITS = (
    "set_act", "free_act", "act_bars", "act_beats", "act_on", "act_name", "act_style", "add_act", "remove_act", "move_act"
)  # fmt: skip
Edit = Callable[[str, ShowState, Message], ShowState]


def act_verbs(catalogue: Catalogue) -> dict[str, Verb]:
    """Return what each address that edits acts does, for both decks."""
    edits: dict[str, Edit] = {
        "set_act": partial(_valued, catalogue),
        "free_act": partial(_freed, catalogue),
        "act_bars": lambda n, s, m: _told(n, s, m, bars=int(m.number)),
        "act_beats": lambda n, s, m: _told(n, s, m, beats=float(m.number)),
        "act_on": lambda n, s, m: _told(n, s, m, on=tuple(kind for kind in CALLS if kind in m.word.split())),
        "act_name": _renamed,
        "act_style": _styled,
        "add_act": _added,
        "remove_act": _removed,
        "move_act": _moved,
    }
    return {f"/deck/{deck}/{verb}": partial(_refusing, edit, deck) for deck in DECKS for verb, edit in edits.items()}


def together(state: ShowState, name: str) -> tuple[str, ...]:
    """Return the decks whose acts are one course: deck `name`, and the other one where both are of one scene."""
    deck = state.deck(name)
    return tuple(
        each
        for each in DECKS
        if each == name
        or (deck.scene == state.deck(each).scene != "" and len(deck.direction.acts) == len(state.deck(each).direction.acts))
    )


def _refusing(edit: Edit, name: str, state: ShowState, message: Message) -> ShowState:
    try:
        return edit(name, state, message)
    except UserError as error:
        return replace(state, message=error.line())


def _which(deck: DeckState, name: str, message: Message, place: int) -> int:
    """Return which act a message means; `place`: of the argument that may say it. Raises UserError."""
    direction = deck.direction
    if not direction.acts:
        raise UserError(f"the scene on deck {name} has no acts", remedy=f"/deck/{name}/add_act makes some")
    if len(message.args) <= place:
        return direction.now
    index = named(direction, str(message.args[place]))
    if index is None:
        there = listed(act.name for act in direction.acts)
        raise UserError("no such act", where=f"deck {name}", allowed=there, got=str(message.args[place])[:40])
    return index


def _put(deck: DeckState, index: int, act: Act) -> DeckState:
    acts = deck.direction.acts
    return with_acts(deck, (*acts[:index], act, *acts[index + 1 :]))


def _valued(catalogue: Catalogue, name: str, state: ShowState, message: Message) -> ShowState:
    """Set what a parameter is in an act, whatever it is in the others."""
    deck, path = state.deck(name), message.word
    index, param = _which(deck, name, message, 2), catalogue.deck_paths.get(path)
    if param is None or len(message.args) < 2:  # only the log of a damaged take can say such a thing
        return state
    act = deck.direction.acts[index]
    added = param.clamp(float(message.args[1])) - values_of(deck.params, deck.chain)[path]
    made = replace(act, offsets={**act.offsets, f"deck/{name}/{path}": added})
    return state.with_deck(name, _put(deck, index, made))


def _freed(catalogue: Catalogue, name: str, state: ShowState, message: Message) -> ShowState:
    """Let a parameter be in an act what it is in the scene."""
    deck, path = state.deck(name), f"deck/{name}/{message.word}"
    index = _which(deck, name, message, 1)
    act = deck.direction.acts[index]
    if path not in act.offsets:
        raise UserError(f"act {act.name} does not set {message.word[:80]}", where=f"deck {name}")
    made = replace(act, offsets={key: value for key, value in act.offsets.items() if key != path})
    return state.with_deck(name, _put(deck, index, made))


def _told(name: str, state: ShowState, message: Message, /, **what: object) -> ShowState:
    """Set what an act says of its course, on all decks of its scene. Raises UserError."""
    index = _which(state.deck(name), name, message, 1)
    _checked(state.deck(name).direction.acts[index], name, **what)
    for each in together(state, name):
        deck = state.deck(each)
        state = state.with_deck(each, _put(deck, index, replace(deck.direction.acts[index], **what)))  # type: ignore[arg-type]
    return state


def _renamed(name: str, state: ShowState, message: Message) -> ShowState:
    index = _which(state.deck(name), name, message, 1)
    others = [act.name for i, act in enumerate(state.deck(name).direction.acts) if i != index]
    return _told(name, state, message, name=_fresh(message.word, others, name))


def _styled(name: str, state: ShowState, message: Message) -> ShowState:
    """Give an act a style of its own, or take that away. Whether it can be had its loading shows."""
    deck = state.deck(name)
    index = _which(deck, name, message, 1)
    style = "" if message.word == NONE else message.word
    made = _put(deck, index, replace(deck.direction.acts[index], style=style))
    what, allowed, got = layers.too_many(layers.needed(made.direction.acts, deck.wanted or deck.style))
    if what:
        raise UserError(what, where=f"deck {name}", allowed=allowed, got=got, remedy="let acts share one")
    # One that could not be had before may be there now.
    asked = tuple(each for each in made.layers.asked if each != style or each in made.layers.loaded)
    return state.with_deck(name, replace(made, layers=replace(made.layers, asked=asked)))


def _added(name: str, state: ShowState, message: Message) -> ShowState:
    """Add an act with no values: after another one, or as the last. A scene without acts becomes the first of two."""
    acts = state.deck(name).direction.acts
    new = Act(_fresh(message.word, [act.name for act in acts] or [FIRST], name), _BARS)
    _checked(new, name)
    if len(acts) >= MOST_ACTS:
        raise UserError("too many acts", where=f"deck {name}", allowed=str(MOST_ACTS), remedy="remove one first")
    place = _which(state.deck(name), name, message, 1) + 1 if len(message.args) > 1 else len(acts)
    for each in together(state, name):
        deck = state.deck(each)
        before = deck.direction.acts or (Act(FIRST, _BARS),)
        at = place if acts else 1
        places = {i: i + (i >= at) for i in range(len(before))}
        state = state.with_deck(each, with_acts(deck, (*before[:at], new, *before[at:]), places))
    return state


def _removed(name: str, state: ShowState, message: Message) -> ShowState:
    index = _which(state.deck(name), name, message, 0)
    for each in together(state, name):
        deck = state.deck(each)
        acts = deck.direction.acts
        places = {i: i - (i > index) for i in range(len(acts)) if i != index}
        state = state.with_deck(each, with_acts(deck, (*acts[:index], *acts[index + 1 :]), places))
    return state


def _moved(name: str, state: ShowState, message: Message) -> ShowState:
    """Put an act in another place, counted from 1; behind the last one is the last place."""
    index = _which(state.deck(name), name, message, 1)
    for each in together(state, name):
        deck = state.deck(each)
        order = [i for i in range(len(deck.direction.acts)) if i != index]
        order.insert(max(1, int(message.number)) - 1, index)
        moved = tuple(deck.direction.acts[i] for i in order)
        state = state.with_deck(each, with_acts(deck, moved, {old: new for new, old in enumerate(order)}))
    return state


def _fresh(word: str, others: Iterable[str], name: str) -> str:
    """Return a name for an act. Raises UserError where another one has it."""
    if word in others:
        raise UserError("two acts have one name", where=f"deck {name}", got=word[:40], remedy="choose another one")
    return word


def _checked(act: Act, name: str, /, **what: object) -> None:
    """Raise UserError for an act that no file could say."""
    told = {"name": act.name, "bars": act.bars, "on": act.on, "beats": act.beats} | what
    try:
        ActEntry.model_validate(told)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        allowed = "small letters, digits and hyphens" if first["type"] == "string_pattern_mismatch" else ""
        got = str(first["input"])[:40]
        wrong = f"not a {first['loc'][0]} of an act: {first['msg']}"
        raise UserError(wrong, where=f"deck {name}", allowed=allowed, got=got) from error
