"""Styles of acts: which of them a deck needs beside its own, and how much each is seen while one becomes the next.

Pure functions of what a deck's acts say. The deck's own style, that of the scene or the one that a hand has put there, is
called "" here: it may be another one at any time. A style is seen only once it is loaded, so that no act waits for a disk.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from phosphene.engine.show.acts import Act, Direction, glided

OWN = ""  # the deck's own style, among those of its acts
MOST_STYLES = 4  # beside a deck's own: each is a network that is ready to play, and two scenes are on stage at a time
MOST_CLIPS = 1  # of them: a clip is held in memory whole, 512 MB at most


@dataclass(frozen=True, slots=True)
class Layers:
    """Styles of a deck's acts. asked: those that were asked of the loader. loaded: those of them that are ready.

    towards: the one that is seen alone once the change is over. shares: how much each is seen, 1 in all; empty: the deck's
    own alone. due: whether the act that plays got its style after it had begun, and has it from the next bar line on.
    """

    asked: tuple[str, ...] = ()
    loaded: tuple[str, ...] = ()
    towards: str = OWN
    shares: tuple[tuple[str, float], ...] = ()
    due: bool = False


NO_LAYERS = Layers()


def too_many(styles: Collection[str]) -> tuple[str, str, int]:
    """Return what is too much of these styles, each of acts and none the deck's own, how many are allowed, and how many
    there are; "" where all is well."""
    clips = sum(style.startswith("clip:") for style in styles)
    if len(styles) > MOST_STYLES:
        return "too many styles for the acts of one deck", f"{MOST_STYLES} beside its own", len(styles)
    if clips > MOST_CLIPS:
        return "too many clips for the acts of one deck", f"{MOST_CLIPS} beside its own", clips
    return "", "", 0


def needed(acts: Iterable[Act], own: str) -> tuple[str, ...]:
    """Return the styles that acts have beside the deck's own, each once, in the order of the acts."""
    return tuple(dict.fromkeys(act.style for act in acts if act.style not in (OWN, own)))


def played(layers: Layers) -> tuple[tuple[str, float], ...]:
    """Return how much each style is seen now, 1 in all."""
    return layers.shares or ((OWN, 1.0),)


def most(layers: Layers) -> str:
    """Return the style that is seen most."""
    return max(played(layers), key=lambda each: each[1])[0]


def turned(layers: Layers, direction: Direction) -> Layers:
    """Return the layers on their way to the style of the act that plays; to the deck's own where that is not loaded."""
    act = direction.act
    wanted = act.style if act is not None and act.style in layers.loaded else OWN
    return layers if (wanted, False) == (layers.towards, layers.due) else replace(layers, towards=wanted, due=False)


def moved(layers: Layers, beats: float, length: float) -> Layers:
    """Return the layers `beats` later, where a change takes `length` beats; 0 cuts."""
    if not layers.shares and layers.towards == OWN:
        return layers
    shares = dict(played(layers))
    shares.setdefault(layers.towards, 0.0)
    names = tuple(shares)
    weights = glided(tuple(shares.values()), names.index(layers.towards), beats, length)
    kept = tuple((name, weight) for name, weight in zip(names, weights, strict=True) if weight > 0.0)
    return replace(layers, shares=() if kept == ((OWN, 1.0),) else kept)


def asked(layers: Layers, styles: tuple[str, ...]) -> Layers:
    """Return the layers of a deck whose acts need these styles; what is seen still stays loaded until it is gone."""
    if styles == layers.asked and set(layers.loaded) <= {*styles}:
        return layers
    shown = {name for name, _ in layers.shares}
    return replace(layers, asked=styles, loaded=tuple(each for each in layers.loaded if each in styles or each in shown))


def ready(layers: Layers, style: str) -> Layers:
    """Return the layers as a style is loaded; an answer that nobody waits for changes nothing."""
    if style not in layers.asked or style in layers.loaded:
        return layers
    return replace(layers, loaded=(*layers.loaded, style), due=True)


def failed(layers: Layers, style: str) -> Layers:
    """Return the layers as a style cannot be loaded: one that is loaded already plays on as it is.

    It stays among those that were asked for, and so is not asked for again until somebody chooses it anew.
    """
    if style in layers.loaded or layers.towards != style:
        return layers
    return replace(layers, towards=OWN)


def without_change(layers: Layers) -> Layers:
    """Return the layers with the deck's own style alone, at once: a hand has put another one there."""
    return replace(layers, towards=OWN, shares=(), due=False)


def fitted(layers: Layers) -> Layers:
    """Return layers that a file told of so that every rule here holds."""
    weights = [weight for _, weight in layers.shares]
    fits = all(math.isfinite(weight) and weight > 0.0 for weight in weights) and abs(sum(weights) - bool(weights)) < 1e-6
    names = [name for name, _ in layers.shares]
    known = len({*names}) == len(names) and {*names, layers.towards} <= {OWN, *layers.loaded}
    return layers if fits and known and len(layers.asked) <= 2 * MOST_STYLES else NO_LAYERS
