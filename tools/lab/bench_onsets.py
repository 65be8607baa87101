"""Which onset method? Scores every one that aubio has against tracks whose onsets are known.

Run by hand (`python tools/lab/bench_onsets.py`) and by the benchmark suite through `bench`. For each method: F-measure with
a window of +-50 ms (greedy one-to-one matching), how late an onset is flagged after it sounded, how far off its
back-dated time is, and the cost of a hop. The choice is written down in docs/decisions/onset-method.md.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace

import aubio
import numpy as np

from phosphene.engine.audio.demo import DemoTrack, demo_track, synthetic_track
from phosphene.engine.core import clock
from phosphene.engine.core.signals import HOP, SAMPLE_RATE, WINDOW

METHODS = ("energy", "hfc", "complex", "phase", "wphase", "specdiff", "kl", "mkl", "specflux")
WINDOW_S = 0.050
_MAX_S = 60.0  # of each track: two of the demo track's drops, and a bench of a minute in all


def tracks() -> dict[str, DemoTrack]:
    """Return the tracks measured: the demo, four drawn ones (steady and swung, 85 to 170 bpm), two hard cases."""
    return {
        "demo": demo_track(),
        "steady 124": synthetic_track(124.0, seed=1, seconds=30.0),
        "swing 100": synthetic_track(100.0, seed=2, swing=0.25, seconds=30.0),
        "breakbeat 170": synthetic_track(170.0, seed=3, style="breakbeat", breaks=True, seconds=30.0),
        "half time 85": synthetic_track(85.0, seed=4, style="half_time", seconds=30.0),
        "quiet 124": _quieter(synthetic_track(124.0, seed=1, seconds=30.0), 24.0),
        "over a pad": _over_a_pad(),
    }


def _quieter(track: DemoTrack, db: float) -> DemoTrack:
    return replace(track, pcm=track.pcm * np.float32(10.0 ** (-db / 20.0)))


def _over_a_pad() -> DemoTrack:
    """Kick and noise bursts by turns, twice a second, over a steady chord: attacks that add little to the level."""
    rng = np.random.default_rng(0)
    t = np.arange(30 * SAMPLE_RATE) / SAMPLE_RATE
    mono = sum(0.08 * np.sin(2 * np.pi * f * t) for f in (220.0, 277.18, 329.63))
    onsets = np.arange(0.5, 29.5, 0.5)
    decay = np.arange(SAMPLE_RATE // 5) / SAMPLE_RATE
    for k, onset in enumerate(onsets):
        kick = 0.5 * np.sin(2 * np.pi * 55.0 * decay) * np.exp(-decay / 0.06)
        burst = 0.15 * rng.standard_normal(len(decay)) * np.exp(-decay / 0.02)
        start = round(onset * SAMPLE_RATE)
        mono[start : start + len(decay)] += burst if k % 2 else kick
    return DemoTrack(np.repeat(mono.astype(np.float32)[:, None], 2, axis=1), onsets, onsets, (), 120.0)


def match(found: Sequence[float], true: Sequence[float], window_s: float = WINDOW_S) -> list[tuple[int, int]]:
    """Return pairs (index in found, index in true) at most `window_s` apart, each index used once, both ascending."""
    pairs, j = [], 0
    for i, t in enumerate(found):
        while j < len(true) and true[j] < t - window_s:
            j += 1
        if j < len(true) and abs(true[j] - t) <= window_s:
            pairs.append((i, j))
            j += 1
    return pairs


def detect(mono: np.ndarray, method: str) -> tuple[list[float], list[float], float]:
    """Return (back-dated onset times in s, times at which they were flagged in s, us per hop) of float32[n]."""
    onset = aubio.onset(method, WINDOW, HOP, SAMPLE_RATE)
    found, flagged = [], []
    begun = clock.now()
    hops = len(mono) // HOP
    for k in range(hops):
        if onset(mono[k * HOP : (k + 1) * HOP])[0]:
            found.append(onset.get_last() / SAMPLE_RATE)
            flagged.append((k + 1) * HOP / SAMPLE_RATE)
    return found, flagged, (clock.now() - begun) / hops * 1e6


def score(track: DemoTrack, method: str) -> dict[str, float]:
    """Return F, precision, recall, and medians in ms: delay (sounded -> flagged) and error (back-dated - true)."""
    n = min(len(track.pcm), int(_MAX_S * SAMPLE_RATE))
    true = [float(t) for t in track.onsets if t < n / SAMPLE_RATE - WINDOW_S]
    found, flagged, cost = detect(np.ascontiguousarray(track.pcm[:n].mean(axis=1)), method)
    pairs = match(found, true)
    precision, recall = len(pairs) / max(1, len(found)), len(pairs) / max(1, len(true))
    delays = [(flagged[i] - true[j]) * 1e3 for i, j in pairs] or [0.0]
    errors = [(found[i] - true[j]) * 1e3 for i, j in pairs] or [0.0]
    return {
        "f": round(2 * precision * recall / max(1e-9, precision + recall), 3),
        "precision": round(precision, 3),
        "recall": round(recall, 3),
        "delay_ms": round(float(np.median(delays)), 1),
        "error_ms": round(float(np.median(errors)), 1),
        "us_per_hop": round(cost, 1),
    }


def bench(methods: Sequence[str] = METHODS) -> dict[str, dict[str, object]]:
    """Return {method: {"mean_f": F over the tracks, "tracks": {track: score}}}, best first."""
    material = tracks()
    results: dict[str, dict[str, object]] = {}
    for method in methods:
        scores = {name: score(track, method) for name, track in material.items()}
        results[method] = {"mean_f": round(float(np.mean([s["f"] for s in scores.values()])), 3), "tracks": scores}
    return dict(sorted(results.items(), key=lambda item: -item[1]["mean_f"]))


def table(results: Mapping[str, Mapping[str, object]]) -> str:
    """Return the results as a Markdown table."""
    names = list(next(iter(results.values()))["tracks"])
    head = ["method", "mean F", *names, "delay ms", "error ms", "us/hop"]
    rows = [head, ["---"] * len(head)]
    for method, result in results.items():
        scores = [result["tracks"][name] for name in names]
        medians = [f"{np.median([s[key] for s in scores]):.1f}" for key in ("delay_ms", "error_ms", "us_per_hop")]
        rows.append([method, f"{result['mean_f']:.3f}", *(f"{s['f']:.2f}" for s in scores), *medians])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


if __name__ == "__main__":
    outcome = bench()
    sys.stdout.write((json.dumps(outcome, indent=2) if "--json" in sys.argv else table(outcome)) + "\n")
