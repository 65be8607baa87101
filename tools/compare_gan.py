"""Compare the GAN trainer with the plain recipe at matched pictures seen and parameters, over seeds.

    python tools/compare_gan.py --data d --out runs/compare --images 6000 --seeds 3

Each run is a folder `OUT/<recipe>-<seed>/` with its own report, and is left alone when it is there already. What comes of
all of them is OUT/comparison.json and OUT/comparison.md: mean and deviation over seeds, beside both nulls.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from engine.models.style import write_atomic
from tools.gan.options import RECIPES
from tools.train_gan import main as train

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
    """Return the comparison as Markdown. scores: of each seed, by recipe."""
    lines = ["| | " + " | ".join(scores) + " | real halves | untrained |", "|---|" + "---|" * (len(scores) + 2)]
    for name, said, real, untrained in _ROWS:
        cells = []
        for runs in scores.values():
            values = np.array([run[name] for run in runs])
            cells.append(f"{values.mean():.4g} ± {values.std():.2g}" if values.std() > 0 else f"{values.mean():.6g}")
        first = [run for runs in scores.values() for run in runs][: len(next(iter(scores.values())))]
        nulls = [f"{np.mean([run[key] for run in first]):.4g}" if key else "" for key in (real, untrained)]
        lines.append(f"| {said} | {' | '.join([*cells, *nulls])} |")
    seeds = len(next(iter(scores.values())))
    return "\n".join([*lines, "", f"{seeds} seeds, mean ± deviation. Features: {features}.", ""])


def main(argv: Sequence[str] | None = None) -> int:
    """Return the exit code: 0, or that of the first run that failed."""
    p = argparse.ArgumentParser(
        prog="compare_gan.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    p.add_argument("--data", type=Path, required=True, help="folder made by tools/make_dataset.py")
    p.add_argument("--out", type=Path, required=True, help="folder of the comparison")
    p.add_argument("--images", type=float, default=6000.0, help="real pictures that each run sees")
    p.add_argument("--seeds", type=int, default=3)
    p.add_argument("--size", default="64x36")
    p.add_argument("--widths", nargs="+", default=["32", "24", "16"])
    p.add_argument("--judge", default="16")
    args = p.parse_args(argv)
    from tools.gan.measure import FEATURES

    scores: dict[str, list[dict[str, float]]] = {recipe: [] for recipe in RECIPES}
    for seed in range(args.seeds):
        for recipe in RECIPES:
            run = args.out / f"{recipe}-{seed}"
            if not (run / "scores.json").is_file():
                given = ["--data", str(args.data), "--out", str(run / "style"), "--run", str(run), "--recipe", recipe]
                given += ["--seed", str(seed), "--images", str(args.images), "--minutes", "0", "--size", args.size]
                given += ["--widths", *args.widths, "--judge", args.judge, "--no-video"]
                if code := train(given):
                    return code
            scores[recipe].append(json.loads((run / "scores.json").read_text("utf-8")))
    said = table(scores, FEATURES)
    write_atomic(args.out / "comparison.json", json.dumps(scores, indent=2).encode())
    write_atomic(args.out / "comparison.md", said.encode())
    print(said)
    return 0


if __name__ == "__main__":
    sys.exit(main())
