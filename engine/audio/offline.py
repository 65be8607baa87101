"""An audio file as an AudioSource on its own time: sample n is at n / 48000 s. For previews, renders and golden tests.

Called by one thread, which it may keep busy: it analyses up to the time asked for, once, and remembers. The hops go
through the same Listener as live ones, so the features of a file are the same to the bit. It never looks ahead:
`records(t)` and `timeline_at(t)` hold only what a listener in the room could know at `t`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from phosphene.engine.audio.base import PCM, AudioHealth
from phosphene.engine.audio.feeds import DEMO, FILE_PREFIX, ArrayFeed, Feed, open_feed
from phosphene.engine.audio.listener import Listener, plain_ring
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.signals import FEATURES, HOP, SAMPLE_RATE
from phosphene.engine.tempo.timeline import TIMELINE, Timeline

_RECORDS = 16  # 85 ms: two frames at 24 fps
_PCM_CAPACITY = 2048  # hops, 11 s: whoever wants the samples reads along; whoever wants them all decodes the file
_TIME_SLACK = 1e-9  # s; k/fps and n/48000 of the same instant differ in their last bits


class FileAnalysis:
    """An AudioSource over a file, the demo track, or samples in memory. After its end there is silence (the demo loops)."""

    def __init__(self, source: str | Path | np.ndarray) -> None:
        """`source`: a path, `file:PATH`, `demo`, or float32[n, 2] or [n] at 48 kHz. Raises UserError for a bad file."""
        if isinstance(source, np.ndarray):
            self._feed: Feed = ArrayFeed(source)
        else:
            text = str(source)
            self._feed = open_feed(text if text == DEMO or text.startswith(FILE_PREFIX) else FILE_PREFIX + text)
        self._ring = plain_ring(FEATURES)
        self._pcm = plain_ring(PCM, _PCM_CAPACITY)
        self._listener = Listener(self._ring, self._pcm, plain_ring(TIMELINE))
        self._features = np.zeros(4096, FEATURES)
        self._lines: list[Timeline | None] = []
        self._asked = 0
        self._next = self._feed.next_hop()  # one ahead, so that a bad file is refused here and not in mid-render

    def records(self, t: float) -> list[np.void]:
        """Return up to 16 records, oldest first, the newest being the last hop that ended at or before `t`."""
        n = self._advance(t)
        return list(self._features[max(0, n - _RECORDS) : n])

    def onsets_since(self, cursor: int) -> tuple[list[float], int]:
        """Return the onset times flagged from hop `cursor` to the time last asked for, and the next cursor."""
        part = self._features[cursor : self._asked]
        return [float(t) for t in part["onset_time"][part["onset"] > 0]], max(cursor, self._asked)

    def timeline(self) -> Timeline | None:
        """Return the tracker's line as it was at the time last asked for."""
        return self._lines[self._asked - 1] if self._asked else None

    def timeline_at(self, t: float) -> Timeline | None:
        """Return the tracker's line as it was at time `t`."""
        n = self._advance(t)
        return self._lines[n - 1] if n else None

    def pcm_since(self, cursor: int) -> tuple[list[np.void], int, int]:
        """Return (the samples heard so far from hop `cursor` on, next cursor, hops lost: over 11 s behind)."""
        return self._pcm.since(cursor)

    def health(self) -> AudioHealth:
        """Return the counts up to the furthest time analysed; always running."""
        n = len(self._lines)
        peak = float(self._features["peak"][n - 1]) if n else 0.0
        notes = [*self._feed.faults.lines(), *self._listener.notes()]
        clipped = self._listener.clipped
        return AudioHealth(self._feed.name, "running", hops=n, clipped=clipped, peak=peak, notes=tuple(notes))

    def set_gain(self, gain: float) -> None:
        """Raise UserError: a file is analysed as it is."""
        raise UserError("gain acts on live input only", where=self._feed.name, got=gain)

    def set_input(self, name: str) -> None:
        """Raise UserError: the input of a render is fixed."""
        raise UserError("the input cannot change offline", where=self._feed.name, got=name)

    def close(self) -> None:
        """Let go of the file: from here on there is silence."""
        self._feed = ArrayFeed(np.zeros((0, 2), np.float32), name=self._feed.name)

    def _advance(self, t: float) -> int:
        """Analyse every hop that ends by `t`; return how many those are."""
        wanted = max(0, int((t + _TIME_SLACK) * SAMPLE_RATE) // HOP)
        while len(self._lines) < wanted:
            n = len(self._lines)
            hop, self._next = self._next, self._feed.next_hop()
            line = self._listener.hear(hop, (n + 1) * HOP / SAMPLE_RATE)
            if n == len(self._features):
                self._features = np.concatenate([self._features, np.zeros_like(self._features)])
            self._features[n] = self._ring.latest()
            self._lines.append(line)
        self._asked = wanted
        return wanted
