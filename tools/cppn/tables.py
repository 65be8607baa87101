"""The tables of a run's and a batch's report, as plain text cells: every score beside its null. Called by `page`."""

from __future__ import annotations

from collections.abc import Sequence

from phosphene.tools.cppn.records import Group, Record
from phosphene.tools.option_words import RECIPES
from phosphene.tools.runs.tables import NONE, Table, with_sd


def run_table(run: Record) -> Table:
    """Return a run's scores, one a row."""
    scores, rows, better = run.scores, [], []

    def add(name: str, value: str, beside: str = "", won: bool | None = None) -> None:
        rows.append((name, value, beside))
        better.append(won)

    for name in ("judge", "guide"):
        if name in scores:
            nulls = [
                (said, scores.get(f"{name}_{key}"))
                for said, key in (("untrained", "untrained"), ("best of random", "random"))
            ]
            kept = [(said, value) for said, value in nulls if value is not None]
            beside = ", ".join(f"{said} {value:.3f}" for said, value in kept)
            won = all(scores[name] > value for _, value in kept) if kept else None
            add(_title(run, name), with_sd(scores[name], scores.get(f"{name}_sd")), beside, won)
    if "patches" in scores:
        beside = [
            f"{said} {scores[f'patches_{key}']:.4f}"
            for said, key in (("the board itself", "itself"), ("another structure in these colours", "other"))
            if f"patches_{key}" in scores
        ]
        other = scores.get("patches_other")
        won = None if other is None else scores["patches"] < other
        add("distance from held-out pictures", f"{scores['patches']:.4f}", ", ".join(beside), won)
    if "rank" in scores:
        chance = f"of {scores['prompts']:g}; by chance 1 in {scores['prompts']:g} is 1" if "prompts" in scores else ""
        add("place of its own prompt", f"{scores['rank']:g}", chance, scores["rank"] == 1)
    if "reactivity" in scores:
        null = scores.get("reactivity_null")
        won = None if null is None else scores["reactivity"] > null
        add("reactivity", f"{scores['reactivity']:.3f}", "" if null is None else f"shuffled {null:.3f}", won)
    if "flicker" in scores:
        music = f"with music {scores['flicker_music']:.3f}; " if "flicker_music" in scores else ""
        add("flicker", f"{scores['flicker']:.3f}", f"{music}noise 1.7")
    if "loop" in scores:
        step = scores.get("loop_step")
        won = None if step is None else scores["loop"] <= step
        add("seam of the loop", f"{scores['loop']:.5f}", "" if step is None else f"ordinary step {step:.5f}", won)
    pixels = [f"{name} {scores[name]:.2f}" for name in ("lightness", "range", "dark", "colour") if name in scores]
    if pixels:
        add("frames", "", ", ".join(pixels))
    add("steps", str(run.step_count or NONE))
    add("parameters", f"{run.parameters:,}" if run.parameters else NONE)
    add("seconds", NONE if run.seconds is None else f"{run.seconds:.0f}")
    return Table("Scores", ("score", "value", "beside"), rows, better, words=3)


def batch_tables(groups: Sequence[Group]) -> list[Table]:
    """Return the comparison of all groups, and of the recipes where the batch has both."""
    tables = [_overview(groups)]
    if (recipes := _recipes(groups)) is not None:
        tables.append(recipes)
    return tables


def _overview(groups: Sequence[Group]) -> Table:
    head = ("prompt", "how", "seeds", "judge", "untrained", "random", "guide", "untrained", "random", "first", "reactivity",
            "shuffled", "flicker", "steps", "parameters", "seconds")  # fmt: skip
    rows, better = [], []
    for group in groups:
        runs = group.runs
        ranks = group.values("rank")
        nulls = [v for v in (group.mean("judge_untrained"), group.mean("judge_random")) if v is not None]
        judge = group.mean("judge")
        better.append(all(judge > v for v in nulls) if judge is not None and nulls else None)
        rows.append(
            (
                group.wanted,
                group.label,
                str(len(runs)),
                with_sd(judge, group.sd("judge")),
                _mean(group, "judge_untrained"),
                _mean(group, "judge_random"),
                with_sd(group.mean("guide"), group.sd("guide")),
                _mean(group, "guide_untrained"),
                _mean(group, "guide_random"),
                f"{sum(r == 1 for r in ranks)} of {len(ranks)}" if ranks else NONE,
                with_sd(group.mean("reactivity"), group.sd("reactivity")),
                _mean(group, "reactivity_null"),
                _mean(group, "flicker"),
                _range([run.step_count for run in runs]),
                _range([run.parameters for run in runs if run.parameters]),
                _range([round(run.seconds) for run in runs if run.seconds is not None]),
            )
        )
    note = (
        "Mean ± standard deviation over seeds, of rendered frames. untrained: the same architecture at random weights, the "
        "better of two ways; random: the best of as many random networks as there were steps, chosen by the guide. first: "
        "how often the judge puts the own prompt first. shuffled: 95th percentile of controls."
    )
    return Table("Everything", head, rows, better, words=2, judged=3, note=note)


def _recipes(groups: Sequence[Group]) -> Table | None:
    """Return the full recipe beside the plain one, a row for each prompt and for whatever else the groups share."""
    pairs: dict[tuple[str, str], dict[str, Group]] = {}
    for group in groups:
        recipe, _, rest = group.label.partition(", ")
        pairs.setdefault((group.wanted, rest), {})[recipe] = group
    rows, better, gains = [], [], []
    for (wanted, rest), both in pairs.items():
        if not set(RECIPES) <= set(both):
            continue
        full, bare = (both[recipe] for recipe in RECIPES)
        a, b = full.mean("judge"), bare.mean("judge")
        won = None if a is None or b is None else a > b
        better.append(won)
        if full.gain is not None and bare.gain is not None:
            gains.append((full.gain, bare.gain))
        rows.append(
            (
                wanted,
                rest,
                with_sd(a, full.sd("judge")),
                with_sd(b, bare.sd("judge")),
                _signed(full.gain),
                _signed(bare.gain),
            )
        )
    if not rows:
        return None
    said = [w for w in better if w is not None]
    note = f"The full recipe is above the plain one on {sum(said)} of {len(said)}."
    if gains:
        a, b = (sum(values) / len(gains) for values in zip(*gains, strict=True))
        times = f", {a / b:.1f} times as much" if b > 0 else ""
        note += f" Mean gain over untrained networks: {a:+.3f} against {b:+.3f}{times}."
    head = ("prompt", "how", "judge, full", "judge, plain", "gain, full", "gain, plain")
    return Table("The full recipe and the plain one", head, rows, better, words=2, judged=2, note=note)


def _title(run: Record, name: str) -> str:
    who = {"judge": run.meta.judge, "guide": run.meta.guide}[name] if run.meta else ""
    return f"{name} ({who})" if who else name


def _mean(group: Group, name: str) -> str:
    return with_sd(group.mean(name), None)


def _signed(value: float | None) -> str:
    return NONE if value is None else f"{value:+.3f}"


def _range(values: Sequence[int]) -> str:
    if not values:
        return NONE
    low, high = min(values), max(values)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"
