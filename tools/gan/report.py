"""The report of a run: index.html in its folder, which opens from a disk. Scores stand beside their nulls.

Called by `tools/train_gan.py` when a run ends. In the dress of the other trainer's reports (`tools/runs/page.py`).
"""

from __future__ import annotations

import os
from html import escape
from pathlib import Path

from phosphene.tools.gan.measure import FEATURES
from phosphene.tools.gan.run import Run
from phosphene.tools.gan.trainer import Trainer
from phosphene.tools.runs.charts import COLOURS, Curve, chart, smoothed
from phosphene.tools.runs.files import write_or_warn
from phosphene.tools.runs.page import link, notes, options_section, page, samples

_CURVES = (
    ("Losses, smoothed", ("judge", "maker")),
    ("Gradient penalties, smoothed", ("r1", "r2")),
    ("Spread of a batch's pixels, smoothed", ("spread", "spread_real")),
)
# name, what it is, its nulls
_SCORES = (
    ("kid", "KID, lower is better", (("kid_real", "real halves"), ("kid_untrained", "untrained"))),
    ("fid", "FID, lower is better", (("fid_real", "real halves"), ("fid_untrained", "untrained"))),
    ("precision", "precision", (("precision_untrained", "untrained"),)),
    ("recall", "recall", (("recall_untrained", "untrained"),)),
    ("nearest_train", "distance to the nearest training picture", (("nearest_train_held_out", "held-out real ones"),)),
    ("path_length", "path length, lower is smoother", ()),
    ("lightness", "lightness", (("lightness_real", "real"),)),
    ("lightness_sd", "spread of lightness", (("lightness_sd_real", "real"),)),
    ("chroma", "chroma", (("chroma_real", "real"),)),
    ("reactivity", "reactivity", (("reactivity_null", "shuffled sound, or none"),)),
    ("black", "share of black pixels", (("black_real", "real"),)),
)


def write_report(run: Run, trainer: Trainer, scores: dict[str, float], style: Path | None) -> Path | None:
    """Write index.html and return its path; None where the disk is full, which is said."""
    home = run.folder
    shown = []
    for path in (style / "preview.mp4" if style else None, home / "walk.mp4"):
        if path is not None and path.is_file():
            still = style / "preview.png"
            poster = f' poster="{link(still, home)}"' if still.is_file() else ""
            shown.append(
                f'<figure class="shot"><video src="{link(path, home)}"{poster} muted loop playsinline preload="none" '
                f'tabindex="0"></video><figcaption><span>{escape(path.name)}</span></figcaption></figure>'
            )
    charts = []
    for title, names in _CURVES:
        curves = []
        for k, name in enumerate(names):
            points = [(h["step"], h[name]) for h in run.history if name in h]
            curves.append(Curve(name, smoothed(points) if points else [], COLOURS[k]))
        charts.append(chart(title, curves))
    shots = sorted((home / "samples").glob("*.png"))[::-1]
    parts = [
        f'<section><div class="shots">{"".join(shown)}</div></section>',
        f"<section><h2>Scores</h2>{score_table(scores)}"
        f'<p class="dim">Features: {FEATURES}. Not to be set beside published figures, which use Inception.</p></section>',
        f'<section><h2>Training</h2><div class="charts">{"".join(charts)}</div>{notes(trainer.notes)}</section>',
        f"<section><h2>On the way</h2>{samples(shots, home)}</section>",
        options_section({"data": run.data} | run.options.as_json()),
    ]
    said = f"{trainer.step} steps, {trainer.seen} pictures seen, {run.seconds / 60:.1f} min, {len(run.train)} pictures"
    path = home / "index.html"
    return path if write_or_warn(path, page(os.path.basename(home.resolve()), said, parts).encode()) else None


def score_table(scores: dict[str, float]) -> str:
    """Return the scores as a table, each beside its nulls."""
    rows = []
    for name, said, nulls in _SCORES:
        if name in scores:
            beside = ", ".join(f"{text} {scores[key]:.4g}" for key, text in nulls if key in scores)
            rows.append(f"<tr><th>{escape(said)}</th><td class='n'>{scores[name]:.4g}</td><td>{escape(beside)}</td></tr>")
    return f"<table>{''.join(rows)}</table>" if rows else '<p class="dim">Not measured.</p>'
