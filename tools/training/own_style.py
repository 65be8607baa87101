"""Whether a run that goes on may write into the folder that its style is to go to: its own, or one that is free.

Asked by `tools/train_gan.py` and `tools/train_vqvae.py` with --resume, before the first step. Writes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from engine.app.free_folder import check_free
from engine.core.errors import UserError
from engine.core.files import MOST_RECORD, json_there

_FIRST = ("weights.safetensors", "style.toml")  # all that lies there where the first writing was interrupted


def check_own(folder: Path, options: Mapping[str, Any], may_differ: Collection[str], remedy: str) -> None:
    """Raise UserError where something else lies at `folder` than what a run of these options left there.

    may_differ: options that a run may be given anew when it goes on.
    """
    told = json_there(folder / "history.json", MOST_RECORD)
    kept = told.get("options") if isinstance(told, dict) else None
    if not isinstance(kept, dict):
        check_free(folder, remedy, begun=_FIRST)
        return
    ours = json.loads(json.dumps(dict(options)))
    other = [key for key in sorted(ours.keys() & kept.keys() - set(may_differ)) if ours[key] != kept[key]]
    if other or not ours.keys() & kept.keys():
        got = ", ".join(other[:3]) or "options of another program"
        raise UserError("the style of another run is there", where=str(folder), got=got, remedy=remedy)
