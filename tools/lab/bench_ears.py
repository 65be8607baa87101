"""Ears on hard music: is the beat right, is it right what the audience sees, and is the tracker sure only when it is right?

Run by hand (`python tools/lab/bench_ears.py [--data DIR] [--music DIR] [--out DIR] [--json]`) and by `vj bench ears`. Some
six minutes on two cores.

What is heard: the stress cases of `tools/lab/ears/cases.py`, made from seeds with their truth exact; any folder of audio
with annotations, `--data` (each .wav, .flac or .ogg beside a `.beats` file of the same name: a time in s and the number of
the beat in its bar to a line, the number may be missing, `#` begins a comment); and recordings without annotations,
`--music`, whose reference is made offline as `bench_tempo` does.

How: by the live path, hop by hop through the Listener and then through the conductor, what counts being what was published
at the time. The words of the table are defined in `tools/lab/ears/scoring.py`. Beside it stand what repetition alone finds
(the tracker before it had networks), what a render finds that hears the whole piece first, aubio's tempo, and the null: a
metronome at 120 bpm, mean over 16 phases; for bars, every beat known, and each of them the "one" in turn. A tracker to be
compared is one more entry of `tools/lab/ears/trackers.py`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from phosphene.engine.core.errors import UserError
from phosphene.tools.lab.ears.calibration import draw, reliability
from phosphene.tools.lab.ears.cases import CASES, Case
from phosphene.tools.lab.ears.piece import Piece
from phosphene.tools.lab.ears.scoring import f_any_level, f_measure, judge
from phosphene.tools.lab.ears.trackers import TRACKERS, metronome, shown

PICTURE = "reliability.png"
_SOUNDS = (".wav", ".flac", ".ogg")
_PHASES = 16


def score(case: Case, trackers: Sequence[str] = tuple(TRACKERS)) -> dict[str, Any]:
    """Make a case and let every tracker hear it.

    Returns {"case", "group", "seconds", "judged", "null": {"f", "f_any"}, tracker: figures,
    "calibration": {tracker: (confidence, right)}}.
    """
    piece = case.piece()
    counts = case.judged == "beats"
    row: dict[str, Any] = {"case": case.name, "group": case.group, "seconds": round(piece.seconds, 1), "judged": case.judged}
    row["calibration"] = {}
    for name in trackers:
        heard = TRACKERS[name](piece.pcm)
        judged = judge(heard, shown(heard), piece, counts)
        row[name] = {key: None if value is None else round(value, 3) for key, value in judged.figures.items()}
        if counts or not len(piece.beats):
            row["calibration"][name] = (judged.confidence, judged.right)
    if counts:
        ticks = [metronome(piece.seconds, k / _PHASES) for k in range(_PHASES)]
        row["null"] = {
            "f": round(float(np.mean([f_measure(beats, piece.beats) for beats in ticks])), 3),
            "f_any": round(float(np.mean([f_any_level(beats, piece) for beats in ticks])), 3),
            "bars_f": _bars_null(piece),
        }
    return row


def _bars_null(piece: Piece) -> float | None:
    """Return the mean F of bars that know every beat and the metre, and begin on any of its beats; None without bars."""
    per_bar = int(piece.numbers.max(initial=0))
    if not len(piece.bars):
        return None
    return round(float(np.mean([f_measure(piece.beats[k::per_bar], piece.bars) for k in range(per_bar)])), 3)


def read_beats(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return (times float64 s, numbers int64, 0 where none is told) of a .beats file. Raises UserError."""
    times, numbers = [], []
    for n, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        words = line.partition("#")[0].split()
        try:
            if words:
                times.append(float(words[0]))
                numbers.append(int(float(words[1])) if len(words) > 1 else 0)
        except ValueError as error:
            raise UserError(
                "no beat", where=f"{path}, line {n}", got=line, allowed="a time in s, the beat's number"
            ) from error
    order = np.argsort(times, kind="stable")
    return np.array(times, np.float64)[order], np.array(numbers, np.int64)[order]


def annotated(sound: Path) -> Piece:
    """Load a recording with the beats beside it. Raises UserError."""
    from phosphene.engine.audio.decode import load_audio

    return Piece(load_audio(sound), *read_beats(sound.with_suffix(".beats")))


def referenced(sound: Path) -> Piece:
    """Load a recording without annotations and make its reference offline. Raises UserError."""
    from phosphene.engine.audio.decode import load_audio
    from phosphene.tools.lab.bench_tempo import analyse, reference_beats

    pcm = load_audio(sound)
    beats, _ = reference_beats(analyse(np.ascontiguousarray(pcm.mean(axis=1)))[0])
    return Piece(pcm, beats, np.zeros(len(beats), np.int64))


def recordings(music: Path | None, data: Path | None) -> list[Case]:
    """Return a case for every recording of both folders. Raises UserError for a folder without any."""
    cases = []
    for folder, group, load in ((music, "recordings", referenced), (data, "annotated", annotated)):
        if folder is None:
            continue
        sounds = sorted(p for p in folder.rglob("*") if p.suffix.lower() in _SOUNDS) if folder.is_dir() else []
        if load is annotated:
            sounds = [sound for sound in sounds if sound.with_suffix(".beats").is_file()]
        if not sounds:
            raise UserError("no recordings here", where=str(folder), allowed="; ".join(_SOUNDS))
        cases += [Case(str(p.relative_to(folder).with_suffix("")), group, partial(load, p)) for p in sounds]
    return cases


def bench(
    music: Path | None = None, data: Path | None = None, out: Path | None = None, workers: int = 2, only: str = ""
) -> dict[str, Any]:
    """Score everything. out: folder for the reliability diagram; only: part of the names of the cases wanted.

    Returns {"cases": rows, "mean": {group: figures}, "calibration": {"stress" or "recordings": {tracker: reliability}}}.
    """
    cases = [case for case in (*CASES, *recordings(music, data)) if only in case.name]
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        rows = list(pool.map(score, cases))
    pairs = [(row["group"] in ("recordings", "annotated"), row.pop("calibration")) for row in rows]
    calibration: dict[str, Any] = {}
    for kind, real in (("stress", False), ("recordings", True)):
        of_kind = [found for is_real, found in pairs if is_real == real]
        if of_kind:
            calibration[kind] = {name: _reliability(found[name] for found in of_kind if name in found) for name in TRACKERS}
    if out is not None:
        for kind, tables in calibration.items():
            draw({"live": tables["live"]}, out / (PICTURE if kind == "stress" else f"{kind}-{PICTURE}"))
    groups = list(dict.fromkeys(row["group"] for row in rows))
    means = {group: _mean([row for row in rows if row["group"] == group]) for group in groups}
    means["all stress"] = _mean([row for row in rows if row["group"] not in ("recordings", "annotated")])
    return {"cases": rows, "mean": means, "calibration": calibration}


def _reliability(pairs: Iterable[tuple[np.ndarray, np.ndarray]]) -> dict[str, Any]:
    confidence, right = ([np.zeros(0)], [np.zeros(0, bool)])
    for one, other in pairs:
        confidence.append(one)
        right.append(other)
    return reliability(np.concatenate(confidence), np.concatenate(right))


def _mean(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return per tracker the mean of every F, the median of times to lock, the sum of s that were shown or falsely sure."""
    means: dict[str, Any] = {}
    for name in (*TRACKERS, "null"):
        figures: dict[str, list[float]] = {}
        for row in rows:
            for key, value in row.get(name, {}).items():
                if value is not None:
                    figures.setdefault(key, []).append(float(value))
        means[name] = {key: round(_HOW.get(key.split("_")[-1], np.mean)(values), 3) for key, values in figures.items()}
        for key in ("lock_s", "relock_s"):
            if key in figures:
                means[name][key] = round(float(np.median(figures[key])), 3)
        if "falsely_sure_longest_s" in figures:
            means[name]["falsely_sure_longest_s"] = max(figures["falsely_sure_longest_s"])
    return means


_HOW = {"s": np.sum}
_COLUMNS = (
    ("F", "live", "f"),
    ("any level", "live", "f_any"),
    ("off-beat", "live", "f_off"),
    ("shown F", "live", "shown_f"),
    ("bars F", "live", "bars_f"),
    ("shown bars F", "live", "shown_bars_f"),
    ("bars null", "null", "bars_f"),
    ("shown right s", "live", "shown_right_s"),
    ("shown wrong s", "live", "shown_wrong_s"),
    ("withheld s", "live", "withheld_right_s"),
    ("falsely sure s", "live", "falsely_sure_s"),
    ("longest", "live", "falsely_sure_longest_s"),
    ("lock s", "live", "lock_s"),
    ("relock s", "live", "relock_s"),
    ("confidence", "live", "confidence"),
    ("repetition F", "repetition", "f"),
    ("two-way F", "two-way", "f"),
    ("two-way bars F", "two-way", "bars_f"),
    ("aubio F", "aubio", "f"),
    ("aubio any", "aubio", "f_any"),
    ("null F", "null", "f"),
)


def table(result: Mapping[str, Any]) -> str:
    """Return the results as Markdown tables."""
    lines = ["| case | " + " | ".join(title for title, _, _ in _COLUMNS) + " |", "|---" * (1 + len(_COLUMNS)) + "|"]

    def line(name: str, row: Mapping[str, Any]) -> None:
        cells = []
        for title, tracker, key in _COLUMNS:
            value = row.get(tracker, {}).get(key)
            never = title == "lock s" and value is None and row.get("judged") == "beats"
            cells.append(
                "never" if never else "" if value is None else f"{value:.1f}" if key.endswith("_s") else f"{value:.2f}"
            )
        lines.append(f"| {name} | " + " | ".join(cells) + " |")

    for row in result["cases"]:
        line(f"{row['group']}: {row['case']}", row)
    for group, means in result["mean"].items():
        line(f"**{group}**: mean F, sum of s, median lock", means)
    for kind, tables in result["calibration"].items():
        lines.append(f"\nHow often right, by confidence ({kind}; ten times a second, at any level):\n")
        lines.append("| tracker | " + " | ".join(f"{k / 10:.1f}-" for k in range(10)) + " | ECE | AUC |")
        lines.append("|---" * 13 + "|")
        for name, found in tables.items():
            shares = ["" if row["right"] is None else f"{row['right']:.2f}" for row in found["bins"]]
            last = ["" if found[key] is None else f"{found[key]:.3f}" for key in ("ece", "auc")]
            lines.append(f"| {name} | " + " | ".join([*shares, *last]) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="a folder of recordings with .beats files")
    parser.add_argument("--music", type=Path, help="a folder of recordings without annotations")
    parser.add_argument("--out", type=Path, help="a folder for the reliability diagram")
    parser.add_argument("--only", default="", help="only the cases with this in their names")
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    outcome = bench(options.music, options.data, options.out, options.workers, options.only)
    sys.stdout.write((json.dumps(outcome, indent=2) if options.json else table(outcome)) + "\n")
