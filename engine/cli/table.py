"""How commands print a table, and the option that they all have."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from phosphene.engine.core.terminal import console

Json = Annotated[bool, typer.Option("--json", help="for scripts")]


def print_table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    """Print rows of plain text; brackets in them are brackets."""
    table = Table(*head, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*map(Text, row))
    console().print(table, soft_wrap=False)
