"""The shaders that there are: `*.fs` files in the folders of shaders, a person's own first. By name `shader:<slug>`.

Any thread but the render thread: folders and headers are read, and remembered while the files stay as they are.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from phosphene.engine.core.errors import UserError, did_you_mean, listed
from phosphene.engine.core.paths import shader_folders
from phosphene.engine.models.isf import SUFFIXES, Isf, read_isf

PREFIX = "shader:"  # of the name of a style that is a shader
MOST_FILES = 4000  # that are looked at
_known: dict[Path, tuple[tuple[float, int], str]] = {}  # file -> its stamp, and what kind of shader it is; "" for none


def is_shader(name: object) -> bool:
    """Whether the name of a style says that it is a shader."""
    return isinstance(name, str) and name.startswith(PREFIX)


def slug_of(path: Path) -> str:
    """Return what a shader's file is called by: `shader:` and its name in lower-case letters, digits and -."""
    words = re.sub(r"[^a-z0-9]+", "-", path.stem.lower()).strip("-")
    return PREFIX + (words or "unnamed")


def shader_files() -> dict[str, Path]:
    """Return slug -> file of every shader, sorted; of two with one slug the first one found. None is read."""
    found: dict[str, Path] = {}
    for folder in shader_folders():
        for path in files_in(folder):
            found.setdefault(slug_of(path), path)
    return dict(sorted(found.items()))


def files_in(folder: Path) -> list[Path]:
    """Return the shader files of a folder and of the folders in it, sorted, at most MOST_FILES."""
    return sorted(_walked(folder))[:MOST_FILES]


def _walked(folder: Path) -> Iterator[Path]:
    count = 0
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        for name in sorted(names):
            if name.lower().endswith(SUFFIXES) and not name.startswith("."):
                yield Path(place, name)
                count += 1
        if count >= MOST_FILES:
            return


def list_shaders(kind: str = "generator") -> list[str]:
    """Return the slugs of the shaders of one kind, sorted; one that cannot be read is left out."""
    return [slug for slug, path in shader_files().items() if _kind_of(path) == kind]


def find_shader(name: str) -> Path:
    """Return the file of a shader by its name. Raises UserError where there is none."""
    known = shader_files()
    if name in known:
        return known[name]
    near = did_you_mean(name, known)
    allowed = "" if near else listed(known)
    raise UserError("no such shader", where=str(shader_folders()[0]), allowed=allowed, got=name, remedy=near)


def load_shader(name: str) -> Isf:
    """Read and check a shader by its name. Raises UserError."""
    return read_isf(find_shader(name))


def _kind_of(path: Path) -> str:
    try:
        told = path.stat()
        stamp = told.st_mtime, told.st_size
        if path in _known and _known[path][0] == stamp:
            return _known[path][1]
        kind = read_isf(path).kind
    except UserError:
        kind = ""
    except OSError:
        return ""
    _known[path] = stamp, kind
    return kind
