"""Whether a folder is free for a new style. Asked by the commands that make one, before their work; writes nothing."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.naming import refused
from phosphene.engine.core.placing import check_writable

_WHAT = "the folder cannot be written"


def check_free(folder: Path, remedy: str, begun: Collection[str] = ()) -> None:
    """Raise UserError where something lies at `folder`, or nothing can be written there. An empty folder is free.

    begun: names of files of an own writing that was interrupted, which may lie there; their working files may, too.
    """
    try:
        with os.scandir(folder) as entries:
            held = sorted(entry.name for entry in entries if not _is_of(entry.name, begun))
    except FileNotFoundError:
        held = [folder.name] if os.path.lexists(folder) else []  # a link that leads nowhere is somebody's, too
    except OSError as error:
        raise refused(_WHAT, folder, error) from error
    if held:
        what = "the style exists" if "style.toml" in held else "the folder holds something else"
        raise UserError(what, where=str(folder), got=", ".join(held[:3]), remedy=remedy)
    try:
        check_writable(folder / "style.toml")
    except OSError as error:
        raise refused(_WHAT, folder, error) from error


def _is_of(name: str, begun: Collection[str]) -> bool:
    return name in begun or any(name.startswith(f".{each}.") for each in begun)
