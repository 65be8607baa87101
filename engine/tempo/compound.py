"""Is the beat counted in twos where the music counts in threes? Eighths of 6/8, counted in pairs, run at 3/2 of its beat.

What repetition scores, attacks on the beat and half way, is there on every pair of eighths as well as on every three, and
the tempo of the pairs is nearer to what is usual. But in 6/8 the accents, a bass drum and a snare in turn, come every three
eighths: there is power at 2/3, 4/3 and 8/3 of the frequency of the pairs, and little at it and at half of it. In bars of
four, three, five and seven it is the other way round.

Called by `resonator_tracker.ResonatorTracker` on the audio thread, each time all tempi are scored. Plain floats, no clock.
"""

from __future__ import annotations

THREES, TWOS = (2 / 3, 4 / 3, 8 / 3), (1.0, 1 / 2)  # of the beat frequency that is counted in twos
PAIRS = 1.5  # so many pairs of eighths to a beat of three
# Log of power of threes over that of twos: .8 to 2.1 over most of ten pieces in 6/8 that were counted in pairs, -2.5 to -.2
# in all other music, for a moment up to 1.6 where a cut has left two tempi in what is remembered. So it is added up.
_DOUBT, _MOST = 0.2, 2.0
_ENOUGH = 1.5  # nats x s above (below) doubt: 6/8 is seen 1 to 3 s after its repetition is
# Pairs of eighths are no faster: 6/8 up to 82 bpm. A recording at 130 bpm looks like threes for 8 s (F .41 for 1.0).
MOST_HZ = 123.0 / 60.0
_CLEAR = 0.1  # sureness of repetition, below which there is nothing to tell


class Compound:
    """found: whether the beat is known to fall into three."""

    def __init__(self) -> None:
        self.found = False
        self._evidence = 0.0

    def reset(self) -> None:
        """Forget what was heard."""
        self.found, self._evidence = False, 0.0

    def step(self, threes: float, sure: float, elapsed: float) -> bool:
        """Take log of the power of threes over that of twos, and how sure repetition is, 0..1; return whether it changed."""
        if self.found or sure > _CLEAR:
            told = min(_MOST, threes) - _DOUBT
            self._evidence = max(0.0, self._evidence + elapsed * (-told if self.found else told))
        if self._evidence < _ENOUGH:
            return False
        self.found, self._evidence = not self.found, 0.0
        return True
