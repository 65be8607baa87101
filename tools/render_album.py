"""Render an album: every song a film of its own, planned from its sections, repeatable to the bit.

    vj album album.toml --dry-run
    vj album album.toml [--track ID ...] [--set album.crf=20 ...] [--workers 2] [--resume]
    vj album album.toml --verify
    vj album --list-presets

Writes `tracks/<id>/` (the film, its frame hashes, track.json, previews) and `run.json` into the album's folder. Stopped or
killed at any moment, --resume renders what is missing and no more.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Annotated

import typer

from phosphene.engine.core.child import ignore_current_folder
from phosphene.engine.core.commands import invoke
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.terminal import FAULT_OF_A_PERSON, STOPPED, print_anything, run
from phosphene.tools.album.commands import Options, album
from phosphene.tools.album.records import disk_error
from phosphene.tools.album.report import presets_text
from phosphene.tools.album.schema import Faults


def command(
    file: Annotated[Path | None, typer.Argument(metavar="ALBUM", help="the album's TOML file")] = None,
    track: Annotated[list[str] | None, typer.Option("--track", help="only this one; may be given again")] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", help="album.KEY=VALUE or track.ID.KEY=VALUE, as in the file; again and again"),
    ] = None,
    preset: Annotated[str, typer.Option(help="the mood of all tracks, whatever the file says")] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="plan, say what would be rendered and how long it takes")
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help="keep what is finished and render the rest")] = False,
    verify: Annotated[bool, typer.Option("--verify", help="paint what is finished again and compare")] = False,
    workers: Annotated[int | None, typer.Option(help="tracks at a time", min=1, max=256)] = None,
    threads: Annotated[int | None, typer.Option(help="threads of each (default: the processors, shared)", min=1)] = None,
    output_root: Annotated[Path | None, typer.Option(help="render into a folder in here instead")] = None,
    no_previews: Annotated[bool, typer.Option("--no-previews", help="no stills, contact sheets and GIFs")] = False,
    ray: Annotated[
        str, typer.Option(metavar="ADDRESS", help="spread tracks over a Ray cluster; local: one of this machine")
    ] = "",
    allow_outside: Annotated[
        bool,
        typer.Option("--allow-outside", help="the album may read and write outside its folder; only if you trust it"),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print run.json, or the plan, when done")] = False,
    list_presets: Annotated[bool, typer.Option("--list-presets", help="the moods and what they choose from")] = False,
) -> None:
    """Render an album: a film for each song, planned from its sections, repeatable to the bit."""
    if list_presets:
        typer.echo(presets_text())
        return
    if file is None:
        raise UserError("no album was given", where="ALBUM", allowed="a TOML file", remedy="see --help")
    options = Options(
        tracks=tuple(track or ()),
        changes=tuple(changes or ()),
        preset=preset,
        output_root=output_root,
        workers=workers,
        threads=threads,
        dry_run=dry_run,
        resume=resume,
        verify=verify,
        previews=not no_previews,
        ray=ray,
        as_json=as_json,
        outside=allow_outside,
    )
    try:
        code = album(file, options, typer.echo)
    except Faults as faults:
        code = FAULT_OF_A_PERSON
        for fault in faults.faults:
            typer.echo(fault.line(), err=True)
    except OSError as error:
        raise disk_error(error, Path.cwd()) from error
    except KeyboardInterrupt:
        code = STOPPED
        typer.echo("stopped; finished tracks are kept, --resume renders the rest", err=True)
    if code:
        raise typer.Exit(code)


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
app.command()(command)


def main() -> None:
    """Run the program; every fault that a person can mend is a line of its own."""
    print_anything()
    logging.basicConfig(level=logging.WARNING, format="%(levelname).1s %(message)s", stream=sys.stderr)
    run("render_album", lambda: sys.exit(invoke(app, None, "render_album.py")))


if __name__ == "__main__":
    ignore_current_folder()
    main()
