"""Where pictures and sounds belong in a recording: arithmetic of the recorder thread, no encoder, no clock, no GL.

The sample count of the captured sound is the master: file time is samples / 48000, and a picture goes to the frame whose
sound it shows. Capture blocks carry their time on the clock line, jittered by the audio system (milliseconds); `SoundLine`
smooths that into one line and finds the gaps, `SoundTrack` fills them with silence, `FrameGrid` puts pictures on the
grid of k/fps without flutter.
"""

from __future__ import annotations

import math
from collections import deque
from fractions import Fraction

import numpy as np

# A block this far from where the line expects it is not jitter.
_GAP_S = 0.040
# ... but one late callback is not a gap either: only when the blocks stay there (0.25 s of them) were samples lost.
_GAP_BLOCKS = 47
# Smoothing over the last 10 s or so: 100 ppm between the sound card's clock and the system's then bend it by 1 ms.
_SMOOTHING_BLOCKS = 2000


class SoundLine:
    """The line between clock time and position in the file, in samples; sample 0 is at `t_start` on the clock line.

    `origin` is the clock time of sample 0 as the capture's own times tell it by now: close to `t_start`, and drifting
    when the sound card's clock runs faster or slower than the system's.
    """

    def __init__(self, t_start: float, rate: int) -> None:
        self.rate = rate
        self.origin = t_start
        self._next = 0  # file position at which a block that follows without a gap begins
        self._sample: int | None = None  # the source's own count at that place
        self._blocks = 0
        self._astray = 0

    def position(self, t: float) -> float:
        """Return the place of clock time `t` in the file, in samples."""
        return (t - self.origin) * self.rate

    def place(self, t_adc: float, sample: int, n: int) -> int:
        """Return the file position of the first sample of a block; negative: before the file begins.

        t_adc: clock time of the block's last sample. sample: the source's count after the block. n: its length.
        Blocks come in order. Where samples are missing the position jumps ahead; after a restart of the capture it may
        also jump back, over time that was already filled.
        """
        told = self.position(t_adc) - n  # where the block's own time puts it
        skipped = None if self._sample is None else sample - n - self._sample
        self._sample = sample
        counted = None if skipped is None or skipped < 0 else self._next + skipped
        if counted is not None and skipped and abs(told - counted) > _GAP_S * self.rate:
            counted = None  # the count went on elsewhere: another stream
        if counted is None:
            start = round(told)
            self._astray = 0
        else:
            start = self._follow(counted, told)
        self._next = start + n
        return start

    def _follow(self, counted: int, told: float) -> int:
        """The count says `counted`, the clock says `told`: bend the line a little, or jump when the clock insists."""
        error = told - counted
        if abs(error) <= _GAP_S * self.rate:
            self._astray = 0
            self._blocks += 1
            self.origin += error / self.rate / min(self._blocks, _SMOOTHING_BLOCKS)
            return counted
        same_side = self._astray == 0 or (error > 0) == (self._astray > 0)
        self._astray = (self._astray if same_side else 0) + (1 if error > 0 else -1)
        if abs(self._astray) < _GAP_BLOCKS:
            return counted
        self._astray = 0
        return round(told)


class FrameGrid:
    """Puts pictures on the grid of k/fps: each is assigned the frame it belongs to, once.

    A show's pictures come as steadily as its clock, but anywhere between two grid points. Rounding each by itself would
    drop and repeat one frame after the other at the least jitter around the half, so what is rounded is the distance to
    the pictures' own phase, which follows slowly. When the file begins at a picture, a click and the flash it causes are
    less than one frame apart (the flash waits for the next picture); else up to a half more, by the phase.
    """

    _LOW, _HIGH = -0.6, 1.1  # of a frame: beyond it the phase has drifted into the neighbour
    _FOLLOW = 64  # pictures

    def __init__(self, fps: Fraction | int) -> None:
        self.fps = Fraction(fps)
        self.next = 0
        self.late = 0
        self._phase: float | None = None

    def place(self, seconds: float) -> int | None:
        """Return the frame for a picture of file time `seconds` (>= `next`; what lies between needs repeats).

        None: that frame is taken already, or lies before the file; counted in `late`.
        """
        where = seconds * float(self.fps)
        if self._phase is None:
            self._phase = where - math.floor(where + 0.25)
        k = round(where - self._phase)
        self._phase += (where - k - self._phase) / self._FOLLOW
        if not self._LOW <= self._phase <= self._HIGH:
            self._phase -= math.copysign(1.0, self._phase)
        if k < self.next:
            self.late += 1
            return None
        self.next = k + 1
        return k

    def frames_in(self, seconds: float) -> int:
        """Return how many frames a file of this length has."""
        return round(seconds * float(self.fps)) if seconds > 0 else 0

    def samples_in(self, frames: int, rate: int) -> int:
        """Return how many samples of sound belong to `frames` frames."""
        return round(frames * rate / self.fps)


class SoundTrack:
    """Sound on its way into the file: pieces go in where they belong, a seamless track comes out."""

    def __init__(self) -> None:
        self.written = 0  # samples that were taken out
        self.end = 0  # where the newest piece ends
        self._pieces: deque[tuple[int, np.ndarray]] = deque()

    def add(self, start: int, pcm: np.ndarray) -> None:
        """Put float32[n, 2] at file position `start`; what lies before `written` is lost."""
        self.end = start + len(pcm)
        if self.end > self.written:
            self._pieces.append((start, pcm))

    def take(self, end: int) -> np.ndarray:
        """Return the track from `written` up to `end` (nothing when it is behind), silent where no piece lies."""
        begin = self.written
        out = np.zeros((max(0, end - begin), 2), np.float32)
        for start, pcm in self._pieces:
            if start >= end:  # those behind it come later still
                break
            first, last = max(start, begin), min(start + len(pcm), end)
            if first < last:
                out[first - begin : last - begin] = pcm[first - start : last - start]
        self.written += len(out)
        while self._pieces and self._pieces[0][0] + len(self._pieces[0][1]) <= self.written:
            self._pieces.popleft()
        return out
