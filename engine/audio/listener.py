"""One hop of sound in, everything the show needs to know out: features, raw audio, the beat line, in three rings.

The same object on the PortAudio callback thread, on the player thread and offline: what a file does to the picture
cannot depend on which of them carried it. Never waits, never logs; the rings may lie in shared or plain memory.
"""

from __future__ import annotations

import numpy as np

from engine.audio.analyzer import ABSURD, Analyzer
from engine.audio.base import PCM
from engine.core.ring import Ring
from engine.core.signals import HOP, SAMPLE_RATE
from engine.tempo.timeline import Timeline
from engine.tempo.tracker import BeatTracker

CLIP_LEVEL = 0.999  # converters and mixers rarely reach 1.0 exactly


class Listener:
    """Owns the Analyzer and the BeatTracker of one stream."""

    def __init__(self, features: Ring, pcm: Ring, timelines: Ring) -> None:
        self._features, self._pcm, self._timelines = features, pcm, timelines
        self._analyzer = Analyzer()
        self._tracker = BeatTracker(HOP / SAMPLE_RATE)
        self._line: Timeline | None = None
        self._mono = np.zeros(HOP, np.float32)
        self._level = np.zeros((HOP, 2), np.float32)
        self._silence = np.zeros((HOP, 2), np.float32)
        self._raw = np.zeros(1, PCM)[0]
        self._raw_pcm = self._raw["pcm"]
        self.clipped = 0
        self.peak = 0.0

    def skip(self, samples: int) -> None:
        """Count `samples` that nobody heard: the sample count of the next hop is that much further on."""
        self._analyzer.first_sample += samples

    def hear(self, hop: np.ndarray, t_adc: float, gain: float = 1.0) -> Timeline | None:
        """Take float32[HOP, 2] whose last sample was captured at `t_adc`; return the tracker's newest line.

        Gain acts on the analysis only: the recording keeps what came in.
        """
        np.abs(hop, out=self._level)
        self.peak = float(self._level.max())
        if not self.peak < ABSURD:  # also true of NaN: neither an analysis nor an encoder survives it
            hop, self.peak = self._silence, 0.0
        if self.peak >= CLIP_LEVEL:
            self.clipped += int(np.count_nonzero(self._level >= CLIP_LEVEL))
        np.add(hop[:, 0], hop[:, 1], out=self._mono)
        self._mono *= np.float32(0.5 * gain)

        record = self._analyzer.process(self._mono, t_adc, self.peak)
        line = self._tracker.step(record["mel"], t_adc, float(record["active"]))
        if line is not None:
            self._line = line
            self._timelines.push(line.to_record())
        self._raw["t_adc"], self._raw["sample"] = t_adc, record["sample"]
        self._raw_pcm[:] = hop
        self._pcm.push(self._raw)
        self._features.push(record)  # last: whoever sees this hop's features finds its beat and its samples too
        return self._line
