"""Has the music become another? The beat is foreseen badly, and who has heard nothing before foresees it better.

A cut, from one record to another, leaves the filter sure of a beat that is gone, and repetition holds it for as long as it
remembers. But each beat that is followed is a forecast. Half a second of forecasts half as good as usual starts a second
filter that knows nothing; where within three seconds it has explained more, and the first is still wrong, the music was cut:
the first takes half of what it is from the second, and repetition forgets most of what is older. A fill, or a break, it does
not win. What it brings: docs/decisions/beat-tracker.md. It costs 10 us a hop, while the second filter runs.

Called by `tracker.BeatTracker` on the audio thread, once a frame. No clock.
"""

from __future__ import annotations

from phosphene.engine.tempo.beat_filter import BeatFilter

_SOON_S, _NOW_S, _USUAL_S = 0.5, 1.0, 8.0  # how well the beat was foreseen, averaged over so long
# Nats a second that a beat is foreseen by as a rule, 7 to 14 in most dance music. With 3.5 relocks are .5 s sooner, but
# breaks of a recording, where it is 4.5, are taken for cuts (F .82 for 1.00).
_WELL = 5.0
_DOUBT = 0.5  # of which so little is left, soon: the second filter starts. With .7 F is .01 lower
_LOST = 0.4  # and so little, now: it may win. Without this a break is often taken for a cut (F .885 to .872 on 13 pieces)
_WON = 3.0  # nats by which it has foreseen more. With 5, relocks are .3 s later
_LEAST_S, _MOST_S = 0.3, 3.0  # it has run for so long at least; and at most


class Cut:
    """fresh: the second filter; began: whether it was started by the last `step`."""

    def __init__(self, fresh: BeatFilter) -> None:
        self.fresh, self.began = fresh, False
        self.reset()

    def reset(self) -> None:
        """Begin to learn anew how well the beat is foreseen."""
        self._soon = self._now = self._usual = 0.0
        self._runs = False
        self._lead = self._ran_s = 0.0

    def step(self, foreseen: float, likely: float, weight: float, elapsed: float) -> bool:
        """Take one frame, `elapsed` s long: nats by which the first filter foresaw it better than chance, and what it heard.

        Returns whether the music was cut: when `fresh` was started. It knows the new beat then.
        """
        self.began = False
        self._soon += (foreseen - self._soon * weight * elapsed) / _SOON_S
        self._now += (foreseen - self._now * weight * elapsed) / _NOW_S
        if not self._runs:
            self._usual += (foreseen - self._usual * weight * elapsed) / _USUAL_S
            if self._usual > _WELL and self._soon < _DOUBT * self._usual:
                self._runs = self.began = True
                self._lead = self._ran_s = 0.0
                self.fresh.open(1.0)
            return False
        self.fresh.step(likely, weight)
        self._lead += self.fresh.foreseen - foreseen
        self._ran_s += elapsed
        if self._lead > _WON and self._ran_s > _LEAST_S and self._now < _LOST * self._usual:
            self.reset()
            return True
        self._runs = self._ran_s < _MOST_S
        return False
