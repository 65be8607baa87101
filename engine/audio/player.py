"""Plays a file or the demo track into the HopWorker in real time, hop by hop on the sample grid, as a device would.

Runs on the main thread of the audio process. Hop k ends at origin + (k + 1) * 256 / 48000 exactly; the supervisor keeps the
origin, so that after a crash the music goes on where it would have been. A late hop is followed by the next one at once.
Optionally the sound is also sent to the default output, ahead by its latency, so that ear and picture agree.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from phosphene.engine.audio.devices import import_sounddevice
from phosphene.engine.audio.feeds import Feed, open_feed
from phosphene.engine.audio.hop_worker import HopWorker
from phosphene.engine.core import clock
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.signals import HOP, SAMPLE_RATE

if TYPE_CHECKING:
    from sounddevice import OutputStream

_HOP_S = HOP / SAMPLE_RATE


class Player:
    """Plays `spec` (`demo` or `file:PATH`). A context: the output is open within it."""

    def __init__(self, spec: str, origin: float | None, *, monitor: bool, note: Callable[[str], None]) -> None:
        """Open the feed. origin: when its sample 0 was heard, if it goes on. note: is told that no output is there.

        Raises UserError for a file that cannot be read.
        """
        self._note = note
        self._hop = 0 if origin is None else max(0, int((clock.now() - origin) / _HOP_S) + 1)
        self._feed: Feed = open_feed(spec, self._hop * HOP)
        self._first_hop = self._feed.next_hop()  # the slow part: opening, synthesising, resuming
        self._output = self._open_output() if monitor else None

    def __enter__(self) -> Player:
        return self

    def __exit__(self, *_: object) -> None:
        if self._output is not None:
            self._output.abort(ignore_errors=True)
            self._output.close(ignore_errors=True)

    def wait_for_sound(self, stop: threading.Event) -> None:
        """Return at once: the first hop is there."""

    def run(self, worker: HopWorker, stop: threading.Event, origin: float) -> None:
        """Play into `worker` until `stop` is set. origin: when sample 0 is heard, s."""
        lead = 0 if self._output is None else max(0, round(self._output.latency / _HOP_S))
        ahead: deque[np.ndarray] = deque([self._first_hop])
        self._hear_ahead(self._first_hop)
        said = ""
        while not stop.is_set() and not worker.failed.is_set():
            while len(ahead) <= lead:
                ahead.append(hop := self._feed.next_hop())
                self._hear_ahead(hop)
            t_adc = origin + (self._hop + 1) * _HOP_S
            clock.sleep_until(t_adc)
            worker.broken_before = self._feed.faults.broken
            worker.take(ahead.popleft(), t_adc)
            self._hop += 1
            if self._feed.faults.ended != said:
                said = self._feed.faults.ended
                self._note(f"{self._feed.name} breaks off: {said}")

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
            self._note(f"not heard: {error}")
            return None
        except (sounddevice.PortAudioError, ValueError) as error:
            self._note(f"not heard: no output device ({error})")
            return None
        return stream
