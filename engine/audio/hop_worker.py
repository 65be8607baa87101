"""The work of one hop in the audio process, timed and guarded: what the PortAudio callback and the player both call.

Runs on the callback thread. Never waits, logs, or raises; an exception in the analysis is kept as the worker's error and
ends the process, because a state that broke once breaks again: a fresh one is there within a second.
"""

from __future__ import annotations

import threading

import numpy as np

from phosphene.engine.audio.feeds import ArrayFeed
from phosphene.engine.audio.listener import Listener, plain_listener
from phosphene.engine.audio.shared import STATUS, SharedState, time_bin
from phosphene.engine.core import clock
from phosphene.engine.core.signals import HOP, SAMPLE_RATE

_WARM_UP_HOPS = 64
_SILENT_S = 5.0  # a line that is open has noise on it


def warm_up() -> None:
    """Run the whole analysis on noise once: the first calls into numpy, aubio and the caches take milliseconds."""
    listener, _ = plain_listener()
    noise = np.random.default_rng(0).standard_normal((_WARM_UP_HOPS * HOP, 2)).astype(np.float32) * np.float32(0.1)
    feed = ArrayFeed(noise)
    for k in range(_WARM_UP_HOPS):
        listener.hear(feed.next_hop(), k * HOP / SAMPLE_RATE)
    time_bin(1.0)


class HopWorker:
    """Owns the Listener and the status. One thread calls `take`; before and after, one other may call the rest.

    overflows: times that PortAudio lost input; broken_before: samples that were mended before they came here; both over the
    life of this worker. error: why it failed.
    """

    def __init__(self, state: SharedState) -> None:
        self._state = state
        self._gain = state.commands["gain"]
        store = np.zeros(1, STATUS)
        before = state.status.latest()
        if before is not None:  # counts go on over restarts
            store[0] = before
        self._status = store[0]
        self._histogram = self._status["work_us"]
        self._listener = Listener(state.features, state.pcm, state.timelines)
        self._before = {name: int(self._status[name]) for name in ("clipped", "broken", "overflows")}
        self._placed = False
        self._last = state.pcm.latest()  # of the process before this one
        self.overflows = self.broken_before = self._zeros = 0
        self.failed = threading.Event()
        self.error = ""

    def take(self, hop: np.ndarray, t_adc: float, skipped: int = 0) -> None:
        """Analyse and publish float32[HOP, 2] whose last sample is of `t_adc`; `skipped`: samples lost before it."""
        begun = clock.now()
        status, listener, before = self._status, self._listener, self._before
        try:
            if not self._placed:
                self._place(t_adc)
            if skipped:
                listener.skip(skipped)
            listener.hear(hop, t_adc, float(self._gain[0]))
        except Exception as error:  # noqa: BLE001 - boundary: an exception would end PortAudio's stream without a word
            self.fail(f"{type(error).__name__}: {error}")
            return
        status["hops"] += 1
        status["overflows"] = before["overflows"] + self.overflows
        status["clipped"] = before["clipped"] + listener.clipped
        status["broken"] = before["broken"] + self.broken_before + listener.broken
        status["inverted"] = listener.inverted
        status["dead"] = 0 if listener.dead is None else 1 + listener.dead
        status["lift_db"] = listener.lift_db
        self._zeros = 0 if hop.any() else self._zeros + 1
        status["silent"] = self._zeros * HOP >= _SILENT_S * SAMPLE_RATE
        status["peak"] = listener.peak
        ended = clock.now()
        took_us = (ended - begun) * 1e6
        self._histogram[time_bin(took_us)] += 1
        if took_us > status["work_max_us"]:
            status["work_max_us"] = took_us
        status["heartbeat"] = ended
        self._state.status.push(status)

    def fail(self, error: str) -> None:
        """Keep `error` and ask the process to end."""
        self.error = error
        self.failed.set()

    def _place(self, t_adc: float) -> None:
        """Go on with the sample count of the process before: the time that nobody listened becomes a jump in it."""
        self._placed = True
        if self._last is not None:
            passed = round((t_adc - float(self._last["t_adc"])) * SAMPLE_RATE)
            self._listener.skip(max(0, int(self._last["sample"]) + passed - HOP))
