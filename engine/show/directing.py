"""The acts of both decks in the show document: when they change, what they add, and what a hand does to them.

Pure functions of the document, called by `document.py`; the rules of one scene's acts are in `acts.py`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from phosphene.engine.core.errors import listed
from phosphene.engine.core.signals import BeatPosition
from phosphene.engine.show import acts, layers
from phosphene.engine.show.acts import Moment
from phosphene.engine.show.catalogue import DECKS
from phosphene.engine.show.change import Action, LoadStyle
from phosphene.engine.show.state import Chain, DeckState, ShowState
from phosphene.engine.show.verbs import Message

_ENTRY_BARS = 0.25  # of a scene: what is loaded by then was on the hidden deck a moment ago, and is seen at once
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
        if (deck.scene or deck.direction.acts) and state.is_seen(name):
            state = state.with_deck(name, _passed(deck, moment))
    waits = state.fade is not None and not state.fade.running and state.fade.target in (0.0, 1.0)
    if state.a.scene == state.b.scene != "" and not waits:  # a second deck that has yet to come in is where the first one is
        for name, other in (("a", state.b), ("b", state.a)):
            deck = state.deck(name)
            if not state.is_seen(name) and deck.direction.acts:
                direction = acts.beside(deck.direction, other.direction)
                due = replace(deck.layers, due=deck.layers.due or direction.now != deck.direction.now)
                state = state.with_deck(name, replace(deck, direction=direction, layers=due))
    for name in DECKS:
        deck = state.deck(name)
        if deck.layers.due and not state.is_seen(name):  # nobody sees it change
            shown = layers.moved(layers.turned(deck.layers, deck.direction), 0.0, 0.0)
            state = state.with_deck(name, replace(deck, layers=shown))
    return state


def _passed(deck: DeckState, moment: Moment) -> DeckState:
    """Return a deck that is seen after `moment`. A style that is loaded late comes in with a bar."""
    before, direction = deck.direction, acts.passed(deck.direction, moment)
    shown = deck.layers
    if shown.asked or shown.shares:
        begun = direction.now != before.now or direction.act_bars < before.act_bars
        at_once = shown.due and direction.bars < _ENTRY_BARS and not begun
        if begun or at_once or (shown.due and moment.line):
            shown = layers.turned(shown, direction)
        act = direction.act
        shown = layers.moved(shown, moment.beats, 0.0 if act is None or at_once else act.beats)
    return replace(deck, direction=direction, layers=shown)


def asking(state: ShowState, actions: list[Action]) -> ShowState:
    """Ask for the styles of the acts on both decks that were not asked for yet: each long before its act begins."""
    for name in DECKS:
        deck = state.deck(name)
        wanted = layers.needed(deck.direction.acts, deck.wanted or deck.style)
        shown = layers.asked(deck.layers, wanted)
        if shown is not deck.layers:
            actions += [LoadStyle(name, style, beside=True) for style in wanted if style not in deck.layers.asked]
            state = state.with_deck(name, replace(deck, layers=shown))
    return state


def style_ready(name: str, style: str, state: ShowState) -> ShowState:
    """Take the answer that a style of an act is loaded."""
    deck = state.deck(name)
    return state.with_deck(name, replace(deck, layers=layers.ready(deck.layers, style)))


def style_failed(name: str, style: str, reason: str, state: ShowState) -> ShowState:
    """Say that a style of acts cannot be had: they play with the deck's own, or with what was loaded of it before."""
    deck = state.deck(name)
    state = replace(state, message=f"style {style} of an act: {reason}; deck {name} plays on as it is")
    return state.with_deck(name, replace(deck, layers=layers.failed(deck.layers, style)))


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


def shown(state: ShowState) -> DeckState:
    """Return the deck that is seen most."""
    return state.deck("b" if state.crossfade > 0.5 else "a")


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
            direction = acts.entered(deck.direction, index)
            state = state.with_deck(each, replace(deck, direction=direction, layers=layers.turned(deck.layers, direction)))
    return state
