"""The cache folder: what is in it, and that it does not grow for ever. Everything in it can be made again.

Called by what keeps files there, after a new one was written, on its own thread; and by `vj cache`.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from phosphene.engine.core import clock
from phosphene.engine.core.paths import cache_dir

MOST_ANALYSES = 4 << 30  # bytes: 230 MB are an hour of music
MOST_SIGNALS = 256 << 20  # bytes
_IN_USE_S = 24 * 3600.0  # what was touched since then stays: another process may read it just now


@dataclass(frozen=True)
class Kept:
    """An entry of the cache folder: a file, or a folder with all that is in it. bytes; files: how many."""

    path: Path
    bytes: int
    files: int


def entries(folder: Path | None = None) -> list[Kept]:
    """Return what lies in the cache folder, by name; empty where there is none."""
    with contextlib.suppress(OSError):
        return [_measured(path) for path in sorted((folder or cache_dir()).iterdir())]
    return []


def remove(path: Path) -> None:
    """Remove a file, a link or a folder with all that is in it; what another process holds on to stays."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()


def touch(path: Path) -> None:
    """Note that an entry is used."""
    with contextlib.suppress(OSError):
        os.utime(path)


def keep_within(folder: Path, most: int, pattern: str = "*") -> None:
    """Remove the entries of `folder` that were used longest ago, until the rest has at most `most` bytes.

    What was used within a day stays, whatever it has. Never raises.
    """
    now, found = clock.wall_clock().timestamp(), []
    for path in _there(folder, pattern):
        with contextlib.suppress(OSError):
            found.append((path.lstat().st_mtime, _measured(path)))
    found.sort(key=lambda each: each[0], reverse=True)
    room = most
    for used, kept in found:
        room -= kept.bytes
        if room < 0 and now - used > _IN_USE_S:
            remove(kept.path)


def _there(folder: Path, pattern: str) -> Iterator[Path]:
    with contextlib.suppress(OSError):
        yield from folder.glob(pattern)


def _measured(path: Path) -> Kept:
    size = count = 0
    for file in path.rglob("*") if path.is_dir() and not path.is_symlink() else [path]:
        with contextlib.suppress(OSError):
            found = file.lstat()
            if not os.path.isdir(file):
                size, count = size + found.st_size, count + 1
    return Kept(path, size, count)
