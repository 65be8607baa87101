"""Do the sections of a piece begin where its parts begin? Borders within a bar, and which parts are taken for the same.

Run by hand (`python tools/lab/bench_sections.py [--json]`), two minutes. The demo track and songs made of parts drawn
at random (drums, bass, chords, plucks, pads; some with a snare roll into the next part) are cut by the same code as a
render's. F counts borders within a bar of a true one, one-to-one. The null knows how many borders there are, and spaces
them evenly.
"alike" is the share of pairs of true parts, told apart or taken for the same as they should be, by the label in their
middle. The songs "held out" were first cut after the last constant had been set.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from itertools import combinations

import numpy as np

from phosphene.engine.audio import synth
from phosphene.engine.audio.demo import demo_track
from phosphene.engine.audio.hearing import structure
from phosphene.engine.audio.sections import Section
from phosphene.engine.audio.synth import Event, Grid, pattern
from phosphene.engine.core.signals import SAMPLE_RATE
from phosphene.engine.tempo.beats import OnsetStrength
from phosphene.tools.lab.bench_tempo import hear, track_beats

# plan: (part, bars) in order
PLANS = (
    (("A", 8), ("B", 8), ("A", 8)),
    (("A", 16), ("B", 8), ("A", 16), ("B", 8)),
    (("A", 8), ("B", 16), ("C", 8), ("B", 16)),
    (("A", 12), ("B", 8), ("C", 12), ("A", 8)),
    (("A", 4), ("B", 16), ("C", 8), ("B", 16), ("D", 8)),
    (("A", 16), ("B", 16)),
    (("A", 32),),
)
TEMPI = (90.0, 100.0, 120.0, 128.0, 140.0, 172.0)
_SEED, _HELD_OUT_SEED = 100, 700
_CHORDS = ((53, 56, 60, 63), (49, 53, 56, 60), (56, 60, 63, 67), (51, 55, 58, 62), (46, 53, 58, 61), (48, 55, 60, 64))
_KICKS = ("X... X... X... X...", "X.x. .... ..x. ....", "X... .... X... ....")
_SNARES = (".... X... .... X...", ".... .... .... ....")
_HATS = ("x-x- x-x- x-x- x-x-", "..x. ..x. ..x. ..x.", ".... .... .... ....")
_ROLL = ".... .... x.x. xxxx"

Parts = tuple[tuple[str, float, float], ...]


def song(plan: tuple[tuple[str, int], ...], bpm: float, seed: int, roll: bool = False) -> tuple[np.ndarray, Parts]:
    """Return (float32 [n, 2] at 48 kHz, its parts: (name, start s, end s)) of a piece whose parts are drawn from `seed`."""
    rng = np.random.default_rng(seed)
    events: list[Event] = []
    parts, bar, bar_s = [], 0, 240.0 / bpm
    kits = {name: _kit(rng) for name in "ABCD"}
    for name, bars in plan:
        kit = kits[name]
        parts.append((name, bar * bar_s, (bar + bars) * bar_s))
        for b in range(bar, bar + bars):
            chord = _CHORDS[kit["chords"][(b - bar) // 2 % 4]]
            if (b - bar) % 2 == 0:
                voice = ("pad", chord, 2 * bar_s + 0.3, kit["dark"], kit["dark"] * 1.3)
                events.append(Event(b * 4, voice, kit["pad"], 0.0, False))
            snare = _ROLL if roll and b == bar + bars - 1 else kit["snare"]
            for drum, line, gain in (("kick", kit["kick"], 0.9), ("snare", snare, 0.5), ("hat", kit["hat"], 0.2)):
                events.extend(Event(beat, (drum,), gain * v) for beat, v in pattern(line, b))
            if kit["bass"]:
                notes = pattern("X..x ..x. X... ..x.", b)
                events.extend(Event(beat, ("bass", chord[0] - 24, 0.25), 0.5 * v) for beat, v in notes)
            if kit["pluck"]:
                notes = [(b * 4 + i / 2, chord[i % 4] + 12) for i in range(8)]
                events.extend(Event(beat, ("pluck", note, 3000.0), 0.15, 0.3, True, 1) for beat, note in notes)
        bar += bars
    return synth.render(events, Grid(bpm), bar * bar_s, loop=False), tuple(parts)


def _kit(rng: np.random.Generator) -> dict:
    return {
        "kick": str(rng.choice(_KICKS)),
        "snare": str(rng.choice(_SNARES)),
        "hat": str(rng.choice(_HATS)),
        "pad": float(rng.uniform(0.05, 0.35)),
        "dark": float(rng.uniform(300.0, 2000.0)),
        "chords": rng.permutation(len(_CHORDS))[:4],
        "bass": bool(rng.random() < 0.6),
        "pluck": bool(rng.random() < 0.5),
    }


def sections_of(pcm: np.ndarray) -> tuple[Section, ...]:
    """Return the sections of float32 [n, 2], found as for a render."""
    mono = np.ascontiguousarray(pcm.mean(axis=1))
    records = hear(mono)
    mel, active = np.ascontiguousarray(records["mel"]), np.ascontiguousarray(records["active"])
    frames = track_beats(mono, mel, active)[3]
    return structure(OnsetStrength().take(mel), frames, [records], len(pcm) / SAMPLE_RATE)[1]


def border_f(found: np.ndarray, true: np.ndarray, within_s: float) -> float:
    """Return F of borders in s, one-to-one; 1 where there are none and none were found."""
    hits, left = 0, found.tolist()
    for t in true:
        near = min(left, key=lambda b: abs(b - t), default=None)
        if near is not None and abs(near - t) <= within_s:
            hits += 1
            left.remove(near)
    return 2.0 * hits / (len(found) + len(true)) if len(found) + len(true) else 1.0


def score(name: str, group: str, pcm: np.ndarray, parts: Parts, bar_s: float) -> dict[str, object]:
    """Score one piece."""
    sections = sections_of(pcm)
    true = np.array([start for _, start, _ in parts[1:]])
    found = np.array([section.start for section in sections[1:]])
    even = np.linspace(0.0, parts[-1][2], len(parts) + 1)[1:-1]
    labels = [_label_at(sections, (start + end) / 2) for _, start, end in parts]
    pairs = list(combinations(range(len(parts)), 2))
    right = [(labels[a] == labels[b]) == (parts[a][0] == parts[b][0]) for a, b in pairs]
    return {
        "piece": name,
        "group": group,
        "found": [round(float(t), 1) for t in found],
        "true": [round(float(t), 1) for t in true],
        "f": round(border_f(found, true, 1.05 * bar_s), 3),
        "null": round(border_f(even, true, 1.05 * bar_s), 3),
        "alike": round(float(np.mean(right)), 3) if right else None,
    }


def _label_at(sections: tuple[Section, ...], t: float) -> int:
    return next(section.label for section in sections if section.start <= t < section.end)


def bench(held_out: bool = True) -> dict[str, object]:
    """Score everything. Returns {"pieces": rows, "mean": per group}."""
    demo = demo_track()
    rows = [score("demo", "demo", demo.pcm, demo.sections, 240.0 / demo.bpm)]
    for first_seed, group in ((_SEED, "songs"), (_HELD_OUT_SEED, "held out"))[: 1 + held_out]:
        tempi = np.random.default_rng(first_seed).choice(TEMPI, 2 * len(PLANS))
        for k, bpm in enumerate(tempi.tolist()):
            plan = PLANS[k % len(PLANS)]
            pcm, parts = song(plan, bpm, first_seed + k, roll=k % 2 == 0)
            name = " ".join(f"{part}{bars}" for part, bars in plan) + f" at {bpm:g}"
            rows.append(score(name, group, pcm, parts, 240.0 / bpm))
    means = {}
    for group in dict.fromkeys(str(row["group"]) for row in rows):
        these = [row for row in rows if row["group"] == group]
        means[group] = {
            key: round(float(np.mean([row[key] for row in these if row[key] is not None])), 3)
            for key in ("f", "null", "alike")
        }
    return {"pieces": rows, "mean": means}


def table(result: Mapping[str, object]) -> str:
    """Return the results as a Markdown table."""
    lines = ["| piece | borders found, s | true | F | null | alike |", "|---" * 6 + "|"]
    for row in result["pieces"]:
        alike = "" if row["alike"] is None else f"{row['alike']:.2f}"
        times = " | ".join(" ".join(f"{t:g}" for t in row[key]) for key in ("found", "true"))
        lines.append(f"| {row['group']}: {row['piece']} | {times} | {row['f']:.2f} | {row['null']:.2f} | {alike} |")
    for group, means in result["mean"].items():
        lines.append(f"| **{group}, mean** | | | {means['f']:.3f} | {means['null']:.3f} | {means['alike']:.3f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    outcome = bench()
    sys.stdout.write((json.dumps(outcome, indent=2) if options.json else table(outcome)) + "\n")
