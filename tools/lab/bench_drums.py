"""Kick, snare and hat: are they told apart, how late, and at what cost?

Run by hand (`python tools/lab/bench_drums.py [--samples DIR] [--only NAME] [--json]`). Some three minutes of a core.

What is heard, none of it learnt from: mixes of held-out voices and rhythms with music beside them (`ears/drum_mixes.py`;
with `--samples`, Sonic Pi's etc/samples, also of its held-out one-shots); random pieces, whose five kits are kept out of the
training (`ears/random_piece.py`); the stress pieces of `vj bench ears`. All of it hop by hop through the Listener.

What hears: `live`, as shipped (the network, for every class); the bands for every class; aubio's onset, for every class.
F within 50 ms; beside it the null, the same hits turned round in time. late: from the hit to the hop that flags it; off: the
time it says, less the true one; both medians in ms. strength: rank correlation of how hard a hit was said to be and was.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from phosphene.engine.audio.drums import CLASSES, Drums, live_drums
from phosphene.engine.core.clock import now
from phosphene.tools.lab.ears import filters, wide_drums
from phosphene.tools.lab.ears.cases import CASES, Case
from phosphene.tools.lab.ears.drum_mixes import Sounds, mix
from phosphene.tools.lab.ears.drum_scoring import HeardDrums, Tally, analysed, heard, onsets_as_drums
from phosphene.tools.lab.ears.piece import Piece
from phosphene.tools.lab.ears.random_piece import random_piece

_MIXES, _PIECES, _PIECE_S = 100, 24, 15.0
_STRESS_S = 20.0  # of every stress piece so much is heard
_FIRST_MIX, _FIRST_PIECE, _BOX, _VOICES = 300_000, 7_000, 950, 60
_TWO = "two tracks at once"  # its truth is the first one's alone
_LEVELS_DB = (-30.0, 6.0)


DETECTORS: dict[str, Callable[[], Drums]] = {"live": live_drums, "bands": Drums}


@dataclass(frozen=True)
class Sound:
    """One sound of a set, made where it is heard."""

    group: str
    make: Callable[[], Piece]


@cache
def _sounds(samples: Path | None) -> Sounds:
    return Sounds.of(_BOX, _VOICES, None if samples is None else wide_drums.one_shots(samples, True))


def _mixed(seed: int, samples: Path | None) -> Piece:
    made = mix(seed, _sounds(samples))
    gain = filters.from_db(np.random.default_rng([seed, 5]).uniform(*_LEVELS_DB))
    return Piece(np.repeat(made.pcm[:, None] * gain, 2, axis=1), np.zeros(0), np.zeros(0, np.int64), made.hits)


def sounds(samples: Path | None = None) -> list[Sound]:
    """Return everything that is heard. samples: a folder of one-shots, or None."""
    found = [Sound("held-out mixes", partial(_mixed, _FIRST_MIX + k, samples)) for k in range(_MIXES)]
    found += [Sound("random pieces", partial(random_piece, _FIRST_PIECE + k, _PIECE_S)) for k in range(_PIECES)]
    return found + [Sound(f"stress: {case.group}", partial(_begun, case)) for case in CASES if case.name != _TWO]


def _begun(case: Case) -> Piece:
    return case.piece().part(0.0, _STRESS_S)


def score(sound: Sound) -> dict[str, Any]:
    """Let every detector hear a sound. Returns {"group", detector: (HeardDrums), "hits", "strengths", "seconds"}."""
    piece = sound.make()
    hops = analysed(piece.pcm)
    row: dict[str, Any] = {"group": sound.group, "hits": piece.hits, "strengths": piece.strengths, "seconds": piece.seconds}
    row["heard"] = {name: heard(make(), hops.mel, hops.active) for name, make in DETECTORS.items()}
    row["heard"]["onset"] = onsets_as_drums(hops)
    return row


def cost(seconds: float = 20.0) -> dict[str, dict[str, float]]:
    """Return {detector: {"us_mean", "us_p50", "us_p99"}} of a hop."""
    mel = analysed(random_piece(_FIRST_PIECE, seconds).pcm).mel
    out = {}
    for name, make in DETECTORS.items():
        drums, times = make(), np.zeros(len(mel))
        for k, row in enumerate(mel):
            start = now()
            drums.step(row, 1.0, k * 0.005)
            times[k] = now() - start
        p50, p99 = np.percentile(times * 1e6, [50, 99])
        out[name] = {"us_mean": round(float(times.mean() * 1e6), 1), "us_p50": round(p50, 1), "us_p99": round(p99, 1)}
    return out


def bench(samples: Path | None = None, workers: int = 2, only: str = "") -> dict[str, Any]:
    """Score everything. Returns {"scores": {group: {detector: {class: figures}}}, "cost": as `cost`}."""
    wanted = [sound for sound in sounds(samples) if only in sound.group]
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        rows = list(pool.map(score, wanted, chunksize=4))
    groups = list(dict.fromkeys(row["group"] for row in rows))
    tallies: dict[str, dict[str, dict[str, Tally]]] = {}
    for group in [*groups, "stress, all"]:
        of_group = [row for row in rows if row["group"] == group or (group == "stress, all" and "stress" in row["group"])]
        tallies[group] = {name: _tally(of_group, name) for name in (*DETECTORS, "onset")} if of_group else {}
    scores = {
        group: {name: {drum: tally.figures() for drum, tally in drums.items()} for name, drums in found.items()}
        for group, found in tallies.items()
    }
    return {"scores": scores, "cost": cost()}


def _tally(rows: list[dict[str, Any]], detector: str) -> dict[str, Tally]:
    tallies = {name: Tally() for name in CLASSES}
    for row in rows:
        what: HeardDrums = row["heard"][detector]
        for name, tally in tallies.items():
            tally.add(name, what, row["hits"].get(name, np.zeros(0)), row["seconds"], row["strengths"].get(name))
    return tallies


def table(result: Mapping[str, Any]) -> str:
    """Return the results as Markdown."""
    lines = []
    for group, found in result["scores"].items():
        if not found:
            continue
        lines += [
            f"\n{group}\n",
            "| F (null) | " + " | ".join(CLASSES) + " | late ms | off ms | strength |",
            "|---" * 7 + "|",
        ]
        for name, drums in found.items():
            cells = [f"{figures['f']:.2f} ({figures['null']:.2f})" for figures in drums.values()]
            for key in ("late_ms", "off_ms", "strength_rank"):
                values = [drums[drum][key] for drum in CLASSES]
                cells += [", ".join("-" if value is None else f"{value:.3g}" for value in values)]
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lines += ["", *(f"{name}: {us} of a hop" for name, us in result["cost"].items())]
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=Path, help="Sonic Pi's etc/samples: their held-out one-shots are heard too")
    parser.add_argument("--only", default="", help="only the sets with this in their names")
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    options = parser.parse_args()
    outcome = bench(options.samples, options.workers, options.only)
    sys.stdout.write((json.dumps(outcome, indent=2) if options.json else table(outcome)) + "\n")
