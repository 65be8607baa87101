"""`vj cache`: what the cache holds, and how it is emptied. Loads no OpenGL."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from phosphene.engine.cli.table import Json, print_table
from phosphene.engine.core.cache import entries, remove
from phosphene.engine.core.errors import UserError, listed
from phosphene.engine.core.paths import cache_dir


def cache_command(
    names: Annotated[list[str] | None, typer.Argument(help="names of caches (default: all)")] = None,
    clear: Annotated[bool, typer.Option("--clear", help="empty them; all in them can be made again")] = False,
    as_json: Json = False,
) -> None:
    """Show what the caches hold and how large they are, or empty them."""
    found = entries()
    known = [kept.path.name for kept in found]
    if unknown := [name for name in names or () if name not in known]:
        raise UserError("no such thing in the cache", where=str(cache_dir()), allowed=listed(known), got=", ".join(unknown))
    chosen = [kept for kept in found if not names or kept.path.name in names]
    if clear:
        for kept in chosen:
            remove(kept.path)
    if as_json:
        rows = [{"name": kept.path.name, "bytes": kept.bytes, "files": kept.files} for kept in chosen]
        typer.echo(json.dumps({"folder": str(cache_dir()), "cleared": clear, "entries": rows}, indent=2))
        return
    if chosen:
        rows = [(kept.path.name, f"{kept.bytes / 1e6:.1f} MB", str(kept.files)) for kept in chosen]
        print_table(("name", "size", "files"), rows)
    total = sum(kept.bytes for kept in chosen) / 1e6
    typer.echo(f"{cache_dir()}: {total:.1f} MB{' removed' if clear else ''}")
