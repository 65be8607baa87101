"""The HTML of a run's or a batch's report: one file that opens from a disk, without a network, beside the runs' own files.

Called by `report`. Everything that came from outside (prompts, options, notes, file names) is escaped; the script holds no
data. Links are relative to the folder of the page and only to files that exist.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

from phosphene.engine.core.errors import UserError
from phosphene.engine.models.style import write_atomic
from phosphene.tools.training.charts import COLOURS, Curve, Strip, chart, smoothed, strips
from phosphene.tools.training.records import Group, Record
from phosphene.tools.training.tables import Table, batch_tables, run_table

_HERE = Path(__file__).parent
# The promise "no network", kept by the browser.
_POLICY = (
    "default-src 'none'; img-src 'self' file:; media-src 'self' file:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
)
_TERMS = 6  # curves in one chart: as many as there are colours


def run_page(run: Record) -> str:
    """Return the page of one run, which lies in the run's folder."""
    home = run.folder
    step = f"{run.step_count} steps" if run.step_count else "no steps yet"
    parts = [
        f'<section><div class="big"><div>{_shot(run, home)}{_palette(run)}</div>'
        f"<div>{html_table(run_table(run))}{_notes(run)}</div></div></section>",
        f"<section><h2>Training</h2>{_run_charts(run)}</section>",
    ]
    if run.samples:
        parts.append(f"<section><h2>On the way</h2>{_samples(run, home)}</section>")
    parts.append(_options(run))
    return page(run.wanted, f"{run.folder.name} · {step}", parts)


def batch_page(home: Path, runs: Sequence[Record], groups: Sequence[Group]) -> str:
    """Return the page of a folder of runs: a tab for each prompt, in it a column for each recipe and width."""
    labels = list(dict.fromkeys(group.label for group in groups))
    colours = {label: COLOURS[k % len(COLOURS)] for k, label in enumerate(labels)}
    prompts = list(dict.fromkeys(group.wanted for group in groups))
    tabs = "".join(f'<a href="#p{k}">{escape(_cut(prompt))}</a>' for k, prompt in enumerate(prompts))
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


def link(path: Path, home: Path) -> str:
    """Return the relative address of `path` for a page in `home`, quoted for an attribute."""
    return escape(quote(Path(os.path.relpath(path, home)).as_posix()), quote=True)


def page(title: str, said: str, parts: Sequence[str]) -> str:
    """Return a whole page: a heading, a line under it, sections of markup. Title and line are escaped here."""
    style, script = ((_HERE / name).read_text("utf-8") for name in ("page.css", "page.js"))
    head = (
        f'<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(_cut(title))}</title><style>\n{style}</style>"
    )
    button = '<button id="all" type="button" aria-pressed="false">Play the videos</button>'
    top = f"<header><h1>{escape(_cut(title, 140))}</h1><p>{escape(said)}</p><nav>{button}</nav></header>"
    body = "\n".join(parts)
    return (
        f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>{top}\n<main>\n{body}\n</main>\n'
        f"<script>\n{script}</script></body></html>\n"
    )


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


def _samples(run: Record, home: Path) -> str:
    shown = "".join(
        f'<figure><img src="{link(path, home)}" alt="" loading="lazy"><figcaption>{escape(path.stem)}</figcaption></figure>'
        for path in run.samples
    )
    return f'<div class="samples">{shown}</div>'


def _options(run: Record) -> str:
    rows = "".join(
        f"<tr><th>{escape(str(key))}</th><td>{escape(value if isinstance(value, str) else json.dumps(value))}</td></tr>"
        for key, value in run.options.items()
    )
    return f"<section><details><summary>All options</summary><table>{rows}</table></details></section>" if rows else ""


def _notes(run: Record) -> str:
    lines = "".join(f"<li>{escape(note)}</li>" for note in run.notes)
    return f'<ul class="notes">{lines}</ul>' if lines else ""


def html_table(table: Table) -> str:
    """Return a table as markup."""
    head = "".join(f'<th class="{_kind(k, table)}">{escape(name)}</th>' for k, name in enumerate(table.head))
    rows = []
    for row, better in zip(table.rows, table.better, strict=True):
        cells = []
        for k, cell in enumerate(row):
            kind = _kind(k, table)
            if k == table.judged and better is not None:
                kind += " up" if better else " down"
            cells.append(f'<td class="{kind}">{escape(cell)}</td>')
        rows.append(f"<tr>{''.join(cells)}</tr>")
    note = f'<p class="dim">{escape(table.note)}</p>' if table.note else ""
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>{note}'


def _kind(column: int, table: Table) -> str:
    return "w" if column < table.words else "n"


def _cut(text: str, length: int = 60) -> str:
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def write_pages(folder: Path, comparison: str, html: str) -> Path:
    """Write COMPARISON.md and index.html of a run or a batch; return the latter. Raises UserError."""
    try:
        write_atomic(folder / "COMPARISON.md", comparison.encode())
        write_atomic(folder / "index.html", html.encode())
    except OSError as error:
        raise UserError("the report cannot be written", where=str(folder), got=error.strerror or error) from error
    return folder / "index.html"
