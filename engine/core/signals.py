"""Signals: what the music does, as named numbers at one instant. Features arrive once a hop, signals are read once a frame.

`FEATURES` is the record that the audio process publishes per hop. `signals_at` turns the records around a time, the beat
position and the faders into the frozen `Signals` of a frame: a function of its arguments only, so that live and offline
agree to the bit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

import numpy as np

SAMPLE_RATE = 48_000  # Hz
HOP = 256  # samples, 5.33 ms
WINDOW = 1024  # samples, 21.3 ms
MEL_BANDS = 40
FADERS = 8
DRUMS = ("kick", "snare", "hat")
PARTS = ("build", "drop", "break")
PHRASE_BARS = 16

# Normalised forms are 0..1 by running robust normalisation with a silence gate: a quiet room stays at 0.
NORMALISED = ("rms", "bass", "mid", "treble", "centroid", "rolloff", "flatness", "flux", "onset_strength")

FEATURES = np.dtype(
    [
        ("t_adc", np.float64),  # s on the clock.now() line at which the hop's last sample was captured (offline: file time)
        ("sample", np.int64),  # samples since the stream began, up to and including this hop
        ("onset_time", np.float64),  # t_adc line: musical time of the newest onset; -inf before the first
        ("onset", np.float32),  # 1 on the hop that flags an onset, else 0
        ("rms", np.float32),  # linear, full scale 1
        ("peak", np.float32),  # linear maximum of |raw input| before gain
        ("loudness_db", np.float32),  # dB below full scale, floor -120
        ("bass", np.float32),  # mean magnitude 20-250 Hz
        ("mid", np.float32),  # 250-4000 Hz
        ("treble", np.float32),  # 4000-16000 Hz
        ("centroid", np.float32),  # Hz
        ("rolloff", np.float32),  # Hz below which 85 % of the magnitude lies
        ("flatness", np.float32),  # 0..1, geometric over arithmetic mean
        ("flux", np.float32),  # half-wave rectified log-mel difference, mean over bands
        ("onset_strength", np.float32),  # detection function of the onset method
        ("active", np.float32),  # silence gate, 0 closed .. 1 open
        ("mel", np.float32, (MEL_BANDS,)),  # log(1 + c * power) per band
        ("chroma", np.float32, (12,)),  # 0..1, C first
        ("drum_time", np.float64, (len(DRUMS),)),  # t_adc line: when the newest hit of each was; -inf before the first
        ("drum", np.float32, (len(DRUMS),)),  # 0..1, how hard it was
        ("part_time", np.float64, (len(PARTS),)),  # t_adc line: when the newest of each began; -inf before the first
        ("part", np.float32, (len(PARTS),)),  # 0..1: how sure it builds up or is a break now, and how sure that drop was
        ("norm", [(name, np.float32) for name in NORMALISED]),  # each 0..1
    ],
    align=True,
)

# What kind of music it is, from the tags of `audio/tagger.py`: 0 in silence, and where nobody tags.
TAG_SIGNALS: dict[str, str] = {
    "energy": "how driving the music is: fast, loud, with beats, over the last seconds (needs nets)",
    "calm": "how calm the music is: slow, soft, ambient, over the last seconds (needs nets)",
    "vocals": "how likely somebody sings or speaks, over the last seconds (needs nets)",
    "electronic": "1 for electronic music, 0 for instruments that are played, over the last seconds (needs nets)",
    "drums": "how likely drums play, over the last seconds: low in a break (needs nets)",
}

# The time of the scene itself: `show/acts.py`. Each deck's mappings see their own scene's; 0 where there is none.
SCENE_SIGNALS: dict[str, str] = {
    "act": "0..1 through the scene's act",
    "scene_bars": "0 when the scene begins, 1 after 64 bars",
    "scene_phrase": "0..1 over 16 bars, again and again, since the scene began",
    "drop_bars": "0 at the last drop since the scene began, 1 after 64 bars, and before the first",
    "drop_number": "which drop of the scene was the last: 0 before the first, then 1/4, 2/4, 3/4, 1, and again from 1/4",
}

# name -> what it is. All are 0..1 unless a unit is given. Scenes may map any of them.
SIGNALS: dict[str, str] = {
    "bass": "20-250 Hz, normalised",
    "mid": "250-4000 Hz, normalised",
    "treble": "4-16 kHz, normalised",
    "rms": "level, normalised",
    "loudness": "level on a dB scale, -60 dB is 0 and 0 dB is 1 (not normalised)",
    "centroid": "spectral centroid (brightness of the sound), normalised",
    "rolloff": "spectral rolloff, normalised",
    "flatness": "noisiness, normalised",
    "flux": "spectral flux, normalised: rises within one hop of an attack",
    "onset": "1 at an onset, falling with a 120 ms time constant",
    "onset_strength": "the onset detection function, normalised",
    **{name: f"1 at a hard hit of the {name} and for 60 ms, falling with a 120 ms time constant" for name in DRUMS},
    "active": "1 while there is sound, 0 in silence",
    "beat": "1 on the beat, falling to 0 before the next; 1 at an attack where the beat is not known",
    "beat_phase": "0..1 from beat to beat",
    "bar_phase": "0..1 from bar to bar",
    "phrase_phase": "0..1 over 16 bars",
    "swing": "0..1..0 once over two bars, a smooth sine on the beat grid",
    "confidence": "how sure the beat tracker is of the beat",
    "bar_confidence": "how sure it is of the bars",
    "build": "how sure it is that the music builds up to something",
    "break": "how sure it is that kick and bass are gone, while music goes on",
    "drop": "1 when they are back, falling with a time constant of 2 s",
    **{f"since_{name}": f"0 when the newest {name} begins, 1 after 64 s, and before the first" for name in PARTS},
    **TAG_SIGNALS,
    **SCENE_SIGNALS,
    **{f"fader{i}": f"OSC fader /fader/{i}" for i in range(1, FADERS + 1)},
}

_IMPULSES = ("flux", "onset_strength")
HIT_HELD_S = 0.06  # a hit is known 10 ms late and read up to 42 ms later: no frame must miss how hard it was
HIT_DECAY_S, DROP_DECAY_S, SINCE_S = 0.12, 2.0, 64.0  # of onsets and drums; of a drop; after which `since_` is 1
_STALE_S = 0.10  # records older than this mean that capture stopped: fade instead of freezing the last level
_FADE_S = 0.30


@dataclass(frozen=True, slots=True)
class BeatPosition:
    """Where the music is. beat: a real number that never jumps by itself; bpm; confidence 0..1.

    Bar `number` begins at the beat `one`, and every `per_bar` beats after it the next. Before `one` a bar passes at `rate`
    (bars a beat), so that one that was counted wrongly runs on evenly to where the next is known to begin.

    trust: 0..1, how much of what is shown on the beat is the beat's; the rest follows attacks.
    """

    beat: float = 0.0
    bpm: float = 120.0
    confidence: float = 0.0
    one: float = 0.0
    number: float = 0.0
    per_bar: float = 4.0
    rate: float = 0.25
    bar_confidence: float = 0.0
    trust: float = 1.0

    @property
    def bar(self) -> float:
        """Bars since some bar, a real number: whole where a bar begins."""
        beats = self.beat - self.one
        return self.number + (beats / self.per_bar if beats >= 0.0 else beats * self.rate)

    @property
    def beat_of_bar(self) -> int:
        """Which beat of the bar this is, from 1."""
        return int(self.bar % 1.0 * self.per_bar) + 1

    @property
    def counted(self) -> float:
        """Four a bar, whatever its metre: beats for what has to begin with a bar."""
        return self.bar * 4.0

    def next_bar(self) -> float:
        """Return the beat, this one or a later one, at which the next bar begins."""
        return self.one + max(0.0, math.ceil((self.beat - self.one) / self.per_bar)) * self.per_bar


@dataclass(frozen=True, slots=True)
class Signals(Mapping[str, float]):
    """Frozen signal values of one frame: a mapping of the names in `SIGNALS`, plus arrays and times.

    t: the instant asked for; t_audio: the audio time that the values really describe (<= t); both s on the clock line.
    """

    table: Mapping[str, float]
    t: float
    t_audio: float
    position: BeatPosition
    mel: np.ndarray = field(repr=False)  # [40], float32
    chroma: np.ndarray = field(repr=False)  # [12], float32

    def __getitem__(self, name: str) -> float:
        return self.table[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.table)

    def __len__(self) -> int:
        return len(self.table)


_EMPTY = cast(np.void, np.zeros((), FEATURES)[()])  # the stubs know no () that takes the record out
_EMPTY["onset_time"] = -np.inf
_EMPTY["t_adc"] = -np.inf
_EMPTY["drum_time"] = _EMPTY["part_time"] = -np.inf


def silence() -> np.void:
    """Return a FEATURES record of silence with no time."""
    return _EMPTY.copy()


def signals_at(
    t: float,
    records: Sequence[np.void],
    position: BeatPosition,
    faders: Sequence[float] = (0.0,) * FADERS,
    since: float = math.inf,
    tags: Mapping[str, float] = {},
    scene: Mapping[str, float] = {},
) -> Signals:
    """Interpolate `records` (oldest first, any number) at time `t` and return the frame's signals.

    Before the newest record: linear between neighbours. After it: the newest values, fading once capture has stopped.
    Impulses (flux, onset strength) last a hop or two, a frame at 24 fps eight: they are the highest of the records after
    `since`, the last frame's `t_audio`, so that no attack falls between two frames. tags: values of
    `TAG_SIGNALS`; scene: of `SCENE_SIGNALS`.
    """
    if not records:
        records = [_EMPTY]
    newest = records[-1]
    older, newer, w = newest, newest, 0.0
    for a, b in zip(records[-2::-1], records[:0:-1], strict=True):
        if b["t_adc"] <= t:
            break
        older, newer = a, b
        span = float(b["t_adc"] - a["t_adc"])
        w = min(1.0, max(0.0, (t - float(a["t_adc"])) / span)) if span > 0 else 1.0
        if a["t_adc"] <= t:
            break
    age = t - float(newest["t_adc"])
    fade = math.exp(-(age - _STALE_S) / _FADE_S) if age > _STALE_S else 1.0

    def mix(a: float, b: float) -> float:
        return (float(a) * (1.0 - w) + float(b) * w) * fade

    values = {name: mix(older["norm"][name], newer["norm"][name]) for name in NORMALISED}
    # Faded after the scale: a fading dB value would climb to 0 dB and flash.
    loudness_db = float(older["loudness_db"]) * (1.0 - w) + float(newer["loudness_db"]) * w
    for record in records:
        if since < record["t_adc"] <= t:
            for name in _IMPULSES:
                values[name] = max(values[name], float(record["norm"][name]) * fade)
    values["loudness"] = min(1.0, max(0.0, 1.0 + loudness_db / 60.0)) * fade
    values["active"] = mix(older["active"], newer["active"])
    onset_time = max((float(r["onset_time"]) for r in (older, newer) if r["onset_time"] <= t), default=-math.inf)
    values["onset"] = math.exp(-(t - onset_time) / HIT_DECAY_S)
    values |= _heard(t, older, newer, w)
    values |= {name: float(tags.get(name, 0.0)) for name in TAG_SIGNALS}
    values |= {name: float(scene.get(name, 0.0)) for name in SCENE_SIGNALS}
    for name in ("build", "break"):
        values[name] *= fade
    phase = position.beat % 1.0
    values["beat_phase"] = phase
    # A wrong beat is seen by everybody, and an attack is never wrong: where the beat is not known, those are followed.
    values["beat"] = (1.0 - phase) ** 2 * position.trust + values["onset"] * (1.0 - position.trust)
    values["bar_phase"] = position.bar % 1.0
    values["phrase_phase"] = position.bar / PHRASE_BARS % 1.0
    values["swing"] = 0.5 - 0.5 * math.cos(2.0 * math.pi * (position.bar / 2.0 % 1.0))
    values["confidence"] = position.confidence
    values["bar_confidence"] = position.bar_confidence
    values |= {f"fader{i}": float(v) for i, v in enumerate(faders, 1)}
    mel = (older["mel"] * (1.0 - w) + newer["mel"] * w) * fade
    chroma = (older["chroma"] * (1.0 - w) + newer["chroma"] * w) * fade
    t_audio = min(t, float(newest["t_adc"]))
    return Signals({k: values[k] for k in SIGNALS}, t, t_audio, position, mel.astype(np.float32), chroma.astype(np.float32))


def _heard(t: float, older: np.void, newer: np.void, w: float) -> dict[str, float]:
    """Return the signals of drums and parts at `t`, which lies between two records, `w` on the way to the newer one."""
    hits, parts = _newest(t, older, newer, "drum"), _newest(t, older, newer, "part")
    found = {
        name: strength * math.exp(-max(0.0, t - time - HIT_HELD_S) / HIT_DECAY_S)
        for name, (time, strength) in zip(DRUMS, hits, strict=True)
    }
    for k, (name, (time, strength)) in enumerate(zip(PARTS, parts, strict=True)):
        if name == "drop":
            found[name] = strength * math.exp(-max(0.0, t - time) / DROP_DECAY_S)
        else:
            found[name] = float(older["part"][k]) * (1.0 - w) + float(newer["part"][k]) * w
        found[f"since_{name}"] = min(1.0, max(0.0, t - time) / SINCE_S)
    return found


def _newest(t: float, older: np.void, newer: np.void, name: str) -> list[tuple[float, float]]:
    """Return (time, strength) of the newest of each kind that had been by `t`."""
    at, strength, at_before, before = (record[of].tolist() for record in (newer, older) for of in (f"{name}_time", name))
    return [(a, s) if a <= t else (b, z) for a, s, b, z in zip(at, strength, at_before, before, strict=True)]
