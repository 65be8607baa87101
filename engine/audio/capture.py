"""Captures from a device through PortAudio and hands hops to the HopWorker, on PortAudio's own callback thread.

Called by the main thread of the audio process, which then only waits. The callback takes what comes in blocks of any
size, finds out when it was captured, and works; it never waits, allocates little, and never lets an exception out.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from phosphene.engine.audio.devices import WASAPI, find_input, import_sounddevice
from phosphene.engine.audio.hop_worker import HopWorker
from phosphene.engine.audio.hops import Hops
from phosphene.engine.audio.own_rate import FASTEST, SLOWEST, OwnRate, rate_line, rate_words
from phosphene.engine.core import clock
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.signals import HOP, SAMPLE_RATE

if TYPE_CHECKING:
    from sounddevice import InputStream

_LOOK_S = 0.1  # how often the main thread looks whether the stream is still there


class Capture:
    """One input stream. `channels` counts from 1: the two (or one) that are listened to; None: the first two.

    At 48 kHz; where the device refuses that (ALSA's hardware, JACK), at its own rate, and resampled. A context: the stream
    is open within it. What comes before `run` is dropped.
    """

    def __init__(
        self, device: str, index: int, channels: Sequence[int] | None, note: Callable[[str], None] = lambda text: None
    ) -> None:
        """Open the device called `device`; `index` decides between devices of one name. Raises UserError.

        note: is told in a line if it runs at another rate.
        """
        self._worker: HopWorker | None = None
        self._arrived = threading.Event()
        self._rate = SAMPLE_RATE  # of the device, Hz
        self._stream = self._open(index, device, channels)
        if self._rate != SAMPLE_RATE:
            note(rate_line(self._rate))

    def __enter__(self) -> Capture:
        self._stream.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.abort(ignore_errors=True)
        self._stream.close(ignore_errors=True)

    def wait_for_sound(self, stop: threading.Event) -> None:
        """Return once the device delivers, or `stop` is set. Raises UserError when it stops by itself."""
        while not self._arrived.wait(_LOOK_S) and not stop.is_set():
            self._look()

    def run(self, worker: HopWorker, stop: threading.Event, origin: float) -> None:
        """Capture into `worker` until `stop` is set; a device has no origin. Raises UserError when it stops by itself."""
        self._worker = worker
        while not stop.wait(_LOOK_S) and not worker.failed.is_set():
            self._look()

    def _look(self) -> None:
        if not self._stream.active:
            raise UserError("the audio device stopped", remedy="trying again")

    def _open(self, index: int, device: str, channels: Sequence[int] | None) -> InputStream:
        sounddevice = import_sounddevice()
        info = sounddevice.query_devices(index)
        self._hops = Hops(device, info["max_input_channels"], channels)
        host = sounddevice.query_hostapis(info["hostapi"])["name"]
        # WASAPI shares a device at the rate of the system's mixer alone, often 44.1 kHz, unless it is asked to convert.
        more = {"extra_settings": sounddevice.WasapiSettings(auto_convert=True)} if host == WASAPI else {}
        own = round(info["default_samplerate"])
        rates = [SAMPLE_RATE, own] if own != SAMPLE_RATE and SLOWEST <= own <= FASTEST else [SAMPLE_RATE]
        for rate in rates:
            self._rate = rate
            self._hops.own = None if rate == SAMPLE_RATE else OwnRate(rate)
            try:
                return sounddevice.InputStream(
                    device=index,
                    channels=self._hops.channels,
                    samplerate=rate,
                    blocksize=HOP if self._hops.own is None else self._hops.own.block,
                    latency="low",
                    dtype="float32",
                    callback=self._callback,
                    **more,
                )
            except sounddevice.PortAudioError as error:
                refused = error
        tried = " or ".join(rate_words(rate) for rate in rates)
        raise UserError(f"cannot capture from this input at {tried}", where=device, got=refused) from refused

    def _callback(self, block: np.ndarray, frames: int, times: object, flags: object) -> None:
        worker = self._worker
        if worker is None:
            self._arrived.set()
            return
        try:
            if flags.input_overflow:
                worker.overflows += 1
            t = clock.now()
            # PortAudio's times are on a clock of its own: what counts is how long before "now" the block began.
            age = times.currentTime - times.inputBufferAdcTime if times.inputBufferAdcTime > 0 else frames / self._rate
            self._hops.take(worker, block, t - age, t)
        except Exception as error:  # noqa: BLE001 - boundary: an exception would end PortAudio's stream without a word
            worker.fail(f"{type(error).__name__}: {error}")


def resolve(name: str, index: int) -> int:
    """Return the PortAudio index of `name` in this process: indices move when devices come and go. Raises UserError."""
    sounddevice = import_sounddevice()
    devices = sounddevice.query_devices()
    if index < len(devices) and devices[index]["name"] == name and devices[index]["max_input_channels"] > 0:
        return index
    return find_input(name).index
