"""Numbers about the run: distributions over a bounded window and peak memory. Written by one thread each."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np


class Distribution:
    """Keeps the newest `capacity` values for percentiles, and count and maximum over the whole run."""

    def __init__(self, capacity: int = 36_000) -> None:
        self._values = np.zeros(capacity, np.float64)
        self.count = 0
        self.maximum = 0.0

    def add(self, value: float) -> None:
        """Record one value."""
        self._values[self.count % len(self._values)] = value
        self.count += 1
        self.maximum = max(self.maximum, value) if self.count > 1 else value

    def recent(self, n: int) -> np.ndarray:
        """Return up to the `n` newest values, oldest first."""
        n = min(n, self.count, len(self._values))
        return self._values[np.arange(self.count - n, self.count) % len(self._values)]

    def percentile(self, q: float, n: int | None = None) -> float:
        """Return the q-th percentile (0..100) of the newest `n` (default: all kept); 0.0 when empty."""
        values = self.recent(len(self._values) if n is None else n)
        if not len(values):
            return 0.0
        # As np.percentile, which takes 100 us a call: clients are told one thirty times a second.
        place = (len(values) - 1) * q / 100.0
        low, high = math.floor(place), math.ceil(place)
        values.partition((low, high))
        return float(values[low] + (values[high] - values[low]) * (place - low))

    def summary(self, *qs: int) -> dict[str, float]:
        """Return {"p50": ..., "max": ...} for the given percentiles, rounded to 1e-3."""
        return {f"p{q}": round(self.percentile(q), 3) for q in qs} | {"max": round(self.maximum, 3)}


def peak_rss_mb() -> float:
    """Return this process's peak resident memory in MiB; 0.0 where the system does not tell (Windows)."""
    try:  # Linux: the other way's number begins with the memory of whoever started this process
        for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    if sys.platform == "win32":
        return 0.0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)
