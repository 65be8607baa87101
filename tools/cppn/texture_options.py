"""What a run by pictures is told where the command line says nothing: the guide `texture`, and what that guide needs.

Called on the table of options before the record of them is made, so that options.json says what was done.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.extras import install
from phosphene.engine.models.encoding import BASE_INPUTS, PLACE
from phosphene.tools.guides.board import textured
from phosphene.tools.guides.eyes import has_eyes
from phosphene.tools.guides.images import find_boards

# Narrower than other styles: a texture of 64 is fitted in half a minute. Small steps: the fit has done the work before them,
# and the guide makes the rest of the statistics agree.
DEFAULTS: dict[str, Any] = {
    "hidden_dim": 64,
    "activation": "sin",
    "iterations": 80,
    "resolutions": (192,),
    "lr": 5e-4,
}


def with_texture(given: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return the options with a guide where pictures alone are given and none is named, and lines for the person.

    Without the extra `eyes`, and for pictures that have no texture, colours guide as before. Raises UserError where there
    is no picture.
    """
    options, notes = dict(given), []
    wordless = options.get("images") and not str(options.get("prompt", "")).strip()
    if wordless and options.get("guide", "auto").strip() == "auto" and options.get("recipe", "full") == "full":
        if not has_eyes():
            notes.append(f"the pictures give their colours only; for their texture, {install('eyes')}")
        else:
            try:
                boards, _ = find_boards(Path(options["images"]))
                textured([path for board in boards for path in board])
                options["guide"] = "texture"
            except UserError as error:
                if "texture" not in error.what:
                    raise
                notes.append(f"the pictures give their colours only: {error.line()}")
    if guided_by_texture(options.get("guide", "")):
        options = DEFAULTS | options
        if options.get("images") and len(find_boards(Path(options["images"]))[0]) > 1:
            options.setdefault("inputs", ",".join((*BASE_INPUTS, PLACE)))
    return options, notes


def guided_by_texture(guide: str) -> bool:
    """Tell whether `texture` is among the guides that --guide names."""
    return "texture" in (part.partition(":")[0].strip() for part in guide.split("+"))
