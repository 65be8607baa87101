"""What a training left on disk, read back for reports: options, history, scores, pictures. Never writes, never trains.

Called by `report`. A folder may be half written or damaged: whatever cannot be read is missing from the record.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from phosphene.engine.core.errors import UserError
from phosphene.engine.models.cppn import CppnSpec
from phosphene.engine.models.style import StyleMeta, load_meta
from phosphene.tools.option_words import of_today
from phosphene.tools.runs.files import records_of, table_in

# Options that say what is wanted or who it is, not how it was trained.
_IDENTITY = frozenset(
    ("output", "name", "description", "seed", "tags", "genres", "energy", "licence", "prompt", "negative_prompt", "images")
)


@dataclass(frozen=True)
class Record:
    """One run. series: step -> values, per curve name; scores: finite floats only; board: pictures painted for its words."""

    folder: Path
    options: dict[str, Any]
    steps: list[dict[str, Any]]
    null: float | None
    seconds: float | None
    notes: list[str]
    scores: dict[str, float]
    meta: StyleMeta | None
    samples: list[Path] = field(default_factory=list)
    board: list[Path] = field(default_factory=list)

    @property
    def wanted(self) -> str:
        """The prompt, or what stands for it."""
        prompt = " ".join(str(self.options.get("prompt") or "").split())
        return prompt or (f"pictures of {self.options['images']}" if self.options.get("images") else self.folder.name)

    @property
    def seed(self) -> int:
        return int(number(self.options.get("seed")) or 0)

    @property
    def parameters(self) -> int | None:
        if self.meta is None:
            return None
        network = self.meta.network
        try:
            return CppnSpec(network.inputs, network.width, network.layers, network.activations).parameters
        except UserError:
            return None

    @property
    def step_count(self) -> int:
        return max((int(number(s.get("step")) or 0) for s in self.steps), default=0)

    def curve(self, name: str) -> list[tuple[float, float]]:
        """Return (step, value) of `loss`, `guide`, `objective` or `terms.NAME`, where it was finite."""
        points = []
        for record in self.steps:
            table, key = (record.get("terms"), name[6:]) if name.startswith("terms.") else (record, name)
            value = number(table.get(key)) if isinstance(table, dict) else None
            step = number(record.get("step"))
            if value is not None and step is not None:
                points.append((step, value))
        return points

    @property
    def terms(self) -> list[str]:
        """The names of the loss's terms, in the order in which they appear."""
        names: dict[str, None] = {}
        for record in self.steps:
            if isinstance(record.get("terms"), dict):
                names |= dict.fromkeys(record["terms"])
        return list(names)

    def file(self, name: str) -> Path | None:
        """Return the path of a file in the run's folder, or None where it is missing."""
        path = self.folder / name
        return path if path.is_file() else None


@dataclass(frozen=True)
class Group:
    """The runs that differ by nothing but their seed."""

    wanted: str
    label: str
    runs: tuple[Record, ...]

    def values(self, name: str) -> list[float]:
        return [run.scores[name] for run in self.runs if name in run.scores]

    def mean(self, name: str) -> float | None:
        values = self.values(name)
        return fmean(values) if values else None

    def sd(self, name: str) -> float | None:
        """Return the standard deviation over seeds (n - 1), or None for fewer than two."""
        values = self.values(name)
        return stdev(values) if len(values) > 1 else None

    @property
    def gain(self) -> float | None:
        """By how much the judge prefers the trained networks to untrained ones, on average."""
        judge, null = self.mean("judge"), self.mean("judge_untrained")
        return None if judge is None or null is None else judge - null


def number(value: object) -> float | None:
    """Return a finite float, or None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def read_run(folder: Path) -> Record:
    """Return what a run's folder holds."""
    options = of_today(table_in(folder / "options.json"))
    history = table_in(folder / "history.json")
    scores = {str(k): v for k, v in ((k, number(v)) for k, v in table_in(folder / "scores.json").items()) if v is not None}
    try:
        meta = load_meta(folder / "style")
    except UserError:
        meta = None
    null = history.get("null")
    notes = history.get("notes")
    return Record(
        folder=folder,
        options=options,
        steps=records_of(history.get("steps")),
        null=number(null.get("guide")) if isinstance(null, dict) else None,
        seconds=number(history.get("seconds")),
        notes=[str(n) for n in notes] if isinstance(notes, list) else [],
        scores=scores or (dict(meta.scores) if meta else {}),
        meta=meta,
        samples=sorted((folder / "samples").glob("step-*.png")),
        board=sorted((folder / "board").glob("*.png")),
    )


def read_batch(folder: Path) -> list[Record]:
    """Return the runs directly inside `folder`, by name."""
    return [read_run(path.parent) for path in sorted(folder.glob("*/options.json"))]


def grouped(runs: Sequence[Record]) -> list[Group]:
    """Return runs that share everything but the seed, prompt by prompt; the label says what groups of a prompt differ by."""
    prompts: dict[str, list[Record]] = {}
    for run in runs:
        prompts.setdefault(run.wanted, []).append(run)
    found = []
    for wanted, own in prompts.items():
        # Within the prompt: a moodboard gives every style inputs and weights of its own, which tell no two groups apart.
        keys = {key for run in own for key in run.options} - _IDENTITY
        varied = sorted(key for key in keys if len({_plain(run.options.get(key)) for run in own}) > 1)
        table: dict[str, list[Record]] = {}
        for run in own:
            table.setdefault(label_of(run, varied), []).append(run)
        found += [Group(wanted, label, tuple(same)) for label, same in table.items()]
    return found


def label_of(run: Record, varied: Iterable[str]) -> str:
    """Return "full, 128 wide" and whatever else the batch varies."""
    width = run.options.get("hidden_dim") or (run.meta.network.width if run.meta else "?")
    more = [
        f"{key.replace('_', ' ')} {_plain(run.options.get(key))}" for key in varied if key not in ("recipe", "hidden_dim")
    ]
    return ", ".join([str(run.options.get("recipe", "?")), f"{width} wide", *more])


def _plain(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
