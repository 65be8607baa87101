"""What a listener goes by who says "this is a break", "it builds up", "here is the drop": levels and attacks of six bands,
against what they were in the last seconds and against how they are when the beat is on.

Called by `structure.Structure` 23 times a second, on the audio thread: preallocated, no clock, no BLAS. Levels are log-mel
as in FEATURES (a factor of 12 dB is 2.8), rises the half-wave rectified log-mel difference.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

# First mel band of each: up to 220 Hz (kick, bass), 600 Hz, 1.5 kHz, 4 kHz, 8 kHz, 16 kHz.
STARTS = (0, 2, 6, 14, 24, 32)
BANDS = len(STARTS)
STATE_SIGNS = 34
HIT_SIGNS = 32

# Time constants in s: levels now, lately and before; rises lately and before; how far peaks stand out.
_TIMES_S = (0.4, 1.2, 7.0, 1.2, 7.0, 1.2)
_FAST, _LEVEL, _LONG, _RISES, _RISES_LONG, _CREST = range(6)
_CLIMB_S = 2.5  # how steadily a level has gone one way
_HOLD_S = 1.1  # a kick is remembered so long: of the slowest patterns one comes every 1.7 s
_UP_S, _DOWN_S = 3.0, 60.0  # how the beat sounds when it is on: learnt within a bar or two, forgotten in a minute
_ON, _ON_RISES = 1.2, 0.45  # the beat is on while its lows come so near to that, and their attacks to that share
_HAD_S, _HAD_MOST_S, _FORGET_S = 6.0, 24.0, 90.0  # a break is what comes after so much of a beat
_FORGET_SILENT_S = 12.0  # in silence: what comes after it is another piece, and its intro is no break
_LOUD = 3.0  # log-mel: what lies below is nothing to learn from
_FLOOR_RISES = 1.5  # 1/s: about what a steady pad has


def limited(x: float, most: float) -> float:
    """Return x within -most..most."""
    return -most if x < -most else most if x > most else x


class Signs:
    """The memories of one stream. Call `step` once a tick; then `state`, and `hit` where lows attack.

    had: 0..1, whether there was enough of a beat that it can be missed. gone_s: since the beat was on.
    """

    def __init__(self, tick_s: float) -> None:
        """tick_s: s between calls of `step`."""
        self.had = self._had_s = 0.0
        self.gone_s = 60.0
        self._tick_s = tick_s
        self._share = np.array([[1.0 - math.exp(-tick_s / s)] for s in _TIMES_S])
        self._memory, self._target = np.zeros((len(_TIMES_S), BANDS)), np.zeros((len(_TIMES_S), BANDS))
        self._climb, self._one = np.zeros(BANDS), np.zeros(BANDS)
        self._pair = np.zeros((2, BANDS))
        self._full = np.zeros(BANDS)  # levels while the beat is on
        self._step_climb, self._hold, self._up, self._down = (
            1.0 - math.exp(-tick_s / s) for s in (_CLIMB_S, _HOLD_S, _UP_S, _DOWN_S)
        )
        self._lows = 0.0  # their peaks, which are let go slowly
        self._lows_then = [0.0] * 3
        self._full_lows = self._full_rises = self._full_hit = 0.0
        self._lows_before = self._rest_before = self._sub_before = self._gone_before = self._climb_before = 0.0
        self._level_before, self._rises_before = [0.0] * BANDS, [0.0] * BANDS
        self._first = True

    def step(self, level: np.ndarray, peak: np.ndarray, rise: np.ndarray) -> None:
        """Take a tick that is not silent, float [6] each.

        level, peak: mean and highest log-mel of each band; rise: its summed rises as a rate, 1/s.
        """
        memory, target = self._memory, self._target
        target[:_RISES] = level
        target[_RISES:_CREST] = rise
        np.subtract(peak, level, out=target[_CREST])
        if self._first:
            self._first = False
            memory[:_RISES] = level
        target -= memory
        target *= self._share
        memory += target
        one = self._one
        np.subtract(memory[_LEVEL], memory[_LONG], out=one)
        one *= 5.0
        np.maximum(one, -1.0, out=one)
        np.minimum(one, 1.0, out=one)
        one -= self._climb
        one *= self._step_climb
        self._climb += one
        highest = float(peak[0])
        self._lows_then.append(self._lows)
        del self._lows_then[0]
        self._lows = highest if highest > self._lows else self._lows + self._hold * (highest - self._lows)
        self._learn(float(rise[0]))

    def rest(self) -> None:
        """Take a tick of silence."""
        self._had_s -= self._had_s * self._tick_s / _FORGET_SILENT_S
        self.had = min(1.0, self._had_s / _HAD_S)

    def _learn(self, low_rise: float) -> None:
        """Learn how the beat sounds when it is on, and count for how long it was."""
        up, down, lows = self._up, self._down, self._lows
        if lows < _LOUD and self._full_lows < _LOUD:
            return
        self._full_lows += (up if lows > self._full_lows else down) * (lows - self._full_lows)
        rises = float(self._memory[_RISES, 0])
        self._full_rises += (up if rises > self._full_rises else down) * (rises - self._full_rises)
        self._full_hit += 0.3 * (1.0 if low_rise > self._full_hit else down) * (low_rise - self._full_hit)
        if lows > self._full_lows - _ON and rises > _ON_RISES * self._full_rises and self._full_rises > _FLOOR_RISES:
            self._had_s = min(_HAD_MOST_S, self._had_s + self._tick_s)
            self.gone_s = 0.0
            one = self._one
            np.subtract(self._memory[_LEVEL], self._full, out=one)
            one *= up
            self._full += one
        else:
            self.gone_s = min(60.0, self.gone_s + self._tick_s)
            self._had_s -= self._had_s * self._tick_s / _FORGET_S
        self.had = min(1.0, self._had_s / _HAD_S)

    def state(self, out: np.ndarray) -> None:
        """Write the signs of breaks and builds into float64 [STATE_SIGNS], about -3 to 3 each; the last one is 1."""
        memory, pair = self._memory, self._pair
        np.subtract(memory[_LEVEL], self._full, out=self._one)
        beyond = self._one.tolist()
        rest = sum(beyond[1:]) / (BANDS - 1)
        np.subtract(memory[_LEVEL], memory[_LONG], out=out[8:14])
        np.add(memory[_RISES:_CREST], _FLOOR_RISES, out=pair)
        np.log(pair, out=pair)
        np.subtract(pair[0], pair[1], out=out[14:20])
        np.maximum(out[8:20], -3.0, out=out[8:20])
        np.minimum(out[8:20], 3.0, out=out[8:20])
        out[20:26] = self._climb
        now, lately, crest = memory[_FAST].tolist(), memory[_LEVEL].tolist(), memory[_CREST].tolist()
        dense, climb = pair[0].tolist(), self._climb.tolist()
        climbing = max(0.0, min(climb[3], climb[4]))
        out[:8] = (
            limited(self._lows - self._full_lows, 6.0) / 2.0,
            limited(beyond[0], 6.0) / 2.0,
            limited(rest, 4.0),
            limited(beyond[0] - rest, 6.0) / 2.0,
            limited(dense[0] - math.log(self._full_rises + _FLOOR_RISES), 3.0),
            self.had,
            math.log1p(self.gone_s) / 2.0,
            limited(crest[0], 4.0),
        )
        out[26:] = (
            limited(crest[4] - 1.0, 2.0),
            limited(dense[3] - 2.0, 3.0),
            limited(dense[4] - 2.0, 3.0),
            limited(now[4] - lately[4], 2.0),
            limited(now[3] - lately[3], 2.0),
            climbing,
            climbing * min(1.0, self.gone_s / 1.5),
            1.0,
        )

    def note_hit(self) -> None:
        """Keep how things were just before lows that attack now."""
        level = self._level_before = self._memory[_LEVEL].tolist()
        self._rises_before = self._memory[_RISES].tolist()
        self._climb_before = max(0.0, float(min(self._climb[3], self._climb[4])))
        self._lows_before, self._rest_before, self._sub_before = self._lows_then[0], sum(level[1:]) / (BANDS - 1), level[0]
        self._gone_before = self.gone_s

    def hit(
        self, out: np.ndarray, highest: float, mean: np.ndarray, rises: np.ndarray, first: float, states: Sequence[float]
    ) -> None:
        """Write the signs of lows that came some ticks ago into float64 [HIT_SIGNS]; the last one is 1.

        highest: peak of the lows since then; mean, rises: float [6], levels of the bands and their rates since then; first:
        rate of the lows at the attack; states: break and build then, and the highest of each in the seconds before.
        """
        full, levels, rates = self._full.tolist(), mean.tolist(), rises.tolist()
        before, rates_before = self._level_before, self._rises_before
        full_rest, rest = sum(full[1:]) / (BANDS - 1), sum(levels[1:]) / (BANDS - 1)
        out[:20] = (
            limited(highest - self._full_lows, 4.0),
            limited(highest - self._lows_before, 6.0) / 2.0,
            limited(levels[0] - full[0], 4.0),
            limited(levels[0] - self._sub_before, 6.0) / 2.0,
            limited(rest - full_rest, 3.0),
            limited(rest - self._rest_before, 3.0),
            limited(math.log((first + 3.0) / (self._full_hit + 3.0)), 2.0),
            math.log1p(min(30.0, self._gone_before)) / 2.0,
            self.had,
            limited(levels[4] - full[4], 3.0),
            limited(levels[5] - full[5], 3.0),
            limited(math.log((rates[4] + 3.0) / (rates[3] + 3.0)), 2.0),
            limited((levels[0] - full[0]) - (rest - full_rest), 4.0),
            limited(self._lows_before - self._full_lows, 6.0) / 2.0,
            # What made the tension ends with the drop: rolls stop, noise and tones fall silent.
            limited(levels[2] - before[2], 3.0),
            limited(levels[4] - before[4], 3.0),
            limited(levels[5] - before[5], 3.0),
            limited(math.log((rates[3] + 3.0) / (rates_before[3] + 3.0)), 2.0),
            limited(math.log((rates[4] + 3.0) / (rates_before[4] + 3.0)), 2.0),
            self._climb_before,
        )
        out[20:24] = states
        tense, over, more = max(states[2:]), limited(highest - self._full_lows, 4.0), limited(levels[0] - full[0], 4.0)
        risen = max(0.0, limited(highest - self._lows_before, 6.0) / 2.0)
        gone = math.log1p(min(30.0, self._gone_before)) / 2.0
        # Lows that are not as high as ever are no drop, whatever else speaks for it; the more tension, the less it takes.
        out[24:] = (tense, tense * over, tense * risen, tense * more, min(over, 0.0), min(more, 0.0), risen * gone, 1.0)
