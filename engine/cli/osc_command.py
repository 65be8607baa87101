"""`vj osc`: every address that can be sent to. Loads no OpenGL."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from phosphene.engine.cli.table import print_table
from phosphene.engine.control import reference
from phosphene.engine.control.table import build_table
from phosphene.engine.library.catalogue import show_catalogue


def osc_command(
    markdown: Annotated[bool, typer.Option("--markdown", help="print the reference page docs/osc.md")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print the OSCQuery tree as JSON")] = False,
) -> None:
    """List every OSC address."""
    catalogue = show_catalogue()
    table = build_table(catalogue.effects, catalogue.deck_params)
    if as_json:
        typer.echo(json.dumps(reference.oscquery_tree(table), indent=2))
    elif markdown:
        typer.echo(reference.markdown(table), nl=False)
    else:
        rows = [(a.path, ", ".join(arg.name for arg in a.arguments), a.description) for a in table.addresses.values()]
        print_table(("address", "arguments", "does"), rows)
