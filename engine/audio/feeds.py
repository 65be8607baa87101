"""Sound that does not come from a device, hop by hop: files, the demo track, arrays.

Called by the player thread of the audio process (live) and by `offline.FileAnalysis`, so that both see the same hops.
A feed never ends: a file is followed by silence (the show goes on), a loop begins again.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import numpy as np

from phosphene.engine.audio.mending import SoundFaults
from phosphene.engine.core.signals import HOP

FILE_PREFIX = "file:"
DEMO = "demo"


class Feed(Protocol):
    """Hands out consecutive hops. faults: what was made good in them so far."""

    name: str
    faults: SoundFaults

    def next_hop(self) -> np.ndarray:
        """Return the next float32[HOP, 2]. May block on a disk. Raises UserError when the file cannot be read."""
        ...


class FileFeed:
    """A file, decoded as it is played: an hour of music does not have to fit in memory."""

    def __init__(self, path: str | Path, start: int = 0) -> None:
        """Begin at sample `start`. A file that cannot be read raises UserError at the first hop."""
        self.name = f"{FILE_PREFIX}{path}"
        self.faults = SoundFaults()
        self._blocks = _decoded(path, start, self.faults)
        self._rest = np.zeros((0, 2), np.float32)

    def next_hop(self) -> np.ndarray:
        """Return the next float32[HOP, 2]; the last hop of the file is filled up with silence, then all is silence."""
        while len(self._rest) < HOP and (block := next(self._blocks, None)) is not None:
            self._rest = np.concatenate([self._rest, block]) if len(self._rest) else block
        hop, self._rest = self._rest[:HOP], self._rest[HOP:]
        return hop if len(hop) == HOP else np.concatenate([hop, np.zeros((HOP - len(hop), 2), np.float32)])


class ArrayFeed:
    """Samples in memory, float32[n, 2] (or [n], heard on both channels); with `loop`, seamlessly over and over.

    They are handed out as they are: what is no sound among them, the Listener mends.
    """

    def __init__(self, pcm: np.ndarray, start: int = 0, *, loop: bool = False, name: str = "array") -> None:
        pcm = np.asarray(pcm, np.float32)
        self._pcm = np.repeat(pcm[:, None], 2, axis=1) if pcm.ndim == 1 else pcm
        self._at, self._loop, self.name = start, loop, name
        self.faults = SoundFaults()

    def next_hop(self) -> np.ndarray:
        """Return the next float32[HOP, 2]."""
        at, n = self._at, len(self._pcm)
        self._at += HOP
        if self._loop and n:
            return self._pcm[np.arange(at, at + HOP) % n]
        hop = self._pcm[at : at + HOP]
        return hop if len(hop) == HOP else np.concatenate([hop, np.zeros((HOP - len(hop), 2), np.float32)])


def open_feed(spec: str, start: int = 0) -> Feed:
    """Return the feed of `demo`, `file:PATH` or a plain path, from sample `start` on."""
    if spec == DEMO:
        from phosphene.engine.audio.demo import demo_track  # synthesised: seconds of work that only the demo should cost

        return ArrayFeed(demo_track().pcm, start, loop=True, name=DEMO)
    return FileFeed(spec.removeprefix(FILE_PREFIX), start)


def is_feed(spec: str) -> bool:
    """Tell whether an input is played by us rather than captured from a device."""
    return spec == DEMO or spec.startswith(FILE_PREFIX)


def _decoded(path: str | Path, start: int, faults: SoundFaults) -> Iterator[np.ndarray]:
    from phosphene.engine.audio.decode import stream_audio  # PyAV takes 100 ms to import and a sound card never needs it

    yield from stream_audio(path, start, faults)
