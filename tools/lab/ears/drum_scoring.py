"""How right a detector of drums was: F within 50 ms, what chance would have, how late it was, how hard it says hits were."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from phosphene.engine.audio.analyzer import Analyzer
from phosphene.engine.audio.downmix import Downmix
from phosphene.engine.audio.drums import CLASSES, SETTLED, Drums
from phosphene.engine.core.signals import HOP, MEL_BANDS, SAMPLE_RATE

WINDOW_S = 0.050
_SHIFTS = 8  # of the null: so often the hits are turned round in time, by a second or more


@dataclass(frozen=True)
class HeardDrums:
    """times, flagged: class -> float64 s, when hits were, and when that was known; strengths: class -> float32 0..1."""

    times: dict[str, np.ndarray]
    flagged: dict[str, np.ndarray]
    strengths: dict[str, np.ndarray]


@dataclass(frozen=True)
class Hops:
    """What the analyser says of a sound. mel: float32 [hops, 40]; active: float32 [hops]; onsets, flagged: float64 s."""

    mel: np.ndarray
    active: np.ndarray
    onsets: np.ndarray
    flagged: np.ndarray


def analysed(pcm: np.ndarray) -> Hops:
    """Hear float32 [n, 2] as the Listener of a show does, but for its beat tracker: two thirds of the time."""
    downmix, analyzer = Downmix(HOP, SAMPLE_RATE), Analyzer()
    hops, mono = len(pcm) // HOP, np.zeros(HOP, np.float32)
    mel, active = np.zeros((hops, MEL_BANDS), np.float32), np.zeros(hops, np.float32)
    onsets, flagged = [], []
    for k in range(hops):
        t = (k + 1) * HOP / SAMPLE_RATE
        downmix.mix(np.ascontiguousarray(pcm[k * HOP : (k + 1) * HOP], np.float32), 1.0, mono)
        record = analyzer.process(mono, t)
        mel[k], active[k] = record["mel"], record["active"]
        if record["onset"]:
            onsets.append(float(record["onset_time"]))
            flagged.append(t)
    return Hops(mel, active, np.array(onsets), np.array(flagged))


def heard(drums: Drums, mel: np.ndarray, active: np.ndarray | None = None) -> HeardDrums:
    """Run a detector over float32 [hops, 40]; active: the silence gate, None: open."""
    found: list[list[tuple[float, float, float]]] = [[] for _ in CLASSES]
    flagged = [-1] * len(CLASSES)
    for k, row in enumerate(mel):
        t = (k + 1) * HOP / SAMPLE_RATE
        drums.step(row, 1.0 if active is None else float(active[k]), t)
        for c, flag in enumerate(drums.flags.tolist()):
            if flag > 0.0:
                found[c].append((float(drums.times[c]), t, flag))
                flagged[c] = k
            elif k - flagged[c] == SETTLED and found[c]:
                found[c][-1] = (*found[c][-1][:2], float(drums.strengths[c]))
    columns = [np.array(hits, np.float64).reshape(-1, 3).T for hits in found]
    return HeardDrums(*({name: c[k] for name, c in zip(CLASSES, columns, strict=True)} for k in range(3)))


def onsets_as_drums(hops: Hops) -> HeardDrums:
    """Return the baseline: every onset is a hit of every class."""
    ones = np.ones(len(hops.onsets))
    return HeardDrums(
        dict.fromkeys(CLASSES, hops.onsets), dict.fromkeys(CLASSES, hops.flagged), dict.fromkeys(CLASSES, ones)
    )


def pairs(found: np.ndarray, true: np.ndarray, window: float = WINDOW_S) -> list[tuple[int, int]]:
    """Return (index of found, index of true) of rising times in s that belong together, one-to-one."""
    out, i, j = [], 0, 0
    while i < len(found) and j < len(true):
        apart = found[i] - true[j]
        if abs(apart) <= window:
            out.append((i, j))
        i, j = i + bool(apart <= window), j + bool(apart >= -window)
    return out


@dataclass
class Tally:
    """Adds up what was found in several pieces, for one class. late: s from hit to flag; strong: (said, true) strengths."""

    hits: int = 0
    found: int = 0
    true: int = 0
    null_hits: float = 0.0
    late: list[float] = field(default_factory=list)
    off: list[float] = field(default_factory=list)
    strong: list[tuple[float, float]] = field(default_factory=list)

    def add(
        self, name: str, what: HeardDrums, true: np.ndarray, seconds: float, strengths: np.ndarray | None = None
    ) -> None:
        """Count one piece of a length in s. true: float64 s, rising; strengths: of those hits."""
        times = np.sort(what.times[name])
        order = np.argsort(what.times[name], kind="stable")
        matched = pairs(times, true)
        self.hits, self.found, self.true = self.hits + len(matched), self.found + len(times), self.true + len(true)
        self.late += [float(what.flagged[name][order[i]] - true[j]) for i, j in matched]
        self.off += [float(times[i] - true[j]) for i, j in matched]
        if strengths is not None:
            self.strong += [(float(what.strengths[name][order[i]]), float(strengths[j])) for i, j in matched]
        for k in range(_SHIFTS):
            shift = 1.0 + (seconds - 2.0) * (k + 0.5) / _SHIFTS
            self.null_hits += len(pairs(np.sort((times + shift) % seconds), true)) / _SHIFTS

    @property
    def f(self) -> float:
        """Return F, 0..1."""
        return 2.0 * self.hits / max(1, self.found + self.true)

    @property
    def null(self) -> float:
        """Return F of the same hits, turned round in time."""
        return 2.0 * self.null_hits / max(1, self.found + self.true)

    def figures(self) -> dict[str, float | None]:
        """Return f, null, precision, recall, late_ms and off_ms (medians), and the rank correlation of strengths."""
        said, true = np.array(self.strong or [(0.0, 0.0)]).T
        ranks = [np.argsort(np.argsort(x)).astype(float) for x in (said, true)]
        same = len(self.strong) < 3 or min(np.ptp(said), np.ptp(true)) == 0.0
        return {
            "f": round(self.f, 3),
            "null": round(self.null, 3),
            "precision": round(self.hits / max(1, self.found), 3),
            "recall": round(self.hits / max(1, self.true), 3),
            "late_ms": round(1000.0 * float(np.median(self.late)), 1) if self.late else None,
            "off_ms": round(1000.0 * float(np.median(self.off)), 1) if self.off else None,
            "strength_rank": None if same else round(float(np.corrcoef(*ranks)[0, 1]), 3),
        }


def tallied(rows: Iterable[tuple[HeardDrums, dict[str, np.ndarray], float]]) -> dict[str, Tally]:
    """Return a tally per class of (heard, true hits, seconds) of several pieces."""
    tallies = {name: Tally() for name in CLASSES}
    for what, true, seconds in rows:
        for name, tally in tallies.items():
            tally.add(name, what, true.get(name, np.zeros(0)), seconds)
    return tallies
