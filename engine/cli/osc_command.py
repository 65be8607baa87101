"""`vj osc`: every address that can be sent to, as a list, a page, or a layout for another program. Loads no OpenGL."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from phosphene.engine.cli.table import print_table
from phosphene.engine.control import open_stage_control, reference, touchosc
from phosphene.engine.control.layout import pages
from phosphene.engine.control.table import build_table
from phosphene.engine.core.naming import refused
from phosphene.engine.core.placing import claim, discarding
from phosphene.engine.library.catalogue import show_catalogue
from phosphene.engine.show.catalogue import DECKS


def osc_command(
    markdown: Annotated[bool, typer.Option("--markdown", help="print the reference page docs/osc.md")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print the OSCQuery tree as JSON")] = False,
    for_touchosc: Annotated[
        Path | None, typer.Option("--touchosc", metavar="FILE", help="write a layout for TouchOSC (.tosc; needs py2tosc)")
    ] = None,
    for_open_stage_control: Annotated[
        Path | None,
        typer.Option("--open-stage-control", metavar="FILE", help="write a session for Open Stage Control (.json)"),
    ] = None,
) -> None:
    """List every OSC address, or write pages of controls for other programs."""
    catalogue = show_catalogue()
    table = build_table(catalogue.effects, catalogue.deck_params, catalogue.transitions)
    if as_json:
        typer.echo(json.dumps(reference.oscquery_tree(table), indent=2))
    elif markdown:
        typer.echo(reference.markdown(table), nl=False)
    elif for_touchosc or for_open_stage_control:
        words = {"/scene": catalogue.scenes} | {f"/deck/{deck}/style": catalogue.styles for deck in DECKS}
        made = pages(table, words)
        if for_touchosc:
            _write(for_touchosc, touchosc.layout(made))
        if for_open_stage_control:
            _write(for_open_stage_control, open_stage_control.session(made).encode("utf-8"))
    else:
        rows = [(a.path, ", ".join(arg.name for arg in a.arguments), a.description) for a in table.addresses.values()]
        print_table(("address", "arguments", "does"), rows)


def _write(path: Path, data: bytes) -> None:
    """Write a file beside what has its name, which is renamed. Raises UserError."""
    try:
        with discarding(claim(path, ".part")) as working:
            working.write(data)
            path = working.hand_over()
    except OSError as error:
        raise refused("the layout cannot be written", path, error) from error
    typer.echo(f"wrote {path}")
