"""Does the beat tracker keep up with the beat? F-measure against aubio's tempo, causal, on music whose beats are known.

Run by hand (`python tools/lab/bench_tempo.py [--music DIR] [--json]`) and by `vj bench tempo`. One minute.

What is scored: the instants at which the published line passes through whole beats, evaluated at every hop with the line
that was known then; F with a window of +-70 ms, after the first 5 s, at the annotated tempo. "any level" allows twice and
half of it, for information. aubio's instants are the ones it returns at each hop. The null is a metronome at 120 bpm,
mean over 16 phases. The tracks of the groups called "held out" differ in their seed only, and were first scored after the
last of the tracker's constants had been set.

Beside it stand the beats that a render finds with the whole piece in view (`engine.tempo.beats`), over all of the track and
over its first 5 s, where a causal tracker has yet to find the beat, and whether the bars begin where they should: half of
the downbeats or more within 70 ms. Chance would be right once in four times.

Real music has no annotation. Its reference is made offline, with all of the file in view: onset strength -> one tempo by
autocorrelation over the whole file -> beats by dynamic programming backwards from the end. It shares the features (not the
method) with the tracker; the tempo is printed so that a hand on the table can check it.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import aubio
import numpy as np

from phosphene.engine.audio.analyzer import Analyzer
from phosphene.engine.audio.demo import demo_track, synthetic_track
from phosphene.engine.audio.hearing import structure
from phosphene.engine.core import clock
from phosphene.engine.core.signals import FEATURES, HOP, SAMPLE_RATE, WINDOW
from phosphene.engine.tempo.activation import beat_activation
from phosphene.engine.tempo.beats import OnsetStrength
from phosphene.engine.tempo.grid import BeatGrid
from phosphene.engine.tempo.tracker import FRAME, FRAME_HOPS, BeatTracker

HOP_S = HOP / SAMPLE_RATE
WINDOW_S, WARM_UP_S = 0.070, 5.0
_SECONDS = 25.0
_SEED, _HELD_OUT_SEED = 4000, 13000

# group -> (bpm, swing, breaks, style)
TRACKS = {
    "steady": [(bpm, 0.0, False, "four_on_floor") for bpm in (70, 80, 90, 100, 110, 120, 128, 140, 150, 162, 175)],
    "broken": [(88, 0.0, False, "breakbeat"), (132, 0.0, False, "breakbeat"), (174, 0.0, False, "breakbeat")],
    "swing": [
        (75, 1 / 3, False, "breakbeat"),
        (92, 0.2, False, "breakbeat"),
        (105, 1 / 3, False, "four_on_floor"),
        (132, 0.25, False, "four_on_floor"),
    ],
    "breaks": [
        (85, 0.25, True, "breakbeat"),
        (118, 0.15, True, "four_on_floor"),
        (126, 0.0, True, "four_on_floor"),
        (170, 0.0, True, "breakbeat"),
    ],
    "half time": [(140, 0.0, False, "half_time"), (160, 0.1, False, "half_time")],
}


def f_measure(found: np.ndarray, true: np.ndarray, since: float = WARM_UP_S, until: float = np.inf) -> float:
    """Return F of beat times in s, one-to-one within the window, only `since` <= t < `until` counted on both sides."""
    found, true = (times[(times >= since) & (times < until)] for times in (found, true))
    hits = i = j = 0
    while i < len(found) and j < len(true):
        apart = found[i] - true[j]
        hits += abs(apart) <= WINDOW_S
        i += bool(apart <= WINDOW_S)
        j += bool(apart >= -WINDOW_S)
    return 2.0 * hits / max(1, len(found) + len(true))


def f_any_level(found: np.ndarray, true: np.ndarray) -> float:
    """Return the best F at the annotated tempo, twice and half of it."""
    doubled = np.sort(np.concatenate([true, (true[1:] + true[:-1]) / 2]))
    return max(f_measure(found, beats) for beats in (true, doubled, true[::2], true[1::2]))


def hear(mono: np.ndarray) -> np.ndarray:
    """Return FEATURES [hops] of float32[n] at 48 kHz."""
    analyzer, records = Analyzer(), np.zeros(len(mono) // HOP, FEATURES)
    for k in range(len(records)):
        records[k] = analyzer.process(mono[k * HOP : (k + 1) * HOP], (k + 1) * HOP_S)
    return records


def analyse(mono: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (mel float32[hops, 40], active float32[hops]) of float32[n] at 48 kHz."""
    records = hear(mono)
    return np.ascontiguousarray(records["mel"]), np.ascontiguousarray(records["active"])


def track_beats(
    mono: np.ndarray, mel: np.ndarray, active: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return (beat times in s, confidence per hop, us per hop, frames as `structure` takes them) of our tracker, live."""
    tracker, line = BeatTracker(HOP_S, beat_activation()), None
    beats, confidence, cost = [], np.zeros(len(mel)), np.zeros(len(mel))
    frames = np.zeros((len(mel) // FRAME_HOPS, len(FRAME)), np.float32)
    for k in range(len(mel)):
        t = (k + 1) * HOP_S
        if line is not None and (beat := np.floor(line.beat_at(t))) > np.floor(line.beat_at(t - HOP_S)):
            beats.append(line.time_of(beat))
        begun = clock.now()
        line = tracker.step(mel[k], t, float(active[k]), mono[k * HOP : (k + 1) * HOP]) or line
        cost[k] = (clock.now() - begun) * 1e6
        confidence[k] = line.confidence if line else 0.0
        if k % FRAME_HOPS == FRAME_HOPS - 1:
            frames[k // FRAME_HOPS] = tracker.frame
    return np.array(beats), confidence, cost, frames


def two_pass(records: np.ndarray, frames: np.ndarray) -> BeatGrid:
    """Return the beats that a render finds in FEATURES [hops] and the tracker's frames."""
    strength = OnsetStrength().take(records["mel"])
    return structure(strength, frames, [records], len(records) * HOP_S)[0]


def aubio_beats(mono: np.ndarray) -> np.ndarray:
    """Return the beat times in s that aubio's tempo reports, hop by hop."""
    tempo = aubio.tempo("default", WINDOW, HOP, SAMPLE_RATE)
    hops = len(mono) // HOP
    return np.array([tempo.get_last() / SAMPLE_RATE for k in range(hops) if tempo(mono[k * HOP : (k + 1) * HOP])[0]])


def reference_beats(mel: np.ndarray) -> tuple[np.ndarray, float]:
    """Return (beat times in s, bpm) by looking at the whole file: see the top of this module."""
    rise = np.maximum(mel[2:] - mel[:-2], 0.0)
    flux = np.concatenate([[0.0, 0.0], rise[:, :3].mean(axis=1) + rise[:, 3:].mean(axis=1)])
    flux = np.maximum(flux - np.convolve(flux, np.ones(188) / 188, "same"), 0.0)
    flux = np.convolve(flux / flux.std(), np.hanning(9) / 4, "same")
    size = 1 << (2 * len(flux)).bit_length()
    similar = np.fft.irfft(np.abs(np.fft.rfft(flux, size)) ** 2)
    lags = np.arange(round(0.3 / HOP_S), round(1.1 / HOP_S))
    comb = sum(similar[(m * lags)[:, None] + np.arange(-m, m + 1)].max(axis=1) / m**0.5 for m in (1, 2, 4))
    lag = int(lags[np.argmax(comb * np.exp(-0.5 * (np.log2(60.0 / (lags * HOP_S) / 120.0) / 0.9) ** 2))])
    # Sixteen beats on, the same peak tells the tempo sixteen times as exactly.
    far = np.arange(16 * lag - 24, 16 * lag + 25)
    period = far[np.argmax(similar[far])] / 16.0

    back = np.arange(round(period * 0.7), round(period * 1.4))
    stretch = -300.0 * np.log(back / period) ** 2
    total, before = flux.copy(), np.full(len(flux), -1)
    for k in range(back[-1], len(flux)):
        options = total[k - back] + stretch
        best = int(np.argmax(options))
        total[k] += options[best]
        before[k] = k - back[best]
    path = [len(flux) - round(period) + int(np.argmax(total[-round(period) :]))]
    while before[path[-1]] >= 0:
        path.append(int(before[path[-1]]))
    return np.array(path[::-1]) * HOP_S, 60.0 / (period * HOP_S)


def score(name: str, group: str, mono: np.ndarray, beats: np.ndarray | None, bpm: float) -> dict[str, object]:
    """Score one track, float32[n] mono. beats None: make the reference offline."""
    mono = np.ascontiguousarray(mono, np.float32)
    records = hear(mono)
    mel, active = np.ascontiguousarray(records["mel"]), np.ascontiguousarray(records["active"])
    if annotated := beats is not None:
        downbeats = beats[::4]
    else:
        beats, bpm = reference_beats(mel)
    ours, confidence, cost, frames = track_beats(mono, mel, active)
    theirs = aubio_beats(mono)
    seconds = len(mono) / SAMPLE_RATE
    grid = two_pass(records, frames)
    metronome = [np.arange(phase / 32, seconds, 0.5) for phase in range(16)]
    settled = ours[ours >= WARM_UP_S]
    errors = [t - beats[np.argmin(np.abs(beats - t))] for t in settled]
    errors = [e * 1e3 for e in errors if abs(e) <= WINDOW_S]
    return {
        "track": name,
        "group": group,
        "bpm": round(float(bpm), 1),
        "ours": round(f_measure(ours, beats), 3),
        "ours_any_level": round(f_any_level(ours, beats), 3),
        "aubio": round(f_measure(theirs, beats), 3),
        "aubio_any_level": round(f_any_level(theirs, beats), 3),
        "null": _mean_f(metronome, beats),
        "two_pass": round(f_measure(grid.times, beats), 3),
        "whole": _both(grid.times, ours, metronome, beats, -1.0, np.inf),
        "start": _both(grid.times, ours, metronome, beats, -1.0, WARM_UP_S),
        "bars": float(np.median(_apart(grid.bars, downbeats)) <= WINDOW_S) if annotated else None,
        "error_ms": round(float(np.median(errors)), 1) if errors else None,
        "confidence": round(float(np.median(confidence[round(WARM_UP_S / HOP_S) :])), 2),
        "us_mean": round(float(cost.mean()), 1),
        "us_p99": round(float(np.percentile(cost, 99)), 1),
    }


def _mean_f(tries: list[np.ndarray], true: np.ndarray, *span: float) -> float:
    return round(float(np.mean([f_measure(found, true, *span) for found in tries])), 3)


def _both(grid: np.ndarray, ours: np.ndarray, null: list[np.ndarray], true: np.ndarray, *span: float) -> dict[str, float]:
    f = {"two_pass": _mean_f([grid], true, *span), "causal": _mean_f([ours], true, *span)}
    return f | {"null": _mean_f(null, true, *span)}


def _apart(found: np.ndarray, true: np.ndarray) -> np.ndarray:
    return np.abs(found[:, None] - true[None]).min(axis=1)


def bench(music: Path | None = None, held_out: bool = True) -> dict[str, object]:
    """Score everything. Returns {"tracks": rows, "mean": per group and over all, "us": cost of a hop}."""
    demo = demo_track()
    rows = [score("demo", "demo", demo.pcm.mean(axis=1), demo.beats, demo.bpm)]
    for first_seed in (_SEED, _HELD_OUT_SEED)[: 1 + held_out]:
        k = 0
        for group, tracks in TRACKS.items():
            for bpm, swing, breaks, style in tracks:
                track = synthetic_track(bpm, first_seed + k, swing, breaks, _SECONDS, style)
                name = f"{style} {bpm}" + (f" swing {swing:.2f}" if swing else "") + (" breaks" if breaks else "")
                label = group if first_seed == _SEED else f"held out: {group}"
                rows.append(score(name, label, track.pcm.mean(axis=1), track.beats, bpm))
                k += 1
    if music is not None:
        from phosphene.engine.audio.decode import load_audio

        files = sorted(p for p in music.iterdir() if p.suffix.lower() in (".ogg", ".wav", ".flac", ".mp3"))
        rows += [score(p.stem, "music", load_audio(p).mean(axis=1), None, 0.0) for p in files]
    groups = list(dict.fromkeys(str(row["group"]) for row in rows))
    means = {group: _mean(row for row in rows if row["group"] == group) for group in groups}
    means["held out"] = _mean(row for row in rows if str(row["group"]).startswith("held out"))
    means["all"] = _mean(rows)
    cost = {key: round(float(np.median([float(row[key]) for row in rows])), 1) for key in ("us_mean", "us_p99")}
    return {"tracks": rows, "mean": {k: v for k, v in means.items() if v}, "us": cost}


_FIGURES = ("ours", "aubio", "null", "ours_any_level", "aubio_any_level")
_SPANS = ("whole", "start")
_FINDERS = ("two_pass", "causal", "null")


def _mean(rows: Iterable[Mapping[str, object]]) -> dict[str, object]:
    rows = list(rows)
    if not rows:
        return {}
    means: dict[str, object] = {key: round(float(np.mean([row[key] for row in rows])), 3) for key in _FIGURES}
    for span in _SPANS:
        means[span] = {key: round(float(np.mean([row[span][key] for row in rows])), 3) for key in _FINDERS}
    bars = [row["bars"] for row in rows if row["bars"] is not None]
    return means | {"bars": round(float(np.mean(bars)), 3) if bars else None}


def table(result: Mapping[str, object]) -> str:
    """Return the results as a Markdown table."""
    lines = ["| track | bpm | ours | aubio | null | ours, any level | aubio, any level | error ms |", "|---" * 8 + "|"]
    for row in result["tracks"]:
        figures = " | ".join(f"{row[key]:.2f}" for key in _FIGURES)
        mark = " (aubio is ahead)" if row["aubio"] > row["ours"] + 0.01 else ""
        lines.append(f"| {row['group']}: {row['track']}{mark} | {row['bpm']} | {figures} | {row['error_ms']} |")
    for group, means in result["mean"].items():
        lines.append(f"| **{group}, mean** | | " + " | ".join(f"{means[key]:.3f}" for key in _FIGURES) + " | |")
    lines.append("\nWith the whole piece in view (two-pass), over all of the track and over its first 5 s:\n")
    lines.append("| track | two-pass | causal | null | 5 s: two-pass | causal | null | bars right |")
    lines.append("|---" * 8 + "|")
    named = [(f"{row['group']}: {row['track']}", row) for row in result["tracks"]]
    for name, row in [*named, *((f"**{group}, mean**", means) for group, means in result["mean"].items())]:
        figures = " | ".join(f"{row[span][key]:.3f}" for span in _SPANS for key in _FINDERS)
        lines.append(f"| {name} | {figures} | {'' if row['bars'] is None else format(row['bars'], '.2f')} |")
    cost = result["us"]
    lines.append(f"\nA hop costs {cost['us_mean']} us on average, {cost['us_p99']} us at p99 (medians over the tracks).")
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--music", type=Path, help="a folder of audio files without annotations")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    outcome = bench(options.music)
    sys.stdout.write((json.dumps(outcome, indent=2) if options.json else table(outcome)) + "\n")
