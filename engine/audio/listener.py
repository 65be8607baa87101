"""One hop of sound in, everything the show needs to know out: features, raw audio, the beat line, in three rings.

The same object on the PortAudio callback thread, on the player thread and offline: what a file does to the picture
cannot depend on which of them carried it. Never waits, never logs; the rings may lie in shared or plain memory.
"""

from __future__ import annotations

import numpy as np

from phosphene.engine.audio.analyzer import Analyzer
from phosphene.engine.audio.base import PCM
from phosphene.engine.audio.downmix import DEAD, INVERTED, Downmix
from phosphene.engine.audio.drums import live_drums
from phosphene.engine.audio.mending import broken_line, is_sound, mend
from phosphene.engine.audio.structure import Structure
from phosphene.engine.core.ring import Ring
from phosphene.engine.core.signals import FEATURES, HOP, SAMPLE_RATE
from phosphene.engine.tempo.activation import beat_activation
from phosphene.engine.tempo.timeline import TIMELINE, Timeline
from phosphene.engine.tempo.tracker import BeatTracker

CLIP_LEVEL = 0.999  # converters and mixers rarely reach 1.0 exactly
_INVERTED_S = 1.0  # a file is called inverted when it was for so long: a wide sound may be for a moment
_DEAD_SHARE = 0.5  # and one-sided when it was for half of its time: an introduction may be


class Listener:
    """Owns the Downmix, the Analyzer, the BeatTracker, the Drums and the Structure of one stream.

    peak: of the last hop; clipped, broken: samples at full scale, and such as were no sound, since it began.
    """

    def __init__(self, features: Ring, pcm: Ring, timelines: Ring) -> None:
        self._features, self._pcm, self._timelines = features, pcm, timelines
        self._analyzer = Analyzer()
        self._downmix = Downmix(HOP, SAMPLE_RATE)
        self.tracker = BeatTracker(HOP / SAMPLE_RATE, beat_activation())
        self._drums, self._structure = live_drums(), Structure(HOP / SAMPLE_RATE)
        self._line: Timeline | None = None
        self._mono = np.zeros(HOP, np.float32)
        self._level = np.zeros((HOP, 2), np.float32)
        self._mended = np.zeros((HOP, 2), np.float32)
        self._raw = np.zeros(1, PCM)[0]
        self._raw_pcm = self._raw["pcm"]
        self.clipped = self.broken = self._hops = 0
        self.peak = 0.0

    @property
    def inverted(self) -> bool:
        """Whether one channel is the other's mirror image now."""
        return self._downmix.inverted

    @property
    def dead(self) -> int | None:
        """Which channel is silent while the other is not: 0 left, 1 right."""
        return self._downmix.dead

    @property
    def lift_db(self) -> float:
        """By how much a quiet stream is heard louder than it comes, dB."""
        return self._analyzer.lift.slow_db

    def notes(self) -> list[str]:
        """Return what is to be said of the whole stream, a line each."""
        found = [broken_line(self.broken)] if self.broken else []
        if self._downmix.inverted_hops * HOP >= _INVERTED_S * SAMPLE_RATE:
            found.append(INVERTED)
        if self.dead is not None and self._downmix.dead_hops > _DEAD_SHARE * self._hops:
            found.append(DEAD[self.dead])
        return found

    def skip(self, samples: int) -> None:
        """Count `samples` that nobody heard: the sample count of the next hop is that much further on."""
        self._analyzer.first_sample += samples

    def hear(self, hop: np.ndarray, t_adc: float, gain: float = 1.0) -> Timeline | None:
        """Take float32[HOP, 2] whose last sample was captured at `t_adc`; return the tracker's newest line.

        Gain, mixing and filters act on the analysis only: the recording keeps what came in, but for broken samples.
        """
        self._hops += 1
        np.abs(hop, out=self._level)
        self.peak = float(self._level.max())
        if not is_sound(self.peak):
            self._mended[:] = hop
            self.broken += mend(self._mended)
            hop = self._mended
            self.peak = float(np.abs(hop, out=self._level).max())
        if self.peak >= CLIP_LEVEL:
            self.clipped += int(np.count_nonzero(self._level >= CLIP_LEVEL))
        self._downmix.mix(hop, gain, self._mono)
        record = self._analyzer.process(self._mono, t_adc, self.peak)
        mel, active = record["mel"], float(record["active"])
        line = self.tracker.step(mel, t_adc, active, self._mono)
        drums, structure = self._drums, self._structure
        drums.step(mel, active, t_adc)
        record["drum_time"], record["drum"] = drums.times, drums.strengths
        structure.step(mel, active, t_adc)
        record["part_time"] = structure.build_began, structure.drop_time, structure.break_began
        record["part"] = structure.build, structure.drop_strength, structure.break_
        if line is not None:
            self._line = line
            self._timelines.push(line.to_record())
        self._raw["t_adc"], self._raw["sample"] = t_adc, record["sample"]
        self._raw_pcm[:] = hop
        self._pcm.push(self._raw)
        self._features.push(record)  # last: whoever sees this hop's features finds its beat and its samples too
        return self._line


def plain_listener() -> tuple[Listener, Ring]:
    """Return a Listener with rings of its own in plain memory, and the one of its features: for whoever hears a file."""
    features = plain_ring(FEATURES)
    return Listener(features, plain_ring(PCM), plain_ring(TIMELINE)), features


def plain_ring(record: np.dtype, capacity: int = 2) -> Ring:
    """Return an empty ring in plain memory."""
    return Ring.create(bytearray(Ring.nbytes(record, capacity)), record, capacity)
