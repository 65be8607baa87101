"""Half a beat off? A bass drum on every off-beat, and on no beat, says so.

A network that marks beats, and repetition too, take the loud open hat of techno for the beat where the kick under it is
soft: then each is half a beat late, for good, and sure of it. But a bass drum that comes again and again, evenly, and never
in between, is the beat in all music that has one so.

Called by `tracker.BeatTracker` on the audio thread, once a frame. Plain floats, no clock.
"""

from __future__ import annotations

from collections import deque

_WIDTH = 0.15  # of a beat, to either side: bass that falls so near counts for the beat, or for the middle
_BEATS, _LEAST = 8, 6  # so many are looked at, and so many are needed
_QUARTER = 0.25  # of them may lack their drum: what is judged is the lower quartile
# Between the beats bass is half as strong again as on them, and half of the strongest but one there is: the first kick after
# an intro rises three times as much as those that follow, and would hide them for as long as it is remembered.
_LOUDER, _SHARE = 1.5, 0.5
# Or it is stronger by less, but all along and evenly: over all beats its lower quartile against their upper one (techno with
# bass that rolls on the beat: 1.2 to 1.3). Bass that answers a kick comes to 1.26 in a recording, and to a share of .56.
_CLEARLY, _EVENLY = 1.2, 0.7
_NOTHING = 1e-9
_BACK = 1.2  # so much stronger on the beats ends it


class OffBeat:
    """half: what is to be added to the followed position, 0 or 0.5 beats."""

    def __init__(self) -> None:
        self.half = 0.0
        self.reset()

    def reset(self) -> None:
        """Forget what was heard: another beat is followed."""
        self.half = 0.0
        self._on: deque[float] = deque(maxlen=_BEATS)
        self._between: deque[float] = deque(maxlen=_BEATS)
        self._now = [0.0, 0.0]
        self._before = 0.0

    def step(self, position: float, bass: float) -> None:
        """Take one frame: position in beats, bass the rise of the bass then, >= 0."""
        part = position % 1.0
        if part < _WIDTH or part > 1.0 - _WIDTH:
            self._now[0] = max(self._now[0], bass)
        elif abs(part - 0.5) < _WIDTH:
            self._now[1] = max(self._now[1], bass)
        for k, (heard, end) in enumerate(((self._on, 0.2), (self._between, 0.7))):
            if self._before <= end < part:
                heard.append(self._now[k])
                self._now[k] = 0.0
                self._judge()
        self._before = part

    def _judge(self) -> None:
        if min(len(self._on), len(self._between)) < _LEAST:
            return
        on, between = sorted(self._on), sorted(self._between)
        low = int(_QUARTER * len(between))
        if self.half:
            if on[int(_QUARTER * len(on))] > _BACK * between[len(between) // 2]:
                self.half = 0.0
            return
        share = between[low] / max(_NOTHING, sorted((*on[-2:], *between[-2:]))[-2])
        louder = between[low] > _LOUDER * on[len(on) // 2]
        clearly = len(on) == len(between) == _BEATS and between[low] > _CLEARLY * on[-1 - low]
        if (louder and share > _SHARE) or (clearly and share > _EVENLY):
            self.half = 0.5
