"""Whatever can hear a beat, in one form: `hear(pcm) -> Heard`, pcm float32 [n, 2] at 48 kHz.

A Heard holds what was known at each hop and nothing that came later. `live` is the path of a show: the Listener, hop by hop.
A tracker to be compared is one more function of that form; `live` takes a Listener's tracker from today's code.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import aubio
import numpy as np

from phosphene.engine.audio.hearing import structure
from phosphene.engine.audio.listener import plain_listener
from phosphene.engine.core.signals import FEATURES, HOP, SAMPLE_RATE, WINDOW
from phosphene.engine.tempo.beats import OnsetStrength
from phosphene.engine.tempo.conductor import Conductor
from phosphene.engine.tempo.resonator_tracker import ResonatorTracker
from phosphene.engine.tempo.timeline import TIMELINE, Timeline
from phosphene.engine.tempo.tracker import FRAME, FRAME_HOPS

HOP_S = HOP / SAMPLE_RATE
_FRAME_HOPS = 3  # the conductor is asked so often: 62 times a second, as a show at 60 fps
# The line of repetition alone meets the beat with this time constant, and runs at most this much faster or slower.
_MEET_S, _SLEW = 1.5, 0.4


@dataclass(frozen=True)
class Heard:
    """What a tracker published.

    beats: float64 [n] s, the instants at which the line went through whole beats, by the line known just before.
    confidence: float32 [hops], of the line after each hop, 0 where there is none; hop k ends at (k + 1) * HOP_S.
    lines: TIMELINE [hops], the newest line after each hop, bpm 0 where there is none; None: the tracker has no lines.
    bars: float64 [m] s, where bars were said to begin, as known then; None: it says nothing of bars.
    """

    beats: np.ndarray
    confidence: np.ndarray
    lines: np.ndarray | None = None
    bars: np.ndarray | None = None


@dataclass(frozen=True)
class Shown:
    """What an audience saw. beats: float64 [n] s; confidence: float32 [hops], that the show was told."""

    beats: np.ndarray
    confidence: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))
    bars: np.ndarray = field(default_factory=lambda: np.zeros(0))


Hear = Callable[[np.ndarray], Heard]


def live(pcm: np.ndarray) -> Heard:
    """Hear it as a show does: through the Listener, with its mending, downmix, analyser and tracker."""
    listener, _ = plain_listener()
    hops = len(pcm) // HOP
    lines, crossed = np.zeros(hops, TIMELINE), Crossings()
    for k in range(hops):
        t = (k + 1) * HOP_S
        crossed.until(t)
        line = listener.hear(pcm[k * HOP : (k + 1) * HOP], t)
        crossed.line = line
        if line is not None:
            lines[k] = line.to_record()
    return Heard(np.array(crossed.beats), lines["confidence"].astype(np.float32), lines, np.array(crossed.bars))


class Crossings:
    """Collects the instants at which a line that turns now and then goes through whole beats. line: the newest, or None.

    beats, bars: s; a bar is a beat that was known then to begin one.
    """

    def __init__(self) -> None:
        self.line: Timeline | None = None
        self.beats: list[float] = []
        self.bars: list[float] = []
        self._beat = -np.inf
        self._t = 0.0

    def until(self, t: float) -> None:
        """Go on to time t with the line as it is."""
        if self.line is not None:
            beat = float(np.floor(self.line.beat_at(t)))
            if beat > max(self._beat, np.floor(self.line.beat_at(self._t))):
                self.beats.append(max(self._t, self.line.time_of(beat)))
                if (beat - self.line.one) % self.line.per_bar == 0.0:
                    self.bars.append(self.beats[-1])
                self._beat = beat
        self._t = t


def shown(heard: Heard) -> Shown | None:
    """Run the show's conductor over what was heard. None for a tracker without lines."""
    if heard.lines is None:
        return None
    conductor, beats, bars, confidence = Conductor(), [], [], np.zeros(len(heard.lines), np.float32)
    before, bar, at = 0.0, 0.0, 0.0
    for k in range(0, len(heard.lines), _FRAME_HOPS):
        t = (k + 1) * HOP_S
        record = heard.lines[k]
        conductor.update(Timeline.from_record(record) if record["bpm"] > 0.0 else None, t)
        position = conductor.position(t)
        passed = range(int(np.floor(before)) + 1, int(np.floor(position.beat)) + 1)
        beats.extend(at + (t - at) * (beat - before) / (position.beat - before) for beat in passed)
        if math.floor(position.bar) > math.floor(bar):
            bars.append(at + (t - at) * (math.floor(position.bar) - bar) / (position.bar - bar))
        before, bar, at = position.beat, position.bar, t
        confidence[k : k + _FRAME_HOPS] = position.confidence
    return Shown(np.array(beats), confidence, np.array(bars))


def aubio_tempo(pcm: np.ndarray) -> Heard:
    """Hear it with aubio's tempo, on the mean of the channels: beats and its confidence, no lines."""
    mono = np.ascontiguousarray(pcm.mean(axis=1), np.float32)
    tempo = aubio.tempo("default", WINDOW, HOP, SAMPLE_RATE)
    hops = len(mono) // HOP
    confidence, beats = np.zeros(hops, np.float32), []
    for k in range(hops):
        if tempo(mono[k * HOP : (k + 1) * HOP])[0]:
            beats.append(tempo.get_last() / SAMPLE_RATE)
        confidence[k] = min(1.0, max(0.0, tempo.get_confidence()))
    return Heard(np.array(beats), confidence)


def metronome(seconds: float, phase: float) -> np.ndarray:
    """Return float64 s of the beats of 120 bpm; phase 0..1."""
    return np.arange(phase * 0.5, seconds, 0.5)


def repetition(pcm: np.ndarray) -> Heard:
    """Hear it as the live tracker did before it had networks and a filter: by repetition alone."""
    listener, records = plain_listener()
    tracker, line = ResonatorTracker(HOP_S), None
    hops = len(pcm) // HOP
    lines, crossed = np.zeros(hops, TIMELINE), Crossings()
    for k in range(hops):
        t = (k + 1) * HOP_S
        crossed.until(t)
        listener.hear(pcm[k * HOP : (k + 1) * HOP], t)
        record = records.latest()
        tracker.step(record["mel"], t, float(record["active"]))
        if tracker.fresh and tracker.hz:
            line = _aimed(tracker, line, t)
        crossed.line = line
        if line is not None:
            lines[k] = line.to_record()
    return Heard(np.array(crossed.beats), lines["confidence"].astype(np.float32), lines)


def _aimed(tracker: ResonatorTracker, line: Timeline | None, t: float) -> Timeline:
    """Return the line re-aimed from where it is at `t`, towards the beat."""
    bpm = tracker.hz * 60.0
    if line is None:
        return Timeline(tracker.beat % 4.0, t, bpm, tracker.confidence)
    error = tracker.beat - line.beat_at(t)
    error -= round(error)
    correction = min(_SLEW * bpm, max(-_SLEW * bpm, error / _MEET_S * 60.0))
    return line.reaim(t, bpm=bpm + correction, confidence=tracker.confidence)


def two_way(pcm: np.ndarray) -> Heard:
    """Hear all of it first, as a render does: beats and bars known from both sides."""
    listener, ring = plain_listener()
    hops = len(pcm) // HOP
    records, frames = np.zeros(hops, FEATURES), np.zeros((hops // FRAME_HOPS, len(FRAME)), np.float32)
    for k in range(hops):
        listener.hear(pcm[k * HOP : (k + 1) * HOP], (k + 1) * HOP_S)
        records[k] = ring.latest()
        if k % FRAME_HOPS == FRAME_HOPS - 1:
            frames[k // FRAME_HOPS] = listener.tracker.frame
    grid, _ = structure(OnsetStrength().take(records["mel"]), frames, [records], hops * HOP_S)
    confidence = np.interp((np.arange(hops) + 1) * HOP_S, grid.times, grid.confidence).astype(np.float32)
    return Heard(grid.times, confidence, bars=grid.bars)


TRACKERS: dict[str, Hear] = {"live": live, "repetition": repetition, "two-way": two_way, "aubio": aubio_tempo}
