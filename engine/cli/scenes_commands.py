"""`vj scenes`: list and check the looks that can be called by name. Loads no OpenGL."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from phosphene.engine.cli.table import Json, print_table
from phosphene.engine.core import paths
from phosphene.engine.core.errors import UserError
from phosphene.engine.library.catalogue import show_catalogue
from phosphene.engine.show.scene import lint_scene, load_scene, scene_path
from phosphene.engine.show.setlist import lint_setlist

app = typer.Typer(name="scenes", help="List and check scenes.", no_args_is_help=True)


@app.command("list")
def scenes_list(as_json: Json = False) -> None:
    """List the scenes, each with its number key."""

    catalogue = show_catalogue()
    rows: list[tuple[str, str, str, str]] = []
    for n, slug in enumerate(catalogue.scenes, 1):
        try:
            scene = load_scene(scene_path(slug), catalogue)
            rows.append((str(n), slug, scene.deck.style, scene.description))
        except UserError as error:
            rows.append((str(n), slug, "refused", error.line()))
    if as_json:
        typer.echo(
            json.dumps([dict(zip(("number", "slug", "style", "description"), row, strict=True)) for row in rows], indent=2)
        )
    else:
        print_table(("key", "scene", "style", "what is seen"), rows)


@app.command("lint")
def scenes_lint(
    files: Annotated[list[Path] | None, typer.Argument(help="scene files (default: every scene and the setlist)")] = None,
) -> None:
    """Check scenes: one line for each fault. Exit code 1 if there is one."""

    catalogue = show_catalogue()
    setlists = [folder / "setlist.toml" for folder in paths.scene_folders()]
    found = files or [*map(scene_path, catalogue.scenes), *filter(os.path.lexists, setlists)]
    faults = [
        fault for path in found for fault in (lint_setlist if path.name == "setlist.toml" else lint_scene)(path, catalogue)
    ]
    for fault in faults:
        typer.echo(fault.line(), err=True)
    typer.echo(f"{len(found)} files, {len(faults)} faults")
    raise typer.Exit(1 if faults else 0)
