"""`vj flash`: whether a film flashes more than is safe, and where. Mounted by the main command line.

The verdict comes first, and nothing about the graph takes it away or changes its exit code from 1 to another.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from phosphene.engine.core.errors import UserError
    from phosphene.engine.output.flash_check import FlashReport

_UNWRITTEN = "the graph cannot be written"


def flash_command(
    film: Annotated[Path, typer.Argument(help="the film")],
    graph: Annotated[Path | None, typer.Option(help="file for the graph (default: FILM.flash.png)")] = None,
    no_graph: Annotated[bool, typer.Option("--no-graph", help="draw no graph")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print the result as JSON")] = False,
) -> None:
    """Check a film for flashes. Exit code 1 if there are more than three in any second."""
    from phosphene.engine.cli.render_command import bar
    from phosphene.engine.core.naming import beside
    from phosphene.engine.output.flash_check import check_film

    if graph is not None and not no_graph:
        _check_place(graph, film)
    with bar(0.0) as told:
        report = check_film(film, lambda done, whole: told("reading", round(10 * done), round(10 * max(done, whole))))
    if not as_json:
        typer.echo(_told(film, report))
    drawn: Path | None = None
    fault: UserError | None = None
    if not no_graph:
        drawn, fault = _drawn(report, graph or beside(film, ".flash.png"))
    if as_json:
        typer.echo(json.dumps(_document(film, report, drawn), indent=2))
    elif drawn is not None:
        typer.echo(_line(f"graph: {drawn}"))
    if fault is not None and graph is not None and not report.fails:
        raise fault
    if fault is not None:
        typer.echo(f"vj: {fault.line()}", err=True)
    raise typer.Exit(1 if report.fails else 0)


def _check_place(graph: Path, film: Path) -> None:
    """Raise UserError where no graph can go: before a film is read for minutes, not after."""
    from phosphene.engine.core.naming import refuse_inputs, refused
    from phosphene.engine.core.placing import check_writable

    refuse_inputs([graph], [film])
    try:
        check_writable(graph)
    except OSError as error:
        raise refused(_UNWRITTEN, graph, error) from error


def _drawn(report: FlashReport, wanted: Path) -> tuple[Path | None, UserError | None]:
    """Draw the graph; return where it is, or why it is not. What has its name gives way to a number."""
    from phosphene.engine.core.naming import refused
    from phosphene.engine.core.placing import claim, discarding
    from phosphene.engine.output.flash_graph import draw_graph

    data = io.BytesIO()
    draw_graph(report).save(data, "PNG")
    try:
        with discarding(claim(wanted, ".part")) as working:
            working.write(data.getvalue())
            return working.hand_over(), None
    except OSError as error:
        return None, refused(_UNWRITTEN, wanted, error)


def _told(film: Path, report: FlashReport) -> str:
    from phosphene.engine.output.flash_check import KINDS

    worst = ", ".join(f"{report.flashes[kind]:g} of {kind}" for kind in KINDS)
    verdict = "too many flashes" if report.fails else "at most three flashes in any second"
    lines = [_line(f"{film}: {verdict} (the most in a second: {worst})")]
    lines += [
        f"  {_clock(s.start)} to {_clock(s.end)}: {s.flashes:g} a second, {s.kind}, {s.where}" for s in report.stretches
    ]
    return "\n".join(lines)


def _document(film: Path, report: FlashReport, drawn: Path | None) -> dict[str, object]:
    return {
        "film": str(film),
        "fails": report.fails,
        "frames": report.frames,
        "seconds": round(report.seconds, 3),
        "flashes_a_second": report.flashes,
        "stretches": [vars(stretch) for stretch in report.stretches],
        "graph": str(drawn) if drawn else None,
    }


def _line(text: str) -> str:
    from phosphene.engine.core.errors import one_line

    return one_line(text)


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{seconds % 60:05.2f}"
