"""The ablation: every variant of the recipe at matched steps, seed by seed, and a report over them.

Called by `commands`. One run after the other, in this process: a run that is there is not trained again, so that an ablation
that was interrupted goes on with the same command.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from phosphene.engine.core.errors import UserError
from phosphene.tools.vqvae import report
from phosphene.tools.vqvae.options import Options, seed_recipe
from phosphene.tools.vqvae.run import begin, open_run, train
from phosphene.tools.vqvae.trainer import Trainer

# What each adds to the one before it, down to `cosine`; then the other ways.
_PLAIN = {"quantiser": "gradient", "start": "none", "restart": 0.0, "mend": False}
_EMA = {"quantiser": "ema", "start": "none", "restart": 0.0, "mend": False}
VARIANTS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("vae", "no codes: a Gaussian bottleneck with a KL term", {"quantiser": "vae", "start": "none", "mend": False}),
    ("vq", "codes pulled by a loss, straight through, no tricks: this is where it collapses", _PLAIN),
    ("ema", "codes are moving averages, 0.99", _EMA),
    ("ema-before", "and begin by k-means on the untrained encoder", _EMA | {"start": "before"}),
    ("ema-data", "or by k-means after one epoch without a quantiser", _EMA | {"start": "data"}),
    ("restart", "and those used by fewer than 1.0 vectors a batch begin anew", {"restart": 1.0}),
    ("rotation", "and the rotation trick", {"restart": 1.0, "gradient": "rotation"}),
    ("even", "restart, and the term that spreads vectors over all codes: ours", {"restart": 1.0, "even": 0.05}),
    ("cosine", "codes of 8 dimensions on the sphere, with restart", {"quantiser": "cosine", "restart": 1.0}),
    ("fsq", "finite scalar quantisation, 8 x 4 x 4 levels", {"quantiser": "fsq", "start": "none", "mend": False}),
    ("seed", "the compared recipe: its rate, start and rescue", {}),
)


def chosen(only: list[str] | None) -> tuple[tuple[str, str, dict[str, Any]], ...]:
    """Return the variants of these names, all without. Raises UserError."""
    names = [name for name, _, _ in VARIANTS]
    for name in only or ():
        if name not in names:
            raise UserError("no such variant", where="--only", allowed=", ".join(names), got=name)
    return tuple(v for v in VARIANTS if not only or v[0] in only)


def options_of(name: str, more: dict[str, Any], given: dict[str, Any], seed: int) -> Options:
    """Return the options of one run. given: of all."""
    common = given | {"seed": seed, "patience": 0, "even": 0.0}
    if name == "seed":
        return seed_recipe(**({k: v for k, v in common.items() if k not in ("lr", "schedule")}))
    return Options(**(common | more))


def run_ablation(
    folder: Path,
    given: dict[str, Any],
    seeds: int,
    only: list[str] | None,
    stop: Callable[[], bool],
    say: Callable[[str], None],
    command: str,
) -> bool:
    """Train what is not trained yet, write the report after each run; return whether all is done."""
    variants = chosen(only)
    runs = [(name, more, seed) for seed in range(seeds) for name, _, more in variants]
    every = [options_of(name, more, given, seed) for name, more, seed in runs]  # a fault shows before the first hour
    for (name, _, seed), options in zip(runs, every, strict=True):
        home = folder / f"{name}-s{seed}"
        if finished(home):
            continue
        if stop():
            return False
        run = open_run(home, options)
        trainer = begin(run)
        done = train(run, trainer, stop, lambda trainer, record: None)
        say(f"{name}, seed {seed}: {told(trainer)}")
        report.write_run(home)
        report.write_ablation(folder, [(n, what) for n, what, _ in VARIANTS], command)
        if not done and stop():
            return False
        (home / "finished").write_text("")
    report.write_ablation(folder, [(n, what) for n, what, _ in VARIANTS], command)
    return True


def finished(home: Path) -> bool:
    """Whether a run of an ablation came to its end."""
    return (home / "finished").is_file()


def told(trainer: Trainer) -> str:
    """Return a run's best scores on a line."""
    if trainer.best is None:
        return "; ".join(trainer.notes) or "nothing was learned"
    return json.dumps({k: round(v, 4) for k, v in trainer.best.scores.items()})
