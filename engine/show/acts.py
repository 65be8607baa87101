"""Acts: what a scene becomes while it plays. Pure functions of a deck's direction, time and what the music does.

A scene may have several acts: other values, other mappings. Acts without `on` follow each other on bar lines, each for its
number of bars, and begin again; one with `on` comes when the music builds up, breaks or drops, and stays for as long as
that lasts, a drop for its number of bars. Then the next of the others follows, so that no two breaks are alike.

An act adds to the base, as music does: what a hand has moved stays moved through all acts. While one act becomes the next
both count in part, so every value and every mapping moves evenly, also where a third one comes before that is over.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from phosphene.engine.core.signals import PHRASE_BARS

LONG_BARS = 64.0  # after which signals that count bars stay at 1
DROPS = 4  # that `drop_number` tells apart
CALLS = ("drop", "build", "break")  # what the music does that may call an act; the first of those that come at once counts
BEGUN, OVER = 0.5, 0.3  # a break, or a build, begins above the first and is over below the second
_EARLY_BARS = 0.5  # an act that lacks less than that at a bar line is over: its own beginning may have been half a bar late


@dataclass(frozen=True, slots=True)
class Act:
    """One act. bars: how long it plays; on: what calls it; beats: how long the change to it takes.

    offsets: by absolute path (`deck/a/zoom`), what it adds to the base. style: what the deck plays meanwhile, "" its own.
    """

    name: str
    bars: int = PHRASE_BARS
    on: tuple[str, ...] = ()
    beats: float = 4.0
    offsets: Mapping[str, float] = field(default_factory=dict)
    style: str = ""


@dataclass(frozen=True, slots=True)
class Direction:
    """Where a deck's scene is. now: which act plays; weights: how much each counts, 1 in all, empty without acts.

    bars: since the scene began; act_bars: since this act did; drop_bars: since the last drop, `LONG_BARS` before the first;
    drops: how many there were. called: what the music did that called this act, "" for none. turn: the act that would play
    if none was called.
    """

    acts: tuple[Act, ...] = ()
    now: int = 0
    weights: tuple[float, ...] = ()
    bars: float = 0.0
    act_bars: float = 0.0
    drop_bars: float = LONG_BARS
    drops: int = 0
    called: str = ""
    turn: int = 0

    @property
    def act(self) -> Act | None:
        """The act that plays, None in a scene without any."""
        return self.acts[self.now] if self.acts else None


UNDIRECTED = Direction()


@dataclass(frozen=True, slots=True)
class Moment:
    """What passed since the last frame. bars, beats: so many; line: whether a bar line was passed.

    begun: what the music has begun to do; going: which of builds and breaks is going on.
    """

    bars: float
    beats: float
    line: bool
    begun: Collection[str] = ()
    going: Collection[str] = ()


def directed(acts: tuple[Act, ...]) -> Direction:
    """Return the beginning of a scene with these acts: its first one that waits for nothing plays."""
    first = next((i for i, act in enumerate(acts) if not act.on), 0)
    return Direction(acts, first, _only(first, len(acts)), turn=first)


def going_on(before: Collection[str], levels: Mapping[str, float]) -> tuple[str, ...]:
    """Return which of builds and breaks go on, given which did and how sure it is of each now, 0..1."""
    return tuple(kind for kind in ("build", "break") if levels[kind] > (OVER if kind in before else BEGUN))


def passed(d: Direction, moment: Moment) -> Direction:
    """Return the direction after `moment`."""
    dropped = "drop" in moment.begun
    d = replace(
        d,
        bars=d.bars + moment.bars,
        act_bars=d.act_bars + moment.bars,
        drop_bars=0.0 if dropped else min(LONG_BARS, d.drop_bars + moment.bars),
        drops=d.drops + dropped,
    )
    if not d.acts:
        return d
    if d.bars == moment.bars:  # its first frame: a break that goes on already calls its act all the same
        moment = replace(moment, begun=(*moment.begun, *moment.going))
    d = _chosen(d, moment)
    return replace(d, weights=glided(d.weights, d.now, moment.beats, d.acts[d.now].beats))


def entered(d: Direction, index: int, called: str = "") -> Direction:
    """Return the direction as act `index` begins."""
    turn = d.turn if d.acts[index].on else index
    return replace(d, now=index, act_bars=0.0, called=called, turn=turn)


def beside(d: Direction, other: Direction) -> Direction:
    """Return the direction of a scene's second deck, which begins when the first one's scene is `other` far."""
    return replace(other, acts=d.acts) if len(d.acts) == len(other.acts) else d


def named(d: Direction, name: str) -> int | None:
    """Return which act has that name or, counted from 1, that number; None: none has."""
    for i, act in enumerate(d.acts):
        if act.name == name:
            return i
    return int(name) - 1 if name.isdecimal() and 1 <= int(name) <= len(d.acts) else None


def fitted(d: Direction) -> Direction:
    """Return a direction that a file told of so that every rule here holds."""
    added = [value for act in d.acts for value in (act.beats, *act.offsets.values())]
    numbers = (d.bars, d.act_bars, d.drop_bars, *d.weights, *added)
    fits = len(d.weights) == len(d.acts) and all(map(math.isfinite, numbers)) and min(d.weights, default=0.0) >= 0.0
    known = all(set(act.on) <= set(CALLS) for act in d.acts) and abs(sum(d.weights) - bool(d.acts)) < 1e-6
    places = not d.acts or (0 <= d.now < len(d.acts) and 0 <= d.turn < len(d.acts))
    return d if fits and known and places else UNDIRECTED


def offsets(d: Direction) -> Mapping[str, float]:
    """Return what the acts add to the base now, by absolute path."""
    counting = [(w, act.offsets) for w, act in zip(d.weights, d.acts, strict=True) if w > 0.0]
    if len(counting) == 1:
        return counting[0][1]
    found: dict[str, float] = {}
    for weight, added in counting:
        for path, value in added.items():
            found[path] = found.get(path, 0.0) + weight * value
    return found


def weight(d: Direction, acts: Collection[int]) -> float:
    """Return how much a mapping of these acts counts, 0..1; one of none belongs to all."""
    return min(1.0, sum(d.weights[i] for i in acts if i < len(d.weights))) if acts else 1.0


def scene_signals(d: Direction) -> dict[str, float]:
    """Return the signals of the scene's own time, each 0..1: those of `core.signals.SCENE_SIGNALS`."""
    act = d.act
    return {
        "act": min(1.0, d.act_bars / act.bars) if act else 0.0,
        "scene_bars": min(1.0, d.bars / LONG_BARS),
        "scene_phrase": d.bars / PHRASE_BARS % 1.0,
        "drop_bars": d.drop_bars / LONG_BARS,
        "drop_number": (1.0 + (d.drops - 1) % DROPS) / DROPS if d.drops else 0.0,
    }


def _chosen(d: Direction, moment: Moment) -> Direction:
    for kind in CALLS:
        if kind in moment.begun and (index := _called(d, kind)) is not None:
            return entered(d, index, kind)
    if d.called in ("build", "break"):
        if d.called in moment.going:
            return d
        other = next((kind for kind in moment.going if _called(d, kind) is not None), None)
        index = _called(d, other) if other else None
        return entered(d, index, other or "") if index is not None else _turned(d)
    if moment.line and d.act_bars >= d.acts[d.now].bars - _EARLY_BARS:
        return _turned(d)
    return d


def _called(d: Direction, kind: str) -> int | None:
    """Return the act that `kind` calls: of several the next one, so that the second drop is not the first again."""
    count = len(d.acts)
    return next((i % count for i in range(d.now + 1, d.now + 1 + count) if kind in d.acts[i % count].on), None)


def _turned(d: Direction) -> Direction:
    """Return the direction as the next act begins that waits for nothing; without such a one the present act begins anew."""
    count = len(d.acts)
    index = next((i % count for i in range(d.turn + 1, d.turn + 1 + count) if not d.acts[i % count].on), None)
    return entered(d, d.now if index is None else index)


def _only(index: int, count: int) -> tuple[float, ...]:
    return tuple(float(i == index) for i in range(count))


def glided(weights: tuple[float, ...], now: int, beats: float, length: float) -> tuple[float, ...]:
    """Return the weights `beats` later, on their way to act `now` alone."""
    before = weights[now]
    if before >= 1.0:
        return weights
    after = min(1.0, before + beats / length) if length > 0.0 else 1.0
    if after >= 1.0:
        return _only(now, len(weights))
    left = (1.0 - after) / (1.0 - before)
    return tuple(after if i == now else w * left for i, w in enumerate(weights))
