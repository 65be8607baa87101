"""What came of a training, for programs: `--json` of every trainer. On standard output; all else goes to standard error."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from phosphene.engine.models.style import in_library, load_meta


def print_outcome(run: Path, style: Path | None, *, finished: bool) -> None:
    """Print one JSON object: `finished`, `run` (folder), `style` (its slug, or its folder outside the library), `scores`.

    style: None where there is none; then `style` is null and `scores` is empty. Scores are those of style.toml.
    """
    found = {
        "finished": finished,
        "run": str(run),
        "style": None if style is None else style.name if in_library(style) else str(style),
        "scores": load_meta(style).scores if style is not None else {},
    }
    sys.stdout.write(json.dumps(found, indent=2) + "\n")
    sys.stdout.flush()
