"""A deck whose list of acts becomes another one while it plays. Pure functions; `act_edits.py` and `undo.py` call them.

Mappings name acts by their places, and a deck's course counts in them: whoever changes the list takes both along.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from phosphene.engine.show.acts import UNDIRECTED, Act
from phosphene.engine.show.state import DeckState


def places_between(before: tuple[Act, ...], after: tuple[Act, ...]) -> dict[int, int]:
    """Return where each act of one list is in another one, by its name; those that are gone are left out.

    As many acts of which one has another name are the same acts: it was renamed.
    """
    old, new = [act.name for act in before], [act.name for act in after]
    if len(old) == len(new) and sum(a != b for a, b in zip(old, new, strict=True)) == 1:
        return {i: i for i in range(len(old))}
    return {i: new.index(name) for i, name in enumerate(old) if name in new}


def with_acts(deck: DeckState, acts: tuple[Act, ...], places: Mapping[int, int] | None = None) -> DeckState:
    """Return a deck with these acts. places: where each of the acts before is now; None: none was added, moved or removed.

    Where the one that plays is gone, the next one that waits for nothing plays.
    """
    direction = deck.direction
    if places is None:
        places = {i: i for i in range(len(acts))}
    if not acts:
        course = replace(
            UNDIRECTED, bars=direction.bars, act_bars=direction.bars, drop_bars=direction.drop_bars, drops=direction.drops
        )
        return _placed(replace(deck, direction=course), places)
    first = next((i for i, act in enumerate(acts) if not act.on), 0)
    if direction.now in places and direction.acts:
        now, act_bars, called = places[direction.now], direction.act_bars, direction.called
    else:
        now, act_bars, called = _following(direction.now, places, acts, first), 0.0, ""
    weights = [0.0] * len(acts)
    for i, weight in enumerate(direction.weights):
        if i in places:
            weights[places[i]] += weight
    left = sum(weights)
    weights = [weight / left for weight in weights] if left > 0.0 else [float(i == now) for i in range(len(acts))]
    turn = places.get(direction.turn, now) if direction.acts else now
    course = replace(direction, acts=acts, now=now, weights=tuple(weights), act_bars=act_bars, called=called, turn=turn)
    return _placed(replace(deck, direction=course, layers=replace(deck.layers, due=True)), places)


def _following(now: int, places: Mapping[int, int], acts: tuple[Act, ...], first: int) -> int:
    """Return the act that follows one that is gone: the next in the file that waits for nothing."""
    later = [places[i] for i in sorted(places) if i > now and not acts[places[i]].on]
    return later[0] if later else first


def _placed(deck: DeckState, places: Mapping[int, int]) -> DeckState:
    """Return a deck whose mappings name the acts by their new places; those that worked in none but what went are gone."""
    kept = []
    for m in deck.mappings:
        acts = tuple(sorted(places[i] for i in m.acts if i in places))
        if acts or not m.acts:
            kept.append(m if acts == m.acts else replace(m, acts=acts))
    return deck if tuple(kept) == deck.mappings else replace(deck, mappings=tuple(kept))
