"""Two channels into the one that is analysed: their mean, unless one of them is inverted, when that would be silence.

A cable or an adapter that is wired wrongly gives left = -right. So the louder of sum and difference is heard, by what the
last half second was like: the difference when it has been four times as strong as the sum (-6 dB of each channel against
the other's mirror image), the sum again when that is stronger. In between nothing changes, and a change glides over 43 ms
by way of the left channel alone. With one dead channel both are equal, and it stays as it is: that is only said, once the
one has been 50 dB under the other for ten seconds of music.

Called by the Listener once a hop, live and offline; preallocated, no BLAS, no clock. It judges by every fourth hop, and not
by the one of the Analyzer's long spectrum: a callback has the cost of one of the two.
"""

from __future__ import annotations

import math

import numpy as np

INVERTED = "one channel is inverted: heard as left minus right"
DEAD = (
    "the left channel is silent: only the right one is heard (--channels)",
    "the right channel is silent: only the left one is heard (--channels)",
)

_MEMORY_S = 0.5
_RATIO = 4.0  # of the powers; of music that is in phase the sum is the stronger one, mostly four times or more
_EVERY, _PHASE = 4, 1
_SURE = 2  # so often in a row: 43 ms
_GLIDE_HOPS = 8
_FLOOR = 5e-4  # below it nothing is told: a mirror image at -77 dBFS reaches it in the end, the hiss of a line does not
_DEAD, _ALIVE = (
    1e-5,
    1e-4,
)  # of the other channel's power; cross-talk of a cable reaches -60 dB, a microphone's other side -30
_DEAD_S = 10.0


class Downmix:
    """Mixes one stream. inverted: whether the difference is heard now; inverted_hops: how often it was.

    dead: which channel is silent while the other is not, 0 left, 1 right, None; dead_hops: how often one was.
    """

    def __init__(self, hop: int, sample_rate: int) -> None:
        self.inverted = False
        self.inverted_hops = self.dead_hops = 0
        self.dead: int | None = None
        self._keep = math.exp(-_EVERY * hop / (sample_rate * _MEMORY_S))
        self._hops = 0
        self._sum_power = self._difference_power = 0.0
        self._apart = 0
        self._each_power = [0.0, 0.0]
        self._one_sided = 0  # judgements in a row, of music
        self._dead_judgements = round(_DEAD_S * sample_rate / (_EVERY * hop))
        self._side = 1.0  # of the right channel: 1 sum, -1 difference
        self._sum, self._difference = np.zeros(hop, np.float32), np.zeros(hop, np.float32)
        self._ramp = ((np.arange(hop) + 1) / hop).astype(np.float32)

    def mix(self, pcm: np.ndarray, gain: float, out: np.ndarray) -> None:
        """Mix float32 [hop, 2], all of it sound, times `gain` into `out` float32 [hop]."""
        left, right = pcm[:, 0], pcm[:, 1]
        np.add(left, right, out=self._sum)
        judging = self._hops % _EVERY == _PHASE
        if judging or self.inverted:
            np.subtract(left, right, out=self._difference)
        if judging:
            self._judge()
            self._judge_each(left, right)
        self._hops += 1
        self.inverted_hops += self.inverted
        self.dead_hops += self.dead is not None
        wanted = -1.0 if self.inverted else 1.0
        scale = np.float32(0.5 * gain)
        if self._side == wanted:
            np.multiply(self._difference if self.inverted else self._sum, scale, out=out)
            return
        step = math.copysign(2.0 / _GLIDE_HOPS, wanted - self._side)
        np.multiply(self._ramp, np.float32(step), out=out)
        out += np.float32(self._side)
        out *= right
        out += left
        out *= scale
        self._side = max(-1.0, min(1.0, self._side + step))

    def _judge(self) -> None:
        self._sum_power = self._keep * self._sum_power + _power(self._sum)
        self._difference_power = self._keep * self._difference_power + _power(self._difference)
        together, apart = self._sum_power, self._difference_power
        self._apart = self._apart + 1 if apart > max(_FLOOR, _RATIO * together) else 0
        if self.inverted:
            self.inverted = together <= max(_FLOOR, apart)
        else:
            self.inverted = self._apart >= _SURE

    def _judge_each(self, left: np.ndarray, right: np.ndarray) -> None:
        each = self._each_power
        each[0] = self._keep * each[0] + _power(left)
        each[1] = self._keep * each[1] + _power(right)
        quiet = int(each[1] < each[0])
        weaker, stronger = each[quiet], each[1 - quiet]
        if stronger < _FLOOR:
            return  # a break says nothing of the wiring
        self._one_sided = self._one_sided + 1 if weaker < _DEAD * stronger else 0
        if self._one_sided == self._dead_judgements:
            self.dead = quiet
            self.dead_hops += _EVERY * self._dead_judgements
        elif weaker > max(_FLOOR, _ALIVE * stronger) or self.dead == 1 - quiet:
            self.dead = None


def _power(x: np.ndarray) -> float:
    """Return the power of a hop without its mean: an offset is the same on both channels, whatever the music is."""
    total = float(np.add.reduce(x))
    return max(0.0, float(np.einsum("i,i->", x, x)) - total * total / len(x))
