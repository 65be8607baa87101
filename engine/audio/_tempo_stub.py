"""Stands in until engine.tempo has its tracker."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

TIMELINE = np.dtype([("beat0", np.float64), ("t0", np.float64), ("bpm", np.float64), ("confidence", np.float64)])


@dataclass(frozen=True)
class Timeline:
    beat0: float
    t0: float
    bpm: float
    confidence: float


class BeatTracker:
    def __init__(self, hop_s: float) -> None:
        self.hop_s = hop_s

    def step(self, mel, t, active):
        return None
