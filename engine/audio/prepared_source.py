"""A prepared part as an AudioSource: features, onsets and samples come from disk in windows, in constant memory.

Made by `Prepared.source()`, called by the render loop once per frame, by one thread, mostly forwards in time. What it says
of time t is what FileAnalysis says, to the bit, with one difference: onsets are told when they happen. aubio flags an onset
some 20 ms after it was heard; here that is known beforehand. After the end there is silence.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from phosphene.engine.audio.base import PCM, AudioHealth
from phosphene.engine.audio.feature_file import WINDOW, FeatureFile
from phosphene.engine.audio.mending import SoundFaults
from phosphene.engine.audio.part import Part
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.signals import FEATURES, HOP, SAMPLE_RATE
from phosphene.engine.tempo.timeline import Timeline

_RECORDS = 16  # 85 ms: two frames at 24 fps
_PCM_CAPACITY = 2048  # hops, 11 s: as far behind as a reader of samples may fall, like FileAnalysis
_TIME_SLACK = 1e-9  # s; k/fps and n/48000 of the same instant differ in their last bits


class PreparedSource:
    """An AudioSource over what `prepare` left on disk."""

    def __init__(
        self,
        part: Part,
        features: Path,
        onsets: np.ndarray,
        lines: np.ndarray,
        clipped: int,
        notes: tuple[str, ...] = (),
        owner: object = None,
    ) -> None:
        """onsets: float64 [n] s, rising; lines: TIMELINE records [m] in order, t0 being when each was drawn.

        clipped: samples at full scale in the whole part. notes: what is odd about its sound. owner: of the file, which is
        held until `close`: with it a temporary folder goes, and Windows removes none that has an open file in it.
        """
        self._owner = owner
        self._part = part
        self._file = FeatureFile(features)
        self._onsets, self._lines, self._clipped, self._notes = onsets, lines, clipped, notes
        self._drawn = np.ascontiguousarray(lines["t0"])
        self._window, self._first = np.zeros(0, FEATURES), 0
        self._asked, self._asked_t = 0, 0.0
        self._hops: Iterator[np.ndarray] | None = None
        self._at = 0  # the hop that `_hops` hands out next

    def records(self, t: float) -> list[np.void]:
        """Return up to 16 records, oldest first, the newest being the last hop that ended at or before `t`."""
        n = max(0, int((t + _TIME_SLACK) * SAMPLE_RATE) // HOP)
        self._asked, self._asked_t = n, t
        begin = max(0, n - _RECORDS)
        if begin < self._first or n > self._first + len(self._window):
            self._window, self._first = self._load(begin, WINDOW), begin
        return list(self._window[begin - self._first : n - self._first])

    def onsets_since(self, cursor: int) -> tuple[list[float], int]:
        """Return the times of the onsets between hop `cursor` and the time last asked for, and the next cursor."""
        begin, end = np.searchsorted(self._onsets, _ends(np.array([cursor, self._asked])), side="right")
        return self._onsets[begin:end].tolist(), max(cursor, self._asked)

    def timeline(self) -> Timeline | None:
        """Return the causal tracker's line as it was at the time last asked for."""
        return self.timeline_at(self._asked_t)

    def timeline_at(self, t: float) -> Timeline | None:
        """Return the causal tracker's line as it was at time `t`."""
        k = int(np.searchsorted(self._drawn, t + _TIME_SLACK, side="right"))
        return Timeline.from_record(self._lines[k - 1]) if k else None

    def pcm_since(self, cursor: int) -> tuple[list[np.void], int, int]:
        """Return (samples up to the time last asked for from hop `cursor` on, next cursor, hops lost: over 11 s behind)."""
        end = self._asked
        first = max(cursor, end - _PCM_CAPACITY + 1, 0)
        if first >= end:
            return [], max(cursor, end), max(0, first - cursor)
        if self._hops is None or first < self._at:
            self._hops, self._at = hops_of(self._part.blocks(SoundFaults())), 0
        out = np.zeros(end - first, PCM)
        numbers = np.arange(first + 1, end + 1)
        out["t_adc"], out["sample"] = _ends(numbers), numbers * HOP
        for k, hop in enumerate(islice(self._hops, first - self._at, end - self._at)):
            out["pcm"][k] = hop
        self._at = end
        return list(out), end, first - cursor

    def health(self) -> AudioHealth:
        """Return hops and peak as of the time last asked for, clipped samples of the whole part; always running."""
        last = self._load(self._asked - 1, 1) if self._asked else self._window[:0]
        return AudioHealth(
            source=str(self._part.path) if self._part.path == "demo" else f"file:{self._part.path}",
            state="running",
            hops=self._asked,
            clipped=self._clipped,
            peak=float(last["peak"][0]) if len(last) else 0.0,
            notes=self._notes,
        )

    def set_gain(self, gain: float) -> None:
        """Raise UserError: a file is analysed as it is."""
        raise UserError("gain acts on live input only", where=str(self._part.path), got=gain)

    def set_input(self, name: str) -> None:
        """Raise UserError: the input of a render is fixed."""
        raise UserError("the input cannot change offline", where=str(self._part.path), got=name)

    def close(self) -> None:
        """Let go of the files."""
        self._file.close()
        self._hops = self._owner = None

    def _load(self, first: int, count: int) -> np.ndarray:
        """Return exactly `count` records from `first` on; those after the last on disk repeat it, which is silent."""
        on_disk = self._file.read(first, count)
        records = np.zeros(count, FEATURES)
        records[: len(on_disk)] = on_disk
        if (missing := count - len(on_disk)) > 0:
            numbers = np.arange(first + len(on_disk) + 1, first + count + 1)
            records[-missing:] = self._file.read(self._file.records - 1, 1)[0]
            records["onset"][-missing:] = 0.0
            records["t_adc"][-missing:], records["sample"][-missing:] = _ends(numbers), numbers * HOP
        known = np.searchsorted(self._onsets, records["t_adc"], side="right")
        records["onset_time"] = np.concatenate([[-np.inf], self._onsets])[known]
        return records


def hops_of(blocks: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    """Cut blocks float32 [n, 2] into float32 [HOP, 2], the last one filled up with silence."""
    rest = np.zeros((0, 2), np.float32)
    for block in blocks:
        joined = np.concatenate([rest, block]) if len(rest) else block
        whole = len(joined) // HOP * HOP
        yield from joined[:whole].reshape(-1, HOP, 2)
        rest = joined[whole:]
    if len(rest):
        yield np.concatenate([rest, np.zeros((HOP - len(rest), 2), np.float32)])


def _ends(hops: np.ndarray) -> np.ndarray:
    """Return when so many hops have ended, float64 s: the same bits as FileAnalysis's."""
    return hops * HOP / SAMPLE_RATE
