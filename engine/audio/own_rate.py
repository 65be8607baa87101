"""Brings the sound of a device that runs at a rate of its own to 48 kHz, block by block, and keeps its times right.

Used by `hops.py` on the callback thread. PyAV's resampler (libswresample), which decodes our files too: 32 taps and more,
errors of -97 dB and less up to 18 kHz at 44.1 kHz, -106 dB left of 30 kHz at 96 kHz, 0.4 ms of delay (2 ms at 8 kHz), which
the times account for. 40 us a block, 120 us in the worst of a hundred, of 5333 us; memory does not grow.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from phosphene.engine.core.signals import HOP, SAMPLE_RATE

SLOWEST, FASTEST = 4_000, 768_000  # Hz: what a device may have


def rate_words(rate: int) -> str:
    """Return a rate in Hz in words: 44.1 kHz."""
    return f"{rate / 1000:g} kHz"


def rate_line(rate: int) -> str:
    """Return what is said of a device at another rate than ours, in Hz."""
    return f"this input runs at {rate_words(rate)}: brought to {rate_words(SAMPLE_RATE)}"


class OwnRate:
    """Resamples one stream of two channels. rate: Hz, whole, SLOWEST to FASTEST."""

    def __init__(self, rate: int) -> None:
        from av import AudioFrame, AudioResampler  # 190 ms, and only for a device that needs it

        self._frame = AudioFrame
        self._resampler = AudioResampler(format="flt", layout="stereo", rate=SAMPLE_RATE)
        self._rate = rate
        self._taken = self._given = 0
        # The filter is built with the first block, which takes milliseconds: here, and not in a callback.
        for _ in self.take(np.zeros((self.block, 2), np.float32), 0.0):
            pass

    @property
    def block(self) -> int:
        """Return the samples of the device to ask for at a time: a hop's, or just under, so that none brings two hops."""
        return HOP * self._rate // SAMPLE_RATE

    def take(self, block: np.ndarray, begun: float) -> Iterator[tuple[np.ndarray, float]]:
        """Take float32 [n, 2], contiguous, all of it sound, whose first sample is of `begun`, s; yield 48 kHz with its time.

        What is yielded is float32 [m, 2], and the time of its first sample: that of the input it was made of, which lies
        before `begun` by what the filter still held.
        """
        frame = self._frame.from_ndarray(block.reshape(1, -1), format="flt", layout="stereo")
        frame.sample_rate = self._rate
        before, self._taken = self._taken, self._taken + len(block)
        for out in self._resampler.resample(frame):
            # The output sample n is made around the input sample n * rate / SAMPLE_RATE.
            at = begun + self._given / SAMPLE_RATE - before / self._rate
            made = out.to_ndarray().reshape(-1, 2)
            self._given += len(made)
            yield made, at
