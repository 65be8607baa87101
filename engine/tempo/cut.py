"""Has the music become another? The beat was foreseen well all the time, and is foreseen no more.

A cut, from one record to another, leaves the filter sure of a beat that is gone, and repetition holds it for as long as it
remembers. But each beat that is followed is a forecast, and a second of wrong ones is seen: of 27 cuts on made music 14 are
found, 1.5 s after they came (most others go on nearly in time, or come from music that was never foreseen well); 13 of 84
pieces without a cut have a false one, half of them where the beat was wrong. It costs them little: F .784 to .793 on 30
random pieces that were held out.

Called by `tracker.BeatTracker` on the audio thread, once a frame. Plain floats, no clock.
"""

from __future__ import annotations

_NOW_S, _USUAL_S = 1.0, 8.0  # how well the beat was foreseen, averaged over so long: now, and as a rule
# Nats a second that a beat is foreseen by as a rule, 7 to 14 in most dance music, and of which but this share is left. With
# 4 and 0.3 a cut is found 0.1 s sooner, and twice as often where there is none (dnb, swung hip-hop: F -.05).
_WELL, _LOST = 5.0, 0.2


class Cut:
    """Compares how well the filter foresees the beat with how well it did."""

    def __init__(self) -> None:
        self._now = self._usual = 0.0

    def step(self, foreseen: float, weight: float, elapsed: float) -> bool:
        """Take one frame: nats by which it was foreseen better than by chance, and how much it said, 0..1.

        Returns whether the music was cut about a second ago: once for each cut.
        """
        self._now += (foreseen - self._now * weight * elapsed) / _NOW_S
        self._usual += (foreseen - self._usual * weight * elapsed) / _USUAL_S
        if self._usual > _WELL and self._now < _LOST * self._usual:
            self._usual = self._now
            return True
        return False
