"""What an address does to the show document. Pure functions; `document.py` has those that need scenes and styles.

A `Verb` takes the document and the arguments of a change and returns the document after it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from phosphene.engine.core.signals import FADERS, BeatPosition
from phosphene.engine.show.catalogue import CROSSFADE, FADER, LOOKAHEAD, MASTER, Target, is_transition
from phosphene.engine.show.change import (
    Action,
    AudioGain,
    AudioInput,
    MidiAnswer,
    MidiForget,
    MidiLearn,
    Output,
    Record,
    Tempo,
    Value,
)
from phosphene.engine.show.crossfade import fade_to, released, started
from phosphene.engine.show.piloting import ORDERS, Piloting
from phosphene.engine.show.scene import Transition
from phosphene.engine.show.state import ShowState

_DEFAULT_BEATS = 4.0  # of `/crossfade/to` without a length: one bar


@dataclass(frozen=True, slots=True)
class Message:
    """The arguments of a change, and when it came. actions: takes what the outside is asked for."""

    args: tuple[Value, ...]
    t: float
    position: BeatPosition
    actions: list[Action]

    @property
    def number(self) -> float:
        """The first argument; 0 where it is none, as only the log of a damaged take can have it."""
        return self.args[0] if self.args and not isinstance(self.args[0], str) else 0.0

    @property
    def word(self) -> str:
        """The first argument as a text."""
        return str(self.args[0]) if self.args else ""

    @property
    def on(self) -> bool | None:
        """What a switch was told; None: to change over."""
        return bool(self.number) if self.args else None

    def switched(self, before: bool) -> bool:
        """Return where a switch stands after this."""
        return not before if self.on is None else self.on

    def asking(self, state: ShowState, action: Action) -> ShowState:
        """Ask for `action`; the document stays as it is."""
        self.actions.append(action)
        return state


Verb = Callable[[ShowState, Message], ShowState]


def moved(target: Target, state: ShowState, message: Message) -> ShowState:
    deck, value = state.deck(target.deck), target.param.clamp(message.number)
    if target.effect:
        chain = dict(deck.chain)
        chain[target.effect] = {**chain[target.effect], target.param.name: value}
        return state.with_deck(target.deck, replace(deck, chain=tuple(chain.items())))
    return state.with_deck(target.deck, replace(deck, params={**deck.params, target.param.name: value}))


def fader(index: int, state: ShowState, message: Message) -> ShowState:
    faders = list(state.faders)
    faders[index] = FADER.clamp(message.number)
    return replace(state, faders=tuple(faders))


def tempo(kind: str, state: ShowState, message: Message) -> ShowState:
    return message.asking(state, Tempo(kind, message.number, message.t))


def crossfaded(state: ShowState, message: Message) -> ShowState:
    beats = float(message.args[1]) if len(message.args) > 1 else _DEFAULT_BEATS
    return _crossfaded(state, float(message.word == "b"), beats, message.position)


def _crossfaded(state: ShowState, target: float, beats: float, position: BeatPosition) -> ShowState:
    transition = Transition(kind=state.kind, beats=beats, start="beat" if beats else "now")
    return started(replace(state, fade=fade_to(state, target, transition, position), follow=None), position)


def taken(state: ShowState, message: Message) -> ShowState:
    """What waits comes in, what still loads comes in once it is ready; where nothing does, the hidden deck does."""
    if state.fade is not None and not state.fade.running:
        return released(state, message.position)
    if state.requested or state.queued or state.staged:
        return replace(state, hurried=True)
    return _crossfaded(state, float(state.crossfade < 0.5), _DEFAULT_BEATS, message.position)


def previewed(state: ShowState, message: Message) -> ShowState:
    """Whoever wants to see a scene first plays by hand: the autopilot, which takes none of its own, stops."""
    on = message.switched(state.preview)
    pilot = replace(state.autopilot, on=False) if on else state.autopilot
    return replace(state, preview=on, autopilot=pilot)


def looked_ahead(state: ShowState, message: Message) -> ShowState:
    ms = LOOKAHEAD.clamp(message.number)
    return message.asking(replace(state, lookahead=ms), Tempo("lookahead", ms, message.t))


def blackout(state: ShowState, dark: bool | None) -> ShowState:
    """A press fades, a second one in the same direction while that fade runs cuts. `dark` None: the one button for all."""
    fading = state.black != float(state.blackout)
    if dark is None:
        dark = state.blackout if fading else not state.blackout
    if fading and dark == state.blackout:
        return replace(state, black=float(dark))
    return replace(state, blackout=dark)


def piloted(change: Callable[[Piloting, Message], Piloting], state: ShowState, message: Message) -> ShowState:
    pilot = change(state.autopilot, message).fitted()
    return replace(state, autopilot=pilot, preview=state.preview and not pilot.on)


_PILOTED: Mapping[str, Callable[[Piloting, Message], Piloting]] = {
    "/autopilot": lambda p, m: replace(p, on=m.switched(p.on)),
    "/autopilot/beats": lambda p, m: replace(p, beats=m.number),
    "/autopilot/chance": lambda p, m: replace(p, chance=m.number),
    "/autopilot/order": lambda p, m: replace(p, order=m.word) if m.word in ORDERS else p,
    "/autopilot/return": lambda p, m: replace(p, comes_back=int(m.number)),
}

# What needs neither scenes nor styles: address -> what it does.
PLAIN: Mapping[str, Verb] = {
    # A hand on the fader takes over from an automatic crossfade at once, wherever that stands.
    "/crossfade": lambda s, m: replace(s, crossfade=CROSSFADE.clamp(m.number), fade=None, follow=None),
    "/crossfade/to": crossfaded,
    "/take": taken,
    "/preview": previewed,
    "/crossfade/kind": lambda s, m: replace(s, kind=m.word) if is_transition(m.word) else s,
    "/master": lambda s, m: replace(s, master=MASTER.clamp(m.number)),
    "/blackout": lambda s, m: blackout(s, m.on),
    "/freeze": lambda s, m: replace(s, freeze=m.switched(s.freeze)),
    "/guard": lambda s, m: replace(s, guard=m.switched(s.guard)),
    "/hud": lambda s, m: replace(s, hud=m.switched(s.hud)),
    "/record": lambda s, m: m.asking(s, Record(m.on)),
    "/audio/gain": lambda s, m: m.asking(s, AudioGain(m.number)),
    "/audio/input": lambda s, m: m.asking(s, AudioInput(m.word)),
    "/output/monitor": lambda s, m: m.asking(s, Output("monitor", m.word)),
    "/output/fullscreen": lambda s, m: m.asking(s, Output("fullscreen", m.on)),
    "/output/operator": lambda s, m: m.asking(s, Output("operator", m.on)),
    "/midi/learn": lambda s, m: m.asking(s, MidiLearn(m.word)),
    "/midi/answer": lambda s, m: m.asking(s, MidiAnswer(m.word)),
    "/midi/forget": lambda s, m: m.asking(s, MidiForget(m.word)),
    "/tempo/lookahead": looked_ahead,
    **{f"/tempo/{kind}": partial(tempo, kind) for kind in ("tap", "bpm", "resync", "follow", "nudge", "multiply")},
    **{f"/fader/{i + 1}": partial(fader, i) for i in range(FADERS)},
    **{path: partial(piloted, change) for path, change in _PILOTED.items()},
}
