"""Hears a part once, hop by hop, with the Listener of a show, and writes down what a render needs to know beforehand.

Called by `engine.audio.prepared` on the caller's thread, which it keeps busy: some 18 times as fast as the music plays.
Memory stays flat: features go to disk as they are made; what is kept is 8 bytes a hop for the beats, 5 MB an hour, and
tables of beats, lines and onsets.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from functools import cache
from itertools import chain, repeat
from pathlib import Path
from typing import IO

import numpy as np

from phosphene.engine.audio import tag_network
from phosphene.engine.audio.feature_file import FeatureFile
from phosphene.engine.audio.listener import plain_listener
from phosphene.engine.audio.mending import SoundFaults
from phosphene.engine.audio.part import Part
from phosphene.engine.audio.per_beat import by_bar, mean_features
from phosphene.engine.audio.prepared_source import hops_of
from phosphene.engine.audio.sections import Section, find_sections
from phosphene.engine.audio.tagger import ROW, tags_of
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.signals import FEATURES, HOP, SAMPLE_RATE
from phosphene.engine.tempo.beats import OnsetStrength, find_course
from phosphene.engine.tempo.downbeats import beat_signs, find_bars
from phosphene.engine.tempo.grid import BeatGrid
from phosphene.engine.tempo.timeline import TIMELINE
from phosphene.engine.tempo.tracker import BEHIND_S, FRAME, FRAME_HOPS

FEATURES_FILE, TABLES_FILE, SECTIONS_FILE = "features.bin", "tables.npz", "sections.json"
TAIL_HOPS = 375  # 2 s of silence after the end, in which the features come to rest

_log = logging.getLogger(__name__)

_BUFFER = 1024  # records written at a time, 5.5 s
_HEARD = 0.95  # share of the work; the rest is beats and sections


def hear(part: Part, folder: Path, progress: Callable[[float], None]) -> tuple[int, list[str]]:
    """Write the three files into `folder`; return how many samples the part has, and what is to be said of it.

    Raises UserError, OSError (disk full).

    `progress` is given 0..1, about every five seconds of music.
    """
    expected = part.expected()
    samples = clipped = n = filled = 0
    faults = SoundFaults()

    def counted() -> Iterator[np.ndarray]:
        nonlocal samples
        for block in part.blocks(faults):
            samples += len(block)
            yield block

    (listener, ring), rise = plain_listener(), OnsetStrength()
    strength: list[np.ndarray] = []
    frames = array("f")  # of the tracker: 24 bytes each, 8 MB an hour
    onsets: list[np.ndarray] = []
    lines = bytearray()  # of TIMELINE records: as a list of them an hour would take 6 MB, so 1 MB
    buffer, line = np.zeros(_BUFFER, FEATURES), None
    tagging = Tagging(part)
    with (folder / FEATURES_FILE).open("wb") as file:

        def flush() -> None:
            records = buffer[:filled]
            strength.append(rise.take(records["mel"]))
            onsets.append(records["onset_time"][records["onset"] > 0])
            records.tofile(file)
            if expected:
                progress(_HEARD * min(1.0, samples / expected))

        for hop in chain(hops_of(counted()), repeat(np.zeros((HOP, 2), np.float32), TAIL_HOPS)):
            newest = listener.hear(hop, (n + 1) * HOP / SAMPLE_RATE)
            if newest is not line and newest is not None:
                line = newest
                lines += line.to_record().tobytes()
            if n % FRAME_HOPS == FRAME_HOPS - 1:
                frames.extend(listener.tracker.frame.tolist())
            buffer[filled] = ring.latest()
            n, filled, clipped = n + 1, filled + 1, listener.clipped
            if filled == _BUFFER:
                flush()
                filled = 0
        flush()
        sync(file)

    seconds, tags = samples / SAMPLE_RATE, tagging.rows()
    written = FeatureFile(folder / FEATURES_FILE)
    try:
        joined = np.concatenate(strength)[: n - TAIL_HOPS]
        strength.clear()
        heard = np.frombuffer(frames, np.float32).reshape(-1, len(FRAME))[: len(joined) // FRAME_HOPS]
        grid, sections = structure(joined, heard, written.windows(), seconds)
    finally:
        written.close()
    with (folder / TABLES_FILE).open("wb") as file:
        np.savez(
            file,
            beats=grid.times,
            confidence=grid.confidence,
            first=np.int64(grid.first),
            ones=np.zeros(0, np.int64) if grid.ones is None else grid.ones,
            bar_confidence=np.float64(grid.bar_confidence),
            onsets=np.sort(np.concatenate(onsets)),
            lines=np.frombuffer(lines, TIMELINE),
            clipped=np.int64(clipped),
            tags=tags,
        )
        sync(file)
    with (folder / SECTIONS_FILE).open("w", encoding="utf-8") as file:
        json.dump([asdict(section) for section in sections], file, indent=1)
        sync(file)
    progress(1.0)
    return samples, [*faults.lines(), *listener.notes()]


@cache
def _network() -> tag_network.TagNetwork:
    return tag_network.open_network()  # kept: an album hears song after song


class Tagging:
    """Tags a part on a thread of its own, beside whoever hears it: 60 ms of a core for a second of music."""

    def __init__(self, part: Part) -> None:
        self._rows = np.zeros(0, ROW)
        self._thread: threading.Thread | None = None
        if not tag_network.refusal():
            self._thread = threading.Thread(target=self._tag, args=(part,), name="tagging", daemon=True)
            self._thread.start()

    def rows(self) -> np.ndarray:
        """Wait, and return the ROW records; none where the extra `nets` is not installed."""
        if self._thread is not None:
            self._thread.join()
        return self._rows

    def _tag(self, part: Part) -> None:
        try:
            self._rows = tags_of(_network(), part.blocks(SoundFaults())).rows  # faults are said by the hearing
        except Exception as error:  # noqa: BLE001 boundary: a piece without tags can be rendered all the same
            _log.warning("the music is not tagged: %s", error.line() if isinstance(error, UserError) else error)


def sync(file: IO) -> None:
    """Bring what was written to the disk: a file that is named in the cache is whole, even after a power cut."""
    file.flush()
    os.fsync(file.fileno())


def structure(
    strength: np.ndarray, frames: np.ndarray, windows: Iterable[np.ndarray], seconds: float
) -> tuple[BeatGrid, tuple[Section, ...]]:
    """Return the beats, with their bars, and the sections of a piece.

    strength: float32 [hops, 2], from `OnsetStrength`; frames: float32 [hops // 2, 6], `BeatTracker.frame`; windows: its
    FEATURES records in order, in arrays of any length.
    """
    hop_s = HOP / SAMPLE_RATE
    grid = BeatGrid.of_course(find_course(strength, hop_s, frames), seconds)
    mel, chroma = mean_features(windows, grid.times)
    if grid.confidence.any():
        heard_at = (np.arange(len(frames)) + 1) * FRAME_HOPS * hop_s - BEHIND_S
        grid = grid.with_bars(*find_bars(beat_signs(grid.times, heard_at, frames, mel), chroma, mel))
    bars = grid.downbeats
    sections = find_sections(grid.bars, by_bar(mel, bars), by_bar(chroma, bars), seconds)
    return grid, sections
