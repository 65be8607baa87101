"""Taking back what a hand has changed. Pure functions of the show document, called by `document.py`.

What can be taken back are the values of a look: parameters of decks and effects, mappings, acts, styles, levels, the master,
faders. Not the crossfade, blackout, tempo and scenes: those are the course of a show, which does not run backwards. A drag
counts as one change. The steps lie in the document itself, so that a take of them is rendered alike.
"""

from __future__ import annotations

from dataclasses import replace

from phosphene.engine.core.signals import FADERS
from phosphene.engine.show.act_edits import EDITS
from phosphene.engine.show.act_list import places_between, with_acts
from phosphene.engine.show.acts import directed, fitted
from phosphene.engine.show.catalogue import DECKS, Catalogue
from phosphene.engine.show.change import Change
from phosphene.engine.show.mapping import Mapping, identity
from phosphene.engine.show.scene import MOST_ACTS, MOST_MAPPINGS
from phosphene.engine.show.state import ShowState, Step

MOST_STEPS = 20
_MAPPINGS = ("map", "unmap", "map_acts")
DRAG_S = 1.0  # changes of one address that are no further apart are one


def by_hand(source: str) -> bool:
    """Whether a person made a change: what the program does by itself is not theirs to take back."""
    return source != "start" and not source.startswith("autopilot")


def noted(before: ShowState, after: ShowState, change: Change, t: float) -> ShowState:
    """Return `after` with what `change` did to `before` as its newest step. t: of the frame, s of show time.

    The time of the frame and not of the message: a rerender has the first one only.
    """
    step = _step(before, after, change.path, t) if by_hand(change.source) else None
    if step is None:
        return after
    last = after.undo[-1] if after.undo else None
    if last is not None and _drags_on(last, step):
        return replace(after, undo=(*after.undo[:-1], replace(last, t=t)))
    return replace(after, undo=(*after.undo, step)[-MOST_STEPS:])


def forgotten(state: ShowState, deck: str) -> ShowState:
    """Return the document without the steps of a deck that has another content now."""
    kept = tuple(
        step
        for step in state.undo
        if not step.path.startswith(f"/deck/{deck}/") and deck not in (name for name, _, _ in step.decks)
    )
    return state if len(kept) == len(state.undo) else replace(state, undo=kept)


def failed(state: ShowState, deck: str) -> ShowState:
    """Return the document without the change to a style that was refused: the one before it plays on as it is."""
    path = f"/deck/{deck}/style"
    asked = next((i for i in reversed(range(len(state.undo))) if state.undo[i].path == path), None)
    if asked is None or state.undo[asked].value != state.deck(deck).style:
        return state
    return replace(state, undo=(*state.undo[:asked], *state.undo[asked + 1 :]))


def put_back(state: ShowState, step: Step) -> ShowState:
    """Return the document with the mappings or acts of a step as they were."""
    if step.decks:
        for name, before, held in step.decks:
            deck = state.deck(name)
            back = with_acts(deck, before, places_between(deck.direction.acts, before))
            state = state.with_deck(name, replace(back, mappings=held))
        return state
    name = step.path.split("/")[2]
    deck = state.deck(name)
    gone = {identity(m) for _, m in step.mappings} | ({step.came} if step.came is not None else set())
    mappings = [m for m in deck.mappings if identity(m) not in gone]
    for place, m in step.mappings:
        mappings.insert(place, m)
    return state.with_deck(name, replace(deck, mappings=tuple(mappings[:MOST_MAPPINGS])))


def is_of_lists(step: Step) -> bool:
    """Whether a step is one of mappings or acts, else it is of a value."""
    return bool(step.decks) or step.path.endswith(tuple(f"/{verb}" for verb in _MAPPINGS))


def fitting(steps: tuple[Step, ...], catalogue: Catalogue) -> tuple[Step, ...]:
    """Return those of a file's steps that can be taken back."""
    numbers = {"/master", *(f"/fader/{i + 1}" for i in range(FADERS))}
    numbers |= {f"/{path}" for path, target in catalogue.targets.items() if target.deck}
    texts = {f"/deck/{deck}/style" for deck in DECKS}
    lists = {f"/deck/{deck}/{verb}" for deck in DECKS for verb in _MAPPINGS}
    edits = {f"/deck/{deck}/{verb}" for deck in DECKS for verb in EDITS}

    def fits(step: Step) -> bool:
        if step.decks:
            held = all(name in DECKS and len(acts) <= MOST_ACTS and len(m) <= MOST_MAPPINGS for name, acts, m in step.decks)
            return step.path in edits and held and all(fitted(directed(acts)).acts == acts for _, acts, _ in step.decks)
        if step.path in lists:
            return len(step.mappings) <= MOST_MAPPINGS
        return step.path in (texts if isinstance(step.value, str) else numbers)

    return tuple(filter(fits, steps))[-MOST_STEPS:]


def _step(before: ShowState, after: ShowState, path: str, t: float) -> Step | None:
    """Return how to come back from `after` to `before`; None where there is nothing to come back from."""
    match path.split("/")[1:]:
        case ["deck", _, verb] if verb in EDITS:
            return _of_acts(before, after, path, t)
        case ["deck", deck, verb] if verb in _MAPPINGS:
            return _of_mappings(before.deck(deck).mappings, after.deck(deck).mappings, path, t)
    was = _value(before, path)
    return None if was is None or was == _value(after, path) else Step(path, t, was)


def _of_mappings(before: tuple[Mapping, ...], after: tuple[Mapping, ...], path: str, t: float) -> Step | None:
    if before == after:
        return None
    came = next((identity(m) for m in after if m not in before), None)
    return Step(path, t, came=came, mappings=tuple((i, m) for i, m in enumerate(before) if m not in after))


def _of_acts(before: ShowState, after: ShowState, path: str, t: float) -> Step | None:
    changed = [name for name in DECKS if before.deck(name).direction.acts != after.deck(name).direction.acts]
    if not changed:
        return None
    held = tuple((name, before.deck(name).direction.acts, before.deck(name).mappings) for name in changed)
    old, new = (state.deck(changed[0]).direction.acts for state in (before, after))
    came = None
    if [act.name for act in old] == [act.name for act in new]:
        one, (was, now) = next((a.name, (a, b)) for a, b in zip(old, new, strict=True) if a != b)
        values = sorted(key for key in {*was.offsets, *now.offsets} if was.offsets.get(key) != now.offsets.get(key))
        came = (one, *values)
    return Step(path, t, came=came, decks=held)


def _drags_on(last: Step, step: Step) -> bool:
    if is_of_lists(step) and step.came is None:
        return False  # one that was taken away and another: two
    return (last.path, last.came) == (step.path, step.came) and abs(step.t - last.t) <= DRAG_S


def _value(state: ShowState, path: str) -> float | str | None:
    """Return what stands at an address that the document knows; None for one that is not taken back."""
    match path.split("/")[1:]:
        case ["master"]:
            return state.master
        case ["fader", number]:
            return state.faders[int(number) - 1]
        case ["deck", deck, "style"]:
            return state.deck(deck).wanted or state.deck(deck).style
        case ["deck", deck, "fx", effect, name]:
            return dict(state.deck(deck).chain)[effect][name]
        case ["deck", deck, name]:
            return state.deck(deck).params.get(name)
    return None
