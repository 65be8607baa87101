"""Measures onset -> picture: how long after its musical time an onset was in a frame handed to the output.

Called by the render loop, once a frame, after the picture was presented. It measures what the detector makes visible (an
onset is flagged some 20 ms after its musical time); level and flux reach the picture sooner.
"""

from __future__ import annotations

from phosphene.engine.audio.base import AudioSource
from phosphene.engine.core.metrics import Distribution

_FORGET_S = 0.5  # an onset that is older was not late, it came back with a restarted capture


class OnsetLatency:
    """Collects onset -> present in ms."""

    def __init__(self, source: AudioSource) -> None:
        self._source = source
        self._cursor = source.onsets_since(0)[1]
        self._waiting: list[float] = []
        self.ms = Distribution(capacity=4096)

    def begin_frame(self) -> None:
        """Note the onsets that this frame will show: call right before signals are read."""
        onsets, self._cursor = self._source.onsets_since(self._cursor)
        self._waiting.extend(onsets)

    def presented(self, t: float) -> None:
        """Record the noted onsets as shown at `t` (s on the clock line)."""
        for onset in self._waiting:
            if 0.0 <= t - onset < _FORGET_S:
                self.ms.add((t - onset) * 1e3)
        self._waiting.clear()
