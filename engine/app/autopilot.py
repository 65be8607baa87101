"""The autopilot: changes scenes by itself, on phrases, until a hand does; then it waits, and says so.

Called once a frame on the render thread. All it does are `Change`s with the source `autopilot`, which go over the bus like
anybody's: a take logs them, and a rerender repeats them without an autopilot. How it is set stands in the show document
(`show/piloting.py`), when a scene is due in `phrases.py`, which one in `show/choosing.py`. It reads no clock.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from phosphene.engine.app.autopilot_frame import Now, held_by, hindered
from phosphene.engine.app.phrases import Phrases
from phosphene.engine.core.signals import BeatPosition
from phosphene.engine.show.catalogue import DECKS
from phosphene.engine.show.change import Change
from phosphene.engine.show.choosing import Choice, SceneFacts, Shuffle, by_tags, heard_of, in_order, place_of, pool
from phosphene.engine.show.document import Document
from phosphene.engine.show.piloting import PHRASE, Piloting
from phosphene.engine.show.state import ShowState

SOURCE = "autopilot"
# A hand on these is a person who has taken over.
HANDS = frozenset(
    {"/scene", "/scene/number", "/scene/next", "/cue/go", "/cue/number", "/crossfade", "/crossfade/to", "/panic"}
    | {f"/deck/{deck}/style" for deck in DECKS}
)
_NO_HANDS = frozenset({SOURCE, "take", "start", "file"})  # file: the scene on stage was saved, and is loaded again

_LOOK = 4.0  # beats before a phrase at which the next scene is chosen
# So early a scene is called that its style is there when it may come in, and not earlier: what starts with a bar is called
# after the last one before the phrase.
_BEATS_EARLY, _BARS_EARLY = {"beat": 0.9, "now": 0.0}, 0.94
_LATE = 1.0  # beats after which a phrase is missed
_LEVEL_S = 8.0  # over which loudness is averaged, where nobody tags the music
_MOST_KEPT = 100


@dataclass(frozen=True, slots=True)
class Called:
    """A scene that the autopilot called: when, and why."""

    t: float
    position: BeatPosition
    choice: Choice


class Autopilot:
    """seed: of its chance. facts: what is known of each scene, for choices by what the music is."""

    def __init__(self, document: Document, seed: int = 0, facts: Mapping[str, SceneFacts] | None = None) -> None:
        self.status, self.beats_left = "off", 0
        self.called: list[Called] = []  # the newest 100
        self._facts = facts or {}
        self._setlist = document.setlist
        self._names = pool(document.catalogue, document.setlist)
        self._chance, self._draw = Random(seed), 1.0
        self._shuffle = Shuffle(Random(seed + 1))
        self._phrases = Phrases()
        self._planned: Piloting | None = None  # as it was set when the next scene was planned
        self._on = False
        self._moved = ""  # what a hand has moved: it waits
        self._choice: Choice | None = None  # what comes next, a bar before it does
        self._asked: Choice | None = None  # what was called, and is not there yet
        self._passed_on = False  # whether that has reached the document
        self._awaited = False  # whether a scene waits for a drop
        self._refused: set[str] = set()
        self._recent: list[str] = []
        self._place = -1  # in `_names`
        self._level = 0.0
        self._says: list[str] = []

    def learn(self, facts: Mapping[str, SceneFacts]) -> None:
        """Choose by these from now on. Any thread."""
        self._facts = facts

    def said(self) -> list[str]:
        """Return what it has to say since it was asked last, a line each."""
        said, self._says = self._says, []
        return said

    def fly(self, now: Now) -> list[Change]:
        """Return what it does in this frame."""
        set_to, scene = now.state.autopilot, now.state.scene
        self._phrases.follow(now.position, now.t)
        if any(each.path == "/tempo/resync" for each in now.changes):
            self._phrases.resync()
        if now.signals is not None:
            self._level += (now.signals["rms"] - self._level) * (1.0 - math.exp(-now.dt / _LEVEL_S))
        if scene and [scene] != self._recent[-1:]:
            self._recent = [*self._recent, scene][-_MOST_KEPT:]
            self._shuffle.played(scene)
            self._refused.discard(scene)
        done = self._handed(now)
        if self._on or self._moved:
            if self._planned != set_to:
                self._planned = set_to
                self._phrases.plan_anew(self._after(set_to))
            done += self._waiting(now) if self._moved else self._flying(now)
        self._tell(now.state)
        return done

    def _handed(self, now: Now) -> list[Change]:
        """Take and give the show: by its button, and to any hand."""
        moved, pressed, was_on = "", False, self._on
        for each in now.changes:
            if each.path == "/autopilot" and each.source != SOURCE:
                moved, pressed = "", True
            elif each.path in HANDS and each.source not in _NO_HANDS:
                moved = each.path
        if pressed or not self._moved:
            self._on, self._moved = now.state.autopilot.on, ""
            if self._on and not was_on:
                self._refused.clear()
                self._begin(now.state)
        if not moved or not (self._on or self._moved):
            return []
        waited, self._on, self._moved = self._moved, False, moved
        self._begin(now.state)
        if waited:
            return []
        self._says.append(f"autopilot waits: a hand moved {moved}")
        return [Change("/autopilot", (0,), now.t, SOURCE, every=True)]

    def _begin(self, state: ShowState) -> None:
        """Count from now on."""
        self._choice = self._asked = None
        self._awaited = state.on_standby
        self._planned, self._draw = state.autopilot, self._chance.random()
        self._phrases.plan(self._after(state.autopilot))

    def _after(self, set_to: Piloting) -> float:
        """Return how long a scene stands, or how long a hand is waited for, in beats."""
        if self._moved:
            return set_to.comes_back * PHRASE
        return set_to.beats + (PHRASE if self._draw < set_to.chance else 0.0)

    def _waiting(self, now: Now) -> list[Change]:
        """Come back, where it is set to, a bar before the phrase on which its next scene comes."""
        if not now.state.autopilot.comes_back or self._phrases.left > _LOOK:
            return []
        self._on, self._moved, self._awaited = True, "", now.state.on_standby
        self._says.append("autopilot is back")
        return [Change("/autopilot", (1,), now.t, SOURCE, every=True)]

    def _flying(self, now: Now) -> list[Change]:
        if self._asked is not None:
            return self._arriving(self._asked, now)
        if self._awaited and not now.state.on_standby:  # it came in with its drop: from there on it stands
            self._phrases.plan(self._after(now.state.autopilot))
        self._awaited = now.state.on_standby
        if self._phrases.left < -_LATE:
            self._phrases.put_off()
        if self._phrases.left > _LOOK:
            self._choice = None
            return []
        self._choice = self._choice or self._chosen(now)
        if self._phrases.left > self._lead(self._choice):
            return []
        if self._choice is None or hindered(now):
            self._phrases.put_off()
            return []
        return self._call(self._choice, now)

    def _call(self, choice: Choice, now: Now) -> list[Change]:
        self._choice, self._asked, self._passed_on = None, choice, False
        self.called = [*self.called, Called(now.t, now.position, choice)][-_MOST_KEPT:]
        return [_change(choice, now.t)]

    def _arriving(self, asked: Choice, now: Now) -> list[Change]:
        """See what becomes of the scene that was called: it is there, or it was refused, and the next one is called."""
        state = now.state
        if not self._passed_on:
            self._passed_on = any(each.source == SOURCE and each.path != "/autopilot" for each in now.changes)
            if not self._passed_on:  # the bus was full
                return [_change(asked, now.t)]
        if state.requested or state.queued is not None or state.staged is not None:
            return []
        self._asked = None
        if state.scene == asked.slug:
            self._place = asked.cue - 1 if asked.cue else self._place
            self._awaited, self._draw = state.on_standby, self._chance.random()
            self._phrases.plan_next(self._after(state.autopilot))
            return []
        self._refused.add(asked.slug)
        another = self._chosen(now)
        if another is not None:
            return self._call(another, now)
        self._phrases.put_off()
        return []

    def _chosen(self, now: Now) -> Choice | None:
        state, signals = now.state, now.signals
        if state.on_standby:
            held = state.fade is not None and state.fade.held  # since before the autopilot was switched on
            return Choice(state.scene, "it waited for TAKE" if held else "no drop came")  # called again it comes in
        barred = {state.scene, *self._refused}
        match state.autopilot.order:
            case "shuffle":
                return self._shuffle.next(self._names, barred)
            case "tags" if signals is not None:
                return by_tags(self._names, barred, self._recent, self._facts, heard_of(signals, self._level))
            case _:
                place = place_of(self._names, self._place, state.cue, state.scene)
                return in_order(self._names, place, barred, bool(self._setlist.cue))

    def _lead(self, choice: Choice | None) -> float:
        """Return how many beats before its phrase a scene is called."""
        if choice is None or [choice.slug] == self._recent[-1:]:
            return 0.0
        own = self._setlist.cue[choice.cue - 1].transition if choice.cue else None
        start = own.start if own is not None else self._facts.get(choice.slug, SceneFacts()).start
        return _BEATS_EARLY.get(start, _BARS_EARLY * self._phrases.bar)

    def _tell(self, state: ShowState) -> None:
        left = max(0, math.ceil(self._phrases.left))
        returns = state.autopilot.comes_back > 0
        self.beats_left = left if self._on or (self._moved and returns) else 0
        if self._moved:
            self.status = f"waits: a hand moved {self._moved}" + (f", back in {left} beats" if returns else "")
        elif not self._on:
            self.status = "off"
        elif held := held_by(state):
            self.status = f"waits: {held}"
        elif not {*self._names} - {state.scene, *self._refused}:
            self.status = "waits: there is no other scene"
        elif self._phrases.by_seconds:
            self.status = f"waits: the beat is not sure, next in {max(0.0, self._phrases.seconds_left):.0f} s"
        else:
            self.status = f"on: next in {left} beats"


def _change(choice: Choice, t: float) -> Change:
    where: tuple[str, str | int] = ("/cue/number", choice.cue) if choice.cue else ("/scene", choice.slug)
    return Change(where[0], (where[1],), t, SOURCE)
