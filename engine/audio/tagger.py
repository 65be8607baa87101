"""What kind of music plays, once a second: five signals out of the tags that a network gives the last three seconds.

`tags` is for one window; `TagStream` listens to a stream, live in a process beside the show (`tag_runner`) and offline in
`tags_of`: the same samples give the same table. What lies between two rows is a function of the rows and the time alone
(`values_at`), so a frame of a render has what the show would have had.

A signal is how likely at least one of some tags is, 1 - product(1 - p), or the share of one such number beside another,
stretched to 0..1 and smoothed over `SMOOTH_S`. Which tags, and how well each tells apart what it claims:
docs/decisions/music-tags.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from phosphene.engine.audio.tag_features import WINDOW, log_mel
from phosphene.engine.audio.tag_network import TAGS, TagNetwork
from phosphene.engine.core.signals import SAMPLE_RATE, TAG_SIGNALS

NAMES = tuple(TAG_SIGNALS)
SMOOTH_S = 3.0  # time constant
DELAY_S = 0.5  # a row counts from so long after its last sample: live it has come by then
STALE_S, FADE_S = 3.0, 1.0  # without a new row for so long, the values fade
STEP = SAMPLE_RATE  # samples from row to row

_GROUPS: dict[str, tuple[str, ...]] = {
    "driving": ("fast", "loud", "techno", "beat", "beats", "drums", "rock", "metal", "dance"),
    "still": ("slow", "ambient", "quiet", "soft", "new age"),
    "sung": (
        "vocal", "vocals", "singing", "voice", "female", "woman", "female vocal", "female voice", "male", "man",
        "male vocal", "male voice", "opera", "choir", "choral",
    ),
    "machines": ("techno", "electronic", "synth", "dance"),
    "played": (
        "guitar", "classical", "classic", "strings", "piano", "violin", "harpsichord", "flute", "sitar", "harp", "cello",
        "country", "choir", "opera", "indian",
    ),
    "drummed": ("drums", "beat", "beats"),
}  # fmt: skip
# signal -> (group, the group it is a share beside or "", what becomes 0, what becomes 1)
_RULES: dict[str, tuple[str, str, float, float]] = {
    "energy": ("driving", "", 0.1, 0.9),
    "calm": ("still", "driving", 0.15, 0.85),
    "vocals": ("sung", "", 0.2, 0.75),
    "electronic": ("machines", "played", 0.1, 0.9),
    "drums": ("drummed", "", 0.1, 0.75),
}
_AT = {name: [TAGS.index(tag) for tag in tags] for name, tags in _GROUPS.items()}
_LOUDNESS = 0.1  # rms that the network is fed: of mastered music, on which it was trained
_SILENT, _HUSH = 2.5e-4, 3e-3  # rms below which nothing is tagged: -72 dBFS; -50 dB beside the loudest
_FORGET = 0.5 ** (1.0 / 20.0)  # a row: the loudest of the last seconds counts half after 20 s
_ABSURD = 1e3  # no sound is so strong: such samples count as none

ROW = np.dtype([("t", np.float64), ("values", np.float32, (len(NAMES),)), ("tags", np.float32, (len(TAGS),))])


@dataclass(frozen=True)
class TagTable:
    """rows: ROW records [n], t rising: s of the last sample that each has heard; values in the order of `NAMES`."""

    rows: np.ndarray

    def at(self, t: float) -> dict[str, float]:
        """Return the signals of an instant, all of `NAMES`, 0..1."""
        n = int(np.searchsorted(self.rows["t"], t - DELAY_S, side="right"))
        return values_at(self.rows[max(0, n - 2) : n], t)


def mean_tags(tables: Iterable[TagTable]) -> dict[str, float]:
    """Return the mean of every tag over what was not silent, 0..1; empty where all was."""
    rows = np.concatenate([np.zeros((0, len(TAGS)), np.float32), *(table.rows["tags"] for table in tables)])
    heard = rows[rows.any(axis=1)]
    return dict(zip(TAGS, heard.mean(axis=0).tolist(), strict=True)) if len(heard) else {}


def likelihood(tagged: np.ndarray, at: Sequence[int]) -> float:
    """Return how likely at least one of the tags at these places of `TAGS` is, 0..1, of float32 [50]."""
    return 1.0 - float(np.prod(1.0 - tagged[list(at)]))


def tags(network: TagNetwork, mono: np.ndarray) -> dict[str, float]:
    """Return how well each of `TAGS` suits float32 [`WINDOW`], one channel at 48 kHz as loud as mastered music, 0..1."""
    return dict(zip(TAGS, network.tag(log_mel(mono)).tolist(), strict=True))


def signals_of(tagged: np.ndarray) -> np.ndarray:
    """Return float32 [5], 0..1, in the order of `NAMES`, of float32 [50] tags: not smoothed."""
    likely = {name: likelihood(tagged, at) for name, at in _AT.items()}
    values = []
    for name in NAMES:
        group, beside, zero, one = _RULES[name]
        value = likely[group] / (likely[group] + likely[beside] + 1e-6) if beside else likely[group]
        values.append(min(1.0, max(0.0, (value - zero) / (one - zero))))
    return np.array(values, np.float32)


def values_at(rows: Sequence[np.void] | np.ndarray, t: float) -> dict[str, float]:
    """Return the signals at `t`, s, all of `NAMES`, 0..1. rows: ROW records, t rising; the last three are enough live.

    A row counts from `DELAY_S` after its sound, and is reached a second later, on a straight way from the one before.
    `STALE_S` after that the values fade. Before the first row all are 0.
    """
    known = [row for row in rows if float(row["t"]) + DELAY_S <= t]
    if not known:
        return dict.fromkeys(NAMES, 0.0)
    newer = known[-1]
    age = t - float(newer["t"]) - DELAY_S
    way = min(1.0, age * SAMPLE_RATE / STEP)
    fade = math.exp(-(age - STALE_S) / FADE_S) if age > STALE_S else 1.0
    start = known[-2]["values"] if len(known) > 1 else np.zeros(len(NAMES), np.float32)
    mixed = (start + (newer["values"] - start) * way) * fade
    return dict(zip(NAMES, mixed.tolist(), strict=True))


class TagStream:
    """Listens to one stream; constant memory. A row is worked out once a second, from 3 s on: 60 ms of a core each."""

    def __init__(self, network: TagNetwork, step: int = STEP) -> None:
        """step: samples from row to row. Another than `STEP`: for tags alone, signals are smoothed by seconds."""
        self._network, self._step = network, step
        self._heard = np.zeros((WINDOW, 2), np.float32)
        self._missing = WINDOW  # samples until the next row
        self._loudest = 0.0
        self._values: np.ndarray | None = None

    def take(self, block: np.ndarray, t_end: float) -> Iterator[np.void]:
        """Take float32 [n, 2] at 48 kHz, whose last sample is of `t_end`, s; yield the ROW records that it completes.

        Nothing raises for what is in it: what is not finite is silence.
        """
        at = 0
        while at < len(block):
            part = block[at : at + self._missing]
            at += len(part)
            self._missing -= len(part)
            self._push(part)
            if not self._missing:
                self._missing = self._step
                yield self._row(t_end - (len(block) - at) / SAMPLE_RATE)

    def _push(self, part: np.ndarray) -> None:
        n = min(len(part), WINDOW)
        self._heard[:-n] = self._heard[n:]
        sound = np.abs(part[-n:]) < _ABSURD  # NaN is not either
        self._heard[-n:] = np.where(sound, part[-n:], np.float32(0.0))

    def _row(self, t: float) -> np.void:
        left, right = self._heard[:, 0], self._heard[:, 1]
        mono, apart = 0.5 * (left + right), 0.5 * (left - right)
        if _power(apart) > 4.0 * _power(mono):  # an inverted channel, as in `downmix`
            mono = apart
        mono -= mono.mean()
        rms = math.sqrt(_power(mono))
        self._loudest = max(rms, self._loudest * _FORGET)
        tagged, wanted = np.zeros(len(TAGS), np.float32), np.zeros(len(NAMES), np.float32)
        if rms > max(_SILENT, _HUSH * self._loudest):
            # By the loudest of late, so that a quiet part beside a loud one is quiet.
            tagged = self._network.tag(log_mel(mono * np.float32(_LOUDNESS / self._loudest)))
            wanted = signals_of(tagged)
        if self._values is None:
            self._values = wanted
        else:
            self._values = self._values + (wanted - self._values) * np.float32(-math.expm1(-STEP / SAMPLE_RATE / SMOOTH_S))
        row = np.zeros((), ROW)
        row["t"], row["values"], row["tags"] = t, self._values, tagged
        return row[()]


def tags_of(network: TagNetwork, blocks: Iterable[np.ndarray], start: float = 0.0, step: int = STEP) -> TagTable:
    """Return the table of a whole piece, a row a second: float32 [n, 2] at 48 kHz in blocks of any length, read once.

    start: s of its first sample. step: see `TagStream`. Memory: 228 bytes a second of music.
    """
    stream, rows, samples = TagStream(network, step), [], 0
    for block in blocks:
        samples += len(block)
        rows.extend(stream.take(block, start + samples / SAMPLE_RATE))
    return TagTable(np.array(rows, ROW))


def _power(x: np.ndarray) -> float:
    return float(np.einsum("i,i->", x, x)) / len(x)
