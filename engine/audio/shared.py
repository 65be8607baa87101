"""The memory that the audio process and the show share: four rings and one record of commands.

Made by the supervisor, attached by the audio process; each ring has one writer (the audio process), the commands have
one (the supervisor). It outlives the audio process, so that after a crash counts and cursors simply go on.

    commands | status ring | features ring | timeline ring | raw audio ring

Not multiprocessing.shared_memory: up to Python 3.12 a process that attaches such a block also destroys it when it ends.
An anonymous file handed over by descriptor (a named mapping on Windows) vanishes with its last user, crash or not.
"""

from __future__ import annotations

import mmap
import os
import sys
import tempfile

import numpy as np

from phosphene.engine.audio.base import PCM
from phosphene.engine.core.ring import Ring
from phosphene.engine.core.signals import FEATURES
from phosphene.engine.tempo.timeline import TIMELINE

# Callback times go to a histogram of eighths of an octave from 1 us: 9 % wide bins up to 65 ms.
TIME_BINS, BINS_PER_OCTAVE = 128, 8

STATUS = np.dtype(
    [
        ("heartbeat", np.float64),  # clock.now() at the end of the newest hop
        ("hops", np.int64),
        ("overflows", np.int64),
        ("clipped", np.int64),
        ("broken", np.int64),  # samples that were no sound
        ("inverted", np.int64),  # 1 while one channel is the other's mirror image
        ("dead", np.int64),  # 1 while the left channel is silent and the right one is not, 2 the other way round
        ("lift_db", np.float64),  # by how much a quiet input is heard louder than it comes
        ("silent", np.int64),  # 1 after 5 s of nothing but zeros
        ("peak", np.float64),
        ("work_max_us", np.float64),
        ("work_us", np.int32, (TIME_BINS,)),
    ],
    align=True,
)
COMMANDS = np.dtype([("gain", np.float64)], align=True)
_COMMAND_BYTES = 64
_RINGS = {  # name: (record, capacity)
    "status": (STATUS, 16),
    "features": (FEATURES, 1024),  # 5.5 s
    "timelines": (TIMELINE, 64),
    "pcm": (PCM, 2048),  # 10.9 s: how long the recorder thread may be held up by a disk
}


class SharedState:
    """Commands and rings in one block of shared memory. `handle` is what `attach` needs in the other process."""

    def __init__(self, memory: mmap.mmap, handle: str, create: bool) -> None:
        self._memory, self.handle = memory, handle
        self.commands = np.frombuffer(memory, COMMANDS, 1)[0:1]
        view, at = memoryview(memory), _COMMAND_BYTES
        self._rings: dict[str, Ring] = {}
        for name, (record, capacity) in _RINGS.items():
            part = view[at : at + Ring.nbytes(record, capacity)]
            self._rings[name] = Ring.create(part, record, capacity) if create else Ring.attach(part, record)
            at += _padded(len(part))
        self.status, self.features = self._rings["status"], self._rings["features"]
        self.timelines, self.pcm = self._rings["timelines"], self._rings["pcm"]
        self._file: int | None = None

    @classmethod
    def create(cls) -> SharedState:
        """Make a block that no other process knows yet."""
        if sys.platform == "win32":
            tag = f"phosphene-{os.getpid()}-{os.urandom(4).hex()}"
            return cls(mmap.mmap(-1, _size(), tagname=tag), f"tag:{tag}", create=True)
        if sys.platform == "linux":
            file = os.memfd_create("phosphene-audio")
        else:
            file, path = tempfile.mkstemp(prefix="phosphene-audio-")
            os.unlink(path)
        os.ftruncate(file, _size())
        state = cls(mmap.mmap(file, _size()), f"fd:{file}", create=True)
        state._file = file
        return state

    @classmethod
    def attach(cls, handle: str) -> SharedState:
        """Open the block named by `handle` in the process that was given it."""
        _, _, name = handle.partition(":")
        if sys.platform == "win32":
            return cls(mmap.mmap(-1, _size(), tagname=name), handle, create=False)
        return cls(mmap.mmap(int(name), _size()), handle, create=False)

    @property
    def descriptors(self) -> tuple[int, ...]:
        """The file descriptors that a child process must inherit to attach."""
        return () if self._file is None else (self._file,)

    def close(self) -> None:
        """Let go of the descriptor. The memory itself goes with the last array that looks at it."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def time_bin(microseconds: float) -> int:
    """Return the histogram bin of a duration."""
    return min(TIME_BINS - 1, max(0, int(np.log2(max(1.0, microseconds)) * BINS_PER_OCTAVE)))


def time_percentile(histogram: np.ndarray, q: float) -> float:
    """Return the q-th percentile (0..100) in us from a histogram of `time_bin`s (upper edge of the bin); 0 if empty."""
    total = int(histogram.sum())
    if total == 0:
        return 0.0
    reached = int(np.searchsorted(np.cumsum(histogram), q / 100.0 * total))
    return float(2.0 ** ((reached + 1) / BINS_PER_OCTAVE))


def _padded(n: int) -> int:
    return (n + 63) // 64 * 64


def _size() -> int:
    return _COMMAND_BYTES + sum(_padded(Ring.nbytes(record, capacity)) for record, capacity in _RINGS.values())
