"""`vj muse`: two pieces of music in, one new piece out. Loads no OpenGL."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Annotated

import typer

from phosphene.engine.app.muse_job import MuseOptions, make_muse
from phosphene.engine.cli.table import Json, print_table
from phosphene.engine.core.errors import UserError


def muse_command(
    a: Annotated[Path, typer.Argument(help="the piece that gives the rhythm, and the clock")],
    b: Annotated[Path, typer.Argument(help="the piece that gives the harmony")],
    out: Annotated[Path, typer.Argument(help="the new piece, a .flac")],
    mode: Annotated[str, typer.Option("--mode", help="drums, interlock or transition")] = "drums",
    bars: Annotated[int, typer.Option("--bars", help="how long, 4 to 64")] = 16,
    start: Annotated[int | None, typer.Option("--start", help="bar of A to start at, from 0 (default: the best)")] = None,
    key: Annotated[str, typer.Option("--key", help="auto, keep, or semitones that B is moved by")] = "auto",
    fader: Annotated[str, typer.Option("--fader", help="B's share, 0 to 1; or BAR:SHARE,BAR:SHARE")] = "",
    seed: Annotated[int, typer.Option("--seed", help="of the random masks in the report")] = 0,
    as_json: Json = False,
) -> None:
    """Make one piece of two: the rhythm of A under the harmony of B, in time and in tune."""
    default = f"0:0,{bars}:1" if mode == "transition" else "0.5"
    options = MuseOptions(mode, bars, start, _key(key), _fader(fader or default), seed)
    report = make_muse(a, b, out, options, (lambda line: None) if as_json else typer.echo)
    if as_json:
        typer.echo(json.dumps(report, indent=2))
        return
    columns = ("rhythm", "harmony", "transfer")
    rows = [(name, *(f"{row[c]:.2f}" for c in columns)) for name, row in report["measures"].items()]
    print_table(("", *columns), rows)
    if report["fader"]["share"] is not None:
        typer.echo(f"B's share {report['fader']['share']:.3f}, wanted {report['fader']['wanted']:.3f}")
    loud = report["loudness"]
    typer.echo(f"{report['out']}: {report['seconds']:.1f} s, {loud['lufs']:.1f} LUFS, peak {loud['true_peak']:.1f} dBTP")


def _key(text: str) -> int | None:
    if text in ("auto", "keep"):
        return None if text == "auto" else 0
    try:
        return int(text)
    except ValueError:
        raise UserError("cannot read --key", allowed="auto, keep, or whole semitones such as -2", got=text) from None


def _fader(text: str) -> list[tuple[float, float]]:
    try:
        points = [tuple(map(float, part.split(":"))) for part in (text if ":" in text else f"0:{text}").split(",")]
        curve = [(bar, share) for bar, share in points]
    except ValueError:
        raise UserError("cannot read --fader", allowed="0.5, or 0:0,16:1", got=text) from None
    ordered = all(one[0] < two[0] for one, two in pairwise(curve))
    if not ordered or not all(0 <= share <= 1 for _, share in curve):
        raise UserError("--fader makes no sense", allowed="shares of 0 to 1, bars that rise", got=text)
    return curve
