"""Mappings that are set and taken away while the show runs. Pure functions of the show document, called by `document.py`.

A message names a parameter as a scene file does: by its path on one deck (`zoom`, `fx/bloom/amount`), or `master` and
`crossfade`. What is called up and what is set by hand are the same mappings afterwards.
"""

from __future__ import annotations

from dataclasses import replace

from pydantic import ValidationError

from phosphene.engine.core.errors import UserError, did_you_mean, listed
from phosphene.engine.show.catalogue import CROSSFADE, MASTER, Catalogue
from phosphene.engine.show.mapping import Mapping, identity
from phosphene.engine.show.scene import MOST_MAPPINGS, MapEntry
from phosphene.engine.show.state import DeckState, ShowState
from phosphene.engine.show.verbs import Message

_WORDS = ("signal", "to", "curve", "attack", "release", "low", "high", "times", "acts")
_NEEDED = 7  # of them
_MOVED = ("signal", "to", "times", "before", "now")
NO_SIGNAL = "none"  # of `times`, where acts are said: a message has no empty text


def allowed_on(catalogue: Catalogue) -> tuple[str, ...]:
    """Return what a mapping of a deck may move, by the paths that scene files have."""
    return (*catalogue.deck_paths, MASTER.name, CROSSFADE.name)


def mapped(catalogue: Catalogue, name: str, state: ShowState, message: Message) -> ShowState:
    """Set a mapping on deck `name`, in the place of the one that it was before. Raises UserError.

    Where its acts are not said it stays in those that it was in.
    """
    deck = state.deck(name)
    made = _made(catalogue, name, deck, message)
    if len(message.args) < len(_WORDS):
        acts = next((m.acts for m in deck.mappings if identity(replace(m, acts=())) == identity(made)), ())
        made = replace(made, acts=acts)
    same = [i for i, m in enumerate(deck.mappings) if identity(m) == identity(made)]
    if not same:
        if len(deck.mappings) >= MOST_MAPPINGS:
            raise UserError("too many mappings", where=f"deck {name}", allowed=f"{MOST_MAPPINGS}", remedy="remove one first")
        return state.with_deck(name, replace(deck, mappings=(*deck.mappings, made)))
    # A scene file may have one twice: then this is the one that is left, or nobody could say which of them is meant.
    kept = [made if i == same[0] else m for i, m in enumerate(deck.mappings) if i not in same[1:]]
    return state.with_deck(name, replace(deck, mappings=tuple(kept)))


def unmapped(catalogue: Catalogue, name: str, state: ShowState, message: Message) -> ShowState:
    """Take away the mappings of a signal on a parameter: all of them, or those times one other signal, or of these those in
    some acts. Raises UserError.
    """
    words = [str(word) for word in message.args]
    if len(words) not in (2, 3, 4):
        raise UserError(
            "wrong number of arguments", where=f"deck {name}", allowed="signal to [times [acts]]", got=len(words)
        )
    signal, parameter = words[0], _absolute(catalogue, name, words[1])
    times = None if len(words) == 2 else "" if words[2] == NO_SIGNAL else words[2]
    deck = state.deck(name)
    acts = _acts(name, deck, int(message.args[3])) if len(words) == 4 else None

    def meant(m: Mapping) -> bool:
        return (m.signal, m.parameter) == (signal, parameter) and times in (None, m.times) and acts in (None, m.acts)

    kept = tuple(m for m in deck.mappings if not meant(m))
    if len(kept) == len(deck.mappings):
        return replace(state, message=f"{signal[:40]} does not move {words[1]} of deck {name}")
    return state.with_deck(name, replace(deck, mappings=kept))


def mapped_in(catalogue: Catalogue, name: str, state: ShowState, message: Message) -> ShowState:
    """Let a mapping work in other acts than before: signal, to, times (or none), acts before, acts now. Raises UserError."""
    if len(message.args) != len(_MOVED):
        allowed = " ".join(_MOVED)
        raise UserError("wrong number of arguments", where=f"deck {name}", allowed=allowed, got=len(message.args))
    signal, times = (str(message.args[i]) for i in (0, 2))
    parameter, deck = _absolute(catalogue, name, str(message.args[1])), state.deck(name)
    before, now = (_acts(name, deck, int(message.args[i])) for i in (3, 4))
    key = (signal, parameter, "" if times == NO_SIGNAL else times)
    found = [m for m in deck.mappings if (m.signal, m.parameter, m.times, m.acts) == (*key, before)]
    if not found:
        return replace(state, message=f"{signal[:40]} does not move {message.args[1]} of deck {name} in these acts")
    if any((m.signal, m.parameter, m.times, m.acts) == (*key, now) for m in deck.mappings) and before != now:
        return replace(state, message=f"{signal[:40]} moves {message.args[1]} of deck {name} in these acts already")
    kept = tuple(replace(m, acts=now) if m in found else m for m in deck.mappings)
    return state.with_deck(name, replace(deck, mappings=kept))


def relative(m: Mapping, name: str) -> tuple[str, tuple[float, float]]:
    """Return path and range of a mapping on deck `name` as a scene file or a message has them."""
    low, high = m.range
    if m.parameter == CROSSFADE.name and name == "b":
        low, high = -low, -high  # written down, it is towards the other deck
    return m.parameter.removeprefix(f"deck/{name}/"), (low, high)


def _made(catalogue: Catalogue, name: str, deck: DeckState, message: Message) -> Mapping:
    given = dict(zip(_WORDS, message.args, strict=False))
    if not _NEEDED <= len(message.args) <= len(_WORDS):
        allowed = " ".join((*_WORDS[:_NEEDED], *(f"[{word}]" for word in _WORDS[_NEEDED:])))
        raise UserError("wrong number of arguments", where=f"deck {name}", allowed=allowed, got=len(message.args))
    bounds = given.pop("low"), given.pop("high")
    acts = _acts(name, deck, int(given.pop("acts", 0)))
    if given.get("times") == NO_SIGNAL:
        del given["times"]
    try:
        entry = MapEntry.model_validate({**given, "range": bounds})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        got = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        raise UserError("not a mapping", where=f"deck {name}", got=got) from error
    parameter = _absolute(catalogue, name, entry.to)
    low, high = entry.range
    if parameter == CROSSFADE.name and name == "b":
        low, high = -low, -high
    return Mapping(entry.signal, parameter, entry.curve, entry.attack, entry.release, (low, high), entry.times, acts)


def _acts(name: str, deck: DeckState, bits: int) -> tuple[int, ...]:
    """Return which acts a number means: bit k stands for act k. Raises UserError."""
    count = len(deck.direction.acts)
    if not 0 <= bits < 2**count:
        raise UserError("unknown act", where=f"deck {name}", allowed=f"0 to {2**count - 1}: its scene has {count}", got=bits)
    return tuple(k for k in range(count) if bits >> k & 1)


def _absolute(catalogue: Catalogue, name: str, path: str) -> str:
    allowed = allowed_on(catalogue)
    if path not in allowed:
        remedy = did_you_mean(path, allowed) or "use one of those allowed"
        raise UserError("unknown parameter", where=f"deck {name}", allowed=listed(allowed), got=path[:80], remedy=remedy)
    return path if path in (MASTER.name, CROSSFADE.name) else f"deck/{name}/{path}"
