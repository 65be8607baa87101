"""The acts of both decks in the show document: when they change, what they add, and what a hand does to them.

Pure functions of the document, called by `document.py`; the rules of one scene's acts are in `acts.py`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from phosphene.engine.core.errors import listed
from phosphene.engine.core.signals import BeatPosition
from phosphene.engine.show import acts
from phosphene.engine.show.acts import Direction, Moment
from phosphene.engine.show.catalogue import DECKS, Catalogue
from phosphene.engine.show.state import Chain, ShowState
from phosphene.engine.show.verbs import Message

_RISE = 0.1  # of the signal `drop` from frame to frame: one that was flagged. Else it falls, to 0.14 within 4 s


def values_of(params: Mapping[str, float], chain: Chain) -> dict[str, float]:
    """Return every value of a deck by its path there: `zoom`, `fx/bloom/amount`."""
    return {**params, **{f"fx/{effect}/{name}": value for effect, values in chain for name, value in values.items()}}


def heard(state: ShowState, levels: Mapping[str, float]) -> tuple[ShowState, tuple[str, ...]]:
    """Return the document that knows of the music's parts, and which of them have begun with this frame. levels: 0..1."""
    going = acts.going_on(state.going, levels)
    begun = tuple(kind for kind in going if kind not in state.going)
    if levels["drop"] > state.drop + _RISE:
        begun = ("drop", *begun)
    if (levels["drop"], going) != (state.drop, state.going):
        state = replace(state, drop=levels["drop"], going=going)
    return state, begun


def acted(state: ShowState, position: BeatPosition, dt: float, begun: tuple[str, ...]) -> ShowState:
    """Let the scenes on decks that are seen go on. Counted in steps: a resync sets the beat line back."""
    beats = dt * position.bpm / 60.0
    line = math.floor(position.bar) != math.floor(state.bar)
    moment = Moment(beats / position.per_bar, beats, line, begun, state.going)
    state = replace(state, bar=position.bar)
    for name in DECKS:
        deck = state.deck(name)
        if deck.scene and state.is_seen(name):
            state = state.with_deck(name, replace(deck, direction=acts.passed(deck.direction, moment)))
    waits = state.fade is not None and not state.fade.running and state.fade.target in (0.0, 1.0)
    if state.a.scene == state.b.scene != "" and not waits:  # a second deck that has yet to come in is where the first one is
        for name, other in (("a", state.b), ("b", state.a)):
            deck = state.deck(name)
            if not state.is_seen(name) and deck.direction.acts:
                state = state.with_deck(name, replace(deck, direction=acts.beside(deck.direction, other.direction)))
    return state


def with_acts(state: ShowState, values: Mapping[str, float]) -> Mapping[str, float]:
    """Return mapped values ({parameter path: what to add}) with what the acts of both decks add."""
    added = [offsets for deck in (state.a, state.b) if (offsets := acts.offsets(deck.direction))]
    if not added:
        return values
    found = dict(values)
    for offsets in added:
        for path, value in offsets.items():
            found[path] = found.get(path, 0.0) + value
    return found


def shown(state: ShowState) -> Direction:
    """Return where the scene is that is seen most."""
    return state.deck("b" if state.crossfade > 0.5 else "a").direction


def called(name: str, state: ShowState, message: Message) -> ShowState:
    """Let an act of deck `name`, by its name or its number from 1, begin now."""
    direction, wanted = state.deck(name).direction, message.word
    index = acts.named(direction, wanted)
    if index is None:
        there = listed(act.name for act in direction.acts) or "none"
        return replace(state, message=f"deck {name} has no act {wanted[:40]}; its scene has: {there}")
    return _begun(name, index, state)


def next_called(name: str, state: ShowState, message: Message) -> ShowState:
    """Let the act of deck `name` begin that is the next one in its file."""
    direction = state.deck(name).direction
    if not direction.acts:
        return replace(state, message=f"the scene on deck {name} has no acts")
    return _begun(name, (direction.now + 1) % len(direction.acts), state)


def _begun(name: str, index: int, state: ShowState) -> ShowState:
    """Let act `index` begin on deck `name`, and on the other one where both belong to one scene."""
    direction = state.deck(name).direction
    for each in DECKS:
        deck = state.deck(each)
        if each == name or (deck.scene == state.deck(name).scene and len(deck.direction.acts) == len(direction.acts)):
            state = state.with_deck(each, replace(deck, direction=acts.entered(deck.direction, index)))
    return state


def changed(catalogue: Catalogue, name: str, state: ShowState, message: Message) -> ShowState:
    """Set what a parameter of deck `name` is in the act that plays, whatever it is in the others."""
    deck, path = state.deck(name), message.word
    act, param = deck.direction.act, catalogue.deck_paths.get(path)
    if act is None:
        return replace(state, message=f"the scene on deck {name} has no acts")
    if param is None or len(message.args) < 2:  # only the log of a damaged take can say such a thing
        return state
    added = param.clamp(float(message.args[1])) - values_of(deck.params, deck.chain)[path]
    made = replace(act, offsets={**act.offsets, f"deck/{name}/{path}": added})
    all_acts = tuple(made if each is act else each for each in deck.direction.acts)
    return state.with_deck(name, replace(deck, direction=replace(deck.direction, acts=all_acts)))
