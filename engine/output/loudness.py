"""Measures how loud a sound is (EBU R 128, ITU-R BS.1770) and what gain brings it to a target. Never changes a sound.

Called by offline renders that join tracks. The measuring is FFmpeg's `ebur128` filter; its memory does not grow.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction
from typing import NamedTuple

import av
import numpy as np

from phosphene.engine.output.movie_file import sound_frame
from phosphene.engine.output.remux import AUDIO_RATE

TARGET_LUFS = -14.0  # where the large streaming services play music
CEILING_DBTP = -1.0  # what AAC may overshoot, and what R 128 allows
_GATE_LUFS = -70.0  # below it the standard hears nothing
_STEP = AUDIO_RATE // 10  # the meter answers every 100 ms
_BETWEEN = 64  # samples that its look between samples is late


class Loudness(NamedTuple):
    """integrated: LUFS, -inf for silence or less than 0.4 s. true_peak: dBTP, -inf for silence."""

    integrated: float
    true_peak: float


class Gain(NamedTuple):
    """db: to be applied. limited: whether the true peak forbade more."""

    db: float
    limited: bool


def measure_loudness(blocks: Iterable[np.ndarray]) -> Loudness:
    """Measure float32[n, 2] blocks at 48 kHz, full scale 1."""
    graph = av.filter.Graph()
    source = graph.add_abuffer(
        sample_rate=AUDIO_RATE, format="fltp", layout="stereo", time_base=Fraction(1, AUDIO_RATE), channels=2
    )
    meter, sink = graph.add("ebur128", "metadata=1:peak=true"), graph.add("abuffersink")
    source.link_to(meter)
    meter.link_to(sink)
    graph.configure()
    integrated, peak, position = -math.inf, 0.0, 0

    def push(block: np.ndarray) -> None:
        nonlocal integrated, peak, position
        frame = sound_frame(block, "fltp")
        frame.pts = position
        position += len(block)
        graph.push(frame)
        while True:
            try:
                measured = graph.pull().metadata
            except av.BlockingIOError:
                return
            integrated = float(measured["lavfi.r128.I"])
            peak = max(peak, float(measured["lavfi.r128.true_peak"]))

    for block in blocks:
        for at in range(0, len(block), AUDIO_RATE):
            push(block[at : at + AUDIO_RATE])
    heard = integrated  # the standard leaves out a last block that is not whole, but its peaks count
    push(np.zeros((_STEP + _BETWEEN - (position + _BETWEEN) % _STEP, 2), np.float32))
    return Loudness(heard if heard > _GATE_LUFS else -math.inf, 20 * math.log10(peak) if peak > 0 else -math.inf)


def gain_to(loudness: Loudness, target: float = TARGET_LUFS, ceiling: float = CEILING_DBTP) -> Gain:
    """Return the gain that brings a sound to `target` LUFS, or as near as its true peak stays below `ceiling` dBTP.

    Silence keeps its gain of 0 dB.
    """
    if loudness.integrated == -math.inf:
        return Gain(0.0, False)
    wanted, allowed = target - loudness.integrated, ceiling - loudness.true_peak
    return Gain(min(wanted, allowed), allowed < wanted)
