"""Addresses that change a look while it plays, take that back, and keep it: a part of the one table (`table.py`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from phosphene.engine.control.address import Address, Argument
from phosphene.engine.core.params import Param
from phosphene.engine.core.signals import SIGNALS
from phosphene.engine.show.act_edits import FIRST, NONE, ONS
from phosphene.engine.show.catalogue import CROSSFADE, DECKS, MASTER, with_level
from phosphene.engine.show.mapping import CURVES
from phosphene.engine.show.remap import NO_SIGNAL
from phosphene.engine.show.scene import MOST_ACTS

_ACT = "a name, or a number from 1"
_MEANT = " Without the last argument the act that plays is meant."
_MOST_ADDED = 1000.0  # by a mapping: beyond every parameter's range


def look(effects: Mapping[str, Sequence[Param]], deck_params: Sequence[Param]) -> Iterable[Address]:
    """Yield them, for these effects and deck parameters."""
    group = "Making a look"
    own = [p.name for p in with_level(deck_params)]
    own += [f"fx/{effect}/{p.name}" for effect, params in effects.items() for p in params]
    signal = Argument("signal", "s", choices=tuple(SIGNALS), told="a signal")
    to = Argument(
        "to", "s", choices=(*own, MASTER.name, CROSSFADE.name), told="a parameter, such as zoom or fx/bloom/amount"
    )
    times = Argument("times", "s", choices=(*SIGNALS, NO_SIGNAL), told="a signal, or none", optional=True)
    acts = Argument("acts", "i", 0, 2**MOST_ACTS - 1, optional=True)
    how = [
        Argument("curve", "s", choices=tuple(CURVES)),
        *(Argument(name, "f", 0.0, 60.0, unit="s") for name in ("attack", "release")),
        *(Argument(name, "f", -_MOST_ADDED, _MOST_ADDED) for name in ("low", "high")),
    ]
    which = Argument("act", "s", told=_ACT, optional=True)
    for deck in DECKS:
        yield Address(
            f"/deck/{deck}/act",
            (Argument("act", "s", told=_ACT),),
            f"Let an act of the scene on deck {deck} begin now. It plays for its bars, then the next one follows.",
            told_as=f"/state/deck/{deck}/act",
            group=group,
        )
        yield Address(
            f"/deck/{deck}/next_act",
            (),
            f"Let the next act of the scene on deck {deck} begin now, in the order of its file.",
            every=True,
            group=group,
        )
        yield Address(
            f"/deck/{deck}/set_act",
            (
                Argument("to", "s", choices=tuple(own), told="a parameter, such as zoom"),
                Argument("value", "f", -_MOST_ADDED, _MOST_ADDED),
                which,
            ),
            f"Set what a parameter of deck {deck} is in an act, and leave the other acts alone.{_MEANT}",
            every=True,
            group=group,
        )
        yield from _edits(deck, own)
        yield Address(
            f"/deck/{deck}/map",
            (signal, to, *how, times, acts),
            f"Let a signal move a parameter of deck {deck}, `master` or `crossfade`, as `[[map]]` in a scene does: signal, "
            "to, curve, attack, release, what is added at 0, what is added at 1, times another signal, in which acts (1 for "
            "the first, 2 for the second, 4 for the third ..., added; 0 for all). Takes the place of the mapping of the "
            "same signal on the same parameter (times the same signal). At most 128 a deck.",
            every=True,
            group=group,
        )
        yield Address(
            f"/deck/{deck}/unmap",
            (signal, to, times, acts),
            f"Take such mappings away from deck {deck}: all of this signal on this parameter, or the one times another "
            "signal, or of these the one in those acts.",
            every=True,
            group=group,
        )
        yield Address(
            f"/deck/{deck}/map_acts",
            (
                signal,
                to,
                replace(times, optional=False),
                replace(acts, name="before", optional=False),
                replace(acts, name="now", optional=False),
            ),
            f"Let a mapping of deck {deck} work in other acts: which one, the acts that it works in, and those that it "
            "is to work in, each as `map` has them.",
            every=True,
            group=group,
        )
    yield Address(
        "/undo",
        (),
        "Take back the last change that a hand made to a style, a parameter, a mapping, an act, the master or a fader; the "
        "last 20, one after the other. Changes of one address within a second of each other are one. What comes with a "
        "scene cannot be taken back, nor what was changed before on its deck.",
        every=True,
        group=group,
    )
    yield Address(
        "/scene/save",
        (Argument("slug", "s", named=True), Argument("replace", "i", 0, 1, optional=True)),
        "Save what is on stage as a scene of yours: the deck that is seen most, and the other as its second while both are "
        "seen. It can be called at once. A name that is there already is refused, unless 1 follows: the earlier file is "
        "then kept as NAME.toml.before.",
        every=True,
        group=group,
    )
    group = "State, sent"
    changes = Argument("changes", "i")
    yield Address("/state/undo", (changes,), "How many changes `/undo` can take back", output=True, group=group)
    text = Argument("text", "s")
    yield Address(
        "/state/saved", (text,), "What came of the last `/scene/save`: `saved: SLUG`, or why not", output=True, group=group
    )


def _edits(deck: str, own: Sequence[str]) -> Iterable[Address]:
    """Yield what edits the acts of a deck. own: its parameters."""
    which = Argument("act", "s", told=_ACT, optional=True)
    name = Argument("name", "s", told="small letters, digits and hyphens, 40 at most")
    both = " Where the scene plays on both decks, on both."
    told: dict[str, tuple[tuple[Argument, ...], str]] = {
        "free_act": (
            (Argument("to", "s", choices=tuple(own), told="a parameter, such as zoom"), which),
            f"Let a parameter of deck {deck} be in an act what it is in its scene.{_MEANT}",
        ),
        "act_style": (
            (Argument("slug", "s", named=True), which),
            f"Let an act of deck {deck} play another style; `{NONE}` is the deck's own. It is loaded first, and comes in on "
            f"a bar line. Four styles beside the deck's own at most, one of them a clip.{_MEANT}",
        ),
        "act_bars": (
            (Argument("bars", "i", 1, 256, unit="bars"), which),
            f"Set how long an act of deck {deck} plays.{both}{_MEANT}",
        ),
        "act_beats": (
            (Argument("beats", "f", 0.0, 256.0, unit="beats"), which),
            f"Set how long the change to an act of deck {deck} takes; 0 cuts.{both}{_MEANT}",
        ),
        "act_on": (
            (Argument("on", "s", choices=ONS), which),
            f"Set what the music does when an act of deck {deck} begins; `{NONE}`: it has its turn.{both}{_MEANT}",
        ),
        "act_name": ((name, which), f"Give an act of deck {deck} another name.{both}{_MEANT}"),
        "add_act": (
            (name, which),
            f"Add an act to deck {deck}, after another one or as the last: eight bars, no values of its own. What has no "
            f"acts becomes the first of two, `{FIRST}`. At most {MOST_ACTS}.{both}",
        ),
        "remove_act": (
            (which,),
            f"Remove an act of deck {deck}, and the mappings that work in no other one.{both}{_MEANT}",
        ),
        "move_act": (
            (Argument("place", "i", 1, MOST_ACTS), which),
            f"Put an act of deck {deck} in another place of the order, counted from 1.{both}{_MEANT}",
        ),
    }
    for verb, (arguments, description) in told.items():
        yield Address(f"/deck/{deck}/{verb}", arguments, description, every=True, group="Making a look")
