"""Many runs as one: several seeds, widths, recipes or prompts at matched steps, each in a process of its own.

    runs/<output>/<style>-<recipe>-w<width>-s<seed>/     a run each, see `run`
    runs/<output>/COMPARISON.md, index.html              over all of them

Called by `tools/train_style.py`. A run that has its `scores.json` is never trained again, so the same command goes on
where it was interrupted. One thread a process: two runs side by side on two cores do 1.6 times the steps of one on both.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from phosphene.engine.core import clock
from phosphene.engine.core.child import child_environment
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.files import MOST_RECORD, json_there, read_json, read_toml
from phosphene.engine.models.style import check_slug
from phosphene.tools.cppn.options import Options
from phosphene.tools.cppn.texture_options import with_texture
from phosphene.tools.option_words import RECIPES, begun, recipe_of_today

_MOST_SEEDS = 1000
_POLL_S = 1.0
_PROGRAM = Path(__file__).resolve().parents[1] / "train_style.py"


@dataclass(frozen=True)
class Plan:
    """styles: options of one style each. Every one is trained with each of seeds, widths (none: its own) and recipes."""

    output: str
    styles: tuple[Options, ...]
    seeds: int = 1
    widths: tuple[int, ...] = ()
    recipes: tuple[str, ...] = ()
    install: bool = False

    def jobs(self, folder: Path) -> list[tuple[str, Options]]:
        """Return (folder name, options) of every run, seeds last so that the first results cover everything.

        folder: of the batch, in which a run may lie already.
        """
        found = []
        for k, style in itertools.product(range(self.seeds), self.styles):
            widths = dict.fromkeys(self.widths or (style.hidden_dim,))  # each once: a run is a folder
            for width, recipe in itertools.product(widths, dict.fromkeys(self.recipes or (style.recipe,))):
                options = replace(style, seed=style.seed + k, hidden_dim=width, recipe=recipe)
                name = begun(folder, f"{style.output}-{{}}-w{width}-s{options.seed}", recipe).name
                found.append((name, options))
        return found


def read_moodboard(path: Path, output: str) -> Plan:
    """Read a moodboard: `[defaults]` and `[[style]]` tables of options, `seeds`, `recipes`, `install`. Raises UserError."""
    table = read_toml(path, what="moodboard")
    known = {"version": int, "defaults": dict, "style": list, "seeds": int, "recipes": list, "install": bool}
    for key, value in table.items():
        if key not in known:
            raise UserError("unknown key", where=f"{path}, key {key}", allowed=", ".join(known))
        if not isinstance(value, known[key]):
            raise UserError("wrong type", where=f"{path}, key {key}", allowed=known[key].__name__, got=value)
    if table.get("version") != 1:
        raise UserError("unknown version", where=f"{path}, key version", allowed="1", got=table.get("version"))
    seeds, recipes = table.get("seeds", 1), tuple(map(recipe_of_today, table.get("recipes", ())))
    if not 1 <= seeds <= _MOST_SEEDS or any(recipe not in RECIPES for recipe in recipes):
        allowed = f"1 to {_MOST_SEEDS}; {', '.join(RECIPES)}"
        raise UserError("out of range", where=f"{path}, keys seeds, recipes", allowed=allowed)
    styles: list[Options] = []
    for i, entry in enumerate(table.get("style", [])):
        where = f"{path}, style {i + 1}"
        if not isinstance(entry, dict):
            raise UserError("not a table", where=where, got=entry, remedy="write [[style]] above its keys")
        told = {"output": f"style-{i + 1}"} | table.get("defaults", {}) | entry
        if "plain" not in recipes:  # which knows no texture, and is compared on equal terms
            told, _ = with_texture(told)
        options = Options.from_table(told, where)
        check_slug(options.output, f"{where}, key output")
        if any(other.output == options.output for other in styles):
            raise UserError("the same output twice", where=f"{where}, key output", got=options.output)
        styles.append(options)
    if not styles:
        raise UserError("an empty moodboard", where=str(path), remedy="add a [[style]] table with prompt = ...")
    return Plan(output, tuple(styles), seeds, recipes=recipes, install=table.get("install", False))


def run_jobs(
    folder: Path, jobs: Sequence[tuple[str, Options]], workers: int, seen: Callable[[dict[str, int]], None]
) -> dict[str, str]:
    """Train every job that is not finished, `workers` at a time; return {job: reason} of those that failed.

    seen: called about once a second with {job: steps done}. On Ctrl-C the runs stop by themselves, keeping their best;
    KeyboardInterrupt is raised once they have.
    """
    for name, options in jobs:
        path = folder / name / "options.json"
        if path.is_file() and Options.read(path) != options:
            raise UserError("another run lies there", where=str(path.parent), remedy="choose another --output, or delete it")
    waiting = [(name, options) for name, options in jobs if not (folder / name / "scores.json").is_file()]
    running: dict[str, subprocess.Popen[bytes]] = {}
    failed: dict[str, str] = {}
    steps = {name: options.steps for name, options in jobs if (folder / name / "scores.json").is_file()}
    threads = str(max(1, (os.cpu_count() or 1) // workers))
    try:
        while waiting or running:
            while waiting and len(running) < workers:
                name, options = waiting.pop(0)
                running[name] = _start(folder / name, options, threads)
            clock.sleep(_POLL_S)
            for name, process in list(running.items()):
                steps[name] = _steps_done(folder / name)
                if process.poll() is not None:
                    del running[name]
                    if process.returncode:
                        failed[name] = _reason(folder / name, process.returncode)
            seen(steps)
    except KeyboardInterrupt:
        for process in running.values():
            process.wait()  # each has had the same Ctrl-C, and writes its best
        raise
    finally:
        for process in running.values():
            if process.poll() is None:  # a fault of this one: none of them is left to run on alone
                process.terminate()
                process.wait()
    return failed


def _start(folder: Path, options: Options, threads: str) -> subprocess.Popen[bytes]:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "options.json"
    if not path.is_file():
        path.write_text(options.to_json(), encoding="utf-8")
    with (folder / "log.txt").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-P", str(_PROGRAM), "--job", str(folder)],
            stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
            env=child_environment({"OMP_NUM_THREADS": threads}),
        )  # fmt: skip


def _steps_done(folder: Path) -> int:
    found = json_there(folder / "history.json", MOST_RECORD)
    steps = found.get("steps") if isinstance(found, dict) else None
    return len(steps) if isinstance(steps, list) else 0


def _reason(folder: Path, code: int) -> str:
    lines = [line for line in (folder / "log.txt").read_text("utf-8", "replace").splitlines() if line.strip()]
    return lines[-1] if lines else f"exit code {code}"


def merge_seeds(folder: Path, names: Sequence[str]) -> tuple[str, dict[str, float]]:
    """Return (the best run by its *guide*, scores as mean and sd over the runs): the judge never chooses what it judges."""
    import statistics

    table: dict[str, dict[str, Any]] = {name: read_json(folder / name / "scores.json") for name in names}
    best = max(names, key=lambda name: table[name]["guide"])
    merged = dict(table[best])
    for key in ("guide", "judge"):
        values = [scores[key] for scores in table.values()]
        merged[key] = statistics.fmean(values)
        merged[f"{key}_sd"] = statistics.stdev(values) if len(values) > 1 else 0.0
        for null in ("untrained", "random"):
            merged[f"{key}_{null}"] = statistics.fmean(scores[f"{key}_{null}"] for scores in table.values())
    merged["seeds"] = len(names)
    return best, merged
