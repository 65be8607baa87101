"""What the autopilot is shown of one frame, and whether a scene may come in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from phosphene.engine.core.signals import SINCE_S, BeatPosition, Signals
from phosphene.engine.show.change import Change, Input
from phosphene.engine.show.state import ShowState

_DROP_BEATS = 16.0  # a drop is left to itself for so long


@dataclass(frozen=True, slots=True)
class Now:
    """One frame. inputs: what `state` has just taken; signals: the last frame's; t: when it is seen, s; dt: since it."""

    inputs: Sequence[Input]
    state: ShowState
    position: BeatPosition
    signals: Signals | None
    t: float
    dt: float

    @property
    def changes(self) -> list[Change]:
        return [each for each in self.inputs if isinstance(each, Change)]


def hindered(now: Now) -> bool:
    """Whether no scene may come now: the picture is held, a crossfade is on, something loads, the music has just dropped."""
    state = now.state
    if held_by(state) or state.on_standby:
        return bool(held_by(state))
    if state.fade is not None or state.follow is not None or state.pending:
        return True
    since = now.signals["since_drop"] if now.signals is not None else 1.0
    return since < 1.0 and since * SINCE_S * now.position.bpm / 60.0 < _DROP_BEATS


def held_by(state: ShowState) -> str:
    """Return what holds the picture; empty where nothing does."""
    return "blackout" if state.blackout or state.black > 0.0 else "freeze" if state.freeze else ""
