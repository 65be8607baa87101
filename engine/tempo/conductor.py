"""The conductor: the one beat the show moves to. It follows the tracker's line, runs on without it, and obeys the performer.

Called on the main thread only: `update` once a frame with the newest line, `position` for the instant of the frame, the
rest when a control message asks. A deterministic function of its inputs: it reads no clock.

What a performer can count on:

* The beat never jumps and never runs backwards by itself. A correction is a change of speed, at most 40 % faster or slower,
  mostly gone after a second. Tap, resync and nudge move it at once: they are meant to.
* While the tracker is sure, it is followed; below the confidence floor the beat runs on at the last steady tempo.
* Where neither the tracker nor the performer knows the beat, the picture soon follows attacks instead of a wrong one.
* Tap and bpm take the lead: the tempo stays as told, through breaks and fills, for as long as the tracker contradicts it.
  Once the tracker has agreed for four seconds, in phase and in tempo (or half or twice of it), it is followed again and
  carries the beat on. So tapping a few beats is also how to tell it the right octave. `follow` hands the lead back at once.
* multiply by 2 or 1/2 corrects the octave and goes on following. A nudge is kept, relative to the tracker.
* Bars are the tracker's, where it is sure of them, and run on where it is not. A bar that was counted wrongly passes faster
  or slower, until the next begins where it should: it never jumps, and never runs backwards.
* Who leads from outside (Ableton Link, a MIDI clock) is met like the tracker, without a jump, and comes before everything
  else while it is there. Taps and a set tempo are then for it: `requested`.
* resync says where "one" is, and that stands until `follow`: the bar is kept through all corrections of the beat.
* A lookahead shows all of this so much earlier, for screens that are late: what changes on the beat is seen on it.
"""

from __future__ import annotations

import math
from itertools import pairwise

from phosphene.engine.core.signals import BeatPosition
from phosphene.engine.tempo.timeline import Timeline

SLOWEST_BPM, FASTEST_BPM = 30.0, 300.0
CONFIDENCE_FLOOR = 0.35
BAR_FLOOR = 0.45
_FAR, _LONGEST_BAR = 1e9, 32.0  # beats: a night has 1e5
_TRACKED = 10.0, 1000.0  # bpm that a tracker may say: beyond them it is no tempo, and arithmetic ends
BEATS_PER_BAR = 4

_STALE_S = 1.0  # a line not renewed for that long is no news: the audio process is being restarted
_MEET_S = 0.4  # an error of phase shrinks with this time constant,
_SLEW = 0.4  # the beat running at most this share faster or slower
# Smoothing of the tempo, against the line's own wobbles as it meets the beat: while it is followed (1.5 s would be 25 ms
# late on a DJ's ride), and of the one to run on with.
_QUICK_S, _STEADY_S = 0.25, 1.5
_TRUST_S, _DOUBT_S = 0.25, 1.5  # in which the picture goes over to the beat, and from it to attacks
_NEW_TEMPO = 0.08  # a change of more than this share is another tempo, not wobble
_AGREE_BPM, _AGREE_BEATS, _AGREE_S = 0.04, 0.15, 4.0
_SLIDE = 0.1  # s a second by which the lookahead moves: the beat shown is a tenth too fast meanwhile, and never jumps
_TAP_GAP_S = 2.1  # a longer pause begins a new count: 30 bpm is 2 s a beat
_TAP_SPAN_S = 3.0  # taps older than this are forgotten, but for the last four
_TAPS_KEPT = 4
_BOUNCE_S = 0.05  # no finger taps again so soon: a contact that bounces, or a flood, which must not cost a frame
_TAPS_NEEDED = 3
_TAP_STRAY = 0.25  # of a beat: a tap this far off the others' line is left out


class Conductor:
    """Answers "which beat is it at t?" for the whole show."""

    def __init__(self, bpm: float = 120.0, t: float = 0.0) -> None:
        """Start at beat 0 at time `t` in s, running by itself until there is something to follow."""
        self._line = Timeline(0.0, t, bpm, 0.0)  # what is shown
        self._goal = self._line  # what it runs towards
        self._confidence = 0.0
        self._asked = t
        self._updated = t
        self._ratio = 1.0  # shown tempo over the tracker's
        self._offset = 0.0  # shown phase minus the tracker's, in beats
        self._leading = False
        self._told = False  # the performer chose the octave
        self._one = self._number = 0.0  # as in BeatPosition
        self._per_bar, self._rate = float(BEATS_PER_BAR), 1.0 / BEATS_PER_BAR
        self._bar_confidence = self._trust = 0.0
        self._own_bar = False  # the performer said where it begins
        self._agreed_s = self._followed_s = 0.0
        self._steady_bpm, self._following = bpm, False
        self._taps: list[float] = []
        self._outside = ""  # who leads from outside
        self._request: float | None = None
        self._ahead = self._ahead_goal = 0.0  # s

    @property
    def leader(self) -> str:
        """Who leads: the name of somebody outside, such as `link`; `hand` (taps, a set tempo); `music` (the tracker); or
        `nobody`: the beat runs on at its last tempo."""
        if self._outside:
            return self._outside
        return "hand" if self._leading else "music" if self._following else "nobody"

    @property
    def leading(self) -> bool:
        """True while the performer's tempo stands against the tracker's."""
        return self._leading

    def position(self, t: float) -> BeatPosition:
        """Return the beat at `t`, which may lie a few frames ahead. For times that do not fall, the beat does not fall."""
        t += self._ahead
        self._asked = max(self._asked, t)
        return self._at(t)

    def update(self, line: Timeline | None, t: float, outside: tuple[str, Timeline] | None = None) -> None:
        """Take the tracker's newest line (None: there is none) at time `t`, once a frame.

        outside: who leads from outside, and its line as of now.
        """
        dt, self._updated = max(0.0, t - self._updated), max(t, self._updated)
        step = _SLIDE * dt
        self._ahead += min(step, max(-step, self._ahead_goal - self._ahead))
        if outside is not None:
            self._led(*outside, t, dt)
            return
        if self._outside:  # it has gone: the tracker is met at its own octave and phase
            self._outside = ""
            self.follow()
        known = line if line is not None and t - line.t0 < _STALE_S and _TRACKED[0] <= line.bpm <= _TRACKED[1] else None
        if known is not None and not (math.isfinite(known.beat0) and math.isfinite(known.confidence)):
            known = None
        self._confidence = known.confidence if known is not None else 0.0
        self._bar_confidence = known.bar_confidence if known is not None and math.isfinite(known.bar_confidence) else 0.0
        if known is not None and self._confidence >= CONFIDENCE_FLOOR:
            if self._leading:
                self._agreed_s = self._agreed_s + dt if self._agrees(known, t) else 0.0
                if self._agreed_s >= _AGREE_S:
                    self._leading = False
            if not self._leading:
                self._follow(known, t, dt)
                if not self._own_bar and self._bar_confidence >= BAR_FLOOR:
                    self._follow_bars(known, t)
        elif self._following:  # until now: it runs on
            self._goal = self._goal.reaim(t, bpm=self._steady_bpm)
            self._following = False
        followed = self._leading or self._confidence >= CONFIDENCE_FLOOR
        step = dt / (_TRUST_S if followed else _DOUBT_S)
        self._trust = min(1.0, self._trust + step) if followed else max(0.0, self._trust - step)
        self._turn(t)

    def tap(self, t: float) -> None:
        """Take one tap at time `t`. From the third of a row on they set tempo and phase, and the performer leads."""
        if self._taps and 0.0 <= t - self._taps[-1] < _BOUNCE_S:
            return
        if self._taps and not 0.0 < t - self._taps[-1] <= _TAP_GAP_S:
            self._taps.clear()
        self._taps.append(t)
        while len(self._taps) > _TAPS_KEPT and t - self._taps[0] > _TAP_SPAN_S:
            self._taps.pop(0)
        if len(self._taps) < _TAPS_NEEDED:
            return
        beat_s, at = _fit_taps(self._taps)
        if self._outside:
            self._request = 60.0 / beat_s
        elif SLOWEST_BPM <= 60.0 / beat_s <= FASTEST_BPM:
            shown = self._line.beat_at(t)
            self._lead()
            self._place(t, shown + _nearest((t - at) / beat_s - shown, 1.0), 60.0 / beat_s)

    def set_bpm(self, bpm: float, t: float) -> None:
        """Set the tempo, clamped to 30..300, from the beat where it is; the performer leads. NaN is ignored."""
        if math.isnan(bpm):
            return
        if self._outside:
            self._request = bpm
            return
        self._lead()
        t = max(t, self._asked)  # with a lookahead the beat at `t` was shown a while ago: the one that is shown now stays
        self._place(t, self._line.beat_at(t), min(FASTEST_BPM, max(SLOWEST_BPM, bpm)))

    def resync(self, t: float) -> None:
        """Make `t` a downbeat: the nearest bar begins here, and bars are kept so until `follow`. Taps so far are spent."""
        self._taps.clear()
        number = float(round(self._at(t).bar))
        beat = float(round(self._line.beat_at(t) / BEATS_PER_BAR) * BEATS_PER_BAR)
        moved = beat - self._goal.beat_at(t)
        moved -= round(moved)
        # A finger is off by up to an eighth of a beat; then only the bar is meant, and the tracker knows the beat better.
        self._offset += moved if abs(moved) > 0.125 else 0.0
        self._place(t, beat, self._goal.bpm)
        self._own_bar = True
        self._one, self._number, self._rate = beat, number, 1.0 / self._per_bar

    def nudge(self, beats: float, t: float) -> None:
        """Move the beat by `beats` (> 0: ahead), at once and for good."""
        if math.isfinite(beats):
            self._offset += beats
            self._line = self._line.reaim(t, beat=self._line.beat_at(t) + beats)
            self._goal = self._goal.reaim(t, beat=self._goal.beat_at(t) + beats)
            self._asked = t + self._ahead

    def multiply(self, factor: float, t: float) -> None:
        """Scale the tempo by `factor` (2, 1/2), every slower beat staying on a faster one. Ignored out of 30..300 bpm."""
        if not (math.isfinite(factor) and SLOWEST_BPM <= self._goal.bpm * factor <= FASTEST_BPM):
            return
        self._told = True
        self._ratio *= factor
        self._offset *= factor
        shown, beat = self._line.beat_at(t), self._goal.beat_at(t)
        aligned = shown + _nearest(beat * factor - shown, min(1.0, factor))
        self._goal = self._goal.reaim(t, beat=aligned, bpm=self._goal.bpm * factor)
        self._steady_bpm *= factor
        self._turn(t)

    def look_ahead(self, seconds: float) -> None:
        """Show the beat so much earlier from now on, 0 or more; it slides there at a tenth of a second in each."""
        if math.isfinite(seconds):
            self._ahead_goal = max(0.0, seconds)

    def set_bar(self, position: BeatPosition) -> None:
        """Count bars as `position` does, whose beats are ours."""
        self._one, self._number = position.one, position.number
        self._per_bar, self._rate = position.per_bar, position.rate

    def requested(self) -> float | None:
        """Return, once, the tempo that a hand has asked for while somebody outside leads."""
        request, self._request = self._request, None
        return request

    def follow(self) -> None:
        """Hand the lead back to the tracker, at its own octave and phase, and with its bars."""
        self._leading, self._told, self._ratio, self._offset = False, False, 1.0, 0.0
        self._own_bar = False
        self._taps.clear()

    def _led(self, name: str, line: Timeline, t: float, dt: float) -> None:
        """Follow somebody outside: always sure, with its bars where it counts any. A nudge and x2 stand against it."""
        if name != self._outside:
            self.follow()
            self._outside = name
        self._confidence, self._bar_confidence = 1.0, line.bar_confidence
        self._follow(line, t, dt)
        if line.bar_confidence >= BAR_FLOOR:
            self._own_bar = False
            self._follow_bars(line, t)
        self._trust = min(1.0, self._trust + dt / _TRUST_S)
        self._turn(t)

    def _lead(self) -> None:
        self._leading = self._told = True
        self._agreed_s = self._followed_s = self._offset = 0.0
        self._following = False

    def _place(self, t: float, beat: float, bpm: float) -> None:
        self._goal = self._line = Timeline(beat, t, bpm, 0.0)
        self._asked = max(self._asked, t)

    def _agrees(self, line: Timeline, t: float) -> bool:
        """True where the tracker tells what the performer told, at some octave; that octave is taken over."""
        ratio = _octave(self._goal.bpm, line.bpm)
        if ratio is None:
            return False
        self._ratio = ratio
        error = _nearest(line.beat_at(t) * ratio - self._goal.beat_at(t), min(1.0, ratio))
        return abs(error) < _AGREE_BEATS

    def _follow(self, line: Timeline, t: float, dt: float) -> None:
        bpm = line.bpm * self._ratio
        if abs(bpm / self._goal.bpm - 1.0) > _NEW_TEMPO:
            # The tracker has changed its mind. An octave that the performer chose outlives that; another piece ends it.
            octave = _octave(self._goal.bpm, line.bpm) if self._told else None
            self._told, self._ratio = octave is not None, octave or 1.0
            bpm, self._followed_s = line.bpm * self._ratio, 0.0
            self._steady_bpm = bpm
        # An average of what was followed so far, later of its last seconds: exact at once, calm afterwards.
        self._followed_s = min(_STEADY_S, self._followed_s + dt)
        self._steady_bpm += (bpm - self._steady_bpm) * (dt / self._followed_s if self._followed_s > 0.0 else 1.0)
        quick_s = min(_QUICK_S, self._followed_s)
        bpm = self._goal.bpm + (bpm - self._goal.bpm) * (min(1.0, dt / quick_s) if quick_s > 0.0 else 1.0)
        self._following = True
        beat, shown = line.beat_at(t) * self._ratio + self._offset, self._line.beat_at(t)
        self._goal = Timeline(shown + _nearest(beat - shown, min(1.0, self._ratio)), t, bpm, 0.0)

    def _follow_bars(self, line: Timeline, t: float) -> None:
        """Let the bar that has begun end where the tracker says that one begins, a bar later where that is calmer."""
        per_bar = line.per_bar  # also where the performer counts twice as fast, or half: bars of eight or of two are no help
        period = per_bar * min(1.0, self._ratio)  # in shown beats, after which the tracker's next one may be a "one" as well
        if not (1.0 <= per_bar <= _LONGEST_BAR and abs(line.one) < _FAR and period == round(period)):
            return
        one = round(self._goal.beat_at(line.time_of(line.one)) - self._offset)
        if per_bar == self._per_bar and (one - self._one) % period == 0.0:
            return
        now = self._at(max(t, self._asked))
        ahead = (one - now.beat) % per_bar or per_bar
        number = math.floor(now.bar) + 1.0
        left = number - now.bar
        ahead = min((ahead, ahead + per_bar), key=lambda beats: abs(math.log(left * per_bar / beats)))
        self._one, self._number, self._per_bar, self._rate = now.beat + ahead, number, per_bar, left / ahead

    def _at(self, t: float) -> BeatPosition:
        """Return the position at `t`, without a promise."""
        bar = self._one, self._number, self._per_bar, self._rate, self._bar_confidence
        return BeatPosition(self._line.beat_at(t), self._goal.bpm, self._confidence, *bar, self._trust)

    def _turn(self, t: float) -> None:
        """Aim the shown line at the goal. It turns where it was last asked for, so that no answer is ever taken back."""
        at = max(t, self._asked)
        error = self._goal.beat_at(at) - self._line.beat_at(at)
        most = _SLEW * self._goal.bpm
        self._line = self._line.reaim(at, bpm=self._goal.bpm + min(most, max(-most, error * 60.0 / _MEET_S)))


def _nearest(difference: float, period: float) -> float:
    """Return `difference` less the multiple of `period` that brings it nearest to 0."""
    return difference - round(difference / period) * period


def _octave(bpm: float, tracked: float) -> float | None:
    """Return the ratio among 1, 2 and 1/2 that makes `tracked` agree with `bpm`, or None."""
    return next((r for r in (1.0, 2.0, 0.5) if abs(tracked * r / bpm - 1.0) < _AGREE_BPM), None)


def _fit_taps(taps: list[float]) -> tuple[float, float]:
    """Return (s a beat, time of some beat): the least-squares line through the taps, strays left out and gaps allowed."""
    steps = sorted(b - a for a, b in pairwise(taps))
    beat_s = steps[len(steps) // 2] if len(steps) % 2 else (steps[len(steps) // 2 - 1] + steps[len(steps) // 2]) / 2
    start = taps[-1]
    used = taps
    for _ in range(3):
        counts = [round((tap - start) / beat_s) for tap in used]
        mean_count, mean_tap = sum(counts) / len(used), sum(used) / len(used)
        spread = sum((c - mean_count) ** 2 for c in counts)
        if spread == 0:
            break
        beat_s = sum((c - mean_count) * (tap - mean_tap) for c, tap in zip(counts, used, strict=True)) / spread
        start = mean_tap - mean_count * beat_s
        kept = [tap for tap in taps if abs(_nearest((tap - start) / beat_s, 1.0)) <= _TAP_STRAY]
        if kept == used or len(kept) < _TAPS_NEEDED:
            break
        used = kept
    return beat_s, start
