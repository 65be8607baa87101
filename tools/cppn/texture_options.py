"""What a run is told where the command line names no guide: `texture`, where its pictures or its words give it a board.

Called on the table of options before the record of them is made, so that options.json says what was done.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.extras import install
from phosphene.engine.models.encoding import BASE_INPUTS, PLACE
from phosphene.tools.cppn.options import MAX_PROMPT
from phosphene.tools.guides.board import textured
from phosphene.tools.guides.clip import has_clip
from phosphene.tools.guides.eyes import has_eyes
from phosphene.tools.guides.images import find_boards
from phosphene.tools.guides.structures import asked

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
    """Return the options with the guide `texture` where none is named and there is a board, and lines for the person.

    A board is pictures without words, or words that name a structure, which is then painted; but CLIP reads words first,
    where it can. Without the extra `eyes`, and for pictures that have no texture, colours guide as before. Raises UserError
    where there is no picture.
    """
    options, notes = dict(given), []
    if options.get("guide", "auto").strip() == "auto" and options.get("recipe", "full") == "full":
        prompt = str(options.get("prompt", "")).strip()
        if options.get("images") and not prompt:
            notes = _by_pictures(options)
        elif prompt and not options.get("images"):
            notes = _by_words(options, prompt)
    if guided_by_texture(options.get("guide", "")):
        options = DEFAULTS | options
        if options.get("images") and len(find_boards(Path(options["images"]))[0]) > 1:
            options.setdefault("inputs", ",".join((*BASE_INPUTS, PLACE)))
    return options, notes


def _by_pictures(options: dict[str, Any]) -> list[str]:
    """Name the guide for pictures; return the lines."""
    if not has_eyes():
        return [f"the pictures give their colours only; for their texture, {install('eyes')}"]
    try:
        boards, _ = find_boards(Path(options["images"]))
        textured([path for board in boards for path in board])
    except UserError as error:
        if "texture" not in error.what:
            raise
        return [f"the pictures give their colours only: {error.line()}"]
    options["guide"] = "texture"
    return []


def _by_words(options: dict[str, Any], prompt: str) -> list[str]:
    """Name the guide for words; return the lines."""
    if options.get("clip_model") or options.get("clip_weights") or has_clip():
        return []
    wanted = asked(prompt[:MAX_PROMPT], str(options.get("negative_prompt", ""))[:MAX_PROMPT])
    if not wanted.subjects:
        return []
    if not has_eyes():
        return [f"the words name a structure that can be painted; to train on it, {install('eyes')}"]
    options["guide"] = "texture"
    return []


def guided_by_texture(guide: str) -> bool:
    """Tell whether `texture` is among the guides that --guide names."""
    return "texture" in (part.partition(":")[0].strip() for part in guide.split("+"))
