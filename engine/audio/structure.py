"""Live structure: is this a break, does it build up, was that the drop? Causal, from log-mel alone.

break   the beat (kick and bass) was there for bars and is gone, while music goes on. Silence is none.
build   tension rises over seconds: rolls that thicken, noise and tones that climb, filters that open.
drop    the beat is back after a break or a build. Said 0.09 to 0.13 s after its first kick.

How: signs of what is heard against memories of it (`structure_signs.py`), 23 times a second; two logistic regressions on
them, smoothed, are the levels of break and build; a third one, on the signs of an attack of the lows, decides whether that
is a drop. Fitted by `tools/lab/ears/fit_structure.py` on made tracks; how right it is: docs/decisions/live-structure.md.

Called by the Listener once a hop, on PortAudio's callback thread: preallocated, never waits, no BLAS, no clock.
"""

from __future__ import annotations

import math

import numpy as np

from phosphene.engine.audio.structure_signs import BANDS, HIT_SIGNS, STARTS, STATE_SIGNS, Signs
from phosphene.engine.audio.structure_weights import BREAK, BUILD, DROP
from phosphene.engine.core.signals import MEL_BANDS

TICK_HOPS = 8  # 43 ms
DECIDE_TICKS = 2  # after the tick in which lows attack: 85 ms more of the kick, of the bass and of what comes with them

_RISE_S, _FALL_S, _AFTER_DROP_S = 0.35, 0.5, 0.15  # of the levels of break and build
_BEGUN, _OVER = 0.5, 0.3  # a break, or a build, begins above the first and is over below the second
_ATTACK = 12.0  # 1/s: lows that rise so fast may be a kick
_STRONGER = 1.3  # an attack that is so much faster than the one that is being heard takes its place: it was of a roll
_REMEMBERED_S = 5.0  # a build that was cut off by silence before the drop still counts
_ARMED = 0.25  # a drop comes after a break or a build that was so sure
_REST_S = 4.0  # no drop so soon after another one
_SETTLED_S = 6.0  # after a drop what was before is still remembered, and against that everything rises
_SILENT_S = 0.25  # the levels of break and build in silence fall so fast
_NOTHING = 1e-4
_MOST, _BROKEN = 40.0, 1000.0  # log-mel: a full-scale sine has 12, lifted by 46 dB 22; one broken band of eight makes 125


class Structure:
    """One stream's structure. Read after `step`:

    build, break_: 0..1, how sure, smooth. drop_time: s on the caller's line, when the newest drop's first kick came, -inf
    before the first; drop_strength: 0..1, how sure it is. build_began, break_began: s, when the newest began, -inf before.
    """

    def __init__(self, hop_s: float) -> None:
        """hop_s: s between calls of `step`."""
        self.build = self.break_ = self.drop_strength = 0.0
        self.drop_time = self.build_began = self.break_began = -math.inf
        self.signs, self.hit_signs = np.zeros(STATE_SIGNS), np.zeros(HIT_SIGNS)
        self._weights, self._drop_weights = np.array([BREAK, BUILD]), np.array(DROP)
        self._tick_s = tick_s = TICK_HOPS * hop_s
        self._signs = Signs(tick_s)
        self._rise, self._fall, self._after, self._silent, self._forget = (
            1.0 - math.exp(-tick_s / s) for s in (_RISE_S, _FALL_S, _AFTER_DROP_S, _SILENT_S, _REMEMBERED_S)
        )
        self._mel, self._before, self._difference = (np.zeros(MEL_BANDS, np.float32) for _ in range(3))
        self._starts = np.array(STARTS, np.intp)
        sizes = np.diff([*STARTS, MEL_BANDS]).astype(np.float32)
        self._scales = np.float32(1.0) / np.stack([sizes * TICK_HOPS, sizes, sizes * np.float32(tick_s)])
        self._sums = np.zeros((3, BANDS), np.float32)  # levels, peaks, rises
        self._levels, self._peaks, self._rises = self._sums
        self._now, self._total = np.zeros(BANDS, np.float32), np.zeros(2)
        self._hops = 0
        self._in_break = self._in_build = False
        self._tense_break = self._tense_build = 0.0  # their highest, let go slowly
        self._hit_ticks, self._hit_time, self._hit_first, self._hit_highest = -1, 0.0, 0.0, 0.0
        self._hit_levels, self._hit_rises = np.zeros(BANDS, np.float32), np.zeros(BANDS, np.float32)
        self._hit_states = (0.0,) * 4
        self._since_drop_s = math.inf
        self._last_rise = 0.0

    def step(self, mel: np.ndarray, active: float, t: float) -> None:
        """Take one hop. mel: float32[40] log-mel; active: 0..1, the silence gate; t: s, end of the hop, rising.

        A tick in which mel is no number, or none that sound has, counts as silence.
        """
        now, before = self._mel, self._before
        np.fmin(mel, _BROKEN, out=now)  # what is no number becomes this as well
        np.maximum(now, 0.0, out=now)
        np.subtract(now, before, out=self._difference)
        np.maximum(self._difference, 0.0, out=self._difference)
        self._mel, self._before = before, now
        np.add.reduceat(now, self._starts, out=self._now)
        self._levels += self._now
        np.maximum(self._peaks, self._now, out=self._peaks)
        np.add.reduceat(self._difference, self._starts, out=self._now)
        self._rises += self._now
        self._hops += 1
        if self._hops == TICK_HOPS:
            self._hops = 0
            self._sums *= self._scales
            sound = float(np.maximum.reduce(self._peaks)) < _MOST
            if not sound:
                now[:] = self._sums[:] = 0.0
            self.tick(active > 0.5 and sound, t)
            self._sums[:] = 0.0

    def tick(self, active: bool, t: float) -> None:
        """Take what the hops of a tick have left in `_sums`. `step` calls it."""
        if active:
            self._signs.step(self._levels, self._peaks, self._rises)
            self._signs.state(self.signs)
        else:
            self._signs.rest()
        self._since_drop_s += self._tick_s
        self._follow(active, t)
        self._look_for_hit(active, t)

    def _follow(self, active: bool, t: float) -> None:
        """Move the levels of break and build, and say when they begin."""
        wanted_break = wanted_build = 0.0
        if active and self._since_drop_s > 1.0:
            settled = min(1.0, self._since_drop_s / _SETTLED_S)
            np.einsum("ij,j->i", self._weights, self.signs, out=self._total)
            # Only what was there can be missed. (No made track has an intro after another track: this was not learnt.)
            wanted_break = settled * self._signs.had * _chance(float(self._total[0]))
            wanted_build = settled**2 * _chance(float(self._total[1]))
        self.break_ = self._moved(self.break_, wanted_break, active)
        self.build = self._moved(self.build, wanted_build, active)
        kept = 1.0 - self._forget
        self._tense_break = max(self.break_, self._tense_break * kept)
        self._tense_build = max(self.build, self._tense_build * kept)
        if self.break_ > _BEGUN and not self._in_break:
            self.break_began = t
        if self.build > _BEGUN and not self._in_build:
            self.build_began = t
        self._in_break = self.break_ > (_OVER if self._in_break else _BEGUN)
        self._in_build = self.build > (_OVER if self._in_build else _BEGUN)

    def _moved(self, level: float, wanted: float, active: bool) -> float:
        step = self._rise if wanted > level else self._fall
        if not active:
            step = self._silent
        elif self._since_drop_s <= 1.0:
            step = self._after
        level += step * (wanted - level)
        return level if level > _NOTHING else 0.0

    def _look_for_hit(self, active: bool, t: float) -> None:
        """Find lows that attack after a break or a build, wait until they have been heard, and decide."""
        rise = float(self._rises[0])
        attack = active and rise > _ATTACK and rise > self._last_rise
        self._last_rise = rise
        if self._hit_ticks < 0 or (attack and rise > _STRONGER * self._hit_first):
            armed = self._since_drop_s > _REST_S and max(self._tense_break, self._tense_build) > _ARMED
            if not (attack and armed):
                return
            self._signs.note_hit()
            self._hit_ticks, self._hit_time = 0, t - self._tick_s / 2
            self._hit_first = self._hit_highest = 0.0
            self._hit_levels[:] = self._hit_rises[:] = 0.0
            self._hit_states = (self.break_, self.build, self._tense_break, self._tense_build)
        self._hit_first = max(self._hit_first, rise)
        self._hit_highest = max(self._hit_highest, float(self._peaks[0]))
        self._hit_levels += self._levels
        self._hit_rises += self._rises
        self._hit_ticks += 1
        if self._hit_ticks <= DECIDE_TICKS:
            return
        self._hit_levels /= self._hit_ticks
        self._hit_rises /= self._hit_ticks
        self._hit_ticks = -1
        highest, first = self._hit_highest, self._hit_first
        self._signs.hit(self.hit_signs, highest, self._hit_levels, self._hit_rises, first, self._hit_states)
        chance = self._judge()
        if chance > 0.5:
            self.drop_time, self.drop_strength = self._hit_time, chance
            self._since_drop_s = self._tense_break = self._tense_build = 0.0
            self._in_break = self._in_build = False

    def _judge(self) -> float:
        """Return the chance that the attack in `hit_signs` is a drop, 0..1."""
        return _chance(float(np.einsum("i,i->", self._drop_weights, self.hit_signs)))


def _chance(total: float) -> float:
    return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, total))))
