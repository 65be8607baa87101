"""Music for training tests: a second of synthetic signals, no audio stack."""

from __future__ import annotations

import numpy as np
import pytest

from phosphene.engine.core.signals import SIGNALS
from phosphene.tools.cppn.footage import FPS, Music


@pytest.fixture(scope="session")
def music() -> Music:
    """Eight seconds at 120 bpm: a kick on every beat, everything else follows it or drifts."""
    rng = np.random.default_rng(0)
    frames = []
    for k in range(8 * FPS):
        beat = k / FPS * 2.0
        kick = float(np.exp(-4.0 * (beat % 1.0)))
        values = dict.fromkeys(SIGNALS, 0.0) | {
            "bass": kick, "onset": kick, "beat": (1 - beat % 1) ** 2, "rms": 0.3 + 0.6 * kick, "flux": kick,
            "onset_strength": kick, "mid": 0.4 + 0.2 * np.sin(beat / 3), "treble": float(rng.uniform(0.2, 0.6)),
            "centroid": 0.5, "rolloff": 0.5,
            "beat_phase": beat % 1, "bar_phase": beat / 4 % 1, "phrase_phase": beat / 64 % 1,
        }  # fmt: skip
        frames.append(values)
    return Music.of("synthetic", frames)
