"""The slow gain: how much louder than it comes a quiet input is heard, so that music at -60 dBFS moves the picture too.

Called by the Analyzer once a hop; plain floats, deterministic, no clock. Loud and ordinary music, whose loudest 21 ms reach
-30 dBFS, is left alone to the bit. Below that the gain brings the loudest moments to -30 dBFS, and never pumps:

- it follows the loudest moments and not the level: as long as one comes within 20 s, nothing changes;
- it rises only on what moves like music. Hiss, hum, rumble and a fan are steady: between 120 and 4000 Hz their level changes
  by 0.8 dB at most from one tenth of a second to the next, that of music by 1 to 4 dB, and still by 1.5 where its peak is
  -60 dBFS over white noise of -85. So noise is never lifted, and in silence the gain stands still;
- it falls as soon as something louder comes, at once where that would be 10 dB over the aim.
"""

from __future__ import annotations

import math

BODY_HZ = (120.0, 4000.0)
AIM_DB = -30.0  # of the loudest moments; 2 dB over the floor of the normalised level
MOST_DB = 46.0  # music with a peak of -60 dBFS wants 38 to 44

_CEILING_DB = 10.0  # over the aim: so much of a surprise is let through
_RISE_S = 0.1  # time constant of the loudest moment when one is louder still
_RISE_MOST_DB = 12.0  # by which one hop pulls at most: a crack of 20 ms takes 2 dB away, not 40
_NEAR_DB, _HIT_DB = 3.0, 1.0  # what comes as near as that to the loudest moment is one; the second for the first of them
_HOLD_S, _FALL_DB_S = 20.0, 0.5  # without one for so long, the loudest moment is forgotten so fast
_FIRST_FALL_DB_S = 8.0  # until one has been heard at all: from nothing to 46 dB in 6 s

_BLOCK_S = 0.1  # five periods of mains hum, six at 60 Hz
_LIVELY_S = 2.0
_LIVELY_DB, _STEADY_DB = 1.0, 0.6  # what moves more than the first is music, until it moves less than the second
_CHANGE_MOST_DB = 6.0  # so much of a change counts: noise that is switched on is no music
_OUT_OF_STEADY_DB = 10.0  # what stands out of steady noise by so much is a sound at once, for at least a second
_STEADY_S = _SOUND_S = 1.0
_PLAIN_DB = -58.0  # what is louder holds the silence gate open by itself, steady or not
_NOTHING = 1e-12  # of the mean square: keeps digital silence at one level


class Lift:
    """Holds the gain of one stream. db: 0..MOST_DB, what acted on the last hop; 0 on steady noise under the gate."""

    def __init__(self, hop_s: float) -> None:
        """hop_s: s between calls of `step`."""
        self.db = 0.0
        self._hop_s = hop_s
        self._rise = 1.0 - math.exp(-hop_s / _RISE_S)
        self._loudest = AIM_DB
        self._first = True
        self._since_s = 0.0  # since a loudest moment
        self._block_hops = round(_BLOCK_S / hop_s)
        self._blend = 1.0 - math.exp(-self._block_hops * hop_s / _LIVELY_S)
        self._sum, self._hops = 0.0, 0
        self._block_db: float | None = None
        self._change = 0.0  # mean change from block to block
        self._lively = False
        self._steady = 1.0 - math.exp(-hop_s / _STEADY_S)
        self._steady_db = -120.0
        self._sound_s = 0.0  # for so long it is more than steady noise

    @property
    def slow_db(self) -> float:
        """The gain that it has come to, 0..MOST_DB, heard or not."""
        return min(MOST_DB, max(0.0, AIM_DB - self._loudest))

    def step(self, loudness_db: float, body: float) -> float:
        """Take one hop and return the gain as a factor, 1 to 200. Both of the input as it comes.

        loudness_db: level of the window, dB below full scale. body: summed magnitude of BODY_HZ, linear.
        """
        self._sum += body * body
        self._hops += 1
        if self._hops == self._block_hops:
            self._judge()
        # Of noise the mean; while music plays the newest level: what comes after it is compared with how it began.
        self._steady_db += (1.0 if self._lively else self._steady) * (loudness_db - self._steady_db)
        sound = self._lively or loudness_db > min(_PLAIN_DB, self._steady_db + _OUT_OF_STEADY_DB)
        self._sound_s = _SOUND_S if sound else self._sound_s - self._hop_s
        self._follow(loudness_db)
        room = max(0.0, AIM_DB + _CEILING_DB - loudness_db)
        self.db = min(self.slow_db, room) if self._sound_s > 0.0 else 0.0
        return 10.0 ** (self.db / 20.0) if self.db else 1.0

    def _judge(self) -> None:
        db = 10.0 * math.log10(self._sum / self._hops + _NOTHING)
        if self._block_db is not None:
            change = min(_CHANGE_MOST_DB, abs(db - self._block_db))
            self._change += self._blend * (change - self._change)
        self._block_db = db
        self._sum, self._hops = 0.0, 0
        self._lively = self._change > (_STEADY_DB if self._lively else _LIVELY_DB)

    def _follow(self, loudness_db: float) -> None:
        """Move the loudest moment: up towards what is louder, down when there was nothing like it for long."""
        over = loudness_db - self._loudest
        if over > 0.0:
            self._loudest += self._rise * min(over, _RISE_MOST_DB)
        if over > -(_HIT_DB if self._first else _NEAR_DB):
            self._first, self._since_s = False, 0.0
            return
        if not self._lively:
            return
        self._since_s += self._hop_s
        if self._first or self._since_s > _HOLD_S:
            fall = (_FIRST_FALL_DB_S if self._first else _FALL_DB_S) * self._hop_s
            self._loudest = max(self._loudest - fall, loudness_db, AIM_DB - MOST_DB)
