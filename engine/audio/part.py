"""A part of a file, or of the demo track, as blocks of samples: trimmed to the sample, the same on every reading.

Called by `engine.audio.prepared`, and by whoever encodes the sound of a render, on a thread that may wait for a disk.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from phosphene.engine.audio.mending import SoundFaults
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.files import open_regular
from phosphene.engine.core.signals import SAMPLE_RATE

DEMO: Literal["demo"] = "demo"
_BLOCK = 1 << 16  # samples


@dataclass(frozen=True)
class Part:
    """Samples [first, first + count) of `path` at 48 kHz; to its end where count is None."""

    path: Path | Literal["demo"]
    first: int
    count: int | None

    @classmethod
    def of(cls, path: Path | str, start: float = 0.0, duration: float | None = None) -> Part:
        """Return the part from `start` s on, `duration` s long. Raises UserError for times that make no sense."""
        where = str(path)
        if not (math.isfinite(start) and start >= 0.0):
            raise UserError("cannot start there", where=where, allowed="start >= 0 s", got=start, remedy="change --start")
        if duration is not None and not (math.isfinite(duration) and round(duration * SAMPLE_RATE) > 0):
            remedy = "change --duration"
            raise UserError("cannot take so much", where=where, allowed="duration > 0 s", got=duration, remedy=remedy)
        count = None if duration is None else round(duration * SAMPLE_RATE)
        return cls(DEMO if path == DEMO else Path(path), round(start * SAMPLE_RATE), count)

    def blocks(self, faults: SoundFaults | None = None) -> Iterator[np.ndarray]:
        """Yield float32 [n, 2], n > 0. The demo track loops for ever unless `count` ends it; without it, it is one round.

        faults: is told what was made good in the file. Raises UserError at the first block when there is nothing to hear.
        """
        left, yielded = self.count, False
        for block in self._demo() if self.path == DEMO else self._file(faults):
            if left is not None:
                block = block[:left]
                left -= len(block)
            if len(block):
                yielded = True
                yield block
            if left == 0:
                break
        if not yielded:
            got = f"{self.first / SAMPLE_RATE:g} s"
            remedy = "use a file with sound, and start before its end"
            raise UserError("no sound in this part of the file", where=str(self.path), got=f"start {got}", remedy=remedy)

    def sha256(self) -> str:
        """Return the SHA-256 of the file's bytes (of the demo track: of its samples), hexadecimal."""
        digest = hashlib.sha256()
        if self.path == DEMO:
            from phosphene.engine.audio.demo import demo_track

            digest.update(demo_track().pcm.tobytes())
        else:
            with open_regular(self.path, "audio file") as file:
                while piece := file.read(1 << 20):
                    digest.update(piece)
        return digest.hexdigest()

    def expected(self) -> int | None:
        """Return how many samples the part has by what the file says of itself, true or not; None: it says nothing."""
        if self.path == DEMO:
            return self.count or self._round()
        from phosphene.engine.audio.decode import told_seconds

        seconds = told_seconds(self.path)
        if seconds is None:
            return self.count
        rest = max(0, round(seconds * SAMPLE_RATE) - self.first)
        return rest if self.count is None else min(rest, self.count)

    def _file(self, faults: SoundFaults | None) -> Iterator[np.ndarray]:
        from phosphene.engine.audio.decode import stream_audio

        return stream_audio(self.path, self.first, faults)

    def _demo(self) -> Iterator[np.ndarray]:
        from phosphene.engine.audio.demo import demo_track

        pcm = demo_track().pcm
        at, end = self.first, None if self.count is not None else self.first + len(pcm)
        while end is None or at < end:
            size = min(_BLOCK, len(pcm) - at % len(pcm), *(() if end is None else (end - at,)))
            yield pcm[at % len(pcm) : at % len(pcm) + size]
            at += size

    def _round(self) -> int:
        from phosphene.engine.audio.demo import demo_track

        return len(demo_track().pcm)
