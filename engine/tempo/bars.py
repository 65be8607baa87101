"""Which beat is "one", and how many beats a bar has: a filter over (metre, place), one step a beat.

A state is (metre, place): 2 to 7 beats to a bar, and which of them this is. Each beat every state moves on by one; at the
end of a bar the metre may change, and a beat may be lost or gained (an edit, a DJ's cut). What is heard multiplies: a beat
is likely a "one" where the networks say so, where the bass has its accent and the snare has none, where the sound changes;
half way through a bar it sounds a little like one. What is shown changes only when another state has explained more for a
while.

The bar-pointer model of Whiteley, Cemgil, Godsill (ISMIR 2006) over beats; its observation is a multinomial logistic
regression, fitted by `tools/lab/ears/fit_bars.py`. Numbers: docs/decisions/bars.md.

Called by `tracker.BeatTracker` on the audio thread, once a frame. Preallocated, no BLAS, no clock.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from phosphene.engine.core.signals import MEL_BANDS

METRES = (2, 3, 4, 5, 6, 7)
USUAL = (0.02, 0.1, 0.8, 0.02, 0.04, 0.02)  # how usual each is in music that is played to a crowd
SIGNS = ("downbeat", "change", "bass", "rest")
# Log odds against any other beat of the bar, by the signs and a constant: of the "one", and of the beat half way on.
ONE = (0.7, 0.35, 1.2, -1.0, 0.25)
MIDDLE = (0.35, 0.1, 0.3, -0.75, 0.25)
SURE = (0.6, -0.6)  # the share of what is shown, and of all else, in log odds, into how often it is right: slope, constant

_NEW_METRE, _SLIP = 0.001, 0.005  # chances: at the end of a bar, and at any beat
WEIGHT = 0.6  # of what one beat says: neighbours say the same thing, and the music of the fit is not all music
WIDTH = 0.15  # of a beat to either side: what is heard so near belongs to the beat
UNKNOWN = -0.7  # log odds of a downbeat where the networks say nothing: their usual ones
_LEAST = 0.05  # the share of downbeat is believed between this and 1 less this
_QUIET = 0.08  # activation below which the networks say nothing
_MEMORY = 16.0  # beats, over which accents are compared
_FARTHEST = 2.3  # a sign is a ratio between 1/10 and 10
_BETTER = 1.5  # so many times likelier another state must be
_FEW = 1e-6
_FORGOTTEN = 8  # beats that pass unheard


def downbeat_odds(other: float, downbeat: float) -> float:
    """Return the log odds of a downbeat. other, downbeat: 0..1, what the networks say of the instant, apart from neither."""
    both = other + downbeat
    if both <= _QUIET:
        return UNKNOWN
    share = min(1.0 - _LEAST, max(_LEAST, downbeat / both))
    return math.log(share / (1.0 - share))


@dataclass
class _Heard:
    """What is known of the beat at hand: the networks' two sides, the accents, and the spectrum from it to the next."""

    other: float = 0.0
    downbeat: float = 0.0
    bass: float = 0.0
    rest: float = 0.0


class Bars:
    """per_bar: beats to a bar; one: a whole beat, as they are numbered in `hear`, that begins a bar; confidence 0..1.

    signs: of the newest beat that was judged, by `SIGNS`; judged: its number.
    """

    def __init__(self) -> None:
        self._metre = np.repeat(METRES, METRES)
        self._place = np.concatenate([np.arange(m) for m in METRES])
        self._starts = np.concatenate([[0], np.cumsum(METRES)[:-1]])
        self._ends = self._starts + np.array(METRES) - 1
        self._middles = np.array([self._starts[METRES.index(m)] + m // 2 for m in (4, 6)])
        self._metres = np.array(USUAL)
        self._share = np.repeat(self._metres / METRES, METRES)
        self._next = np.empty_like(self._share)
        self._heard, self._newest = _Heard(), _Heard()  # the beat that is judged next, and the one being heard
        self._sum, self._count = np.zeros(MEL_BANDS), 0
        self._mean, self._change = np.zeros((2, MEL_BANDS))
        self._usual = [0.0, 0.0, 0.0]  # change, bass and rest of the last beats
        self._before = self._before_now = 0.0
        self._beats = 0  # heard so far
        self.signs = np.zeros(len(SIGNS))
        self.judged = 0
        self.per_bar, self.one, self.confidence = 4, 0, 0.0

    def listen(self, beat: float, mel: np.ndarray) -> None:
        """Take the spectrum, float32 [40], of the frame that ends now, at `beat`, a real number."""
        if math.floor(beat) != math.floor(self._before_now) and self._count:
            np.divide(self._sum, self._count, out=self._mean)
            self._sum[:], self._count = 0.0, 0
        self._before_now = beat
        self._sum += mel
        self._count += 1

    def hear(self, beat: float, other: float, downbeat: float, bass: float, rest: float) -> None:
        """Take one frame of a little while ago, at `beat`.

        other, downbeat: how likely it holds a beat that is no "one", and one that is, 0..1 each. bass, rest: how much either
        part of the spectrum rises then, >= 0.
        """
        part = beat % 1.0
        if part < WIDTH or part > 1.0 - WIDTH:
            heard = self._newest
            if other + downbeat > heard.other + heard.downbeat:
                heard.other, heard.downbeat = other, downbeat
            heard.bass, heard.rest = max(heard.bass, bass), max(heard.rest, rest)
        if self._before <= WIDTH < part < 1.0 - WIDTH:
            self._judge(math.floor(beat))
        self._before = part

    def moved(self) -> None:
        """Take it that another beat is followed: the metre stays, the place is open."""
        self._share += self._spread()
        self._share *= 0.5

    def cut(self) -> None:
        """Take it that the music became another: the metre stays, the place is as open as it can be."""
        self._share[:] = self._spread()

    def _judge(self, number: int) -> None:
        """Weigh the states by the beat before `number`, whose spectrum is whole now."""
        heard, self._heard, self._newest = self._heard, self._newest, _Heard()
        if self._beats:
            for _ in range(min(_FORGOTTEN, max(0, number - 1 - self.judged))):
                self._advance()
            self.judged = number - 1
            self._sign(heard)
            odds_one, odds_middle = (
                sum(w * x for w, x in zip(weights, (*self.signs, 1.0), strict=True)) for weights in (ONE, MIDDLE)
            )
            self._share[self._starts] *= math.exp(WEIGHT * odds_one)
            self._share[self._middles] *= math.exp(WEIGHT * odds_middle)
            self._share /= self._share.sum()
            self._publish()
        else:
            self.judged = number - 1
        self._beats += 1

    def _sign(self, heard: _Heard) -> None:
        """Work out the signs of a beat."""
        self.signs[0] = downbeat_odds(heard.other, heard.downbeat)
        self._change -= self._mean
        now = float(np.einsum("i,i->", self._change, self._change)), heard.bass, heard.rest
        self._change[:] = self._mean
        for k, value in enumerate(now):
            usual = self._usual[k]
            ratio = math.log((value + _FEW) / (usual + _FEW)) if usual > 0.0 else 0.0
            self.signs[1 + k] = min(_FARTHEST, max(-_FARTHEST, ratio))
            self._usual[k] += (value - usual) / min(self._beats, _MEMORY)

    def _spread(self) -> np.ndarray:
        """Return the shares of the metres, spread evenly over their places."""
        metres = np.add.reduceat(self._share, self._starts)
        spread: np.ndarray = np.repeat(metres / METRES, METRES)
        return spread

    def _advance(self) -> None:
        share, ahead = self._share, self._next
        ahead[1:] = share[:-1]
        ended = share[self._ends]
        ahead[self._starts] = (1.0 - _NEW_METRE) * ended + _NEW_METRE * float(ended.sum()) * self._metres
        ahead *= 1.0 - _SLIP
        ahead += _SLIP * self._spread()
        ahead /= ahead.sum()
        self._share, self._next = ahead, share

    def _publish(self) -> None:
        best = int(self._share.argmax())
        shown = int(self._starts[METRES.index(self.per_bar)]) + (self.judged - self.one) % self.per_bar
        if self._share[best] > _BETTER * self._share[shown]:
            shown = best
            self.per_bar = int(self._metre[best])
        self.one = self.judged - int(self._place[shown])
        share = min(1.0 - _FEW, max(_FEW, float(self._share[shown])))
        slope, constant = SURE
        self.confidence = 1.0 / (1.0 + math.exp(-constant - slope * math.log(share / (1.0 - share))))
