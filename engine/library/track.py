"""What a piece of music is like, in a few numbers: tempo, onsets, balance, brightness, dynamics, energy.

Called by `suggest`. It hears the file through the same analysis as a show, in up to three minutes of excerpts. It works on
raw features and never on normalised ones, which are 0..1 for every track by design and so cannot tell two apart.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from phosphene.engine.audio.listener import plain_listener
from phosphene.engine.audio.mending import SoundFaults
from phosphene.engine.audio.tag_network import open_network
from phosphene.engine.audio.tagger import mean_tags, tags_of
from phosphene.engine.core import clock
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.signals import FEATURES, HOP, SAMPLE_RATE
from phosphene.engine.tempo.timeline import Timeline

BUDGET_S = 180.0  # of sound analysed; some 25 times faster than it plays, on one core
EXCERPTS = 4  # of a longer track: 45 s each leave the beat tracker time to settle in every one
REACH_S = 3600.0  # how far into a file the excerpts lie: everything before one has to be decoded, 12 s for an hour
SURE = 0.35  # pulse below this: no clear beat, and the tempo is not told
_SETTLE_S = 8.0  # the tracker's first guesses are left out
_MOMENT = round(0.4 * SAMPLE_RATE / HOP)  # hops: the "momentary" window of EBU R 128
_TAG_STEP = 4 * SAMPLE_RATE  # samples from one look of the tagging network to the next: 2.6 s for all of the budget
_EPS = 1e-12


@dataclass(frozen=True)
class Track:
    """The features of a track. Levels are of the parts that are not silent.

    seconds: analysed; cost_s: time that took; sounding: share that is not silent; bpm: of the steadiest tempo, may be half
    or double what a dancer counts, None without a clear beat; pulse 0..1: how steadily it is followed; onsets: per s;
    bass_over_mid, bass_over_treble: dB, of mean magnitudes per bin; centroid: Hz, geometric mean; brightness 0..1: the
    same on a log scale, 400 Hz to 4 kHz; range_db: momentary level, 10th to 95th percentile; loudness_db: its median;
    noise: log10 of median spectral flatness, pure tones -7, hiss -0.3; energy 0..1. notes: what is odd about the sound, a
    line each. tags: tag -> 0..1, the mean (`audio.tag_network`); empty where the extra `nets` is not installed.
    """

    seconds: float
    cost_s: float
    sounding: float
    bpm: float | None
    pulse: float
    onsets: float
    bass_over_mid: float
    bass_over_treble: float
    centroid: float
    brightness: float
    range_db: float
    loudness_db: float
    noise: float
    energy: float
    notes: tuple[str, ...] = ()
    tags: dict[str, float] = field(default_factory=dict)


def analyse(source: str | Path | np.ndarray) -> Track:
    """Listen to a file, or to float32 [n, 2] or [n] at 48 kHz. Raises UserError for a file without readable sound."""
    start, faults = clock.now(), SoundFaults()
    if isinstance(source, np.ndarray):
        parts = [source[: round(BUDGET_S * SAMPLE_RATE)]]
    else:
        parts = list(excerpts(Path(source), faults))
    heard, lines, seconds, odd = [], [], 0.0, []
    for pcm in parts:
        records, follow, said = _listen(pcm)
        heard.append(records)
        lines.extend(follow)
        odd += said
        seconds += len(pcm) / SAMPLE_RATE
    notes = tuple(dict.fromkeys([*faults.lines(), *odd]))
    if not seconds:
        raise UserError("no sound in this file", where=str(source), remedy="use a file with an audio stream")
    records = np.concatenate(heard)
    active = records[records["active"] > 0.5]
    bpm, pulse = _tempo(lines)
    if len(active) < _MOMENT:
        return Track(seconds, clock.now() - start, 0.0, None, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -120.0, 0.0, 0.0, notes)
    onsets = float((active["onset"] > 0).sum() / (len(active) * HOP / SAMPLE_RATE))
    bass, mid, treble = (float(active[band].mean(dtype=np.float64)) + _EPS for band in ("bass", "mid", "treble"))
    centroid = float(np.exp(np.log(np.maximum(active["centroid"], 20.0), dtype=np.float64).mean()))
    brightness = ramp(math.log2(centroid), math.log2(400.0), math.log2(4000.0))
    power = np.convolve(active["rms"].astype(np.float64) ** 2, np.full(_MOMENT, 1.0 / _MOMENT), "valid")
    low, middle, high = np.percentile(10.0 * np.log10(power + _EPS), (10, 50, 95)).tolist()
    steady = 1.0 - ramp(high - low, 3.0, 15.0)
    track = Track(
        seconds=seconds,
        cost_s=0.0,
        sounding=len(active) / max(1, len(records)),
        bpm=bpm if pulse >= SURE else None,
        pulse=pulse,
        onsets=onsets,
        bass_over_mid=20.0 * math.log10(bass / mid),
        bass_over_treble=20.0 * math.log10(bass / treble),
        centroid=centroid,
        brightness=brightness,
        range_db=high - low,
        loudness_db=middle,
        noise=math.log10(float(np.median(active["flatness"])) + 1e-7),
        energy=_energy(onsets, bpm, pulse, brightness, steady),
        notes=notes,
        tags=_tags(parts),
    )
    return replace(track, cost_s=clock.now() - start)


def ramp(x: float, zero: float, one: float) -> float:
    """Return 0 at `zero`, 1 at `one` (which may be the lower), linear between, clipped."""
    return min(1.0, max(0.0, (x - zero) / (one - zero)))


def excerpts(path: Path, faults: SoundFaults | None = None) -> Iterator[np.ndarray]:
    """Yield float32 [n, 2] at 48 kHz: all of a short track, `EXCERPTS` parts spread over a longer one.

    faults: is told what was made good. Raises UserError for a file without readable sound.
    """
    from phosphene.engine.audio.decode import told_seconds

    faults = SoundFaults() if faults is None else faults
    parts, length = _cut(path, _spans(told_seconds(path)), faults)
    if length is not None and not all(parts):  # it is shorter than it says, as cut and unfinished files are
        faults.broken = 0
        parts, _ = _cut(path, _spans(length / SAMPLE_RATE), faults)
    yield from (np.concatenate(part) for part in parts if part)


def _cut(path: Path, spans: list[tuple[int, int]], faults: SoundFaults) -> tuple[list[list[np.ndarray]], int | None]:
    """Return the blocks of each span, and how many samples there are if the file ended before the last one did."""
    from phosphene.engine.audio.decode import stream_audio

    parts: list[list[np.ndarray]] = [[] for _ in spans]
    at = 0
    for block in stream_audio(path, faults=faults):
        for (first, last), part in zip(spans, parts, strict=True):
            inside = block[max(0, first - at) : max(0, last - at)]
            if len(inside):
                part.append(inside)
        at += len(block)
        if at >= spans[-1][1]:
            return parts, None
    return parts, at


def _spans(seconds: float | None) -> list[tuple[int, int]]:
    """Return (first, last + 1) samples of the excerpts of a file of that length."""
    if seconds is None or seconds <= BUDGET_S:
        return [(0, round(BUDGET_S * SAMPLE_RATE))]
    length, reach = BUDGET_S / EXCERPTS, min(seconds, REACH_S)
    starts = [(k + 0.5) / EXCERPTS * reach - 0.5 * length for k in range(EXCERPTS)]
    return [(round(s * SAMPLE_RATE), round((s + length) * SAMPLE_RATE)) for s in starts]


def _listen(pcm: np.ndarray) -> tuple[np.ndarray, list[Timeline | None], list[str]]:
    """Return the FEATURES record of every hop of a part, the tracker's line every 0.1 s once it has settled, and notes.

    By the Listener of a show, so that a file moves the numbers here as it moves the picture there.
    """
    stereo = np.repeat(pcm[:, None], 2, axis=1) if pcm.ndim == 1 else pcm
    hops, settle = len(stereo) // HOP, round(_SETTLE_S * SAMPLE_RATE / HOP)
    listener, newest = plain_listener()
    records, lines = np.zeros(hops, FEATURES), []
    for k in range(hops):
        line = listener.hear(stereo[k * HOP : (k + 1) * HOP], (k + 1) * HOP / SAMPLE_RATE)
        records[k] = newest.latest()
        if k >= min(settle, hops // 2) and k % 19 == 0:
            lines.append(line)
    return records, lines, listener.notes()


def _tags(parts: Sequence[np.ndarray]) -> dict[str, float]:
    try:
        network = open_network()
    except UserError:  # a guess without it is as good as it was: the rules of `suggest`
        return {}
    stereo = (np.repeat(pcm[:, None], 2, axis=1) if pcm.ndim == 1 else pcm for pcm in parts)
    return mean_tags(tags_of(network, [pcm], step=_TAG_STEP) for pcm in stereo)


def _tempo(lines: list[Timeline | None]) -> tuple[float | None, float]:
    """Return the tempo that is followed most, weighted by confidence, and the share of the time (0..1) that it is."""
    found = [(line.bpm, line.confidence) for line in lines if line is not None and line.confidence > 0.0]
    if not found:
        return None, 0.0
    bpm, confidence = np.array(found, np.float64).T
    near = np.abs(np.log2(bpm[:, None] / bpm[None])) < 1 / 24  # 3 %
    best = near[np.argmax(near @ confidence)]
    return float(np.average(bpm[best], weights=confidence[best])), float(confidence[best].sum() / len(lines))


def _energy(onsets: float, bpm: float | None, pulse: float, brightness: float, steady: float) -> float:
    """Return 0..1: mostly how much happens, then how fast the beat goes, how bright and how steadily loud it is.

    Not how loud: that is a knob. A pad is steady too, so steadiness counts only where things happen.
    """
    speed = pulse * ramp(bpm or 0.0, 60.0, 160.0)
    busy = ramp(onsets, 0.0, 6.0)
    return 0.4 * busy + 0.3 * speed + 0.2 * brightness + 0.1 * steady * ramp(onsets, 0.5, 3.0)
