"""Cuts what a device delivers, in blocks of any size and at any rate, into hops with the time at which they were captured.

Used by `capture.py` on PortAudio's thread, and by `loopback.py` on the main thread of the audio process. Never waits.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import numpy as np

from phosphene.engine.audio.hop_worker import HopWorker
from phosphene.engine.audio.mending import all_sound, mend
from phosphene.engine.audio.own_rate import OwnRate
from phosphene.engine.audio.sample_clock import SampleClock
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.signals import HOP, SAMPLE_RATE


class Hops:
    """Fills hops of two channels out of the device's. channels: counted from 1, one or two; None: the first two.

    own: resamples a device at another rate than 48 kHz; set before the first block. Raises UserError for
    channels that the device called `device`, with `available` of them, does not have.
    """

    def __init__(self, device: str, available: int, channels: Sequence[int] | None) -> None:
        picked = list(channels or (1, 2)[: max(1, available)])
        if len(picked) not in (1, 2) or not all(1 <= c <= available for c in picked):
            raise UserError("no such channels", where=device, allowed=f"one or two of 1 to {available}", got=picked)
        self.channels = max(picked)  # as many as have to be opened
        self._left, self._right = picked[0] - 1, picked[-1] - 1
        self._clock = SampleClock(HOP, SAMPLE_RATE)
        self._pending = np.zeros((HOP, 2), np.float32)
        self._filled = 0
        self._skipped = 0
        self.own: OwnRate | None = None
        self._prioritised = False

    def take(self, worker: HopWorker, block: np.ndarray, begun: float, now: float) -> None:
        """Hand float32[n, channels], whose first sample was captured at `begun` and which is here `now`, to the worker."""
        if not self._prioritised:
            self._prioritised = True
            raise_priority()
        if self.own is None:
            self._cut(worker, block, self._left, self._right, begun, now)
            return
        pair = np.empty((len(block), 2), np.float32)
        pair[:, 0], pair[:, 1] = block[:, self._left], block[:, self._right]
        if not all_sound(pair):  # one such sample would stay in the filter for good
            worker.broken_before += mend(pair)
        for made, at in self.own.take(pair, begun):
            self._cut(worker, made, 0, 1, at, now)

    def _cut(self, worker: HopWorker, block: np.ndarray, left: int, right: int, begun: float, now: float) -> None:
        at, frames = 0, len(block)
        while at < frames:
            n = min(HOP - self._filled, frames - at)
            self._pending[self._filled : self._filled + n, 0] = block[at : at + n, left]
            self._pending[self._filled : self._filled + n, 1] = block[at : at + n, right]
            self._filled += n
            at += n
            if self._filled == HOP:
                self._filled = 0
                t_adc = self._clock.stamp(begun + at / SAMPLE_RATE, now)
                worker.take(self._pending, t_adc, self._clock.skipped - self._skipped)
                self._skipped = self._clock.skipped


def raise_priority() -> None:
    """Ask the system to run this thread before ordinary ones; not being allowed to is no error."""
    if sys.platform != "linux":
        return  # PortAudio's threads on macOS and Windows have real-time priority already
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(os.sched_get_priority_min(os.SCHED_RR) + 4))
    except OSError:
        return
