"""The pages of a run and of a batch of runs, out of the parts of `tools/runs/page.py`. Called by `report`."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

from phosphene.tools.cppn.records import Group, Record
from phosphene.tools.cppn.tables import batch_tables, run_table
from phosphene.tools.runs.charts import COLOURS, Curve, Strip, chart, smoothed, strips
from phosphene.tools.runs.page import cut, html_table, link, notes, options_section, page, samples

_TERMS = 6  # curves in one chart: as many as there are colours


def run_page(run: Record) -> str:
    """Return the page of one run, which lies in the run's folder."""
    home = run.folder
    step = f"{run.step_count} steps" if run.step_count else "no steps yet"
    parts = [
        f'<section><div class="big"><div>{_shot(run, home)}{_palette(run)}</div>'
        f"<div>{html_table(run_table(run))}{notes(run.notes)}</div></div></section>",
        f"<section><h2>Training</h2>{_run_charts(run)}</section>",
    ]
    if run.board:
        parts.append(f"<section><h2>Painted for the words</h2>{samples(run.board, home)}</section>")
    if run.samples:
        parts.append(f"<section><h2>On the way</h2>{samples(run.samples, home)}</section>")
    parts.append(options_section(run.options))
    return page(run.wanted, f"{run.folder.name} · {step}", parts)


def batch_page(home: Path, runs: Sequence[Record], groups: Sequence[Group]) -> str:
    """Return the page of a folder of runs: a tab for each prompt, in it a column for each recipe and width."""
    labels = list(dict.fromkeys(group.label for group in groups))
    colours = {label: COLOURS[k % len(COLOURS)] for k, label in enumerate(labels)}
    prompts = list(dict.fromkeys(group.wanted for group in groups))
    tabs = "".join(f'<a href="#p{k}">{escape(cut(prompt))}</a>' for k, prompt in enumerate(prompts))
    everything = '<a href="#everything" aria-current="true">everything</a>'
    parts = [f'<nav class="tabs">{everything}{tabs}</nav>'] if len(prompts) > 1 else []
    tables = "".join(f"<h2>{escape(t.title)}</h2>{html_table(t)}" for t in batch_tables(groups))
    parts.append(f'<section id="everything">{tables}</section>')
    for k, prompt in enumerate(prompts):
        own = [group for group in groups if group.wanted == prompt]
        columns = "".join(_column(group, colours[group.label], home) for group in own)
        parts.append(
            f'<section id="p{k}"><h2>{escape(prompt)}</h2><div class="columns">{columns}</div>'
            f"{_strips(own, colours)}{_group_charts(own, colours)}</section>"
        )
    return page(home.resolve().name, f"{len(runs)} runs, {len(prompts)} prompts", parts)


def _shot(run: Record, home: Path, caption: str = "") -> str:
    video, still = run.file("style/preview.mp4"), run.file("style/preview.png") or run.file("live.png")
    name = escape(run.wanted, quote=True)
    if video:
        poster = f' poster="{link(still, home)}"' if still else ""
        shown = (
            f'<video src="{link(video, home)}"{poster} muted loop playsinline preload="none" tabindex="0" '
            f'aria-label="{name}"></video>'
        )
    elif still:
        shown = f'<img src="{link(still, home)}" alt="{name}" loading="lazy">'
    else:
        shown = '<div class="none">no picture</div>'
    return f'<figure class="shot">{shown}{f"<figcaption>{caption}</figcaption>" if caption else ""}</figure>'


def _palette(run: Record) -> str:
    colours = "".join(f'<i style="background:{colour}"></i>' for colour in run.meta.palette) if run.meta else ""
    return f'<div class="palette" style="margin-top:.6rem">{colours}</div>' if colours else ""


def _column(group: Group, colour: str, home: Path) -> str:
    shots = []
    for run in group.runs:
        page = run.file("index.html")
        name = f"seed {run.seed}"
        name = f'<a href="{link(page, home)}">{name}</a>' if page else name
        judge = f"judge {run.scores['judge']:.3f}" if "judge" in run.scores else ""
        shots.append(_shot(run, home, f"<span>{name}</span><span>{judge}</span>"))
    head = f'<h3><i style="background:{colour}"></i>{escape(group.label)}</h3>'
    return f'<div class="column">{head}<div class="shots">{"".join(shots)}</div></div>'


def _strips(groups: Sequence[Group], colours: dict[str, str]) -> str:
    rows = []
    for group in groups:
        nulls = [
            (said, group.mean(f"judge_{key}")) for said, key in (("untrained", "untrained"), ("best of random", "random"))
        ]
        kept = [(said, value) for said, value in nulls if value is not None]
        rows.append(Strip(group.label, group.values("judge"), kept, colours[group.label]))
    return strips("Judge: a dot a seed, the bar their mean; hollow: untrained (round), best of random (square)", rows)


def _group_charts(groups: Sequence[Group], colours: dict[str, str]) -> str:
    drawn = []
    for title, key in (("Guide score while training, smoothed", "guide"), ("Loss, smoothed", "loss")):
        curves = [
            Curve(group.label if k == 0 else "", smoothed(run.curve(key)), colours[group.label])
            for group in groups
            for k, run in enumerate(group.runs)
        ]
        drawn.append(chart(title, curves))
    return f'<div class="charts">{"".join(drawn)}</div>' if any(drawn) else ""


def _run_charts(run: Record) -> str:
    drawn = []
    for title, key in (("Guide score of the training views", "guide"), ("Loss", "loss")):
        points = run.curve(key)
        curves = [Curve("", points, COLOURS[0], faint=True), Curve("smoothed", smoothed(points), COLOURS[0])]
        level = ("untrained", run.null) if key == "guide" and run.null is not None else None
        drawn.append(chart(title, curves, level))
    terms = [Curve(name, smoothed(run.curve(f"terms.{name}")), COLOURS[k]) for k, name in enumerate(run.terms[:_TERMS])]
    drawn.append(chart("Terms of the loss, smoothed", terms))
    if not any(drawn):
        return '<p class="dim">No history.</p>'
    return f'<div class="charts">{"".join(drawn)}</div>'
