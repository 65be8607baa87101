"""Parts of the show as plain values, for whoever shows and edits them: what a control surface's server sends on.

Called on the render thread, which owns the stage. What is told here goes back in as it is: the same paths, the same signs.
"""

from __future__ import annotations

from typing import Any

from phosphene.engine.app.stage import Stage
from phosphene.engine.show.act_edits import NONE
from phosphene.engine.show.acts import CALLS
from phosphene.engine.show.catalogue import DECKS
from phosphene.engine.show.directing import values_of
from phosphene.engine.show.mapping import Mapping
from phosphene.engine.show.remap import relative

Held = tuple[tuple[Mapping, ...], tuple[Mapping, ...]]  # of deck a, of deck b
Told = dict[str, str | float]  # one mapping, by the names of `/deck/a/map`'s arguments; times: "" for none; acts: 0 for all


def mappings_held(stage: Stage) -> Held:
    """Return what `mappings_document` tells of. It costs nothing to ask for it in every frame: see `is_unchanged`."""
    return stage.state.a.mappings, stage.state.b.mappings


def is_unchanged(before: Held, now: Held) -> bool:
    """Whether the mappings are those of before: the document makes new tuples where they change, and only there."""
    return before[0] is now[0] and before[1] is now[1]


def mappings_document(stage: Stage) -> dict[str, list[Told]]:
    """Return the mappings of both decks, as `/deck/{a,b}/map` takes them: {"a": [{signal, to, curve, ...}], "b": [...]}."""
    return {deck: [_told(m, deck) for m in held] for deck, held in zip(DECKS, mappings_held(stage), strict=True)}


def acts_document(stage: Stage) -> dict[str, list[dict[str, Any]]]:
    """Return the acts of both decks: {"a": [{name, bars, on, beats, style, ready, values}], "b": [...]}.

    on: as `/deck/a/act_on` takes it. style: "" for the deck's own; ready: whether that of the act is loaded. values: what a
    parameter of the deck is in the act, by its path there, as far as the act sets it.
    """
    return {deck: _acts(stage, deck) for deck in DECKS}


def _acts(stage: Stage, name: str) -> list[dict[str, Any]]:
    deck = stage.state.deck(name)
    base, paths, start = values_of(deck.params, deck.chain), stage.document.catalogue.deck_paths, f"deck/{name}/"
    found = []
    for act in deck.direction.acts:
        own = {path.removeprefix(start): added for path, added in act.offsets.items() if path.startswith(start)}
        values = {to: round(paths[to].clamp(base[to] + added), 5) for to, added in own.items() if to in paths}
        told = {
            "name": act.name,
            "bars": act.bars,
            "on": " ".join(kind for kind in CALLS if kind in act.on) or NONE,
            "beats": act.beats,
            "values": values,
        }
        ready = act.style in ("", deck.style, *deck.layers.loaded)
        found.append(told | {"style": act.style, "ready": ready})
    return found


def _told(m: Mapping, deck: str) -> Told:
    to, (low, high) = relative(m, deck)
    return {
        "signal": m.signal,
        "to": to,
        "curve": m.curve,
        "attack": m.attack,
        "release": m.release,
        "low": low,
        "high": high,
        "times": m.times,
        "acts": sum(1 << k for k in m.acts),
    }
