"""A show without a picture, for the autopilot: a beat that runs as told, a document, a loader that answers after a while."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace

from phosphene.engine.app.autopilot import Autopilot
from phosphene.engine.app.autopilot_frame import Now
from phosphene.engine.core.signals import BeatPosition, Signals, signals_at
from phosphene.engine.show.catalogue import Catalogue
from phosphene.engine.show.change import (
    Action,
    Change,
    Input,
    LoadScene,
    LoadStyle,
    SceneFailed,
    SceneReady,
    StyleFailed,
    StyleReady,
)
from phosphene.engine.show.choosing import SceneFacts
from phosphene.engine.show.document import Document
from phosphene.engine.show.scene import Scene
from phosphene.engine.show.setlist import EMPTY, Setlist

NAMES = ("a1", "b2", "c3", "d4")
FPS, BPM = 20.0, 120.0


def scene(slug: str, start: str = "bar", beats: float = 4.0) -> Scene:
    transition = {"kind": "dissolve", "beats": beats, "start": start}
    return Scene.model_validate(
        {"version": 1, "slug": slug, "name": slug, "deck": {"style": f"style-{slug}"}, "transition": transition}
    )


def setlist(*names: str) -> Setlist:
    return Setlist.model_validate({"version": 1, "cue": [{"scene": name} for name in names]})


class Flight:
    """frames: how long a load takes. refuses: scenes whose style does not load."""

    def __init__(
        self,
        order: str = "list",
        seed: int = 0,
        cues: Setlist = EMPTY,
        facts: Mapping[str, SceneFacts] | None = None,
        **scenes: Scene,
    ) -> None:
        self.document = Document(Catalogue((), {}, (), NAMES), cues)
        self.scenes = {name: scene(name) for name in NAMES} | scenes
        told = {name: SceneFacts(start=each.transition.start) for name, each in self.scenes.items()}
        self.pilot = Autopilot(self.document, seed, facts or told)
        self.state, _ = self.document.opened(self.scenes["a1"])
        self.state = replace(self.state, a=replace(self.state.a, style="style-a1", wanted=None))
        self.refuses: set[str] = set()
        self.load_frames = 10
        self.confidence, self.trust, self.heard = 1.0, 1.0, dict[str, float]()
        self.bpm, self.t, self.beat, self.one, self.number, self.per_bar = BPM, 0.0, 0.0, 0.0, 0.0, 4.0
        self.bus: list[Change] = []
        self.answers: list[tuple[int, Input]] = []
        self.frame = 0
        self.log: list[Change] = []  # every change that the document was given
        self.on: list[tuple[float, str]] = []  # (beat, scene) where a crossfade to it began
        self.lines: list[str] = []
        self.send("/autopilot/order", order, source="test")

    @property
    def position(self) -> BeatPosition:
        return BeatPosition(self.beat, self.bpm, self.confidence, self.one, self.number, self.per_bar, trust=self.trust)

    @property
    def signals(self) -> Signals:
        made = signals_at(self.t, [], self.position)
        return replace(made, table={**made.table, "since_drop": 1.0, **self.heard})

    def send(self, path: str, *args: float | int | str, source: str = "osc 1.2.3.4") -> None:
        self.bus.append(Change(path, args, self.t, source))

    def step(self) -> None:
        self.frame += 1
        self.t += 1.0 / FPS
        self.beat += self.bpm / 60.0 / FPS
        changes, self.bus = self.bus, []
        inputs: list[Input] = [*(each for due, each in self.answers if due <= self.frame), *changes]
        self.answers = [(due, each) for due, each in self.answers if due > self.frame]
        self.log += changes
        running = self.state.fade is not None and self.state.fade.running
        self.state, actions = self.document.apply(self.state, inputs, self.position, self.t)
        self.state, more = self.document.advance(self.state, self.position, 1.0 / FPS)
        self._load([*actions, *more])
        if self.state.fade is not None and self.state.fade.running and not running:
            self.on.append((self.beat, self.state.scene))
        now = Now(inputs, self.state, self.position, self.signals, self.t, 1.0 / FPS)
        self.bus += self.pilot.fly(now)
        self.lines += self.pilot.said()

    def beats(self, beats: float) -> None:
        until = self.beat + beats
        while self.beat < until - 1e-6:
            self.step()

    def calls(self, source: str = "autopilot") -> list[str]:
        """Return the scenes that were called, cues by their number."""
        return [str(each.args[0]) for each in self.log if each.source == source and each.path in ("/scene", "/cue/number")]

    def _load(self, actions: Sequence[Action]) -> None:
        for action in actions:
            match action:
                case LoadScene(slug):
                    known: Input = SceneReady(self.scenes[slug]) if slug in self.scenes else SceneFailed(slug, "gone")
                    self.answers.append((self.frame + 1, known))
                case LoadStyle(deck, style):
                    refused = style.removeprefix("style-") in self.refuses
                    answer: Input = StyleFailed(deck, style, "no") if refused else StyleReady(deck, style)
                    self.answers.append((self.frame + self.load_frames, answer))


def gaps(flight: Flight) -> list[float]:
    """Return beats between scenes, to the beat."""
    at = [round(beat) for beat, _ in flight.on]
    return [float(b - a) for a, b in itertools.pairwise(at)]
