"""Plays a file or the demo track into the HopWorker in real time, hop by hop on the sample grid, as a device would.

Runs on the main thread of the audio process. Hop k ends at origin + (k + 1) * 256 / 48000 exactly; the origin is kept in
shared memory, so that after a crash the music goes on where it would have been. A late hop is followed by the next one
at once. Optionally the sound is also sent to the default output, ahead by its latency, so that ear and picture agree.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from engine.audio.devices import import_sounddevice
from engine.audio.feeds import Feed, open_feed
from engine.audio.hop_worker import HopWorker
from engine.audio.shared import SharedState
from engine.core import clock
from engine.core.errors import UserError
from engine.core.signals import HOP, SAMPLE_RATE

if TYPE_CHECKING:
    from sounddevice import OutputStream

_HOP_S = HOP / SAMPLE_RATE
_LEAD_IN_S = 0.05


class Player:
    """Plays `spec` (`demo` or `file:PATH`)."""

    def __init__(self, state: SharedState, worker: HopWorker, spec: str, *, monitor: bool) -> None:
        """Open the feed; a missing output device is a warning in the status. Raises UserError for an unreadable file."""
        self._worker = worker
        origin = state.commands["origin"]
        resumed = float(origin[0]) > 0.0
        first = max(0, int((clock.now() - float(origin[0])) / _HOP_S) + 1) if resumed else 0
        self._feed: Feed = open_feed(spec, first * HOP)
        self._first_hop = self._feed.next_hop()  # the slow part: opening, synthesising, resuming
        if not resumed:
            origin[0] = clock.now() + _LEAD_IN_S
        self._origin = float(origin[0])
        self._hop = first
        self._output = self._open_output() if monitor else None

    def run(self, stop: threading.Event) -> None:
        """Play until `stop` is set."""
        lead = 0 if self._output is None else max(0, round(self._output.latency / _HOP_S))
        ahead: deque[np.ndarray] = deque([self._first_hop])
        self._hear_ahead(self._first_hop)
        try:
            while not stop.is_set() and not self._worker.failed.is_set():
                while len(ahead) <= lead:
                    ahead.append(hop := self._feed.next_hop())
                    self._hear_ahead(hop)
                t_adc = self._origin + (self._hop + 1) * _HOP_S
                clock.sleep_until(t_adc)
                self._worker.take(ahead.popleft(), t_adc)
                self._hop += 1
        finally:
            if self._output is not None:
                self._output.abort(ignore_errors=True)
                self._output.close(ignore_errors=True)

    def _hear_ahead(self, hop: np.ndarray) -> None:
        # The output's clock is not ours: a full buffer drops a hop rather than slow the show down.
        if self._output is not None and self._output.write_available >= HOP:
            self._output.write(np.ascontiguousarray(hop))

    def _open_output(self) -> OutputStream | None:
        try:
            sounddevice = import_sounddevice()
            stream = sounddevice.OutputStream(samplerate=SAMPLE_RATE, channels=2, dtype="float32", latency="high")
            stream.start()
        except UserError as error:
            self._worker.note(f"not heard: {error}")
            return None
        except (sounddevice.PortAudioError, ValueError) as error:
            self._worker.note(f"not heard: no output device ({error})")
            return None
        return stream
