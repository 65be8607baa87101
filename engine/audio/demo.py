"""Music made by the project itself: the two-minute demo track, and test tracks of any tempo, with known beats and onsets.

Called by the demo source of the audio process before its stream opens, by the offline source, by benchmarks and tests:
never in an audio callback. The demo track is rendered once and kept in the cache folder; a cache that cannot be written
costs the rendering time again and nothing else.
"""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from phosphene.engine.audio import synth
from phosphene.engine.audio.synth import Event, Grid, pattern
from phosphene.engine.core import paths
from phosphene.engine.core.arrays import read_array
from phosphene.engine.core.cache import keep_within
from phosphene.engine.core.errors import UserError

Style = Literal["four_on_floor", "breakbeat", "half_time"]

_log = logging.getLogger(__name__)
_MOST_BYTES = 256 << 20  # of the rendered track: it has 46 MB
_SAME_ONSET_S = 0.02  # attacks closer than this are heard as one


@dataclass(frozen=True)
class DemoTrack:
    """pcm: float32 [n, 2] at 48 kHz; beats, onsets: float64 s, ascending; sections: (name, start s, end s) in order; bpm."""

    pcm: np.ndarray
    beats: np.ndarray
    onsets: np.ndarray
    sections: tuple[tuple[str, float, float], ...]
    bpm: float


# The demo track: 64 bars at 128 bpm are exactly 120 s, and a beat is exactly 22 500 samples.
_BPM = 128.0
_SECTIONS = (("intro", 8), ("build", 8), ("main", 16), ("break", 8), ("drop", 16), ("outro", 8))
_BARS = sum(bars for _, bars in _SECTIONS)
_CHORDS = (  # F minor, two bars each: (bass note, chord, scale of the plucks)
    (29, (53, 60, 63, 67, 68), (65, 68, 72, 75, 79)),  # Fm9
    (25, (53, 56, 60, 61, 63), (65, 68, 72, 73, 77)),  # Db maj9
    (32, (51, 56, 60, 62, 67), (63, 67, 68, 72, 75)),  # Ab maj7
    (27, (51, 55, 58, 60, 65), (63, 67, 70, 74, 77)),  # Eb 6/9
)
_BASS_LINE = "..xo ..x. ..xo .xX."
_ARP = (0, 2, 4, 1, 3, 2, 4, 3)
_MELODY = (  # the lead of the drop over 8 bars: (beat, note, beats)
    (0, 72, 1.5), (1.5, 75, 0.5), (2, 79, 2), (4.5, 77, 0.5), (5, 75, 1), (6, 72, 2),
    (8, 73, 1.5), (9.5, 77, 0.5), (10, 80, 2), (12.5, 79, 0.5), (13, 77, 1), (14, 75, 2),
    (16, 75, 1.5), (17.5, 79, 0.5), (18, 84, 2), (20.5, 82, 0.5), (21, 79, 1), (22, 75, 2),
    (24, 74, 1.5), (25.5, 77, 0.5), (26, 82, 3), (29.5, 79, 0.5), (30, 77, 0.5), (30.5, 75, 0.5), (31, 74, 1),
)  # fmt: skip


def demo_track() -> DemoTrack:
    """Return the demo track: 120 s that loop without a seam, the same on every call. About 2 s when not yet in the cache."""
    grid = Grid(_BPM, swing=0.12, swing_step=0.25)
    events = _demo_score()
    pcm = _load_or_render(events, grid, _BARS * 4 * 60.0 / _BPM)
    return _track(pcm, events, grid, _SECTIONS, _BARS * 4)


def _demo_score() -> list[Event]:
    starts = dict(zip((name for name, _ in _SECTIONS), np.cumsum([0] + [b for _, b in _SECTIONS]), strict=False))
    intro, build, main, rest, drop, outro = (int(starts[name]) for name, _ in _SECTIONS)
    events: list[Event] = []

    def drums(voice: tuple, text: str, bar: int, bars: int, gain: float, pan: float = 0.0) -> None:
        events.extend(Event(beat, voice, gain * velocity, pan) for beat, velocity in pattern(text, bar, bars))

    four, offbeat, backbeat = "X... X... X... X...", "..x. ..x. ..x. ..x.", ".... X... .... X..."
    # Drums: everywhere but in the break. The loop's seam is its quietest place: four bars without a kick on either side.
    drums(("kick",), four, intro + 4, 11, 0.95)
    drums(("kick",), "X... X... X... ....", main - 1, 1, 0.95)
    for bar, bars in ((main, 16), (drop, 16), (outro, 4)):
        drums(("kick",), four, bar, bars, 1.0)
    drums(("hat", 0.012), offbeat, intro, 4, 0.12, 0.2)
    drums(("hat", 0.03), offbeat, intro + 4, 12, 0.35, 0.2)
    drums(("hat", 0.012), "x-o- x-o- x-o- x-o-", intro + 4, 12, 0.16, -0.3)
    drums(("clap",), backbeat, build, 7, 0.5)
    drums(("snare",), "o.o. o.o. oooo xxXX", main - 1, 1, 0.5)
    for bar in (main, drop):
        events.append(Event(bar * 4, ("crash",), 0.4, 0.1))
        drums(("clap",), backbeat, bar, 16, 0.6)
        drums(("snare",), ".... X..- .-.. X...", bar, 16, 0.35)
        drums(("hat", 0.11), offbeat, bar, 16, 0.3, 0.2)
        drums(("hat", 0.014), "x-o- x-ox x-o- x-ox", bar, 16, 0.2, -0.3)
    drums(("hat", 0.03), offbeat, outro, 4, 0.35, 0.2)
    drums(("hat", 0.012), offbeat, outro + 4, 4, 0.12, 0.2)
    drums(("clap",), backbeat, outro, 4, 0.4)
    events.append(Event(build * 4 + 16, ("riser", 16 * 60.0 / _BPM - 0.1), 0.5, 0.0, False))

    for bar in range(0, _BARS, 2):
        root, chord, scale = _CHORDS[bar // 2 % 4]
        seconds = 8 * 60.0 / _BPM + 0.4
        inside_break = rest <= bar < drop
        # The pads open their filter through the build and through the break, where they are alone.
        swelling = inside_break or build <= bar < main
        opening = 400 + 325 * (bar - (rest if inside_break else build)) if swelling else 700
        level = 0.30 if inside_break else 0.17
        events.append(Event(bar * 4, ("pad", chord, seconds, opening, opening * 1.4), level, 0.0, False))
        if build <= bar < rest or drop <= bar < outro + 4:
            notes = pattern(_BASS_LINE, bar, 2)
            events.extend(Event(b, ("bass", root + 12 * (v == 1.0), 0.22), 0.55 * v + 0.1) for b, v in notes)
        if build <= bar < rest or drop <= bar < outro:
            brightness = 1200.0 + 400.0 * (bar - build) if bar < main else 4500.0
            for i in range(16):
                note = scale[_ARP[i % 8]] + (12 if i % 8 == 7 and bar >= main else 0)
                events.append(Event(bar * 4 + i / 2, ("pluck", note, brightness), 0.13, 0.5 - i % 2, True, 2))
    for bar in (drop, drop + 8):
        for beat, note, beats in _MELODY:
            events.append(Event(bar * 4 + beat, ("lead", note, beats * 60.0 / _BPM), 0.15, 0.0, True, 3))
    return events


def synthetic_track(
    bpm: float,
    seed: int,
    swing: float = 0.0,
    breaks: bool = False,
    seconds: float = 40.0,
    style: Style = "four_on_floor",
) -> DemoTrack:
    """Make a test track: drums, bass, chords and plucks drawn from `seed`, at a constant tempo.

    bpm 70..175; swing 0..1/3 delays the off-eighths (sixteenths below 110 bpm in breakbeat style); breaks: bars 8..11 of
    every 16 have pads only; style half_time keeps the annotated beat and plays its snare on the third beat.
    """
    rng = np.random.default_rng([seed, round(bpm * 100)])
    grid = Grid(bpm, swing, 0.25 if style == "breakbeat" and bpm < 110 else 0.5)
    bars = int(np.ceil(seconds * bpm / 240.0))
    kit = {
        "kick": ("kick", round(rng.uniform(42, 58), 1), round(rng.uniform(0.09, 0.2), 3)),
        "snare": ("snare", round(rng.uniform(160, 230)), round(rng.uniform(0.06, 0.13), 3), int(rng.integers(100))),
        "hat": ("hat", round(rng.uniform(0.015, 0.05), 3), int(rng.integers(100))),
    }
    lines = _DRUM_LINES[style]
    kick_line, snare_line = lines[0][rng.integers(len(lines[0]))], lines[1][rng.integers(len(lines[1]))]
    hat_line = _HAT_LINES[rng.integers(len(_HAT_LINES))]
    bass_line = _BASS_LINES[rng.integers(len(_BASS_LINES) if style == "four_on_floor" else _ON_THE_ONE)]
    key, order = int(rng.integers(-4, 5)), rng.permutation(4)
    levels = {"kick": rng.uniform(0.6, 1), "snare": rng.uniform(0.35, 0.6), "hat": rng.uniform(0.12, 0.3)}
    music_level, plucks = rng.uniform(0.5, 1.1), rng.random() < 0.6
    rests = rng.random(8) < 0.6

    events: list[Event] = []
    sections: list[tuple[str, int]] = []
    for bar in range(bars):
        alone = breaks and bar % 16 in (8, 9, 10, 11)
        name = "break" if alone else style
        if sections and sections[-1][0] == name:
            sections[-1] = (name, sections[-1][1] + 1)
        else:
            sections.append((name, 1))
        root, chord, scale = _CHORDS[order[bar // 2 % 4]]
        if bar % 2 == 0:
            notes = tuple(note + key for note in chord)
            events.append(Event(bar * 4, ("pad", notes, 480.0 / bpm + 0.3, 800.0, 1200.0), 0.2 * music_level, 0.0, False))
        if alone:
            continue
        for name, text in (("kick", kick_line), ("snare", snare_line), ("hat", hat_line)):
            events.extend(Event(b, kit[name], levels[name] * v) for b, v in pattern(text[bar % len(text)], bar))
        hits = pattern(bass_line, bar)
        events.extend(Event(b, ("bass", root + key, 0.25), 0.5 * v * music_level) for b, v in hits)
        if plucks:
            hits = [(bar * 4 + i / 2, _ARP[i]) for i in range(8) if rests[i]]
            events.extend(Event(b, ("pluck", scale[i] + key, 3000.0), 0.13 * music_level, 0.3, True, 1) for b, i in hits)
    pcm = synth.render(events, grid, seconds, loop=False)
    return _track(pcm, events, grid, sections, int(seconds * bpm / 60.0 - 1e-9) + 1)


_DRUM_LINES: dict[str, tuple[tuple[tuple[str, ...], ...], tuple[tuple[str, ...], ...]]] = {
    # style: (kick lines, snare lines); a line is one or more bars that alternate
    "four_on_floor": (
        (("X... X... X... X...",), ("X... X... X... X..o", "X... X... X... X.o.")),
        ((".... X... .... X...",), (".... X... .... X..-", ".... X... .-.. X..."), (".... .... .... ....",)),
    ),
    "breakbeat": (
        (("X.x. .... ..x. ....", "X.x. .... ..xx ...."), ("X... .... ..X. ....",), ("X..x .... ..X. .x..",)),
        ((".... X..- .-.. X...",), (".... X..- .-.. X..-", ".... X..- .-.. ..X."), (".... X... .... X...",)),
    ),
    "half_time": (
        (("X... .... ..x. ....",), ("X... ..x. .... ..o.", "X... .... .... x..."), ("X.o. .... .... ....",)),
        ((".... .... X... ....",), (".... .... X... ...-", ".... .... X.-. ....")),
    ),
}
_HAT_LINES = (("x.x. x.x. x.x. x.x.",), ("..x. ..x. ..x. ..x.",), ("x-o- x-o- x-o- x-o-",), ("x.xo x.xo x.xo x.xo",))
_BASS_LINES = ("X... .... X... ....", "X.x. x.x. X.x. x.x.", "X..x ..x. X... ..x.", "..xo ..x. ..xo .xX.")
_ON_THE_ONE = 3  # so many of them; the last one leaves the beat to a kick that is always there


def _track(pcm: np.ndarray, events: list[Event], grid: Grid, sections: Iterable[tuple[str, int]], beats: int) -> DemoTrack:
    sections, seconds = tuple(sections), len(pcm) / synth.SAMPLE_RATE
    times = np.sort([grid.seconds(e.beat) for e in events if e.percussive and grid.seconds(e.beat) < seconds])
    onsets = times[np.diff(times, prepend=-np.inf) > _SAME_ONSET_S]
    edges = np.minimum(np.cumsum([0] + [bars for _, bars in sections]) * 240.0 / grid.bpm, seconds)
    named = tuple((name, float(a), float(b)) for (name, _), a, b in zip(sections, edges[:-1], edges[1:], strict=True))
    return DemoTrack(pcm, np.arange(beats) * 60.0 / grid.bpm, onsets, named, grid.bpm)


def _load_or_render(events: list[Event], grid: Grid, seconds: float) -> np.ndarray:
    sources = b"".join(Path(str(module)).read_bytes() for module in (__file__, synth.__file__))
    path = paths.cache_dir() / f"demo-{hashlib.sha256(sources).hexdigest()[:16]}.npy"
    try:
        pcm = read_array(path, _MOST_BYTES)
        if pcm.shape == (round(seconds * synth.SAMPLE_RATE), 2) and pcm.dtype == np.float32:
            return pcm
    except UserError:
        _log.debug("no demo track at %s: rendering it", path)
    pcm = synth.render(events, grid, seconds, loop=True)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as part:
            np.save(part, pcm)
        os.replace(part.name, path)  # another process may do the same: the last one wins, both wrote the same
        keep_within(path.parent, pcm.nbytes, "demo-*.npy")  # those of other versions
    except OSError as error:
        _log.info("the demo track could not be cached (%s): it is rendered again next time", error)
    return pcm
