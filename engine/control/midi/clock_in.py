"""MIDI clock as a line of beats: 24 ticks a beat, heard through a loop that counts the ticks that are missing.

`ClockIn` is fed by the surface's thread with the ticks of one device at a time. Times are those of the driver (`DeltaTime`),
not of when Python got to see them. docs/decisions/midi.md has the numbers of the ways that were tried.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from phosphene.engine.control.midi.messages import CLOCK, POSITION, START, Message
from phosphene.engine.tempo.timeline import Timeline

TICKS = 24  # a beat
_FIRST = 24  # intervals that the first guess is made of: a beat. Of 12 one lost tick is not told from jitter of 3.6 ms
_SLOWEST, _FASTEST = 60.0 / (20 * TICKS), 60.0 / (400 * TICKS)  # s between ticks that are a tempo
_SHORTEST_S = 0.001  # two ticks closer than this are one that came twice: at 400 bpm there are 6.25 ms
_WIDE_HZ, _NARROW_HZ, _SETTLES_S = 1.0, 0.5, 2.0  # bandwidth of the loop, at first and later
_LOST = 4.0  # ticks that one may be off before the loop begins anew
_OTHER = 0.04  # of the tempo, that two beats in a row are off before it has jumped; one beat is known to 0.5 %
_TWICE = 0.4  # short intervals to long ones, where each tick comes twice; of an even clock with jitter it is 0.6 and more
_FITS = 0.7  # of the squares that are left, when one tick is taken to be missing: then it was
HEARD_S = 0.5  # after its last tick a clock is there for so long


class DeltaTime:
    """The driver's times on our line. It gives the time since the last message; we know when we saw each.

    Messages are seen late, never early: the least delay is what the two lines differ by. It may grow by 0.2 % of what a
    message is late, so that two clocks of 100 ppm difference stay together.
    """

    def __init__(self) -> None:
        self._t: float | None = None

    def time(self, delta: float, seen: float) -> float:
        """Return when a message came, for its delta time and when it was seen."""
        t = seen if self._t is None or not 0.0 <= delta < 1e6 else self._t + delta
        late = seen - t
        if late < 0.0 or late > 1.0:
            t = seen
        else:
            t += 0.002 * late
        self._t = t
        return t


class ClockIn:
    """The loop. `line` is the beat as it is heard, None before it is known."""

    def __init__(self) -> None:
        self.line: Timeline | None = None
        self._n = -1.0  # number of the newest tick: 24 a beat
        self._t = self._heard = -1e9  # when the newest tick was due, and when one was heard last
        self._period = 0.0
        self._locked_s = 0.0
        self._times: list[float] = []  # of the newest ticks, a beat of them
        self._errors: list[float] = []  # of the newest ticks, in periods
        self._unlike: list[bool] = []  # of the newest beats: whether each was of another tempo
        self._since = 0  # ticks since a beat was looked at
        self._began: float | None = None  # number that the next tick has, where a device said so

    def hear(self, message: Message, t: float) -> None:
        """Take a message of the kind `clock`."""
        if message.number == CLOCK:
            self._tick(t)
        elif message.number == START:
            self._began = 0.0
        elif message.number == POSITION:
            self._began = 6.0 * message.value  # it counts sixteenths
        # Continue goes on where it was, and Stop stops no show: the beat runs on.

    def heard(self, t: float) -> bool:
        """Whether the clock is running at `t`."""
        return self.line is not None and t - self._heard < HEARD_S

    def _tick(self, t: float) -> None:
        if t - self._heard < _SHORTEST_S:
            return
        if t - self._heard > HEARD_S:  # it was away: the beats in between are counted, the tempo is found again
            self._restart(t)
        self._heard = t
        if self._period:
            self._follow(t)
        else:
            self._begin(t)
        if self._began is not None:
            self._n, self._began = self._began, None
            if self._period:
                self._t = t + 0.5 * (self._t - t)  # it is the first of its kind: half of what is known, half of what came
        if self._period:
            self._draw()

    def _begin(self, t: float) -> None:
        """Gather ticks; with enough of them, lay a straight line through them, by least squares."""
        self._n += 1.0
        self._times.append(t)
        if len(self._times) <= _FIRST:
            return
        times = once(self._times)
        at, slope, last = fitted(times)
        if not _FASTEST <= slope <= _SLOWEST:
            del self._times[0]
            return
        self._period, self._t = slope, last
        self._n += at - (len(self._times) - 1)  # those that were missing, less those that came twice
        self._locked_s = 0.0

    def _follow(self, t: float) -> None:
        self._times = [*self._times[-_FIRST:], t]
        period = self._period
        k = _passed((t - self._t) / period)
        error = t - (self._t + k * period)
        self._errors = [*self._errors[-3:], error / period]
        off = sum(self._errors) / 4.0
        if len(self._errors) == 4 and abs(off) > 0.5:  # one that was lost was not seen, or one too many was
            k, self._errors = k + round(off), []
            error -= round(off) * period
        if abs(error) > _LOST * period:
            self._restart(t)
            self._begin(t)
            return
        band = _WIDE_HZ if self._locked_s < _SETTLES_S else _NARROW_HZ
        error = min(0.5 * period, max(-0.5 * period, error))  # the tick that is judged wrongly pulls no harder than others
        w = min(0.5, 2.0 * math.pi * band * period * max(1, k))
        self._t += k * period + math.sqrt(2.0) * w * error
        self._period = min(_SLOWEST, max(_FASTEST, period + w * w * error / max(1, k)))
        self._n += k
        self._locked_s += k * period
        self._since += 1
        if self._since > _FIRST:
            self._since = 0
            self._look()

    def _look(self) -> None:
        """Look at the last beat by itself: a jump of the tempo looks to the loop like ticks lost, or sent twice."""
        _, slope, last = fitted(once(self._times))
        self._unlike = [*self._unlike[-1:], abs(slope / self._period - 1.0) > _OTHER]
        if self._unlike == [True, True]:
            self._period, self._t = min(_SLOWEST, max(_FASTEST, slope)), last
            self._unlike, self._errors, self._locked_s = [], [], 0.0

    def _restart(self, t: float) -> None:
        """Find the tempo anew; the beats that passed meanwhile are counted by the old one."""
        if self._period:
            self._n += max(0, round((t - self._t) / self._period)) - 1.0  # the tick at hand is counted when it is taken
        self._period, self._since = 0.0, 0
        self._times, self._errors, self._unlike = [], [], []

    def _draw(self) -> None:
        bpm = 60.0 / (TICKS * self._period)
        self.line = Timeline(self._n / TICKS, self._t, bpm, 1.0)


def _passed(periods: float) -> int:
    """Return how many ticks have passed since the last one: one, unless it is quite clear that it were more, or none.

    The nearest whole number would be wrong for one tick in 140 at 128 bpm and 3.6 ms of jitter, and such an error pulls the
    period to where more follow. A lost tick that is not seen here (one in ten) shows in the mean of the next ones' errors.
    """
    if periods < 0.25:
        return min(0, math.ceil(periods))
    return 1 if periods < 1.75 else round(periods)


def once(times: list[float]) -> list[float]:
    """Return the times without those of ticks that came twice, as where two ports bring the same clock."""
    gaps = [b - a for a, b in pairwise(times)]
    ordered = sorted(gaps)
    short, long = ordered[len(gaps) // 4], ordered[3 * len(gaps) // 4]
    if short >= _TWICE * long:
        return times
    return [times[0], *(b for b, gap in zip(times[1:], gaps, strict=True) if gap > 0.5 * (short + long))]


def fitted(times: list[float]) -> tuple[int, float, float]:
    """Return which tick the last one is, counted from the first, the period, and when the last one was due.

    A tick that is missing shows as a step in what is left over the line; with 1 % lost a beat lacks one in four times, two
    in fifty. It takes less than 1 ms, once a beat.
    """
    there = np.array(times)
    at = np.arange(len(times), dtype=float)
    slope, last, left = _lines(at[None], there)
    # Every place where one could be missing, then every two.
    one = np.tril(np.ones((len(at), len(at))))[:, 1:].T
    two = (one[:, None] + one[None]).reshape(-1, len(at))
    while left[0] > 0.0 and at[-1] < 2 * len(at):
        for missing, fits in ((one, _FITS), (two, _FITS * _FITS)):
            slopes, lasts, lefts = _lines(at + missing, there)
            best = int(np.argmin(lefts))
            if lefts[best] < fits * left[0]:
                break
        else:
            break
        at, slope, last, left = at + missing[best], slopes[best:], lasts[best:], lefts[best:]
    return int(at[-1]), float(slope[0]), float(last[0])


Numbers = npt.NDArray[np.float64]


def _lines(at: Numbers, times: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """Return slope, value at the last one, and the squares left, of the straight lines through times; at: (lines, times)."""
    x = at - at.mean(axis=1, keepdims=True)
    y = times - times.mean()
    slope = (x @ y) / np.maximum((x * x).sum(axis=1), 1.0)
    left = ((y - slope[:, None] * x) ** 2).sum(axis=1)
    return slope, times.mean() + slope * x[:, -1], left
