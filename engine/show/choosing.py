"""Which scene the autopilot plays next: pure rules over names, what is known of the scenes, and what is heard."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from phosphene.engine.show.catalogue import Catalogue
from phosphene.engine.show.setlist import Setlist

# Words of scenes, their styles' tags and genres among them, that say which music they suit.
_DRIVING = frozenset({"high energy", "peak", "drop", "techno", "industrial", "drum and bass"})
_CALM = frozenset({"calm", "ambient", "opening", "closing", "slow", "soft", "drone", "downtempo", "chill"})
_MACHINES = frozenset({"techno", "house", "electronic", "trance", "drum and bass", "dubstep", "neon", "glitch"})
_PLAYED = frozenset({"acoustic", "classical", "folk", "jazz", "rock", "soul", "organic", "melodic", "indie", "piano"})
_SUNG = frozenset({"vocal", "vocals", "soul", "pop", "melodic", "indie", "folk"})
_WORDS = 0.2  # what a scene's own words move its style's energy by
_ENERGY, _KIND, _SUNG_SHARE = 0.6, 0.25, 0.15  # shares of the score: energy is what a room notices when it is wrong
_MIDDLE = 0.5


@dataclass(frozen=True, slots=True)
class SceneFacts:
    """What a choice goes by. energy: 0 calm .. 1 frantic, None: not said. words: tags, genres. start: of its transition."""

    energy: float | None = None
    words: frozenset[str] = frozenset()
    start: str = "bar"


@dataclass(frozen=True, slots=True)
class Heard:
    """What the music is, each 0..1. known: whether anybody tags it; without, only the energy is guessed."""

    energy: float
    calm: float = 0.0
    electronic: float = 0.0
    vocals: float = 0.0
    known: bool = True


@dataclass(frozen=True, slots=True)
class Choice:
    """A scene, and why. cue: its place in the setlist from 1, 0 where it is called by its name."""

    slug: str
    reason: str
    cue: int = 0


def pool(catalogue: Catalogue, setlist: Setlist) -> tuple[str, ...]:
    """Return the scenes that may be chosen, in order: those of the setlist, each cue once, or all there are."""
    return tuple(cue.scene for cue in setlist.cue) or catalogue.scenes


def in_order(names: Sequence[str], place: int, barred: Collection[str], cues: bool) -> Choice | None:
    """Return the first of `names` after `place`, round and round, that is not barred. cues: the names are the setlist's."""
    for step in range(1, len(names) + 1):
        k = (place + step) % len(names)
        if names[k] not in barred:
            reason = f"cue {k + 1} of the setlist" if cues else f"scene {k + 1} in order"
            return Choice(names[k], reason, k + 1 if cues else 0)
    return None


def place_of(names: Sequence[str], last: int, cue: int, on: str) -> int:
    """Return where in `names` the show is: where it was left, at the last cue, or at the first of that name; else -1."""
    for k in (last, cue):
        if 0 <= k < len(names) and names[k] == on:
            return k
    return names.index(on) if on in names else max(last, cue, -1)


class Shuffle:
    """A mixed order: no scene comes again before all others have been. The same stream of chance gives the same order."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self._left: list[str] = []
        self._on = ""
        self._begun = False

    def next(self, names: Sequence[str], barred: Collection[str]) -> Choice | None:
        """Return the next one of `names` that is not barred; what is barred keeps its turn."""
        able = sorted({*names} - {*barred})
        if not able:
            return None
        if not any(name in able for name in self._left):
            # What is on when the first round begins has been in it; later rounds have all of them.
            self._left = sorted({*names} - (set() if self._begun else {self._on}))
            self._begun = True
            self._chance.shuffle(self._left)
        slug = next(name for name in self._left if name in able)
        return Choice(slug, f"shuffled, {len(self._left)} left")

    def played(self, slug: str) -> None:
        """Take `slug` out: it is on."""
        self._on = slug
        self._left = [name for name in self._left if name != slug]


def by_tags(
    names: Sequence[str], barred: Collection[str], recent: Sequence[str], facts: Mapping[str, SceneFacts], heard: Heard
) -> Choice | None:
    """Return the scene that suits the music best among those that were not on of late. recent: played, the newest last."""
    able = [name for name in dict.fromkeys(names) if name not in barred]
    if not able:
        return None
    # Half of them rest, or the two that suit best would take turns for the whole of a piece.
    resting = set(recent[-(len({*names}) // 2) :])
    fresh = [name for name in able if name not in resting] or able
    slug = max(fresh, key=lambda name: suits(facts.get(name, SceneFacts()), heard))
    energy = facts.get(slug, SceneFacts()).energy
    suited = "of unknown energy" if energy is None else f"made for {energy:.2f}"
    kind = f", {'electronic' if heard.electronic > _MIDDLE else 'played'}" if heard.known else ""
    return Choice(slug, f"energy {heard.energy:.2f}{kind}: {suited}")


def suits(facts: SceneFacts, heard: Heard) -> float:
    """Return how well a scene suits what is heard, 0..1."""
    energy = max(0.0, 1.0 - 2.0 * abs(heard.energy - facts.energy)) if facts.energy is not None else _MIDDLE
    kind = sung = _MIDDLE
    if heard.known:
        machines, played = bool(facts.words & _MACHINES), bool(facts.words & _PLAYED)
        kind = _MIDDLE + (heard.electronic - _MIDDLE) * (machines - played)
        sung = _MIDDLE + (heard.vocals - _MIDDLE) * bool(facts.words & _SUNG)
    return _ENERGY * energy + _KIND * kind + _SUNG_SHARE * sung


def facts_of(tags: Collection[str], words: Collection[str], energy: float | None, start: str) -> SceneFacts:
    """Return the facts of a scene. tags: its own; words: its style's tags and genres; energy: its style's, if said."""
    own = {tag.casefold() for tag in tags}
    pull = _WORDS * (bool(own & _DRIVING) - bool(own & _CALM))
    if energy is None and pull:
        energy = _MIDDLE
    known = None if energy is None else min(1.0, max(0.0, energy + pull))
    return SceneFacts(known, frozenset(own | {word.casefold() for word in words}), start)


def heard_of(signals: Mapping[str, float], level: float) -> Heard:
    """Return what is heard. level: how loud it has been over the last seconds, which stands in where nobody tags."""
    known = any(signals[name] > 0.0 for name in ("energy", "calm", "electronic"))
    energy = min(1.0, max(0.0, _MIDDLE + 0.5 * (signals["energy"] - signals["calm"]))) if known else level
    # The next scene plays what comes: after a build-up that is a drop.
    if signals["build"] > _MIDDLE:
        energy = max(energy, 0.85)
    elif signals["break"] > _MIDDLE:
        energy = min(energy, 0.3)
    return Heard(energy, signals["calm"], signals["electronic"], signals["vocals"], known)
