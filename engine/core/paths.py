"""Where things lie. Nothing here creates a folder."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path, PureWindowsPath

ROOT = Path(__file__).resolve().parents[2]


def is_name(text: str) -> bool:
    """Whether `text` names one thing in a folder, on every system: no path, no way out of the folder."""
    return text not in ("", ".", "..") and not any(c in text for c in "/\\\0") and not PureWindowsPath(text).drive


def styles_dir() -> Path:
    """The style library: $PHOSPHENE_STYLES, else `styles/` of the checkout."""
    return Path(os.environ.get("PHOSPHENE_STYLES", ROOT / "styles"))


def scenes_dir() -> Path:
    """The scenes: $PHOSPHENE_SCENES, else `scenes/` of the checkout."""
    return Path(os.environ.get("PHOSPHENE_SCENES", ROOT / "scenes"))


def takes_dir() -> Path:
    """Where takes go: $PHOSPHENE_TAKES, else `takes/` in the current folder."""
    if given := os.environ.get("PHOSPHENE_TAKES"):
        return Path(given)
    with contextlib.suppress(OSError):  # the current folder was removed: what cannot be written there is said later
        return Path.cwd() / "takes"
    return Path("takes")


def runs_dir() -> Path:
    """Where training runs go: $PHOSPHENE_RUNS, else `runs/` in the current folder."""
    return Path(os.environ.get("PHOSPHENE_RUNS", Path.cwd() / "runs"))


def cache_dir() -> Path:
    """Rebuildable files: $PHOSPHENE_CACHE, else the user's cache folder."""
    if given := os.environ.get("PHOSPHENE_CACHE"):
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "phosphene"
