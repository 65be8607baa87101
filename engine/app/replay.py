"""The past as a clock, an audio source, a clock of the beat and a loader: what a take logged, for each frame of a film.

Used by `rerender.py` on its thread. At the take's own frame rate frame k of the film is the frame of the show that the
recording has at k: the same time, step, signals and beat, inputs in the same frame. At any other rate, and where the
recording repeats a picture because the show missed one, it lies between two of those frames.

    show frames    0     1     2           4      (3 was missed)
    recording      k=0   1     2     2     4
    rerender       k=0   1     2     2..4  4      own rate: the picture that was missed is painted
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from phosphene.engine.app.loader import Answer, LoadFailed, SceneLoaded, SceneWritten
from phosphene.engine.app.take_log import Logged, TakeLog
from phosphene.engine.app.take_state import BAR, HEARD, OpenStyle
from phosphene.engine.audio.offline import FileAnalysis
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Frame, Size
from phosphene.engine.core.signals import (
    DROP_DECAY_S,
    DRUMS,
    HIT_DECAY_S,
    NORMALISED,
    PARTS,
    SINCE_S,
    TAG_SIGNALS,
    BeatPosition,
    silence,
)
from phosphene.engine.show.change import SceneFailed, SceneNotSaved, SceneReady, SceneSaved, StyleFailed, StyleReady
from phosphene.engine.show.scene import Scene
from phosphene.engine.tempo.timeline import Timeline

_IMPULSES = [NORMALISED.index(name) for name in ("flux", "onset_strength")]


@dataclass(frozen=True, slots=True)
class Moment:
    """One frame of the film. record: FEATURES; phases: s of each deck's generator, NaN where they are not known; tags: as
    `Stage.tags` gives them.
    """

    frame: Frame
    record: np.void
    position: BeatPosition
    size: Size
    phases: tuple[float, float]
    tags: Mapping[str, float]


class Moments:
    """What the show was at each frame of a film of `fps`. Raises UserError where the take has no frames."""

    def __init__(self, take: TakeLog, fps: Fraction) -> None:
        if not len(take.frames):
            raise UserError("the take does not say what its frames heard", where=str(take.folder), remedy="--signals audio")
        self._rows = take.frames
        self._own, self.fps = float(take.fps), fps
        self._ratio = float(take.fps / fps)
        self._same = take.fps == fps
        self._at = places(take)
        answered = np.array([x.time for x in take.inputs if isinstance(x.given, (StyleReady, StyleFailed))])
        self._answers = np.sort(answered)

    def at(self, k: int) -> Moment:
        """Return frame `k` of the film."""
        u, before = self._place(k), self._place(k - 1)
        last = len(self._rows) - 1
        i, held = min(last, max(0, math.floor(u))), min(last, max(0, math.ceil(u)))
        a, b, w = self._rows[i], self._rows[held], u - i if i < held else 0.0
        time = self._time(u)
        # A frame that is one of the show's keeps its own step: the difference of two times is off in the last bits.
        dt = float(a["dt"]) if w == 0.0 and u - before == 1.0 and u >= 0.0 else time - self._time(before)
        t = _mixed(a, b, w, "t_present") + (time - _mixed(a, b, w, "time"))
        index = round(_mixed(a, b, w, "index")) if self._same else k
        between = math.floor(u) == math.floor(before)
        frame = Frame(index, time, t, max(dt, 1e-6), float(self.fps), between)
        # A resync sets the beat: then there is nothing between.
        jumped = abs(float(b["beat"]) - float(a["beat"])) > 1.0
        beat = float(a["beat"]) if jumped else _mixed(a, b, w, "beat")
        bar = [float((b if w else a)[name]) for name in BAR]
        position = BeatPosition(beat, _mixed(a, b, w, "bpm"), _mixed(a, b, w, "confidence"), *bar)
        # What a frame heard held for its whole step, and envelopes were moved by that: so it does in between (a slope up to
        # a peak would miss it), and a slower film hears the impulses of every frame since its last one.
        heard = self._rows[min(held, max(0, math.ceil(before) + 1)) : held + 1]
        size = Size(int(b["width"]), int(b["height"]))
        said = dict(zip(HEARD, heard[-1]["heard"].tolist(), strict=True))
        tags = {name: said[name] for name in TAG_SIGNALS}
        return Moment(frame, _features(heard, t), position, size, self._phases(a, b, w), tags)

    def first_frame_at(self, time: float) -> float:
        """Return the time in the film, s, of the first frame that has reached `time` of the show."""
        times = self._rows["time"]
        u = float(np.searchsorted(times, time - 1e-6))
        if u >= len(self._rows):
            return math.inf
        g = float(np.interp(u, np.arange(len(self._at)), self._at)) if u > 0 else -math.inf
        k = 0 if math.isinf(g) else max(0, math.ceil((g + 0.5) / self._ratio - 0.5 - 1e-6))
        return float(k / self.fps)

    def _place(self, k: int) -> float:
        """Return where frame `k` of the film lies among the show's frames; a whole number is one of them."""
        # Pictures are seen from k/fps to (k+1)/fps: what is aligned are the middles of those times.
        g = float(k) if self._same else (k + 0.5) * self._ratio - 0.5
        i = int(np.searchsorted(self._at, g, side="right")) - 1
        if i < 0:
            return g - float(self._at[0])
        if i + 1 >= len(self._at):
            return i + g - float(self._at[-1])
        u = i + (g - float(self._at[i])) / float(self._at[i + 1] - self._at[i])
        return float(round(u)) if abs(u - round(u)) < 1e-6 else u

    def _time(self, u: float) -> float:
        """Return show time at `u`, also a little before the first and after the last frame."""
        last = len(self._rows) - 1
        i = min(max(0, math.floor(u)), last)
        here = float(self._rows[i]["time"])
        if u == i:
            return here
        if 0.0 <= u < last:
            return here + (u - i) * (float(self._rows[i + 1]["time"]) - here)
        return here + (u - i) / self._own

    def _phases(self, a: np.void, b: np.void, w: float) -> tuple[float, float]:
        """Return the generators' phases; NaN between two frames that a style came in between."""
        if w > 0.0 and np.searchsorted(self._answers, a["time"], "right") != np.searchsorted(
            self._answers, b["time"], "right"
        ):
            return math.nan, math.nan
        first, second = ((1.0 - w) * a["phases"] + w * b["phases"]) if w > 0.0 else a["phases"]
        return float(first), float(second)


def places(take: TakeLog) -> np.ndarray:
    """Return which frame of the recording each frame of the show is, float64, rising; between two where it got no place."""
    t = np.array(take.frames["t_picture"])
    known = dict(zip(take.pictures["t_picture"].tolist(), take.pictures["frame"].tolist(), strict=True))
    at = np.array([known.get(each, -1) for each in t.tolist()], np.float64)
    placed = np.flatnonzero(at >= 0)
    if not len(placed):
        return np.arange(len(t), dtype=np.float64)
    nodes = placed[np.insert(np.diff(at[placed]) > 0, 0, True)]
    found: np.ndarray = np.interp(t, t[nodes], at[nodes])
    fps = float(take.fps)
    found[: nodes[0]] = at[nodes[0]] + (t[: nodes[0]] - t[nodes[0]]) * fps
    found[nodes[-1] + 1 :] = at[nodes[-1]] + (t[nodes[-1] + 1 :] - t[nodes[-1]]) * fps
    # Where a picture got no place there may be no room for it either: it moves on by a hair, so that the line rises.
    found = np.maximum.accumulate(found)
    found += np.insert(np.cumsum(np.diff(found) <= 0.0), 0, 0) * 1e-9
    return found


class Heard:
    """The moments of a take without frames: its sound, analysed again, on the time line of the film."""

    def __init__(self, take: TakeLog, fps: Fraction) -> None:
        self.fps = fps
        self._time, _ = take.began
        self._first = round(self._time * take.fps)

    def frame(self, k: int) -> Frame:
        """Return frame `k`: it depicts the middle of the time for which it is seen."""
        at = float(k / self.fps)
        return Frame(self._first + k, self._time + at, at + float(1 / (2 * self.fps)), float(1 / self.fps), float(self.fps))

    def first_frame_at(self, time: float) -> float:
        """Return the time in the film, s, at show time `time`."""
        return max(0.0, time - self._time)


class ReplayClock:
    """Steps the frames of the past. moments: where they come from."""

    def __init__(self, moments: Moments | Heard) -> None:
        self.fps = moments.fps
        self.t_start = 0.0
        self.missed = 0
        self.k = -1
        self.now: Moment | None = None
        self._moments = moments

    def next_frame(self) -> Frame:
        """Return the next frame; where the take logged them, `now` is all that is known of it."""
        self.k += 1
        if isinstance(self._moments, Heard):
            return self._moments.frame(self.k)
        self.now = self._moments.at(self.k)
        return self.now.frame


def logged_tags(clock: ReplayClock) -> Callable[[float], Mapping[str, float]]:
    """Return what gives the tags of the frame at hand."""
    return lambda _: clock.now.tags if clock.now is not None else {}


class ReplaySource(FileAnalysis):
    """An AudioSource that says what was heard, one record a frame. Its file is never read."""

    def __init__(self, clock: ReplayClock) -> None:
        super().__init__(np.zeros((0, 2), np.float32))
        self._clock = clock

    def records(self, t: float) -> list[np.void]:
        """Return the record of the frame at hand."""
        assert self._clock.now is not None
        return [self._clock.now.record]

    def timeline(self) -> Timeline | None:
        """Return None: the beat is the logged one."""
        return None


class ReplayBeatClock:
    """Leads with the beat that was seen: whatever set it, taps included, is in it."""

    leader = "take"

    def __init__(self, clock: ReplayClock) -> None:
        self._clock = clock

    def position(self, t: float) -> BeatPosition:
        """Return the beat of the frame at hand."""
        return self._clock.now.position if self._clock.now is not None else BeatPosition()

    def update(self, line: Timeline | None, t: float, outside: tuple[str, Timeline] | None = None) -> None:
        """Do nothing, as all that follows: it has happened."""

    def requested(self) -> None: ...
    def tap(self, t: float) -> None: ...
    def set_bpm(self, bpm: float, t: float) -> None: ...
    def resync(self, t: float) -> None: ...
    def follow(self) -> None: ...
    def nudge(self, beats: float, t: float) -> None: ...
    def multiply(self, factor: float, t: float) -> None: ...
    def look_ahead(self, seconds: float) -> None: ...


class ReplayLoader:
    """Answers when the log says that an answer came, not when it is asked. film_time: of an input, s.

    open_style: loads a style for a deck. What cannot be loaded is refused, as it would have been on stage.
    """

    def __init__(
        self, inputs: Sequence[Logged], clock: ReplayClock, film_time: Callable[[float], float], open_style: OpenStyle
    ) -> None:
        self._waiting = [(film_time(x.time), x) for x in inputs]
        self._clock, self._open = clock, open_style
        self._next = 0

    def request_style(self, deck: str, name: str, excluded: frozenset[str] = frozenset(), *, beside: bool = False) -> None:
        """Do nothing: the answer comes in its time."""

    def request_scene(self, name: str) -> None:
        """Do nothing: the answer comes in its time."""

    def request_save(self, scene: Scene, again: bool) -> None:
        """Do nothing: it was written, or not, when it happened."""

    def finished(self) -> list[Answer]:
        """Return the answers that had come by this frame."""
        answers: list[Answer] = []
        now = float(self._clock.k / self._clock.fps)
        while self._next < len(self._waiting) and self._waiting[self._next][0] <= now + 1e-9:
            answers.append(self._answer(self._waiting[self._next][1]))
            self._next += 1
        return answers

    def close(self) -> None:
        """Hold nothing."""

    def _answer(self, logged: Logged) -> Answer:
        match logged.given:
            case SceneReady(scene):
                return SceneLoaded(scene)
            case SceneFailed(slug, reason):
                return LoadFailed("scene", slug, "", reason, reason)
            case StyleReady(deck, style, beside):
                try:
                    return replace(self._open(deck, style, logged.backend), beside=beside)
                except UserError as error:
                    return LoadFailed("style", style, deck, error.line(), error.what, beside)
            case StyleFailed(deck, style, reason, beside):
                return LoadFailed("style", style, deck, reason, reason, beside)
            case SceneSaved(slug):
                return SceneWritten(slug, slug, 0.0)
            case SceneNotSaved(slug, reason):
                return LoadFailed("save", slug, "", reason, reason)
        raise ValueError(logged)


def _mixed(a: np.void, b: np.void, w: float, name: str) -> float:
    return float(a[name]) * (1.0 - w) + float(b[name]) * w if w > 0.0 else float(a[name])


def _features(rows: np.ndarray, t: float) -> np.void:
    """Return the FEATURES record from which `signals_at(t)` gives back what the last of these frames heard."""
    heard = rows[-1]
    record = silence()
    record["t_adc"] = t
    levels = heard["norm"].copy()
    levels[_IMPULSES] = rows["norm"][:, _IMPULSES].max(axis=0)
    record["norm"] = tuple(levels)
    record["loudness_db"] = 60.0 * (float(heard["loudness"]) - 1.0)
    record["active"] = heard["active"]
    told = dict(zip(HEARD, heard["heard"].tolist(), strict=True))
    record["drum_time"], record["drum"] = t, [told[name] for name in DRUMS]
    ages = [told[f"since_{name}"] * SINCE_S for name in PARTS]
    record["part_time"] = [t - age for age in ages]
    told["drop"] = min(1.0, told["drop"] * math.exp(ages[PARTS.index("drop")] / DROP_DECAY_S))
    record["part"] = [told[name] for name in PARTS]
    onset = float(heard["onset"])
    record["onset_time"] = t + HIT_DECAY_S * math.log(onset) if onset > 0.0 else -math.inf
    return record
