"""What files are called that go with others, and whether two names are one file. Used by whoever writes for a person.

Reads the disk and writes nothing; `placing.py` does.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.files import is_busy, reason

WORKING = (".part.mkv", ".part.mov", ".part.mp4", ".part")  # endings of what is being written
COMPANIONS = (".framehash", ".json")  # of what lies beside a film and goes where it goes
_MOST_TAIL = 32  # bytes of endings that are taken for such: a film's have 24, and what is before them has to fit as well
_MOST_BYTES = 255  # of a name; a disk may hold less, and those that promise more count otherwise than in bytes


def beside(path: Path, ending: str) -> Path:
    """Return the name of what goes with `path`: its own and `ending`; cut where the disk holds no name so long."""
    return path.with_name(_fitted(path.parent, path.name, ending))


def numbered(path: Path, n: int) -> Path:
    """Return `out-1.mp4` for `out.mp4`, and `out-1.mp4.framehash` for what goes with it. 0: `path` itself."""
    if n == 0:
        return path
    name, tail = path.name, ""
    while len(tail) < _MOST_TAIL and (
        ending := next((e for e in (*WORKING, *COMPANIONS) if name.endswith(e) and name != e), "")
    ):
        name, tail = name.removesuffix(ending), ending + tail
    stem, suffix = os.path.splitext(name)
    if len(suffix) > 16:  # no suffix, but a title with a full stop in it
        stem, suffix = name, ""
    return path.with_name(_fitted(path.parent, stem, f"-{n}{suffix}{tail}"))


def _fitted(folder: Path, head: str, tail: str) -> str:
    """Return head + tail, or as much of the head as fits, marked by a hash of all of it: the same each time."""
    most = _most_bytes(folder)
    if len(os.fsencode(head + tail)) <= most:
        return head + tail
    mark = "~" + hashlib.sha256(os.fsencode(head)).hexdigest()[:8]
    room = most - len(os.fsencode(mark + tail))
    while head and len(os.fsencode(head)) > room:
        head = head[:-1]
    return head + mark + tail


def _most_bytes(folder: Path) -> int:
    if sys.platform == "win32":
        return _MOST_BYTES
    for each in (folder, *folder.parents):
        with contextlib.suppress(OSError, ValueError):  # not there yet
            told = os.pathconf(each, "PC_NAME_MAX")
            return min(told, _MOST_BYTES) if told > 0 else _MOST_BYTES
    return _MOST_BYTES


def same(a: Path, b: Path) -> bool:
    """Whether two paths are one file or folder, by whatever spelling, link or hard link."""
    try:
        return os.path.samestat(os.stat(a), os.stat(b))
    except (OSError, ValueError):
        return os.path.realpath(a) == os.path.realpath(b)


def refuse_inputs(outputs: Iterable[Path], inputs: Iterable[Path]) -> None:
    """Raise UserError where something that is to be written is something that is read, or a folder that holds it."""
    for out in outputs:
        for given in inputs:
            if any(same(out, each) for each in (given, *Path(os.path.realpath(given)).parents)):
                got = f"the folder that holds {given}" if out.is_dir() else f"the same file as {given}"
                raise UserError(
                    "that is what it is to be made of", where=str(out), got=got, remedy="choose another name for the output"
                )


def refused(what: str, path: Path, error: OSError) -> UserError:
    """Return the line for something that cannot be written. what: such as "the recording cannot be written"."""
    remedies = {errno.ENAMETOOLONG: "choose a shorter name", errno.EISDIR: "choose another name"}
    remedies |= dict.fromkeys((errno.ENOSPC, errno.EDQUOT), "make room, or choose another disk")
    remedy = remedies.get(error.errno or 0, "choose a folder that can be written")
    if is_busy(error):
        remedy = "close it there, or choose another name"
    return UserError(what, where=str(path), got=reason(error), remedy=remedy)
