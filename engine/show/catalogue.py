"""What a show can be made of: which styles, effects, deck parameters and scenes exist, and what each path means.

Built once by the application from the style library, the effect registry and the generator's parameters, and handed to
the document, to scene checks and (its parts) to the control table. This layer lies below effects and generators, so it
gets their parameters as data. Read on any thread; frozen.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from phosphene.engine.core.params import Param, defaults

DECKS = ("a", "b")
IDLE = "idle"  # the style name of a deck that shows the idle scene: nothing to load, nothing that can fail
TRANSITIONS = ("cut", "dissolve", "through-black", "wipe", "interlock")
SHADER = "shader-"  # begins the name of a transition that is a shader
_SHADER_NAME = re.compile(SHADER + "[a-z0-9-]{1,240}")
# Where an automatic crossfade may start -> quantum in beats. A drop is not counted in beats: it is waited for.
STARTS = {"now": 0.0, "beat": 1.0, "bar": 4.0, "drop": 0.0}


# How names of pictures begin: files and devices come and go, so they are looked up when they are asked for.
SOURCES = ("image:", "clip:", "camera:")

LEVEL = Param("level", "Level", 0.0, 1.0, 1.0, "How much of the deck is seen before the crossfade")
MASTER = Param("master", "Master", 0.0, 1.0, 1.0, "Brightness of the whole output")
CROSSFADE = Param("crossfade", "Crossfade", 0.0, 1.0, 0.0, "0 shows deck a, 1 shows deck b")
LOOKAHEAD = Param("lookahead", "Lookahead", 0.0, 500.0, 0.0, "How early the beat is shown", "ms")
FADER = Param("fader", "Fader", 0.0, 1.0, 0.0, "a signal that scenes map to what they like")


def is_transition(kind: str) -> bool:
    """Whether a crossfade may be of this kind: one of TRANSITIONS, or a shader. One that cannot be drawn is a dissolve."""
    return kind in TRANSITIONS or _SHADER_NAME.fullmatch(kind) is not None


def with_level(params: Sequence[Param]) -> tuple[Param, ...]:
    """Return a deck's parameters: the generator's, and the mixer's `LEVEL`, once."""
    return tuple(params) if LEVEL in params else (*params, LEVEL)


@dataclass(frozen=True, slots=True)
class Target:
    """One parameter of the show. deck and effect are "" where the path has none."""

    deck: str
    effect: str
    param: Param


@dataclass(frozen=True)
class Catalogue:
    """styles, scenes: slugs. effects: name -> parameters, in chain order. deck_params: the generator's, plus `LEVEL`.

    there: whether a style that is in no list can be played, a picture by its path for one; may look at a disk.
    transitions: kinds of crossfade, shaders among them.
    """

    styles: tuple[str, ...]
    effects: Mapping[str, tuple[Param, ...]]
    deck_params: tuple[Param, ...]
    scenes: tuple[str, ...] = ()
    there: Callable[[str], bool] = field(default=lambda style: False, repr=False, compare=False)
    transitions: tuple[str, ...] = TRANSITIONS
    targets: Mapping[str, Target] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "deck_params", with_level(self.deck_params))
        targets = {p.name: Target("", "", p) for p in (MASTER, CROSSFADE)}
        for deck in DECKS:
            targets |= {f"deck/{deck}/{path}": Target(deck, t.effect, t.param) for path, t in self._on_a_deck()}
        object.__setattr__(self, "targets", targets)

    def _on_a_deck(self) -> Iterable[tuple[str, Target]]:
        for p in self.deck_params:
            yield p.name, Target("", "", p)
        for effect, params in self.effects.items():
            for p in params:
                yield f"fx/{effect}/{p.name}", Target("", effect, p)

    @property
    def deck_paths(self) -> dict[str, Param]:
        """Every parameter of one deck by its path relative to the deck: `zoom`, `fx/bloom/amount`."""
        return {path: target.param for path, target in self._on_a_deck()}

    def plain_chain(self) -> tuple[tuple[str, dict[str, float]], ...]:
        """Return every effect at its defaults (amount 0: not seen, costs nothing) in catalogue order."""
        return tuple((name, defaults(params)) for name, params in self.effects.items())
