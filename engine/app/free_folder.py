"""Whether a folder is free for a new style. Asked by the commands that make one, before their work; writes nothing."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from engine.core.errors import UserError
from engine.core.naming import refused
from engine.core.placing import check_writable

_WHAT = "the folder cannot be written"


def check_free(folder: Path, remedy: str, begun: Collection[str] = ()) -> None:
    """Raise UserError where something lies at `folder`, or nothing can be written there. An empty folder is free.

    begun: names of what an own run that ended before its first step may have left there.
    """
    try:
        with os.scandir(folder) as entries:
            held = sorted(entry.name for entry in entries if entry.name not in begun)
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
