"""`vj devices`: what can be listened to. Loads no OpenGL."""

from __future__ import annotations

import json

import typer

from phosphene.engine.audio.devices import list_inputs, one_each
from phosphene.engine.audio.loopback import advice
from phosphene.engine.audio.own_rate import rate_words
from phosphene.engine.cli.table import Json, print_table


def devices_command(as_json: Json = False) -> None:
    """List the audio inputs."""
    inputs = one_each(list_inputs())
    if as_json:
        typer.echo(json.dumps([vars(d) for d in inputs], indent=2))
        return
    if not inputs:
        typer.echo("no audio input; vj live plays the demo music instead")
    print_table(
        ("", "name", "channels", "rate", "by"),
        [("*" if d.is_default else "", d.name, str(d.channels), rate_words(round(d.default_rate)), d.kind) for d in inputs],
    )
    if line := advice(d.name for d in inputs):
        typer.echo(line)
