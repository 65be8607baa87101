"""FEATURES records on disk, read in windows: constant memory for any length of music.

Called by `engine.audio.prepared` and `prepared_source`, each with its own file object, by one thread. A memory map would be
shorter to write, but every page it touches counts as memory of the process: 230 MB an hour.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from phosphene.engine.core.signals import FEATURES

WINDOW = 2048  # records, 11 s, 0.7 MB


class FeatureFile:
    """An open features.bin. A window handed out is an array of its own and stays valid."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self.records = path.stat().st_size // FEATURES.itemsize

    def read(self, first: int, count: int) -> np.ndarray:
        """Return up to `count` records from `first` on; fewer at the end of the file."""
        self._file.seek(first * FEATURES.itemsize)
        return np.fromfile(self._file, FEATURES, max(0, min(count, self.records - first)))

    def windows(self) -> Iterator[np.ndarray]:
        """Yield all records in order, `WINDOW` at a time."""
        for first in range(0, self.records, WINDOW):
            yield self.read(first, WINDOW)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
