"""`vj flash`: whether a film flashes more than is safe, and where. Mounted by the main command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def flash_command(
    film: Annotated[Path, typer.Argument(help="any film")],
    graph: Annotated[Path | None, typer.Option(help="where the graph goes (default: FILM.flash.png)")] = None,
    no_graph: Annotated[bool, typer.Option("--no-graph", help="draw none")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print what was found as JSON")] = False,
) -> None:
    """Check a film for flashes. Exit code 1 where there are more than three in a second."""
    from engine.app.render_command import bar
    from engine.output.flash_check import KINDS, check_film

    with bar(0.0) as told:
        report = check_film(film, lambda done, whole: told("reading", round(10 * done), round(10 * max(done, whole))))
    drawn = None if no_graph else graph or film.with_name(f"{film.name}.flash.png")
    if drawn is not None:
        _draw(report, drawn)
    if as_json:
        stretches = [vars(stretch) for stretch in report.stretches]
        document = {"film": str(film), "fails": report.fails, "frames": report.frames, "seconds": round(report.seconds, 3)}
        document |= {"flashes_a_second": report.flashes, "stretches": stretches, "graph": str(drawn) if drawn else None}
        typer.echo(json.dumps(document, indent=2))
    else:
        worst = ", ".join(f"{report.flashes[kind]:g} of {kind}" for kind in KINDS)
        verdict = "too many flashes" if report.fails else "at most three flashes in any second"
        typer.echo(f"{film}: {verdict} (the most in a second: {worst})")
        for s in report.stretches:
            typer.echo(f"  {_clock(s.start)} to {_clock(s.end)}: {s.flashes:g} a second, {s.kind}, {s.where}")
        if drawn is not None:
            typer.echo(f"graph: {drawn}")
    raise typer.Exit(1 if report.fails else 0)


def _draw(report: object, path: Path) -> None:
    from engine.core.errors import UserError
    from engine.core.files import reason
    from engine.output.flash_graph import draw_graph

    try:
        draw_graph(report).save(path, "PNG")
    except OSError as error:
        raise UserError("the graph cannot be written", where=str(path), got=reason(error), remedy="--graph PATH") from error


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{seconds % 60:05.2f}"
