"""The only place where the operating system's clock is read.

Called by every thread and process that needs a time. `now()` is one time line for all processes of the machine
(CLOCK_MONOTONIC, QueryPerformanceCounter, mach_absolute_time), so that a time stamped in the audio process means the
same in the render loop. A clock object steps the frames: live and offline differ in which one is plugged in.

    slot k           slot k+1         slot k+2
    |--render--P     |--render--P     |          P = picture handed to the output
    t0+k/fps         = t_present of frame k      (the earliest moment its photons can leave on a vsynced display)
"""

from __future__ import annotations

import datetime
import time
from fractions import Fraction
from typing import Protocol

from phosphene.engine.core.frame import Frame


def now() -> float:
    """Return seconds on the machine-wide monotonic time line (origin arbitrary, never steps)."""
    return time.perf_counter()


def wall_clock() -> datetime.datetime:
    """Return the local date and time, for names and reports only: never for timing."""
    return datetime.datetime.now().astimezone()


def sleep(seconds: float) -> None:
    """Block the calling thread for `seconds` (>= 0)."""
    time.sleep(max(0.0, seconds))


def sleep_until(t: float) -> None:
    """Block until `now() >= t`. Returns at once when `t` has passed."""
    while (left := t - now()) > 0:
        time.sleep(left)


class Clock(Protocol):
    """Steps frames. `t_start` is the time of show time zero on the `now()` line (0.0 offline).

    missed: slots that passed without a frame, since the start; a clock that never waits misses none.
    """

    fps: Fraction
    t_start: float
    missed: int

    def next_frame(self) -> Frame:
        """Return the next frame to render, after waiting for its slot where the clock is a live one."""
        ...


class LiveClock:
    """Paces the render loop on a fixed grid of slots of 1/fps.

    A frame that overruns its slot does not shift the grid: the slots it covered are skipped and counted in `missed`,
    so that show time never drifts from the audio clock and a slow frame is followed by a frame on the grid.
    """

    def __init__(self, fps: Fraction | int, t_start: float | None = None) -> None:
        self.fps = Fraction(fps)
        self.t_start = now() if t_start is None else t_start
        self.missed = 0
        self._slot = -1
        self._period = float(1 / self.fps)

    def next_frame(self) -> Frame:
        """Wait for the next slot and return its frame; `frame.index` is the slot number, gaps are missed slots."""
        wanted = self._slot + 1
        # A frame may end up to half a period late without costing a slot: the next one then has less time, which a
        # single spike usually can afford; skipping at once would double the visible gap.
        reached = int((now() - self.t_start) / self._period - 0.5)
        slot = max(wanted, reached)
        self.missed += slot - wanted
        dt = (slot - self._slot) * self._period
        self._slot = slot
        sleep_until(self.t_start + slot * self._period)
        return Frame(
            index=slot,
            time=float(slot / self.fps),
            t_present=self.t_start + (slot + 1) * self._period,
            dt=dt,
            fps=float(self.fps),
        )


class DisplayClock:
    """Paced by a display whose swaps wait for its refresh: it waits itself only when they do not (a minimised window).

    A grid of its own would beat against the display's: 60 against 59.94 Hz misses a slot every 17 s, and so does a
    refresh rate measured to 1 in 10,000 every few minutes. Instead a frame is one refresh after the last one, or as many
    as really passed, and show time is drawn gently to the clock's, so that it neither jitters nor drifts.
    """

    _PULL = 0.02  # of the difference, each frame: jitter of 1 ms moves the picture by 20 us

    def __init__(self, fps: Fraction | int, refresh_hz: float, t_start: float | None = None) -> None:
        """fps: the rate asked for, to which the display's is close; refresh_hz: the display's own, measured."""
        self.fps = Fraction(fps)
        self.t_start = now() if t_start is None else t_start
        self.missed = 0
        self._period = 1.0 / refresh_hz
        self._index = -1
        self._time = -self._period
        self._last = self.t_start - self._period

    def next_frame(self) -> Frame:
        """Return the frame to render now; `dt` is a whole number of refreshes, nearly."""
        # A frame is a period ahead of the clock, give or take a late one; further ahead, nobody paces us any more.
        sleep_until(self.t_start + self._time - self._period)
        t = now()
        steps = max(1, round((t - self._last) / self._period))
        self._last = t
        self._index += steps
        self.missed += steps - 1
        before = self._time
        self._time += steps * self._period
        self._time += self._PULL * (t - self.t_start - self._time)
        return Frame(self._index, self._time, t + self._period, self._time - before, float(self.fps))


class OfflineClock:
    """Frame k is at k/fps exactly; never waits. The audio time line of the file is the time line (t_start = 0)."""

    def __init__(self, fps: Fraction | int, first: int = 0, *, centred: bool = False) -> None:
        """Begin with frame `first`. centred: a picture depicts the middle of the time for which it is seen.

        A player shows frame k from k/fps to (k+1)/fps. Depicting k/fps, every picture would follow its sound by half a
        frame on average, 21 ms at 24 fps; offline the sound of the half frame to come is known.
        """
        self.fps = Fraction(fps)
        self.t_start = 0.0
        self.missed = 0
        self._index = first - 1
        self._ahead = float(1 / (2 * self.fps)) if centred else 0.0

    def next_frame(self) -> Frame:
        """Return frame k with `time == k/fps`; `t_present` is that, or half a frame later."""
        self._index += 1
        at = float(self._index / self.fps)
        return Frame(index=self._index, time=at, t_present=at + self._ahead, dt=float(1 / self.fps), fps=float(self.fps))
