"""The ablation: every variant of the recipe at matched steps, seed by seed, and a report over them.

Called by `tools/vqvae/commands.py`. One run after the other, in this process: a run that is there is not trained again, so
that an ablation that was interrupted goes on with the same command.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from phosphene.engine.core.errors import UserError
from phosphene.tools.lab.plain_vqvae import plain_recipe
from phosphene.tools.option_words import recipe_of_today
from phosphene.tools.runs.charts import COLOURS, Curve, Strip, chart, strips
from phosphene.tools.runs.page import html_table, page, write_pages
from phosphene.tools.runs.tables import NONE, Table, markdown, plain
from phosphene.tools.vqvae import report
from phosphene.tools.vqvae.options import Options
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
    ("even", "restart, and the term that spreads vectors over all codes: the full recipe", {"restart": 1.0, "even": 0.05}),
    ("cosine", "codes of 8 dimensions on the sphere, with restart", {"quantiser": "cosine", "restart": 1.0}),
    ("fsq", "finite scalar quantisation, 8 x 4 x 4 levels", {"quantiser": "fsq", "start": "none", "mend": False}),
    ("plain", "the plain recipe: its rate, start and rescue", {}),
)


def chosen(only: list[str] | None) -> tuple[tuple[str, str, dict[str, Any]], ...]:
    """Return the variants of these names, all without. Raises UserError."""
    names = [name for name, _, _ in VARIANTS]
    only = [recipe_of_today(name) for name in only or ()]
    for name in only:
        if name not in names:
            raise UserError("no such variant", where="--only", allowed=", ".join(names), got=name)
    return tuple(v for v in VARIANTS if not only or v[0] in only)


def options_of(name: str, more: dict[str, Any], given: dict[str, Any], seed: int) -> Options:
    """Return the options of one run. given: of all."""
    common = given | {"seed": seed, "patience": 0, "even": 0.0}
    if name == "plain":
        return plain_recipe(**({k: v for k, v in common.items() if k not in ("lr", "schedule")}))
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
        _write_report(folder, [(n, what) for n, what, _ in VARIANTS], command)
        if not done and stop():
            return False
        (home / "finished").write_text("")
    _write_report(folder, [(n, what) for n, what, _ in VARIANTS], command)
    return True


def finished(home: Path) -> bool:
    """Whether a run of an ablation came to its end."""
    return (home / "finished").is_file()


def told(trainer: Trainer) -> str:
    """Return a run's best scores on a line."""
    if trainer.best is None:
        return "; ".join(trainer.notes) or "nothing was learned"
    return json.dumps({k: round(v, 4) for k, v in trainer.best.scores.items()})


def _write_report(folder: Path, variants: Sequence[tuple[str, str]], command: str) -> Path:
    """Write index.html and COMPARISON.md over runs `<variant>-s<seed>`; return the page.

    variants: (name, what it is). command: what makes them again.
    """
    groups = []
    for name, what in variants:
        runs = [report.read_run(path.parent) for path in sorted(folder.glob(f"{name}-s*/options.json"))]
        runs = [run for run in runs if run["best"] or run["history"]]
        if runs:
            groups.append((name, what, runs))
    if not groups:
        raise UserError("no runs here", where=str(folder), allowed="folders <variant>-s<seed>")
    table = _table(groups)
    colours = {name: COLOURS[k % len(COLOURS)] for k, (name, _, _) in enumerate(groups)}
    drawn = []
    for key, title in (("perplexity", "Perplexity"), ("excess", "Objective above its floor"), ("psnr", "PSNR, dB")):
        rows = [Strip(name, _values(runs, key), (), colours[name]) for name, _, runs in groups]
        drawn.append(strips(f"{title}: a dot a seed, the bar their mean", [row for row in rows if row.values]))
    curves = [
        Curve(name if k == 0 else "", report.curve_of(run, "validation", "perplexity"), colours[name])
        for name, _, runs in groups
        for k, run in enumerate(runs)
    ]
    drawn.append(chart("Perplexity of the held-out set, by step", curves))
    explained = Table("Variants", ("variant", "what it is"), [(n, w) for n, w, _ in groups], [None] * len(groups), words=2)
    parts = [
        f"<section><h2>Scores</h2>{html_table(table)}</section>",
        f'<section><div class="charts">{"".join(drawn)}</div></section>',
        f"<section><h2>Variants</h2>{html_table(explained)}<p><code>{escape(command)}</code></p></section>",
    ]
    lines = [f"# {plain(folder.name)}", "", markdown(table), "", markdown(explained), "", f"`{command}`", ""]
    return write_pages(folder, "\n".join(lines), page(folder.name, f"{sum(len(r) for *_, r in groups)} runs", parts))


def _table(groups: Sequence[tuple[str, str, list[dict[str, Any]]]]) -> Table:
    rows = []
    for name, _, runs in groups:
        cells = [f"{len(runs)}"]
        for key, _, digits, _ in report.MEASURES:
            values = _values(runs, key)
            mean = f"{fmean(values):.{digits}f}" if values else NONE
            cells.append(f"{mean} ± {stdev(values):.{digits}f}" if len(values) > 1 else mean)
        rows.append((name, *cells))
    head = ("variant", "seeds", *(name for _, name, _, _ in report.MEASURES))
    return Table(
        "Scores", head, rows, [None] * len(rows), judged=2, note="Mean ± standard deviation over seeds. " + report.NOTE
    )


def _values(runs: Sequence[dict[str, Any]], key: str) -> list[float]:
    return [float(run["best"][key]) for run in runs if isinstance(run["best"].get(key), int | float)]
