"""`vj doctor`, as the terminal has it; what is found out is `engine.cli.doctor`."""

from __future__ import annotations

import json
from typing import Any

import typer

from phosphene.engine.cli.doctor import examine
from phosphene.engine.cli.table import Json, print_table


def doctor_command(as_json: Json = False) -> None:
    """Say what this machine has, what will be used, and why the rest will not be."""
    found = examine()
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    print_table(("what", "found"), [(key, _told(value)) for key, value in found.items()])


def _told(value: Any) -> str:
    if isinstance(value, list):
        return "\n".join(_told(v) for v in value) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{k}: {_told(v)}" if v else k for k, v in value.items())
    return str(value)
