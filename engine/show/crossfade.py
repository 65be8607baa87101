"""Automatic crossfades: pure functions of the show document, the beat and the time. Called by `document.py`."""

from __future__ import annotations

import math
from dataclasses import replace

from phosphene.engine.core.signals import BeatPosition
from phosphene.engine.show.catalogue import STARTS, is_transition
from phosphene.engine.show.scene import Transition
from phosphene.engine.show.state import Fade, ShowState


def fade_to(state: ShowState, target: float, transition: Transition, position: BeatPosition) -> Fade:
    """Return a crossfade from where the decks stand to `target`, 0 or 1, which waits for its beat or for a drop."""
    quantum = STARTS[transition.start]
    beats = 0.0 if transition.kind == "cut" else transition.beats
    start_beat, drop = _boundary(position, quantum), transition.start == "drop"
    return Fade(state.crossfade, target, transition.kind, beats, start_beat, quantum, drop=drop)


def _boundary(position: BeatPosition, quantum: float) -> float:
    """Return the next beat at which a crossfade may begin. A quantum of 0 is "now", that of a bar where the next begins."""
    if quantum >= STARTS["bar"]:
        return position.next_bar()
    return math.ceil(position.beat / quantum) * quantum if quantum > 0.0 else position.beat


def is_usable(fade: Fade) -> bool:
    """Whether a crossfade that a file told of can be made."""
    numbers = (fade.origin, fade.target, fade.beats, fade.start_beat, fade.quantum, fade.done)
    return is_transition(fade.kind) and all(map(math.isfinite, numbers))


def started(state: ShowState, position: BeatPosition, dropped: bool = False) -> ShowState:
    """Let a waiting crossfade begin once its beat has come, or, where it waits for a drop, with that."""
    fade = state.fade
    if fade is None or fade.running or fade.held:
        return state
    if fade.drop:
        return begun(state) if dropped else state
    if position.beat < fade.start_beat:
        # The beat may have been set back (resync), or bars begin elsewhere now: then the next boundary is another.
        return replace(state, fade=replace(fade, start_beat=_boundary(position, fade.quantum)))
    # From where the crossfade is now, and what the beat has already passed counts.
    fade = replace(fade, running=True, origin=state.crossfade)
    return stepped(replace(state, fade=fade, kind=fade.kind), min(position.beat - fade.start_beat, 0.5))


def released(state: ShowState, position: BeatPosition) -> ShowState:
    """Let what waits for TAKE come in, with its own beat or bar; what waits for a drop comes in at this moment."""
    fade = state.fade
    if fade is None or fade.drop or not fade.held:
        return begun(state)
    fade = replace(fade, held=False, start_beat=_boundary(position, fade.quantum))
    return started(replace(state, fade=fade), position)


def begun(state: ShowState) -> ShowState:
    """Let a waiting crossfade begin at this moment, from where the decks stand."""
    if state.fade is None or state.fade.running:
        return state
    fade = replace(state.fade, running=True, held=False, origin=state.crossfade)
    return stepped(replace(state, fade=fade, kind=fade.kind), 0.0)


def stepped(state: ShowState, beats: float) -> ShowState:
    """Move a running crossfade by `beats`. Counted in steps, not read off the beat line, which a resync may set back."""
    fade = state.fade
    if fade is None:
        return state
    done = max(0.0, fade.done + beats)
    if done >= fade.beats:
        return replace(state, crossfade=fade.target, fade=None)
    part = done / fade.beats
    return replace(state, crossfade=fade.origin + (fade.target - fade.origin) * part, fade=replace(fade, done=done))
