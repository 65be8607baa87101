"""Writes what a run or a batch of runs came to, from the files on disk alone: COMPARISON.md and index.html.

Called by `tools/train_style.py` at the end of a run and of a batch; may be called again at any time. A run that is not
finished is shown as far as it got.
"""

from __future__ import annotations

from pathlib import Path

from phosphene.engine.core.errors import UserError
from phosphene.tools.cppn.page import batch_page, run_page
from phosphene.tools.cppn.records import grouped, read_batch, read_run
from phosphene.tools.cppn.tables import batch_tables, run_table
from phosphene.tools.runs.page import write_pages
from phosphene.tools.runs.tables import markdown, plain


def write_run_report(folder: Path) -> Path:
    """Write COMPARISON.md and index.html of one run into its folder; return the page. Raises UserError."""
    run = read_run(folder)
    if not run.options and run.meta is None:
        raise UserError("no run here", where=str(folder), allowed="a folder with options.json or style/style.toml")
    lines = [f"# {plain(run.wanted)}", "", markdown(run_table(run))]
    lines += [f"- {plain(note)}" for note in run.notes]
    return write_pages(folder, "\n".join(lines) + "\n", run_page(run))


def write_batch_report(folder: Path) -> Path:
    """Write COMPARISON.md and index.html over the runs inside `folder`; return the page. Raises UserError."""
    runs = read_batch(folder)
    if not runs:
        raise UserError("no runs here", where=str(folder), allowed="a folder of folders with options.json")
    groups = grouped(runs)
    lines = [f"# {plain(folder.resolve().name)}", ""]
    for table in batch_tables(groups):
        lines += [f"## {table.title}", "", markdown(table)]
    return write_pages(folder, "\n".join(lines), batch_page(folder, runs, groups))
