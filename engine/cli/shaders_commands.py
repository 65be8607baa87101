"""`vj shaders`: list and check ISF shaders. What it prints comes from `library/shader_lint.py`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from phosphene.engine.cli.table import Json, print_table
from phosphene.engine.core.errors import UserError, one_line
from phosphene.engine.core.params import within
from phosphene.engine.core.paths import shader_folders

app = typer.Typer(name="shaders", help="List and check ISF shaders.", no_args_is_help=True)
_LIMITS = (1.0, 600.0)  # s


@app.command("list")
def shaders_list(as_json: Json = False) -> None:
    """List the shaders, with what moves their inputs on a deck."""
    from phosphene.engine.backends.isf_known import KnownShader, known_shaders
    from phosphene.engine.backends.isf_still import still_of
    from phosphene.engine.effects.isf import knobs_of
    from phosphene.engine.generators.isf import slots_of
    from phosphene.engine.library.shader_lint import inputs_told
    from phosphene.engine.models.isf import read_isf
    from phosphene.engine.models.shaders import shader_files

    chosen = known_shaders()
    told: list[dict[str, Any]] = []
    rows: list[tuple[str, str, str]] = []
    for slug, path in shader_files().items():
        row: dict[str, Any] = {"slug": slug, "path": str(path)}
        try:
            isf = read_isf(path)
            picture = still_of(isf)
            row["still"] = None if picture is None else str(picture)
            told.append(row | {"kind": isf.kind, "description": isf.description, "inputs": inputs_told(isf), "fault": ""})
            if isf.kind == "generator":
                names = [f"{slot.param.removeprefix('shader')} {slot.label}" for slot in slots_of(isf)]
            elif isf.kind == "effect":
                names = [knob.param.name for knob in knobs_of(isf)]
            else:
                names = [each.name for each in isf.inputs]
            known = chosen.get(slug)
            out = isf.kind != "generator" and not (isinstance(known, KnownShader) and not known.refusal)
            kind = f"{isf.kind}, not in shows: lint it" if out else isf.kind
            rows.append((slug, kind, one_line(", ".join(names))))
        except UserError as error:
            told.append(row | {"kind": "", "description": "", "inputs": [], "fault": error.line(), "still": None})
            rows.append((slug, "refused", error.line()))
    if as_json:
        typer.echo(json.dumps(told, indent=2))
    elif rows:
        print_table(("shader", "kind", "inputs (1 is /deck/a/shader1)"), rows)
    else:
        typer.echo(f"no shader in {shader_folders()[0]}")


@app.command("lint")
def shaders_lint(
    places: Annotated[list[Path] | None, typer.Argument(help="folders or files (default: every shader there is)")] = None,
    limit: Annotated[float, typer.Option(help="seconds that one shader may take before it is refused")] = 30.0,
    as_json: Json = False,
) -> None:
    """Check shaders: compile them, run them off screen, try each input. Exit code 1 if one is refused."""
    from phosphene.engine.library.shader_lint import lint_shaders, shader_files_of

    within("--limit", limit, *_LIMITS)
    files = shader_files_of(places or [folder for folder in shader_folders() if folder.is_dir()])
    told, refused, silent, renderer = [], 0, 0, ""
    for each in lint_shaders(files, limit):
        refused += not each.verdict.ok
        silent += each.verdict.ok and not all(each.verdict.answers.values())
        renderer = each.renderer or renderer
        if as_json:
            told.append(each.told())
            continue
        verdict = each.verdict
        if verdict.ok:
            kind = each.isf.kind if each.isf else ""
            line = f"ok, {kind}" + "".join(f"; {note}" for note in verdict.notes)
        else:
            line = f"refused: {verdict.reason} ({verdict.where})" + (f"; {verdict.remedy}" if verdict.remedy else "")
        typer.echo(one_line(f"{each.path}: {line}"))
    if as_json:
        typer.echo(json.dumps({"renderer": renderer, "shaders": told}, indent=2))
    else:
        typer.echo(f"{len(files)} shaders, {refused} refused, {silent} with an input that changes nothing; on {renderer}")
    raise typer.Exit(1 if refused else 0)
