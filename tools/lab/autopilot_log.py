"""Ten minutes of the autopilot over the demo track, in file time: what it chose, when and why, and how a hand takes over.

Run by hand (`python tools/lab/autopilot_log.py [--order list|shuffle|tags] [--seed 1] [--hand 360]`). What is real:
the demo's features, its beat line as the tracker drew it live, its tags, the conductor, the show document, the autopilot and
the scenes' files. What is not: there is no picture, and every style takes half a second to load. The two minutes of the demo
repeat; at each seam the tracker begins anew, as after a change of the input.

The table of docs/autopilot.md is what it prints.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from phosphene.engine.app.autopilot import Autopilot
from phosphene.engine.app.autopilot_frame import Now
from phosphene.engine.audio.prepared import Prepared, prepare
from phosphene.engine.core import paths
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.signals import Signals, signals_at
from phosphene.engine.library.catalogue import show_catalogue
from phosphene.engine.library.scene_facts import read_facts
from phosphene.engine.show.change import Action, Change, Input, LoadScene, LoadStyle, SceneFailed, SceneReady, StyleReady
from phosphene.engine.show.document import Document
from phosphene.engine.show.scene import load_scene, scene_path
from phosphene.engine.show.setlist import load_setlist
from phosphene.engine.tempo.conductor import Conductor

FPS, SECONDS, LOAD_S = 30.0, 600.0, 0.5
HAND_S, HAND = 360.0, ("/crossfade", 0.5)
PHRASES = 2  # after which it comes back


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the log. beat: of the show's; bar: from 1; part: of the demo track."""

    t: float
    beat: float
    bar: float
    part: str
    what: str
    why: str


class Rehearsal:
    """A show without a picture over the demo track."""

    def __init__(self, order: str, seed: int) -> None:
        self._heard: Prepared = prepare("demo")
        self._source = self._heard.source()
        catalogue = show_catalogue()
        setlist = load_setlist(paths.find(paths.scene_folders(), "setlist.toml"), catalogue)
        self.document = Document(catalogue, setlist)
        self.pilot = Autopilot(self.document, seed, read_facts(catalogue))
        self._scenes = {name: load_scene(scene_path(name), catalogue) for name in catalogue.scenes}
        first = setlist.cue[0].scene if setlist.cue else catalogue.scenes[0]
        self.state, actions = self.document.opened(self._scenes[first])
        self._answers: list[tuple[float, Input]] = []
        self._load(actions, 0.0)
        self._conductor, self._t = Conductor(), 0.0
        self._signals: Signals | None = None
        self._bus = [
            Change("/autopilot/order", (order,), 0.0, "start"),
            Change("/autopilot/return", (PHRASES,), 0.0, "start"),
            Change("/autopilot", (1,), 0.0, "start"),
        ]

    def frames(self, seconds: float, hands: Sequence[Change]) -> Iterator[Row]:
        """Play on, and yield what is worth a line. hands: moves of a performer, by their time."""
        waiting, known = list(hands), 0
        doubted = False
        for k in range(round(seconds * FPS)):
            t = (k + 1) / FPS
            hand, waiting = [x for x in waiting if x.t <= t], [x for x in waiting if x.t > t]
            now, said = self._frame(t, hand)
            bar = now.position.bar

            def row(what: str, why: str, now: Now = now, bar: float = bar) -> Row:
                part = next(name for name, start, end in _PARTS if start <= now.t % 120.0 < end)
                return Row(now.t, now.position.beat, bar + 1.0, part, what, why)

            for each in now.changes:
                if each.source == "hand":
                    yield row("**hand**", f"`{each.path} {each.args[0]}`")
            for line in said:
                yield row("autopilot", line.removeprefix("autopilot "))
            for called in self.pilot.called[known - len(self.pilot.called) or len(self.pilot.called) :]:
                yield row(f"calls {called.choice.slug}", called.choice.reason)
            known = len(self.pilot.called)
            doubt = "the beat is not sure" in self.pilot.status
            if doubt != doubted:
                yield row("autopilot", self.pilot.status)
            doubted = doubt

    def _frame(self, t: float, hands: Sequence[Change]) -> tuple[Now, list[str]]:
        dt, self._t = t - self._t, t
        inside, turn = t % self._heard.seconds, int(t / self._heard.seconds)
        shift, beats = turn * self._heard.seconds, turn * 256.0
        records = [_later(each, shift) for each in self._source.records(inside)]
        line = self._source.timeline()
        if line is not None:
            line = replace(line, beat0=line.beat0 + beats, t0=line.t0 + shift, one=line.one + beats)
        self._conductor.update(line, t)
        position = self._conductor.position(t)
        changes, self._bus = [*self._bus, *hands], []
        inputs: list[Input] = [*(each for due, each in self._answers if due <= t), *changes]
        self._answers = [(due, each) for due, each in self._answers if due > t]
        self.state, actions = self.document.apply(self.state, inputs, position, t)
        self.state, more = self.document.advance(self.state, position, dt, self._signals)
        self._load([*actions, *more], t)
        now = Now(inputs, self.state, position, self._signals, t, dt)
        self._bus += self.pilot.fly(now)
        self._signals = signals_at(t, records, position, tags=self._heard.tags_at(inside))
        return now, self.pilot.said()

    def _load(self, actions: Sequence[Action], t: float) -> None:
        for action in actions:
            match action:
                case LoadScene(slug) if slug in self._scenes:
                    self._answers.append((t, SceneReady(self._scenes[slug])))
                case LoadScene(slug):
                    self._answers.append((t, SceneFailed(slug, "there is none")))
                case LoadStyle(deck, style):
                    self._answers.append((t + LOAD_S, StyleReady(deck, style)))


_PARTS = [("intro", 0.0, 15.0), ("build", 15.0, 30.0), ("main", 30.0, 60.0), ("break", 60.0, 75.0), ("drop", 75.0, 105.0),
          ("outro", 105.0, 121.0)]  # fmt: skip


def _later(record: np.void, shift: float) -> np.void:
    moved = record.copy()
    for name in ("t_adc", "onset_time", "drum_time", "part_time"):
        moved[name] = record[name] + shift
    return moved


def log(order: str, seed: int, hand_s: float, seconds: float = SECONDS) -> list[Row]:
    """Return the log of `seconds` of the demo, with a hand on the crossfade at `hand_s`."""
    path, value = HAND
    return list(Rehearsal(order, seed).frames(seconds, [Change(path, (value,), hand_s, "hand")]))


def markdown(rows: Sequence[Row]) -> str:
    """Return the log as a table."""
    lines = ["| time | beat | bar | the demo's | what | why |", "|---|---|---|---|---|---|"]
    for row in rows:
        when = f"{int(row.t // 60)}:{row.t % 60:04.1f}"
        lines.append(f"| {when} | {row.beat:.1f} | {row.bar:.2f} | {row.part} | {row.what} | {row.why} |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--order", choices=("list", "shuffle", "tags"), default="tags")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--hand", type=float, default=HAND_S, help="s at which a hand moves the crossfade")
    parser.add_argument("--seconds", type=float, default=SECONDS)
    options = parser.parse_args()
    try:
        print(markdown(log(options.order, options.seed, options.hand, options.seconds)))
    except UserError as error:
        print(error.line(), file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
