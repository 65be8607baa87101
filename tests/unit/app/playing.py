"""Messages to a stage, and frames of it."""

from __future__ import annotations

import numpy as np

from phosphene.engine.app.pipeline import render_frame
from phosphene.engine.app.stage import Stage
from phosphene.engine.show.change import Change


def put(stage: Stage, path: str, *args: float | str) -> None:
    """Send one message, as OSC does."""
    stage.bus.put(Change(path, args, 0.0, "test"))


def play(stage: Stage, frames: int) -> np.ndarray:
    """Play so many frames; return the last picture, float [h, w, 3]."""
    for _ in range(frames):
        render_frame(stage)
    return stage.output.read()[..., :3]
