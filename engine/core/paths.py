"""Where things lie. Nothing here creates a folder.

What the program brings lies in its own package and is only read. What a person has lies in folders of theirs, by the custom
of the system (platformdirs), or below $PHOSPHENE_HOME; it is searched first, and everything new goes there.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path, PureWindowsPath

import platformdirs

PACKAGE = Path(__file__).resolve().parents[2]  # of `phosphene`; in a checkout its root


def is_name(text: str) -> bool:
    """Whether `text` names one thing in a folder, on every system: no path, no way out of the folder."""
    return text not in ("", ".", "..") and not any(c in text for c in "/\\\0") and not PureWindowsPath(text).drive


def home() -> Path:
    """The folder of what a person has: $PHOSPHENE_HOME, else the system's folder for the data of programs."""
    return _given("PHOSPHENE_HOME") or platformdirs.user_data_path("phosphene", appauthor=False)


def styles_dir() -> Path:
    """Where new styles and the ratings go: $PHOSPHENE_STYLES, else `styles/` of `home`."""
    return _given("PHOSPHENE_STYLES") or home() / "styles"


def style_folders() -> tuple[Path, ...]:
    """The folders that make the library, the first one first: a person's own, then ours. $PHOSPHENE_STYLES stands alone."""
    return _folders("PHOSPHENE_STYLES", "styles")


def scene_folders() -> tuple[Path, ...]:
    """The folders that hold scenes and setlists, the first one first. $PHOSPHENE_SCENES stands alone."""
    return _folders("PHOSPHENE_SCENES", "scenes")


def midi_folders() -> tuple[Path, ...]:
    """The folders that hold MIDI mappings, a person's own first, then ours. $PHOSPHENE_MIDI stands alone."""
    return _folders("PHOSPHENE_MIDI", "midi")


def shader_folders() -> tuple[Path, ...]:
    """The folders that hold ISF shaders, a person's own first, then ours. $PHOSPHENE_SHADERS stands alone."""
    return _folders("PHOSPHENE_SHADERS", "shaders")


def media_folders() -> tuple[Path, ...]:
    """The folders that hold a person's pictures and clips: $PHOSPHENE_MEDIA, else `media/` of `home`. None comes with us."""
    return (_given("PHOSPHENE_MEDIA") or home() / "media",)


def came_with_us(folder: Path) -> bool:
    """Whether a style's folder is one that the program brought: they are only read, and written in a checkout alone."""
    return folder.resolve().parent == PACKAGE / "styles"


def in_checkout() -> bool:
    """Whether this is the program's source and not an installed copy of it."""
    return (PACKAGE / "pyproject.toml").is_file()


def find(folders: Iterable[Path], name: str) -> Path:
    """Return the first that has `name`; where none has, what it would be called in the first."""
    places = [folder / name for folder in folders]
    return next((place for place in places if os.path.lexists(place)), places[0])


def takes_dir() -> Path:
    """Where takes go: $PHOSPHENE_TAKES, else `takes/` of `home`."""
    return _given("PHOSPHENE_TAKES") or home() / "takes"


def runs_dir() -> Path:
    """Where training runs go: $PHOSPHENE_RUNS, else `runs/` of `home`."""
    return _given("PHOSPHENE_RUNS") or home() / "runs"


def cache_dir() -> Path:
    """Rebuildable files: $PHOSPHENE_CACHE, else `cache/` of $PHOSPHENE_HOME, else the system's folder for such."""
    if given := _given("PHOSPHENE_CACHE"):
        return given
    if given := _given("PHOSPHENE_HOME"):
        return given / "cache"
    return platformdirs.user_cache_path("phosphene", appauthor=False)


def _given(variable: str) -> Path | None:
    text = os.environ.get(variable, "")
    return Path(text) if text else None


def _folders(variable: str, name: str) -> tuple[Path, ...]:
    if given := _given(variable):
        return (given,)
    return (home() / name, PACKAGE / name)
