"""`vj engines`: the TensorRT plans of this machine, built before a gig. Mounted by the main command line.

Prints tables, or JSON with --json. `list` and `prune` work without TensorRT, on what lies in the cache.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.table import Table

from phosphene.engine.core import terminal
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.params import within
from phosphene.engine.core.progress import ProgressLines

app = typer.Typer(name="engines", help="Build TensorRT plans: networks for this NVIDIA card.", no_args_is_help=True)
console = terminal.console()
Json = Annotated[bool, typer.Option("--json", help="for scripts")]


@app.command("list")
def list_command(as_json: Json = False) -> None:
    """List the plans, and whether this machine can use them."""
    from phosphene.engine.backends.plans import PlanStore

    machine, reason = _machine()
    rows = [_facts(header, machine) for header in PlanStore().headers()]
    if as_json:
        typer.echo(json.dumps({"plans": rows, "machine": machine and machine.model_dump(), "refusal": reason}, indent=2))
        return
    table = Table("style", "up to", "numbers", "MB", "built", "state", box=None, header_style="bold", pad_edge=False)
    for row in rows:
        pixels, megabytes = f"{row['pixels'][2]:,} pixels", f"{row['nbytes'] / 1e6:.1f}"
        table.add_row(row["style"], pixels, row["numbers"], megabytes, row["built"], row["state"])
    console.print(table if rows else "no plans (vj engines build)", soft_wrap=not rows)
    if reason:
        console.print(f"TensorRT cannot be used here: {reason}")


@app.command()
def build(
    styles: Annotated[list[str] | None, typer.Argument(help="names or folders (default: the whole library)")] = None,
    size: Annotated[str | None, typer.Option(help="for one size, such as 1280x720")] = None,
    sizes: Annotated[
        str | None, typer.Option(help="for a range, such as 64x36..1920x1080 (default: 64x36..1280x720)")
    ] = None,
    level: Annotated[int, typer.Option(help="how hard the builder tries; 0: takes the first that works", min=0, max=5)] = 3,
    limit: Annotated[float, typer.Option(help="longest time for one plan, in seconds, 1 to 86400")] = 600.0,
    again: Annotated[bool, typer.Option("--again", help="build every plan, even if it is there")] = False,
) -> None:
    """Build the plans that are missing, before the gig.

    Styles whose networks have the same shape share a plan; its weights are exchanged when one of them is loaded. Exit code
    1 if a plan could not be built.
    """
    from phosphene.engine.backends.plan_build import build as build_plan
    from phosphene.engine.backends.plans import PlanStore, is_for, recipe_of, sizes_of
    from phosphene.engine.models.style import list_styles, load_style

    least, most = sizes_of(size, sizes)
    within("--limit", limit, 1.0, 86_400.0)
    machine, reason = _machine()
    if machine is None:
        raise UserError("no plan can be built here", got=reason)
    store = PlanStore()
    failed = 0
    for name in styles or list_styles():
        try:
            style = load_style(name)
            there = None if again else store.find(style, machine, most)
            if there is not None and there.recipe.level >= level:
                told = "there already" if is_for(there, style) else f"its weights go into the plan of {there.style}"
                console.print(f"{style.slug}: {told}")
                continue
            recipe = recipe_of(style, least.pixels, most.pixels, level)
            with building(style.slug) as progress:
                header = build_plan(style, recipe, machine, store, limit_s=limit, progress=progress)
            told = f"{style.slug}: {header.nbytes / 1e6:.1f} MB in {header.seconds:.0f} s, {header.recipe.numbers}"
            console.print(told)
        except UserError as error:
            failed += 1
            typer.echo(f"{name}: {error.line()}", err=True)
    raise typer.Exit(1 if failed else 0)


@app.command()
def prune(
    everything: Annotated[bool, typer.Option("--all", help="delete all plans, also those that work here")] = False,
) -> None:
    """Delete damaged plans, and plans for other drivers, GPUs or TensorRT versions."""
    from phosphene.engine.backends.plans import PlanStore

    machine, reason = _machine()
    gone = PlanStore().prune(machine, everything)
    typer.echo(f"{len(gone)} files deleted")
    if reason and not everything:
        typer.echo(f"nothing counts as foreign, for TensorRT cannot be used here: {reason}", err=True)


@contextmanager
def building(slug: str) -> Iterator[Any]:
    """Show a bar for each phase of a build, or lines; yields what `plan_build.build` calls with its progress."""
    if not console.is_terminal:
        lines = ProgressLines()
        yield lambda phase, done, steps: lines(f"{slug}: {phase}", done, steps)
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        tasks: dict[str, Any] = {}

        def progress(phase: str, done: int, steps: int) -> None:
            if phase not in tasks:
                tasks[phase] = bars.add_task(f"{slug}: {phase}", total=steps)
            bars.update(tasks[phase], completed=done, total=steps, visible=done < steps)

        yield progress


def _machine() -> tuple[Any, str]:
    """Return what plans are keyed by here, or None and why there is nothing."""
    from phosphene.engine.backends.tensorrt import TensorRTBackend

    try:
        return TensorRTBackend().machine(), ""
    except UserError as error:
        return None, error.line()


def _facts(header: Any, machine: Any) -> dict[str, Any]:
    if machine is None:
        state = f"for {header.machine.line()}"
    else:
        state = f"foreign: {machine.differences(header.machine)}" if header.machine != machine else "ready"
    recipe = header.recipe
    return {
        "style": header.style,
        "pixels": list(recipe.pixels),
        "numbers": recipe.numbers,
        "level": recipe.level,
        "refit": header.refit,
        "nbytes": header.nbytes,
        "seconds": header.seconds,
        "built": header.built,
        "state": state,
        "key": header.key,
    }
