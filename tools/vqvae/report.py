"""Writes what a run came to: index.html and COMPARISON.md, from the files on disk alone.

Called by `commands` at the end of a run, and by the ablation; may be called again at any time. A run that is not finished is
shown as far as it got.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from phosphene.engine.core.errors import UserError
from phosphene.tools.option_words import of_today
from phosphene.tools.runs.charts import COLOURS, Curve, chart
from phosphene.tools.runs.files import table_in
from phosphene.tools.runs.page import html_table, link, notes, options_section, page, samples, write_pages
from phosphene.tools.runs.tables import NONE, Table, markdown, plain
from phosphene.tools.vqvae.maps import usage_map, write_png
from phosphene.tools.vqvae.metrics import perplexity

# key, name, digits, whether more is better
MEASURES: tuple[tuple[str, str, int, bool], ...] = (
    ("objective", "objective", 4, False),
    ("excess", "above the floor", 4, False),
    ("bce", "BCE", 4, False),
    ("floor", "its floor", 4, False),
    ("mse", "MSE", 5, False),
    ("psnr", "PSNR, dB", 2, True),
    ("ssim", "SSIM", 3, True),
    ("edge_f1", "edge F1", 3, True),
    ("perplexity", "perplexity", 1, True),
    ("used", "codes used", 0, True),
)
NOTE = (
    "Scores are of the whole held-out set. objective: mean BCE + 0.25 x commitment. The floor is the BCE of a perfect copy: "
    "gray pixels cost even when they are right, so objectives of different pictures compare only above it. perplexity: 2^H "
    "of the use of codes over the whole set."
)


def read_run(folder: Path) -> dict[str, Any]:
    """Return options, history and best scores of a run's folder; what cannot be read is empty."""
    options, history = of_today(table_in(folder / "options.json")), table_in(folder / "history.json")
    best = dict(history.get("best") or {})
    if "objective" in best:
        best["excess"] = best["objective"] - best["floor"]
    return {"folder": folder, "options": options, "history": history, "best": best}


def write_run(folder: Path) -> Path:
    """Write index.html and COMPARISON.md of one run into its folder; return the page. Raises UserError."""
    run = read_run(folder)
    if not run["options"]:
        raise UserError("no run here", where=str(folder), allowed="a folder with options.json")
    table = _score_table([run], "Scores")
    history = run["history"]
    said = f"{len(history.get('epochs', []))} epochs, {history.get('parameters', '?')} parameters"
    parts = [f"<section>{html_table(table)}{notes(history.get('notes', []))}</section>"]
    parts.append(f'<section><h2>Training</h2><div class="charts">{_curves(run)}{_usage(history)}</div></section>')
    parts += [_codebook(folder, history), _prior(folder), _dreams(folder)]
    samples = sorted(f"samples/{path.name}" for path in (folder / "samples").glob("*.png"))
    parts.append(_pictures(folder, "Held-out pictures above, reconstructions below", samples[-6:]))
    parts.append(options_section(run["options"]))
    text = page(folder.name, said, [part for part in parts if part])
    lines = [f"# {plain(folder.name)}", "", markdown(table), *(f"- {plain(note)}" for note in history.get("notes", []))]
    return write_pages(folder, "\n".join(lines) + "\n", text)


def _score_table(runs: Sequence[dict[str, Any]], title: str) -> Table:
    rows = []
    for key, name, digits, _ in MEASURES:
        cells = [f"{run['best'][key]:.{digits}f}" if key in run["best"] else NONE for run in runs]
        rows.append((name, *cells))
    head = ("", *(str(run["options"].get("split", "")) + " split" for run in runs))
    return Table(title, head, rows, [None] * len(rows), note=NOTE)


def curve_of(run: dict[str, Any], part: str, key: str) -> list[tuple[float, float]]:
    """Return (step, value) of each epoch where it is finite. part: train or validation."""
    found = []
    for record in run["history"].get("epochs", []):
        value = record.get(part, {}).get(key)
        if isinstance(value, int | float) and math.isfinite(value) and not record.get("warm"):
            found.append((float(record["step"]), float(value)))
    return found


def _curves(run: dict[str, Any]) -> str:
    loss = [
        Curve("training", curve_of(run, "train", "loss"), COLOURS[1]),
        Curve("held out", curve_of(run, "validation", "objective"), COLOURS[0]),
    ]
    floor = run["best"].get("floor")
    drawn = [chart("Loss, and the objective of what is held out", loss, ("cannot be less", floor) if floor else None)]
    for key, title in (("perplexity", "Perplexity"), ("psnr", "PSNR, dB"), ("commitment", "Commitment")):
        drawn.append(chart(f"{title} of what is held out", [Curve("", curve_of(run, "validation", key), COLOURS[0])]))
    return "".join(drawn)


def _usage(history: dict[str, Any]) -> str:
    """Return a histogram: how often each code is used by the held-out set, most used first."""
    counts = np.array(history.get("counts") or [], np.float64)
    if not counts.sum():
        return ""
    share = np.sort(counts)[::-1] / counts.sum()
    width, height = 420.0, 160.0
    step = (width - 20) / len(share)
    bars = "".join(
        f'<rect fill="{COLOURS[2]}" x="{10 + k * step:.2f}" y="{height - 20 - h:.2f}" width="{step * 0.85:.2f}" '
        f'height="{h:.2f}"/>'
        for k, h in enumerate(share / share.max() * (height - 34))
    )
    said = f"Use of each code, most used first: {(counts > 0).sum()} of {len(counts)}, perplexity {perplexity(counts):.1f}"
    top = f'<text x="10" y="11">{100 * share[0]:.1f} % of all</text>'
    return (
        f'<figure class="chart"><figcaption>{said}</figcaption><svg viewBox="0 0 {width:g} {height:g}" role="img" '
        f'aria-label="{said}">{top}{bars}</svg></figure>'
    )


def _pictures(folder: Path, title: str, names: Sequence[str]) -> str:
    there = [folder / name for name in names if (folder / name).is_file()]
    return f"<section><h2>{escape(title)}</h2>{samples(there, folder)}</section>" if there else ""


def _codebook(folder: Path, history: dict[str, Any]) -> str:
    """Return atlas, map and use over time; writes the last, which is drawn from the history."""
    picture = usage_map([record.get("counts", []) for record in history.get("epochs", [])])
    if picture is not None:
        write_png(folder / "usage.png", picture)
    explained = sum(table_in(folder / "codebook.json").get("explained", []))
    said = (
        f"atlas: every code laid everywhere, by brightness. codebook: the codes by their two principal components, which "
        f"explain {100 * explained:.0f} % of their variance; area is use. usage: a column an epoch, a row a code; dark red "
        f"is never used."
    )
    shown = _pictures(folder, "The codebook", ["atlas.png", "codebook.png", "usage.png"])
    return shown.replace("</section>", f"<p>{said}</p></section>") if shown else ""


def _prior(folder: Path) -> str:
    found = table_in(folder / "prior.json")
    guessing = found.get("guessing", {})
    curves = [
        Curve(name, [(step["step"], step[key]) for step in found.get("steps", []) if math.isfinite(step[key])], colour)
        for name, key, colour in (("training", "loss", COLOURS[1]), ("held out", "held_out", COLOURS[0]))
    ]
    level = ("guessing by use", guessing["by use"]) if "by use" in guessing else None
    drawn = chart("Nats that a hidden code costs the prior", curves, level)
    return f'<section><h2>The prior</h2><div class="charts">{drawn}</div></section>' if drawn else ""


def _dreams(folder: Path) -> str:
    found = table_in(folder / "dreams.json")
    rows = [
        (str(k), f"{d['seam']:.4f}", f"{d['step']:.4f}", f"{d['nearest']:.4f}", str(d.get("from", "")))
        for k, d in enumerate(found.get("dreams", []))
    ]
    if not rows:
        return ""
    note = (
        f"{found['kept']} of {found['drawn']} draws kept: the seam no larger than the largest ordinary step, steps below "
        f"{found['most']:.4f}, half-way from real loops to codes at random, farther from "
        f"every training loop than {found['bound']:.4f}, the 5th percentile of held-out loops. Distances are RMS of 0..1."
    )
    if not found["kept"]:
        note += " None was kept: this is the best that was refused, and it is in no style."
    beside = found.get("beside", [])
    origins = Table(
        "Dreams beside real loops and codes at random",
        ("loops", "seam", "ordinary step", "nearest training loop, median", "5th percentile"),
        [(each["name"], f"{each['seam']:.4f}", f"{each['step']:.4f}", *_spread(each["nearest"])) for each in beside],
        [each["seam"] <= each["step"] if "dream" in each["name"] else None for each in beside],
        note="Means over the loops. A dream should move as a real loop does, and its seam be no larger than its step.",
    )
    head = ("dream", "seam", "ordinary step", "nearest training loop", "sketches")
    table = Table("Dreams", head, rows, [d["seam"] <= d["step_most"] for d in found["dreams"]], note=note)
    videos = "".join(
        f'<figure class="shot"><video src="{link(path, folder)}" muted loop playsinline preload="none" tabindex="0">'
        f"</video></figure>"
        for path in sorted((folder / "dreams").glob("*.mp4"))
    )
    tables = html_table(table) + html_table(origins)
    return f'<section><h2>Dreamt loops</h2><div class="shots">{videos}</div>{tables}</section>'


def _spread(distances: Sequence[float]) -> tuple[str, str]:
    known = [each for each in distances if math.isfinite(each)]
    return tuple(f"{np.percentile(known, part):.4f}" for part in (50, 5)) if known else (NONE, NONE)
