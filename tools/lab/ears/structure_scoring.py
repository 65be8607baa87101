"""How right live structure is about a track whose truth is known, and what chance and a plain rule would score.

F of drops       one-to-one within 0.5 s of the truth, by the time that was said; latency: from the truth to the moment at
                 which it was known, s, of those that were right.
AUC, F           of break and build by frame, 23 a second after 3 s; F at a level of 0.5. While it builds up, no answer about
                 the break is wrong.
null             the same flags and levels moved round in time within the track, mean of 20 places.
loudness jump    a drop is where the level of 0.3 s is so many dB over that of the 2 s before; a break is where it is as much
                 under the highest of the last 20 s; a build where it has risen over 4 s.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from phosphene.engine.audio.analyzer import Analyzer
from phosphene.engine.audio.structure import TICK_HOPS, Structure
from phosphene.engine.core.signals import HOP, SAMPLE_RATE
from phosphene.tools.lab.ears.arrangement import Arrangement, Span

HOP_S = HOP / SAMPLE_RATE
NEAR_S, FROM_S, PLACES = 0.5, 3.0, 20
JUMPS_DB = (3.0, 5.0, 8.0)
_REST_S = 4.0


@dataclass(frozen=True)
class Told:
    """What was said of a track. t, break_, build: float [frames].

    drops: float64 [n, 3]: when it came and when that was known, s, and strength.
    """

    t: np.ndarray
    break_: np.ndarray
    build: np.ndarray
    drops: np.ndarray


def hear(pcm: np.ndarray) -> Told:
    """Hear float32 [n, 2] at 48 kHz hop by hop, as a show does: the analyser and then the structure."""
    analyzer, heard = Analyzer(), Structure(HOP_S)
    mono = np.ascontiguousarray(pcm.mean(axis=1), np.float32)
    frames, drops = [], []
    for k in range(len(mono) // HOP):
        t, before = (k + 1) * HOP_S, heard.drop_time
        record = analyzer.process(mono[k * HOP : (k + 1) * HOP], t)
        heard.step(record["mel"], float(record["active"]), t)
        if heard.drop_time > before:
            drops.append((heard.drop_time, t, heard.drop_strength))
        if k % TICK_HOPS == TICK_HOPS - 1:
            frames.append((t, heard.break_, heard.build))
    t, break_, build = np.array(frames, np.float64).reshape(-1, 3).T
    return Told(t, break_, build, np.array(drops, np.float64).reshape(-1, 3))


def loudness_jump(pcm: np.ndarray, jump_db: float = JUMPS_DB[1]) -> Told:
    """Say the same by nothing but the level of float32 [n, 2]."""
    block = TICK_HOPS * HOP
    n = len(pcm) // block
    power = np.square(pcm[: n * block].astype(np.float64)).reshape(n, -1).mean(axis=1)
    frame_s = block / SAMPLE_RATE
    t, short, long = (np.arange(n) + 1) * frame_s, round(0.3 / frame_s), round(2.0 / frame_s)

    def level(first: int, last: int) -> np.ndarray:
        """Return dB of the mean power from `first` to `last` frames ago."""
        total = np.concatenate([[0.0], np.cumsum(power)])
        at = np.arange(n) + 1
        a, b = np.maximum(0, at - first), np.maximum(0, at - last)
        return 10.0 * np.log10((total[b] - total[a]) / np.maximum(1, b - a) + 1e-8)

    now, before = level(short, 0), level(short + long, short)
    drops: list[tuple[float, float, float]] = []
    for k in np.flatnonzero((now > before + jump_db) & (now > -50.0)):
        if t[k] > FROM_S and (not drops or t[k] - drops[-1][1] > _REST_S):
            drops.append((t[k] - short * frame_s, t[k], 1.0))
    second, held = level(round(1.0 / frame_s), 0), round(20.0 / frame_s)
    highest = np.array([second[max(0, k - held) : k + 1].max() for k in range(n)])
    rise = second - level(round(5.0 / frame_s), round(4.0 / frame_s))
    under, risen = (highest - second) / (2.0 * jump_db), rise / (2.0 * jump_db)
    quiet = second < -55.0
    return Told(t, np.where(quiet, 0.0, under), np.where(quiet, 0.0, risen), np.array(drops).reshape(-1, 3))


@dataclass
class Score:
    """Counts over any number of tracks. seconds: of music; frames: lists of (level, truth) of break and build."""

    hits: float = 0.0
    said: float = 0.0
    true: float = 0.0
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self.latencies: list[float] = []
        self.errors: list[float] = []
        self.levels: dict[str, list[np.ndarray]] = {"break": [], "build": []}
        self.truths: dict[str, list[np.ndarray]] = {"break": [], "build": []}

    def add(self, track: Arrangement, told: Told) -> None:
        """Count what was told of a track."""
        self.seconds += track.seconds
        right = matched(told.drops[:, 0], track.drops)
        self.hits += len(right)
        self.said += len(told.drops)
        self.true += len(track.drops)
        self.latencies += [float(told.drops[i, 1] - track.drops[j]) for i, j in right]
        self.errors += [float(told.drops[i, 0] - track.drops[j]) for i, j in right]
        build = inside(track.builds, told.t)
        for name, level, truth, use in (
            ("break", told.break_, inside(track.breaks, told.t), ~build),
            ("build", told.build, build, np.ones(len(build), bool)),
        ):
            use = use & (told.t > FROM_S)
            self.levels[name].append(level[use])
            self.truths[name].append(truth[use])

    def join(self, other: Score) -> None:
        """Count what another one has counted."""
        for name in ("hits", "said", "true", "seconds"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.latencies += other.latencies
        self.errors += other.errors
        for name in self.levels:
            self.levels[name] += other.levels[name]
            self.truths[name] += other.truths[name]

    def figures(self) -> dict[str, float | None]:
        """Return F of drops, how many were said in 10 minutes, median latency, and AUC and F by frame."""
        out: dict[str, float | None] = {"drop_f": 2.0 * self.hits / (self.said + self.true) if self.true else None}
        out["drops_true"], out["drops_said"], out["drops_right"] = self.true, self.said, self.hits
        out["false_in_10_min"] = (self.said - self.hits) / max(1.0, self.seconds) * 600.0
        out["latency_s"] = float(np.median(self.latencies)) if self.latencies else None
        out["latency_p90_s"] = float(np.quantile(self.latencies, 0.9)) if self.latencies else None
        out["said_off_s"] = float(np.median(np.abs(self.errors))) if self.errors else None
        for name in ("break", "build"):
            level, truth = np.concatenate(self.levels[name]), np.concatenate(self.truths[name])
            out[f"{name}_auc"] = auc(level, truth) if truth.any() and not truth.all() else None
            out[f"{name}_f"] = 2.0 * float((truth & (level > 0.5)).sum()) / max(1, int(truth.sum() + (level > 0.5).sum()))
            out[f"{name}_share"] = float((level > 0.5).mean())
        return {key: None if value is None else round(value, 3) for key, value in out.items()}


def moved(told: Told, seconds: float, place: float) -> Told:
    """Return what was told, moved round in time by `place` 0..1 of the track."""
    shift = round(place * len(told.t))
    drops = told.drops.copy()
    drops[:, :2] = (drops[:, :2] + place * seconds) % seconds
    return Told(told.t, np.roll(told.break_, shift), np.roll(told.build, shift), drops[np.argsort(drops[:, 0])])


def matched(said: np.ndarray, true: np.ndarray) -> list[tuple[int, int]]:
    """Return (index of said, index of true) of those within NEAR_S, one-to-one, in order of time."""
    found, i, j = [], 0, 0
    while i < len(said) and j < len(true):
        apart = said[i] - true[j]
        if abs(apart) <= NEAR_S:
            found.append((i, j))
            i, j = i + 1, j + 1
        elif apart < 0:
            i += 1
        else:
            j += 1
    return found


def inside(spans: tuple[Span, ...] | np.ndarray, t: np.ndarray) -> np.ndarray:
    """Return bool [len(t)]: whether each time lies in one of the spans [n, 2]."""
    out = np.zeros(len(t), bool)
    for start, end in spans:
        out |= (t > start) & (t <= end)
    return out


def auc(level: np.ndarray, truth: np.ndarray) -> float:
    """Return the chance that a true frame has a higher level than one that is not, 0..1; ties count half."""
    _, place, count = np.unique(level, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - (count - 1) / 2.0)[place]
    positive = int(truth.sum())
    return float((rank[truth].sum() - positive * (positive + 1) / 2.0) / max(1, positive * (len(truth) - positive)))
