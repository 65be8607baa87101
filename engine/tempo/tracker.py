"""The beat tracker: sound in, once a hop; the line of the beat out. Causal.

Called by the audio side on the callback thread (live) or the caller's (offline): preallocated, no locks, no logging, no
clock. The path of one hop:

    mono sound -> a network that has heard much music: how likely a beat was 60 ms ago       50 times a second
    log-mel -> its rise, against what is usual: attacks                                      every hop
    the two multiplied -> the filter over all tempi and phases                               every second hop
    log-mel -> repetition over the last seconds: the octave of the tempo, the exact phase    all tempi within 24 hops
    -> a cut, where a filter that knows nothing foresees the beat better: it is joined, repetition forgets what was
    -> which beat: what is followed, until another explains more of what is heard for a while
    -> half a beat aside, where the bass drum says so
    -> the line is re-aimed so that it meets the beat soon, never jumping, never running backwards
    -> at each beat a filter over bars: which one is "one", of how many

Why three: the network knows the beat of real music and moving tempi, and loses the octave; repetition knows steady music to
the millisecond, and cannot follow a tempo that moves. Numbers: docs/decisions/beat-tracker.md.
"""

from __future__ import annotations

import math

import numpy as np

from phosphene.engine.core.signals import MEL_BANDS
from phosphene.engine.tempo.activation import BeatActivation
from phosphene.engine.tempo.bars import Bars
from phosphene.engine.tempo.beat_filter import NEAR_BEATS, NEAR_TEMPO, BeatFilter
from phosphene.engine.tempo.confidence import Confidence
from phosphene.engine.tempo.cut import Cut
from phosphene.engine.tempo.off_beat import OffBeat
from phosphene.engine.tempo.resonator_tracker import FLUX_LAG_S, ResonatorTracker, peak_near
from phosphene.engine.tempo.resonators import BINS
from phosphene.engine.tempo.timeline import Timeline

SLOWEST_BPM, FASTEST_BPM = 55.0, 200.0
FRAME_HOPS = 2
FRAME = ("likely", "lively", "other", "downbeat", "bass", "rest")  # 0..1 the first four; rises of the spectrum, >= 0
BEHIND_S = 0.063  # the filter hears what was then: of that time the network's frames are in, whenever a hop ends

_READ_FRAMES, _READ_AT = 6, 8  # read at hops at which repetition is neither scored nor weighed
_KEPT_HOPS = 24
_BASS_BANDS, _BASS_RISE_HOPS, _BASS_LAG_S = 3, 4, 0.012
_REST_FROM = 8  # mel band: snares and hats, and no bass drum
_ACTIVATION_FLOOR = 0.5  # an attack makes a beat up to three times as likely as where there is none
_MEAN_S, _PEAK_S, _PEAK_RISE, _FLUX_FLOOR = 1.0, 6.0, 0.3, 0.02

# How lively the music is: onset energy over what is usual. In a break little is heard that could tell of the beat.
_LIVELY_S, _USUAL_RISE_S, _USUAL_FALL_S = 0.8, 1.0, 20.0
_BREAK = 0.5  # less lively than this, the beat runs on as it is

# What repetition says of tempo and phase counts a little, and what it says of the octave counts much: log weights.
_REPEATS, _REPEATS_LEAST = 0.35, 1.0
_OCTAVE, _OCTAVE_FREE, _OCTAVE_SPAN = 2.6, 0.15, 0.35  # per turn; octaves that cost nothing; over which the cost grows

# Where the beat falls into three, what is heard of it marks pairs of eighths, or another of the three, as often: repetition,
# which knows by what it found out, counts more.
_REPEATS_THREES, _OCTAVE_THREES, _PATIENCE_THREES = 4.0, 5.0, 3.0

# After a cut so much of the filter is what one knows that has heard nothing else, so much is kept of what repetition
# remembers from before, and so much is left of what the beat that is followed explained. With 1 and 0, F .02
# higher on music that was cut, and .77 for 1.00 on a recording with breaks.
_CUT_NEW, _CUT_KEPT, _CUT_SHARE = 0.5, 0.3, 0.3
_OPENED = 0.5  # of the filter is open to any beat where threes are found
_LOCK = 0.3  # share of a beat that is believed at once
_SWITCH, _SWITCH_CAP = 1.0, 3.0  # nats x s of evidence for another beat; nats that count at most
_FEW = 1e-6
_LOOP_S, _SHARE_S = 1.3, 0.7  # time constants: of the alpha-beta filter, of how much of what is heard the beat explains
_CLEAR, _CLEAREST = 2.5, 0.8  # repetition places the phase where it scores so, and nearly its best, beside what is followed
_AGREE = 0.04  # beats, with what the filter says
_NEAR_BINS = np.arange(-9, 10)  # 0.14 beats
_MEET_S, _MEET_SOON_S, _SMALL = 1.5, 0.5, 0.06  # the line meets the beat with these time constants: calm where it is close
_SLEW = 0.45  # and runs at most this much faster or slower than the tempo


class BeatTracker:
    """Follows the beat of one stream. confidence: how sure it is, with the signs of it; bars: which beat is "one".

    frame: float32, what was heard `BEHIND_S` before the end of the last frame, by the names in `FRAME`. A frame ends with
    every second hop.
    """

    def __init__(self, hop_s: float, activation: BeatActivation | None = None) -> None:
        """hop_s: s between calls of `step`. activation: None where its weights are missing: attacks alone are heard then."""
        self._hop_s, self._frame_s = hop_s, FRAME_HOPS * hop_s
        self._activation = activation
        self._repeats = ResonatorTracker(hop_s)
        self._filter = BeatFilter(self._frame_s, SLOWEST_BPM, FASTEST_BPM)
        self._off_beat = OffBeat()
        self._cut = Cut(BeatFilter(self._frame_s, SLOWEST_BPM, FASTEST_BPM))
        self._rows = self._repeats.row_of(self._filter.hz)
        self._hops, self._fresh, self._threes = 0, False, False
        self._mel = np.zeros((_BASS_RISE_HOPS, MEL_BANDS), np.float32)
        self._rise = np.zeros(MEL_BANDS, np.float32)
        self._parts = np.array([0, _BASS_BANDS, _REST_FROM], np.intp)
        self._kept = np.zeros((3, _KEPT_HOPS))  # of the last hops, the newest last:
        self._attacks, self._bass, self._rest = self._kept
        self._heard_at = np.full(4, -1.0)  # s in the stream, the newest last,
        self._heard, self._downbeats = np.zeros((2, 4))  # and activation then: of any beat, of one that begins a bar
        self._mean = self._peak = self._lively = self._usual = 0.0
        self._hz = 0.0  # beats per second; 0 before the first lock
        self._position = 0.0  # beats, `BEHIND_S` ago
        self._followed_s = self._evidence = self._share = 0.0
        self.frame = np.zeros(len(FRAME), np.float32)
        self._count = 0  # what is to be added to the position, for the beats of the line
        self.confidence, self.bars = Confidence(), Bars()
        self._line: Timeline | None = None

    def step(self, mel: np.ndarray, t: float, active: float, mono: np.ndarray) -> Timeline | None:
        """Take one hop: mel float32[40] log-mel, t the time of its last sample in s, active the silence gate 0..1.

        mono: float32 [hop], the samples themselves. Returns the new line when it was re-aimed at this hop (about every
        0.06 s, once there was something to lock to).
        """
        self._listen(mel, active, mono)
        self._repeats.step(mel, t, active)
        self._hops += 1
        if self._hops % FRAME_HOPS:
            return None
        lively = min(1.0, self._lively / self._usual) if self._usual > _FEW else 0.0
        heard, downbeat = self._told()
        likely = self._likely(heard)
        self._filter.step(likely, lively)
        if self._cut.step(self._filter.foreseen, likely, lively, self._frame_s):
            self._filter.mix(self._cut.fresh, _CUT_NEW)
            self._repeats.forget(_CUT_KEPT)
            self.bars.cut()
            self._share *= _CUT_SHARE
            self._usual = self._lively  # what was usual was so in other music
        elif self._cut.began:
            self._repeats.mark()
        if self._fresh:
            self._weigh()
        self._fresh = self._repeats.fresh  # weighed a frame later: this hop has scored as well
        at = round((BEHIND_S - _BASS_LAG_S) / self._hop_s)
        bass, rest = max(self._bass[-1 - at - 1 : -at].tolist()), max(self._rest[-1 - at - 1 : -at].tolist())
        other = heard - downbeat
        self.frame[:] = likely, lively, other, downbeat, bass, rest
        if self._hz:
            self._position += self._hz * self._frame_s
            self._off_beat.step(self._position, bass)
            self.confidence.hear(self._position, likely)
            beat = self._position + self._off_beat.half + self._count
            self.bars.listen(beat + self._hz * BEHIND_S, mel)
            self.bars.hear(beat, other, downbeat, bass, rest)
        if self._hops % (FRAME_HOPS * _READ_FRAMES) != _READ_AT:
            return None
        self._follow(_READ_FRAMES * self._frame_s, lively)
        return self._aim(t)

    def _listen(self, mel: np.ndarray, active: float, mono: np.ndarray) -> None:
        """Take what the hop says: activation, attacks, bass, liveliness."""
        if self._activation is not None and self._activation.step(mono):
            self._heard_at[:-1], self._heard[:-1] = self._heard_at[1:], self._heard[1:]
            self._downbeats[:-1] = self._downbeats[1:]
            self._heard_at[-1] = (self._hops + 1) * self._hop_s - self._activation.age_s
            self._heard[-1] = self._activation.beat + self._activation.downbeat
            self._downbeats[-1] = self._activation.downbeat
        rows = self._hops % _BASS_RISE_HOPS
        self._kept[:, :-1] = self._kept[:, 1:]
        lows = zip(mel[:_BASS_BANDS].tolist(), self._mel[rows, :_BASS_BANDS].tolist(), strict=True)
        bass = sum(max(0.0, now - before) for now, before in lows) / _BASS_BANDS
        np.subtract(mel, self._mel[(self._hops + 2) % _BASS_RISE_HOPS], out=self._rise)
        np.maximum(self._rise, 0.0, out=self._rise)
        self._mel[rows] = mel
        if self._hops < _BASS_RISE_HOPS:
            bass, self._rise[:] = 0.0, 0.0
        low, middle, high = np.add.reduceat(self._rise, self._parts).tolist()
        self._bass[-1] = bass * active
        self._rest[-1] = high / (MEL_BANDS - _REST_FROM) * active
        mean = (low + middle + high) / MEL_BANDS * active
        strength = mean + 0.5 * low / _BASS_BANDS * active
        if not (math.isfinite(strength) and math.isfinite(bass)):
            self._mel[:], mean, strength, self._bass[-1], self._rest[-1] = 0.0, 0.0, 0.0, 0.0, 0.0
        self._mean += (strength - self._mean) * self._hop_s / _MEAN_S
        strength = max(0.0, strength - self._mean)
        self._peak *= math.exp(-self._hop_s / _PEAK_S)
        self._peak += _PEAK_RISE * max(0.0, strength - self._peak)
        self._attacks[-1] = min(1.0, strength / max(self._peak, _FLUX_FLOOR))
        self._lively += (mean * mean - self._lively) * self._hop_s / _LIVELY_S
        self._usual += (
            (self._lively - self._usual) * self._hop_s / (_USUAL_RISE_S if self._lively > self._usual else _USUAL_FALL_S)
        )

    def _likely(self, heard: float) -> float:
        """Return how likely a beat was `BEHIND_S` ago, 0..1. heard: what the networks say of that instant."""
        back = (BEHIND_S - FLUX_LAG_S) / self._hop_s
        whole, part = divmod(back, 1.0)
        at = -1 - int(whole)
        before, now, after = self._attacks[at - 2 : at + 1].tolist()
        attack: float = max(now, after) * (1.0 - part) + max(before, now) * part
        if self._activation is None:
            return attack
        return min(1.0, heard * (_ACTIVATION_FLOOR + attack))

    def _told(self) -> tuple[float, float]:
        """Return what the networks said of the instant `BEHIND_S` ago: of any beat, of one that begins a bar."""
        at, times = self._hops * self._hop_s - BEHIND_S, self._heard_at.tolist()
        k = next((k for k in range(len(times) - 1, 1, -1) if at >= times[k - 1]), 1)
        before, after = times[k - 1], times[k]
        part = min(1.0, max(0.0, (at - before) / (after - before))) if after > before else 1.0
        heard, downbeat = (
            values[k - 1] * (1.0 - part) + values[k] * part for values in (self._heard.tolist(), self._downbeats.tolist())
        )
        return heard, downbeat

    def _weigh(self) -> None:
        """Let the filter take what repetition says."""
        repeats = self._repeats
        if repeats.in_threes != self._threes:
            self._threes = repeats.in_threes
            self._filter.open(_OPENED)
            self._cut.reset()
        table = repeats.table[self._rows]
        most = float(table.max())
        if most > _REPEATS_LEAST:
            told = (_REPEATS_THREES if repeats.by_threes else _REPEATS) * np.log(np.maximum(table, _REPEATS_LEAST) / most)
            self._filter.weigh(told, self._ahead(self._rows, self._filter.hz))
        if repeats.hz:
            off = np.abs(np.log2(self._filter.hz / repeats.hz))
            cost = _OCTAVE_THREES if repeats.in_threes else _OCTAVE * (0.2 + 0.8 * repeats.confidence)
            self._filter.weigh_tempi(-cost * ((off - _OCTAVE_FREE) / _OCTAVE_SPAN).clip(0.0, 1.0))

    def _follow(self, elapsed: float, lively: float) -> None:
        """Bring position and tempo up to date with what the filter holds now."""
        position, hz, share = self._filter.best()
        if self._hz == 0.0:
            if share > _LOCK and lively > _BREAK:
                self._take(position, hz)
            return
        self._followed_s += elapsed
        error = position - self._position
        error -= round(error)
        own = self._filter.near(self._position, self._hz)
        same = abs(error) < NEAR_BEATS and abs(math.log(hz / self._hz)) < NEAR_TEMPO
        if same or lively < _BREAK:
            self._evidence *= math.exp(-elapsed)
        else:
            nats = min(_SWITCH_CAP, math.log((share + _FEW) / (own + _FEW)))
            self._evidence = max(0.0, self._evidence + elapsed * lively * nats)
        patience = 0.3 + 0.7 * self._share  # what one is not sure of is given up sooner
        exact = self._exact(error) if same else None
        if self._repeats.in_threes:
            patience *= _PATIENCE_THREES if self._repeats.by_threes else 1.0
            if abs(math.log(self._repeats.hz / self._hz)) > NEAR_TEMPO:
                position, hz, self._evidence = self._repeats.beat_ago(BEHIND_S), self._repeats.hz, math.inf
        if self._evidence > _SWITCH * patience:
            self._take(position, hz)
        elif lively >= _BREAK and same:
            self._correct(
                error if exact is None else exact, self._repeats.memory_s - BEHIND_S if exact is not None else 0.0, elapsed
            )
        self._share += (own - self._share) * min(1.0, elapsed / _SHARE_S)
        self.confidence.step(self._share, self._repeats.confidence, exact is not None, lively, self._followed_s, elapsed)

    def _correct(self, error: float, ago_s: float, elapsed: float) -> None:
        """Correct position and tempo by an error in beats, which was read `ago_s` ago: an alpha-beta filter."""
        step = elapsed / _LOOP_S * max(1.0, 3.0 - self._followed_s / 2.0)
        hz = self._hz + step * step * error / elapsed
        hz = min(FASTEST_BPM / 60.0, max(SLOWEST_BPM / 60.0, hz))
        self._position += min(0.5, 1.6 * step) * error + (hz - self._hz) * ago_s
        self._hz = hz

    def _take(self, position: float, hz: float) -> None:
        """Follow another beat from now on."""
        known = self._repeats.hz  # finer than the filter's intervals, which are 1 to 4 % apart
        self._position = position
        self._hz = known if known and abs(math.log(known / hz)) < NEAR_TEMPO else hz
        self._followed_s = self._evidence = 0.0
        self._off_beat.reset()
        self.bars.moved()

    def _exact(self, error: float) -> float | None:
        """Return by how many beats what repeats is ahead of what is followed; None where nothing clear repeats so near.

        error: what the filter says of it. Repetition is seconds behind a tempo that moves: then the two disagree.
        """
        repeats = self._repeats
        row = repeats.row_of(self._hz)
        profile = repeats.table[row]
        expected = -(self._position + float(self._ahead(row, self._hz))) * BINS % BINS
        near = (round(expected) + _NEAR_BINS) % BINS
        at = int(near[int(profile[near].argmax())])
        if profile[at] <= _CLEAR or profile[at] <= _CLEAREST * profile.max():
            return None
        exact = -(peak_near(profile, at) - expected) / BINS
        exact -= round(exact)
        return exact if abs(exact - error) < _AGREE else None

    def _ahead(self, row: np.ndarray | int, hz: np.ndarray | float) -> np.ndarray:
        """Return by how many beats the table's rows are ahead of the filter, for a beat of the tempo `hz`.

        A row shows where attacks fell `memory_s` ago, on average, carried on to now at its own tempo and not at `hz`.
        """
        repeats = self._repeats
        ahead: np.ndarray = hz * (BEHIND_S - FLUX_LAG_S - repeats.ages_s[row])
        ahead += (repeats.hz_rows[row] - hz) * repeats.memory_s
        return ahead

    def _aim(self, t: float) -> Timeline | None:
        """Re-aim the line from where it is now, towards the beat."""
        if self._hz == 0.0:
            return None
        beat = self._position + self._hz * BEHIND_S + self._off_beat.half
        if self._line is None:
            self._line = Timeline(beat % 4.0, t, self._hz * 60.0, self.confidence.value)
            self._count = round(self._line.beat0 - beat)
            return self._line
        error = beat - self._line.beat_at(t)
        self._count = -round(error)
        error += self._count
        soon = _MEET_S if abs(error) < _SMALL else _MEET_SOON_S
        correction = min(_SLEW * self._hz, max(-_SLEW * self._hz, error / soon))
        bars = self.bars
        self._line = Timeline(
            self._line.beat_at(t),
            t,
            (self._hz + correction) * 60.0,
            self.confidence.value,
            bars.one,
            bars.per_bar,
            bars.confidence * self.confidence.value,
        )
        return self._line
