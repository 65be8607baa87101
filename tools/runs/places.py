"""Where a run's style goes, and whether a run that goes on may write there: into its own folder, or one that is free.

Asked by `tools/train_gan.py` and `tools/train_vqvae.py` before the first step. Writes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.files import MOST_RECORD, json_there
from phosphene.engine.core.paths import is_name, runs_dir, styles_dir
from phosphene.engine.library.free_folder import check_free
from phosphene.tools.option_words import of_today

_FIRST = ("weights.safetensors", "style.toml")  # all that lies there where the first writing was interrupted


def style_place(text: str) -> Path:
    """Return the folder that `--out` names: a name is of the library, all else is a path."""
    return styles_dir() / text if is_name(text) else Path(text)


def run_place(text: str) -> Path:
    """Return the folder of a run: a name is that of a run here, all else is a path."""
    return runs_dir() / text if is_name(text) else Path(text)


def check_own(folder: Path, options: Mapping[str, Any], may_differ: Collection[str], remedy: str) -> None:
    """Raise UserError where something else lies at `folder` than what a run of these options left there.

    may_differ: options that a run may be given anew when it goes on.
    """
    told = json_there(folder / "history.json", MOST_RECORD)
    kept = told.get("options") if isinstance(told, dict) else None
    if not isinstance(kept, dict):
        check_free(folder, remedy, begun=_FIRST)
        return
    kept, ours = of_today(kept), json.loads(json.dumps(dict(options)))
    other = [key for key in sorted(ours.keys() & kept.keys() - set(may_differ)) if ours[key] != kept[key]]
    if other or not ours.keys() & kept.keys():
        got = ", ".join(other[:3]) or "options of another program"
        raise UserError("the style of another run is there", where=str(folder), got=got, remedy=remedy)
