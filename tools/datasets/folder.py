"""A data set of the pictures in a folder. Called by `tools/make_dataset.py images`."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.files import reason
from phosphene.engine.core.frame import Size
from phosphene.engine.core.pictures import SUFFIXES
from phosphene.tools.datasets.left_out import LeftOut, plain
from phosphene.tools.datasets.near import NEAR, Seen, distance, thumbnail
from phosphene.tools.datasets.pictures import fit, load_picture
from phosphene.tools.datasets.writer import Writer

LARGEST = 512  # px on the short side where no size is asked for: what the networks here are trained at, at most
SMALLEST = 16
_HIDDEN = "files and folders are hidden"
_OTHER = "files are no pictures by their names"
_SPECIAL = "files are pipes, sockets or devices"
_LINKED = "links lead to what is here already"
_UNSEEN = "files and folders cannot be looked at"
_UNREADABLE = "files cannot be read as pictures"
_TOO_LARGE = "pictures are too large"
_KIN = 3.0  # thresholds within which neighbours by name are of one group: the frames of a burst


def find_pictures(place: Path, without: Path | None = None, left_out: LeftOut | None = None) -> Iterator[Path]:
    """Yield the picture files of a folder and of those in it, sorted; what is below `without` is left out.

    Linked folders are followed; each folder and each file comes once, by whatever way it is found first. left_out: is told
    of all that is no picture by its name, hidden, no regular file, or cannot be looked at.
    """
    told = LeftOut() if left_out is None else left_out
    seen = {_identity(each) for each in (place, without) if each is not None and each.exists()}
    waiting = [place]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(folder) as found_here:
                entries = sorted(found_here, key=lambda entry: entry.name)
        except OSError as error:
            told.add(_UNSEEN, folder.name, reason(error))
            continue
        inside = []
        for entry in entries:
            path = Path(folder, entry.name)
            try:
                found = path.stat()  # not the entry's: on Windows that one has no identity
            except OSError as error:
                told.add(_UNSEEN, entry.name, reason(error))
                continue
            identity = found.st_dev, found.st_ino
            if stat.S_ISDIR(found.st_mode):
                if entry.name[0] == ".":
                    told.add(_HIDDEN, entry.name)
                elif identity not in seen:
                    inside.append(path)
                elif entry.is_symlink():
                    told.add(_LINKED, entry.name)
                seen.add(identity)
            elif entry.name[0] == ".":
                told.add(_HIDDEN, entry.name)
            elif path.suffix.lower() not in SUFFIXES:
                told.add(_OTHER, entry.name)
            elif not stat.S_ISREG(found.st_mode):
                told.add(_SPECIAL, entry.name)
            elif identity in seen:
                told.add(_LINKED, entry.name)
            else:
                seen.add(identity)
                yield path
        waiting += reversed(inside)


def _identity(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino


def scaled(picture: np.ndarray, size: Size | None) -> np.ndarray:
    """Return `picture`, uint8 [h, w, 3], cropped to `size`; without one as it is, made smaller to `LARGEST` at most."""
    if size is not None:
        return fit(picture, size)
    height, width = picture.shape[:2]
    scale = LARGEST / min(height, width)
    return picture if scale >= 1 else fit(picture, Size(round(width * scale), round(height * scale)))


def collect_pictures(
    writer: Writer,
    place: Path,
    size: Size | None = None,
    *,
    near: float = NEAR,
    progress: Callable[[int], None] = lambda done: None,
) -> None:
    """Copy the pictures of `place` into the data set: upright, over black, one of those that are alike.

    The bucket is the first sub-folder. The group is the picture, or the run of pictures, by name, of which each is like the
    one before. Raises UserError where there is no folder or no picture; what is left out is a note each.
    """
    if not place.is_dir():
        raise UserError("no such folder", where=str(place), remedy="give a folder of pictures")
    seen, left_out, kept, group = Seen(near), LeftOut(), 0, ""
    last: tuple[str, np.ndarray] | None = None
    count = 0
    for count, path in enumerate(find_pictures(place, writer.folder, left_out), 1):
        progress(count)
        try:
            picture = load_picture(path, size or Size(LARGEST, LARGEST))
        except UserError as error:
            what = _TOO_LARGE if error.what.endswith("too large") else _UNREADABLE
            left_out.add(what, path.name, error.got)
            continue
        if min(picture.shape[:2]) < SMALLEST:
            left_out.add(f"pictures are smaller than {SMALLEST} px", path.name)
            continue
        if near > 0 and not seen.add(picture):
            left_out.add(f"pictures are like another (closer than {near:g}) and left out", path.name)
            continue
        inside = path.relative_to(place)
        bucket = plain(inside.parts[0]) if len(inside.parts) > 1 else "pictures"
        found = thumbnail(picture)
        if last is None or last[0] != bucket or distance(last[1], found) > _KIN * near:
            group = "/".join(plain(part) for part in inside.parts)
        last = bucket, found
        pixels = scaled(picture, size)
        source = {"source": inside.as_posix(), "source_size": [picture.shape[1], picture.shape[0]]}
        writer.picture(f"{kept:06d}", pixels, source, group=group, bucket=bucket)
        kept += 1
    writer.notes += left_out.lines()
    if not kept:
        raise UserError(
            "no readable picture here",
            where=str(place),
            allowed=", ".join(SUFFIXES),
            got=f"{count} picture files",
            remedy="; ".join(writer.notes[:3]) or "put pictures into it",
        )
