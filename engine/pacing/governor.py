"""The resolution governor: chooses the internal size so that a frame fits its time.

Called by the render thread once a frame. Knows nothing of GL: it is told what a frame cost and answers a size. Off (one
fixed size) offline, where the picture must not depend on how fast the machine is.

    scale = sqrt(target / measured) on each side; nothing happens within +-20 % of the target (the dead band); the size
    moves on a ladder of whole steps, so that it cannot creep and reallocate every frame.
"""

from __future__ import annotations

from collections.abc import Sequence

from phosphene.engine.core.frame import Size

DEAD_BAND = 0.20
# A frame also has to survive the recorder and the odd hiccup of a shared machine: half the slot is the aim.
TARGET_SHARE = 0.55
_WINDOW_S = 0.35  # measured before any decision: a kick's worth of frames, not one frame
_MIN_FRAMES = 5
_HOLD_DOWN_S = 0.25  # too slow costs frames: act soon
_HOLD_UP_S = 2.5  # then even its heaviest window must leave room: a quiet bar is no reason to grow
_SETTLING_S = 3.0  # a show has found its size by then: until then it climbs as soon as it has measured
_MAX_HOLD_UP_S = 60.0
_MOST_CLIMB = 3.0  # times the pixels in one step: a slope measured between two near sizes may be far too flat
_PROVEN_S = 8.0  # a size that held this long was no mistake: earlier ones are forgiven
_REALLOCATION_SKIP = 2  # frames after a change that pay for new buffers and cold caches
# At 16:9 no side is a power of two (no 72, no 144): for those software GL compiles other programs, 330 ms in mid-show.
_BASE_HEIGHTS = (45, 54, 63, 90, 108, 135, 162, 180, 216, 270, 324, 360, 432, 540, 648, 720, 864, 1080, 1440, 2160)


def size_ladder(output: Size, minimum_height: int = 45) -> tuple[Size, ...]:
    """Return internal sizes of the output's aspect, ascending, the last one being `output`: about 1.2x a side apart."""
    sizes = {
        Size(max(2, 2 * round(h * output.aspect / 2)), h)
        for h in _BASE_HEIGHTS
        if minimum_height <= h < output.height * 0.95
    }
    return (*sorted(sizes, key=lambda s: s.pixels), output)


class Governor:
    """Answers `size()`; learns by `record()`.

    output_size: what is shown. fps: the frame rate to hold. ladder: ascending sizes, default `size_ladder(output_size)`.
    fixed: one size for good, the governor is off. start: where to begin, default a sixteenth of the output's pixels.
    """

    def __init__(
        self,
        output_size: Size,
        fps: float,
        ladder: Sequence[Size] | None = None,
        fixed: Size | None = None,
        start: Size | None = None,
    ) -> None:
        self.output_size = output_size
        self.fixed = fixed
        self.ladder = tuple(ladder) if ladder else size_ladder(output_size)
        self.target_ms = TARGET_SHARE * 1e3 / fps
        self.changes = 0
        self._frames_per_window = max(_MIN_FRAMES, round(_WINDOW_S * fps))
        self._period_ms = 1e3 / fps
        pixels = (start or Size(max(1, output_size.width // 4), max(1, output_size.height // 4))).pixels
        self._rung = max((i for i, s in enumerate(self.ladder) if s.pixels <= pixels), default=0)
        self._costs: list[float] = []
        self._light = False  # whether one of them was
        self._skip = _REALLOCATION_SKIP
        self._lived_s = 0.0
        self._held_s = 0.0
        self._watched_s = 0.0  # since the last move or look upwards
        self._heaviest = 0.0  # median of a window in that time, ms
        self._hold_up_s = _HOLD_UP_S
        self._climbed_from: int | None = None
        self._before: tuple[int, float] | None = None  # pixels and ms at the size before this one

    @property
    def enabled(self) -> bool:
        return self.fixed is None

    def size(self) -> Size:
        """Return the internal size of the next frame."""
        return self.fixed or self.ladder[self._rung]

    def record(self, render_ms: float, reallocated: bool = False, light: bool = False) -> None:
        """Take the cost of the frame just rendered; one that reallocated buffers is not counted.

        light: it showed less than what may come next (the idle scene, a frozen picture). Such frames may prove a size too
        large, never too small: grown on them, the next style's first frames took 650 ms each.
        """
        if self.fixed is not None:
            return
        took_s = max(render_ms, self._period_ms) / 1e3
        self._lived_s += took_s
        self._held_s += took_s
        self._watched_s += took_s
        if reallocated or self._skip > 0:
            self._skip = max(0, self._skip - 1)
            return
        self._costs.append(max(1e-3, render_ms))  # a clock of coarse steps says 0
        self._light |= light
        # Frames far over their time must not wait for a full window: at 64x too slow that alone would take 10 s.
        urgent = len(self._costs) >= 3 and min(self._costs[-3:]) > 2.0 * self._period_ms
        if len(self._costs) >= self._frames_per_window or urgent:
            self._decide()

    def _decide(self) -> None:
        costs = sorted(self._costs)
        measured = costs[len(costs) // 2]
        light, self._light = self._light, False
        self._costs.clear()
        self._heaviest = max(self._heaviest, measured)
        ratio = measured / self.target_ms
        if self._climbed_from is not None and self._held_s > _PROVEN_S:
            self._climbed_from = None
            self._hold_up_s = _HOLD_UP_S
        if ratio > 1.0 + DEAD_BAND and self._held_s >= _HOLD_DOWN_S:
            if self._climbed_from is not None and self._rung > self._climbed_from:
                # The last climb was a mistake: wait twice as long before the next, so that two rungs on either side of
                # the band do not alternate for the whole night.
                self._hold_up_s = min(_MAX_HOLD_UP_S, 2.0 * self._hold_up_s)
            self._climbed_from = None
            self._move(min(self._rung - 1, self._wanted(measured)), measured)
        elif not light:
            self._climb(measured)

    def _climb(self, measured: float) -> None:
        """Take a larger size if there is room for one, and has been for long enough."""
        fresh = self._lived_s < _SETTLING_S and self._hold_up_s == _HOLD_UP_S
        if self._watched_s < (_HOLD_DOWN_S if fresh else self._hold_up_s):
            return
        cost = measured if fresh else self._heaviest
        self._watched_s = self._heaviest = 0.0
        if cost / self.target_ms < 1.0 - DEAD_BAND and (wanted := self._wanted(cost)) > self._rung:
            self._climbed_from = self._rung
            self._move(wanted, cost)

    def _wanted(self, measured: float) -> int:
        """Return the highest rung whose predicted cost is within the target.

        Alone, one measurement means cost ~ pixels (scale = sqrt(target / measured)). A second one, at the size before, shows
        how much of it is constant: without that, a show with 5 ms of fixed work climbs in many small visible steps.
        """
        pixels = self.ladder[self._rung].pixels
        slope = measured / pixels
        if self._before is not None:
            other_pixels, other = self._before
            measured_slope = (measured - other) / (pixels - other_pixels)
            # A smaller picture that costs more is another style or a busier machine, not a slope. And on the way down
            # a slope taken too flat by one busy moment would drop a 128-wide style from 256x144 to the lowest rung.
            if measured_slope > 0.0 and measured < self.target_ms:
                slope = min(slope, max(0.1 * slope, measured_slope))
        affordable = min(pixels + (self.target_ms - measured) / slope, _MOST_CLIMB * pixels)
        return max((i for i, s in enumerate(self.ladder) if s.pixels <= affordable * 1.001), default=0)

    def _move(self, rung: int, measured: float) -> None:
        rung = min(len(self.ladder) - 1, max(0, rung))
        if rung == self._rung:
            return
        self._before = (self.ladder[self._rung].pixels, measured)
        self._rung = rung
        self.changes += 1
        self._held_s = self._watched_s = self._heaviest = 0.0
        self._skip = _REALLOCATION_SKIP
