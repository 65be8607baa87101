"""Compare the GAN trainer with the plain recipe at matched pictures seen and parameters, over seeds.

    python tools/lab/compare_gan.py --data d --out runs/compare --images 6000 --seeds 3

Each run is a folder `OUT/<recipe>-<seed>/` with its own report. The same command again goes on where it was stopped: what is
complete is left alone, what is not is resumed. What comes of all of them is OUT/comparison.json and OUT/comparison.md: mean
and deviation over seeds, beside both nulls, with the data and the command that makes it again.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from phosphene.engine.core.child import ignore_current_folder
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.files import MOST_RECORD, json_there
from phosphene.tools.datasets.manifest import DATASET, load_manifest
from phosphene.tools.handing_over import check_place, hand_over
from phosphene.tools.lab.numbers_given import decimal, whole
from phosphene.tools.option_words import RECIPES, begun
from phosphene.tools.runs.boundary import exit_code
from phosphene.tools.train_gan import main as train

_ROWS = (
    ("kid", "KID, lower is better", "kid_real", "kid_untrained"),
    ("fid", "FID, lower is better", "fid_real", "fid_untrained"),
    ("precision", "precision", "", "precision_untrained"),
    ("recall", "recall", "", "recall_untrained"),
    ("path_length", "path length, lower is smoother", "", ""),
    ("lightness_sd", "spread of lightness", "lightness_sd_real", ""),
    ("chroma", "chroma", "chroma_real", ""),
    ("black", "share of black pixels", "black_real", ""),
    ("parameters", "parameters of the generator", "", ""),
    ("seen", "real pictures seen", "", ""),
    ("seconds", "seconds of training", "", ""),
)


def table(scores: dict[str, list[dict[str, float]]], features: str) -> str:
    """Return the comparison as Markdown. scores: of each seed, by recipe; nulls are those of the first recipe's runs."""
    lines = ["| | " + " | ".join(scores) + " | real halves | untrained |", "|---|" + "---|" * (len(scores) + 2)]
    first = next(iter(scores.values()))
    for name, said, real, untrained in _ROWS:
        cells = []
        for runs in scores.values():
            values = np.array([run[name] for run in runs])
            cells.append(f"{values.mean():.4g} ± {values.std():.2g}" if values.std() > 0 else f"{values.mean():.6g}")
        nulls = [f"{np.mean([run[key] for run in first]):.4g}" if key else "" for key in (real, untrained)]
        lines.append(f"| {said} | {' | '.join([*cells, *nulls])} |")
    return "\n".join([*lines, "", f"{len(first)} seeds, mean ± deviation. Features: {features}.", ""])


def described(data: Path) -> str:
    """Return in a few lines of which data: how many pictures of which buckets, and what made them with which options, where
    that is known. Raises UserError.
    """
    manifest = load_manifest(data)
    buckets = Counter(entry.bucket or "no bucket" for entry in manifest.entries)
    said = ", ".join(f"{count} {name}" for name, count in sorted(buckets.items()))
    lines = [f"Data: {data.resolve().name}, {len(manifest.train)} pictures and {len(manifest.validation)} held out: {said}."]
    made = json_there(data / DATASET)
    if isinstance(made, dict) and isinstance(made.get("options"), dict):
        given = ", ".join(f"{key} {value}" for key, value in made["options"].items() if value not in ("", []))
        lines.append(f"Made by `tools/make_dataset.py {made.get('command')}`: {given}.")
    return "\n\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Return the exit code: 0, that of the first run that failed, 2 for a fault of a person, 130 after Ctrl-C."""
    p = argparse.ArgumentParser(
        prog="compare_gan.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    p.add_argument("--data", type=Path, required=True, help="folder made by tools/make_dataset.py")
    p.add_argument("--out", type=Path, required=True, help="folder of the comparison")
    p.add_argument("--images", type=decimal(1.0, 1e12), default=6000.0, help="real pictures that each run sees")
    p.add_argument("--seeds", type=whole(1, 1000), default=3)
    p.add_argument("--size", default="64x36")
    p.add_argument("--widths", nargs="+", type=whole(4, 512), default=[32, 24, 16])
    p.add_argument("--judge", type=whole(4, 512), default=16)
    p.add_argument("--batch", type=whole(2, 4096), default=16)
    args = p.parse_args(argv)
    return exit_code(lambda: _compare(args), place=args.out)


def _compare(args: argparse.Namespace) -> int:
    if args.seeds < 1:
        raise UserError("value out of range", where="--seeds", allowed="1 or more", got=args.seeds)
    data = described(args.data)
    check_place(args.out / "comparison.json", [args.data])
    scores: dict[str, list[dict[str, float]]] = {recipe: [] for recipe in RECIPES}
    for seed in range(args.seeds):
        for recipe in RECIPES:
            run = begun(args.out, f"{{}}-{seed}", recipe)
            if (found := _complete(run, args)) is None:
                if code := train(_command(run, recipe, seed, args)):
                    return code
                found = _complete(run, args)
            if found is None:
                raise UserError("the run has no scores", where=str(run), remedy="make room, then the same command again")
            scores[recipe].append(found)
    from phosphene.tools.gan.measure import FEATURES

    command = ["python", "tools/lab/compare_gan.py", *("--data", str(args.data)), *("--out", str(args.out))]
    command += ["--images", f"{args.images:g}", "--seeds", str(args.seeds), "--size", args.size]
    command += ["--widths", *map(str, args.widths), "--judge", str(args.judge), "--batch", str(args.batch)]
    said = f"{table(scores, FEATURES)}\n{data}\n\nMade again by: `{shlex.join(command)}`\n"
    hand_over(args.out / "comparison.json", json.dumps(scores, indent=2).encode())
    hand_over(args.out / "comparison.md", said.encode())
    print(said)
    return 0


def _command(run: Path, recipe: str, seed: int, args: argparse.Namespace) -> list[str]:
    given = ["--out", str(run / "style"), "--run", str(run), "--images", str(args.images), "--minutes", "0", "--no-video"]
    if (run / "options.json").is_file():
        return [*given, "--resume"]
    given += ["--data", str(args.data), "--recipe", recipe, "--seed", str(seed), "--size", args.size]
    return [*given, "--widths", *map(str, args.widths), "--judge", str(args.judge), "--batch", str(args.batch)]


def _complete(run: Path, args: argparse.Namespace) -> dict[str, float] | None:
    """Return the scores of a run that has seen enough, or None. Raises UserError where it was another comparison's."""
    options = _read(run / "options.json")
    wanted = {"data": str(args.data), "size": args.size, "widths": args.widths, "judge": args.judge, "batch": args.batch}
    other = [name for name, value in wanted.items() if options is not None and options.get(name) != value]
    scores = _read(run / "scores.json")
    # A run that was stopped measures what it has.
    seen = scores.get("seen", 0) if scores else 0
    if seen >= args.images + args.batch:
        other.append("images")
    if other:
        remedy = "choose another --out, or delete the folder"
        raise UserError("a run of another comparison is there", where=str(run), got=", ".join(other), remedy=remedy)
    return scores if seen >= args.images else None


def _read(path: Path) -> dict[str, Any] | None:
    found = json_there(path, MOST_RECORD)
    return found if isinstance(found, dict) else None


if __name__ == "__main__":
    ignore_current_folder()
    sys.exit(main())
