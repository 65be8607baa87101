"""How far the picture lags behind the sound that it shows, steadily.

A frame shown at `t_present` depicts the newest hop that had arrived, some 10-40 ms earlier. A recording places the picture
at the sound that it depicts, so that picture and sound meet in the file although they cannot on stage. Hops and frames
beat against each other, so the raw difference jitters by a hop and a frame; used raw it would drop and double frames.
"""

from __future__ import annotations

import math

_TIME_CONSTANT_S = 2.0
_LONGEST_S = 0.25  # more than this is no delay but a source that stopped; the last good value stays


class PictureDelay:
    """A slow average of `t_present - t_audio`, in s."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._started = False

    def update(self, t_present: float, t_audio: float, dt: float) -> float:
        """Take one frame's times (s) and return the delay (s)."""
        raw = t_present - t_audio
        if 0.0 <= raw <= _LONGEST_S:
            weight = 1.0 - math.exp(-dt / _TIME_CONSTANT_S) if self._started else 1.0
            self.seconds += weight * (raw - self.seconds)
            self._started = True
        return self.seconds
