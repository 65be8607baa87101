"""Live structure: are breaks, builds and drops found, how soon, and what is said of music that has none?

Run by hand (`python tools/lab/bench_structure.py [--tracks 40] [--music DIR] [--json]`) and by `vj bench structure`. Some
four minutes on two cores.

What is heard: whole tracks with exact truth (`tools/lab/ears/arrangement.py`, seeds of their own), each third one in a room,
among people, tilted or quiet; such without any drop: steady, mixed into each other, with a hand on the level, faded, without
drums; pads, a crowd, applause and speech; made tracks of another generator, whose breaks have pads only (`engine/audio/
demo.py`); and recordings, `--music`, of which nothing is known: there it says how much was found.

What the words mean is in `tools/lab/ears/structure_scoring.py`. Beside it stand the same flags moved round in time (null),
and what is said by jumps of the level alone.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from phosphene.engine.audio.demo import demo_track, synthetic_track
from phosphene.engine.core.errors import UserError
from phosphene.tools.lab.ears.arrangement import JUDGING, WITH, WITHOUT, Arrangement, arrange
from phosphene.tools.lab.ears.spoiling import BEATLESS, beatless
from phosphene.tools.lab.ears.structure_scoring import JUMPS_DB, PLACES, Score, hear, loudness_jump, moved

_SOUNDS = (".wav", ".flac", ".ogg")
_BEATLESS_S = 60.0
_STYLES = ("four_on_floor", "breakbeat", "half_time")
Case = tuple[str, str, Callable[[], Arrangement]]


def cases(tracks: int, music: Path | None) -> list[Case]:
    """Return (group, name, what makes it) of everything that is heard. Raises UserError for a folder without recordings."""
    found: list[Case] = []
    for k in range(tracks):
        kind, spoilt = WITH[k % len(WITH)], k % 3 == 2
        found.append(("spoilt" if spoilt else "tracks", f"{kind} {k}", partial(arrange, k, JUDGING, kind, None, spoilt)))
    for k in range(tracks // 2):
        kind = WITHOUT[k % len(WITHOUT)]
        found.append(("without", f"{kind} {k}", partial(arrange, 1000 + k, JUDGING, kind)))
    found += [("no beat", kind, partial(_beatless, kind)) for kind in BEATLESS]
    found += [("another generator", f"{style} {k}", partial(_synthetic, style, k)) for style in _STYLES for k in range(2)]
    found.append(("demo", "the demo track", _demo))
    if music is not None:
        sounds = sorted(p for p in music.rglob("*") if p.suffix.lower() in _SOUNDS) if music.is_dir() else []
        if not sounds:
            raise UserError("no recordings here", where=str(music), allowed="; ".join(_SOUNDS))
        found += [("recordings", p.stem, partial(_recording, p)) for p in sounds]
    return found


def score(case: Case) -> tuple[str, str, dict[str, Score], list[tuple[float, float]]]:
    """Make a case and hear it. Returns group, name, {who: Score}, and the drops that were said, (s, strength)."""
    group, name, make = case
    track = make()
    told = {"structure": hear(track.pcm), **{f"jump of {db:g} dB": loudness_jump(track.pcm, db) for db in JUMPS_DB}}
    scores = {}
    for who, each in told.items():
        scores[who] = Score()
        scores[who].add(track, each)
    scores["null"] = Score()
    for k in range(PLACES):
        scores["null"].add(track, moved(told["structure"], track.seconds, (k + 0.5) / PLACES))
    return (
        group,
        name,
        scores,
        [(round(float(t), 2), round(float(strength), 2)) for t, _, strength in told["structure"].drops],
    )


def bench(music: Path | None = None, tracks: int = 40, workers: int = 2) -> dict[str, Any]:
    """Score everything. Returns {"groups": {group: {who: figures}}, "said": {name: drops that were said}}."""
    groups: dict[str, dict[str, Score]] = {}
    said: dict[str, list[tuple[float, float]]] = {}
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        for group, name, scores, drops in pool.map(score, cases(tracks, music)):
            for into in (group, "tracks, all") if group in ("tracks", "spoilt") else (group,):
                for who, one in scores.items():
                    groups.setdefault(into, {}).setdefault(who, Score()).join(one)
            said[f"{group}: {name}"] = drops
    return {
        "groups": {group: {who: one.figures() for who, one in each.items()} for group, each in groups.items()},
        "said": said,
    }


def _nothing(pcm: np.ndarray, what: str) -> Arrangement:
    return Arrangement(np.ascontiguousarray(pcm), (), (), np.zeros(0), (), what)


def _beatless(kind: str) -> Arrangement:
    return _nothing(beatless(kind, _BEATLESS_S, np.random.default_rng([JUDGING, len(kind)])).pcm, kind)


def _recording(path: Path) -> Arrangement:
    from phosphene.engine.audio.decode import load_audio

    return _nothing(load_audio(path), path.stem)


def _synthetic(style: str, k: int) -> Arrangement:
    """A track whose bars 8 to 11 of every 16 are pads alone: four bars of break, and the beat is back."""
    bpm = {"four_on_floor": 122.0, "breakbeat": 168.0, "half_time": 140.0}[style] + 6.0 * k
    made = synthetic_track(bpm, JUDGING + k, breaks=True, seconds=90.0, style=style)  # type: ignore[arg-type]
    breaks = tuple((start, end) for name, start, end in made.sections if name == "break")
    drops = np.array([end for _, end in breaks if end < 89.0])
    return Arrangement(made.pcm, breaks, (), drops, made.sections, style)


def _demo() -> Arrangement:
    """Its `main` part comes after a build, its `drop` after a break with an opening filter: both count as drops."""
    made = demo_track()
    spans = {name: (start, end) for name, start, end in made.sections}
    # The beat plays on through its "build"; tension, with a riser, is in the last four bars.
    middle = sum(spans["build"]) / 2
    drops = np.array([spans["main"][0], spans["drop"][0]])
    return Arrangement(made.pcm, (spans["break"],), ((middle, spans["build"][1]),), drops, made.sections, "demo")


_COLUMNS = (
    ("drop F", "drop_f"), ("true", "drops_true"), ("right", "drops_right"), ("false in 10 min", "false_in_10_min"),
    ("latency s", "latency_s"), ("p90", "latency_p90_s"), ("break AUC", "break_auc"), ("break F", "break_f"),
    ("build AUC", "build_auc"), ("build F", "build_f"), ("in break", "break_share"), ("in build", "build_share"),
)  # fmt: skip


def table(result: Mapping[str, Any]) -> str:
    """Return the results as a Markdown table, and where drops were said."""
    lines = ["| music | by | " + " | ".join(title for title, _ in _COLUMNS) + " |", "|---" * (2 + len(_COLUMNS)) + "|"]
    for group, each in result["groups"].items():
        for who, figures in each.items():
            cells = ["" if figures[key] is None else f"{figures[key]:.2f}".removesuffix(".00") for _, key in _COLUMNS]
            lines.append(f"| {group} | {who} | " + " | ".join(cells) + " |")
    lines.append("\nDrops that were said (s, strength):\n")
    lines += [
        f"- {name}: {', '.join(f'{t:.1f} ({s:.2f})' for t, s in drops) or 'none'}" for name, drops in result["said"].items()
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tracks", type=int, default=40, help="how many tracks with drops; half as many without")
    parser.add_argument("--music", type=Path, help="a folder of recordings")
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    outcome = bench(options.music, options.tracks, options.workers)
    sys.stdout.write((json.dumps(outcome, indent=2) if options.json else table(outcome)) + "\n")
