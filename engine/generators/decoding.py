"""When pictures are decoded: every frame offline, and at the decoder's own rate in a show, whose frames never wait for it.

A worker thread holds the decoder live: the render thread asks for one picture at a time and fades from the one shown to
the newest over the time between two, so that a decoder of 8 pictures a second still moves at every frame, one picture
late. What is asked for is where the latents will be when the picture is seen. Never reads a clock: times are show time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

import numpy as np

from phosphene.engine.backends.decoders import Decoder, Inputs

InputsAt = Callable[[float], Inputs]
"""A picture's inputs, as they will be in so many s."""
_SLOWEST_S = 1.0  # a fade is never longer, whatever a decoder takes
_EASE = 0.3  # how fast the measured time between two pictures follows


class Decoding(Protocol):
    """Where a generator gets its pictures. Used on the render thread. rate: pictures a second, 0 where frames set it."""

    rate: float

    def picture(self, t: float, inputs_at: InputsAt) -> np.ndarray:
        """Return the picture of show time `t` s: float32 [h, w, 3], sRGB 0..1. Raises whatever the decoder raised."""
        ...

    def close(self) -> None:
        """Free the decoder; closing again is not an error."""
        ...


class EveryFrame:
    """Decodes at once: the same frames, whatever the machine's speed. For renders."""

    rate = 0.0

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder

    def picture(self, t: float, inputs_at: InputsAt) -> np.ndarray:
        """Decode and return."""
        return self._decoder.decode(inputs_at(0.0))

    def close(self) -> None:
        """Close the decoder."""
        self._decoder.close()


class OwnRate:
    """Decodes on a thread of its own. `first` is shown until the first picture is there."""

    def __init__(self, decoder: Decoder, first: np.ndarray) -> None:
        self._decoder = decoder
        self._from = self._to = self._shown = first
        self._began = 0.0  # show time at which the fade to the newest picture began
        self._asked = self._last = 0.0
        self._interval = 0.0  # s between two pictures, smoothed; 0: none yet
        self._wake = threading.Condition()
        self._wanted: Inputs | None = None
        self._done: np.ndarray | BaseException | None = None
        self._busy = self._closing = False
        self._thread = threading.Thread(target=self._run, name="decoder", daemon=True)
        self._thread.start()

    @property
    def rate(self) -> float:
        """Pictures a second, 0 before the second one."""
        return 1.0 / self._interval if self._interval else 0.0

    def picture(self, t: float, inputs_at: InputsAt) -> np.ndarray:
        """Take what is done, ask for the next, return what is seen now. Never waits for the decoder."""
        with self._wake:
            done, idle = self._done, not self._busy
            self._done = None
        if isinstance(done, BaseException):
            raise done
        if done is not None:
            took = min(_SLOWEST_S, max(0.0, t - self._asked))
            self._interval += (took - self._interval) * (_EASE if self._interval else 1.0)
            same = self._shown.shape == done.shape
            # The fade began with the frame before: a picture that is there at every frame is seen at once.
            self._from, self._to, self._began = self._shown if same else done, done, self._last
        if idle:
            inputs = inputs_at(self._interval)
            with self._wake:
                self._wanted, self._busy = inputs, True
                self._wake.notify()
            self._asked = t
        self._last = t
        share = min(1.0, (t - self._began) / self._interval) if self._interval > 0.0 else 1.0
        if self._from is self._to or share >= 1.0:
            self._shown = self._to
        else:
            self._shown = self._from + (self._to - self._from) * np.float32(max(0.0, share))
        return self._shown

    def close(self) -> None:
        """End the thread after the picture at hand, and close the decoder there."""
        with self._wake:
            self._closing = True
            self._wake.notify()

    def _run(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._wanted is not None or self._closing)
                if self._closing:
                    break
                inputs, self._wanted = self._wanted, None
            try:
                done: np.ndarray | BaseException = self._decoder.decode(inputs)
            except BaseException as error:  # noqa: BLE001 boundary: raised again where the picture is wanted
                done = error
            with self._wake:
                self._done, self._busy = done, False
        self._decoder.close()
