"""A data set of the pictures in a folder. Called by `tools/make_dataset.py images`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from engine.core.errors import UserError
from engine.core.frame import Size
from tools.datasets.near import NEAR, Seen, distance, thumbnail
from tools.datasets.pictures import SUFFIXES, UNREADABLE, fit, load_picture
from tools.datasets.writer import Writer

LARGEST = 512  # px on the short side where no size is asked for: what the networks here are trained at, at most
SMALLEST = 16
_KIN = 3.0  # thresholds within which neighbours by name are of one group: the frames of a burst


def find_pictures(place: Path, without: Path | None = None) -> Iterator[Path]:
    """Yield the picture files of a folder and of those in it, sorted, hidden ones and those below `without` left out."""
    for folder, folders, files in os.walk(place):
        folders[:] = sorted(name for name in folders if name[0] != "." and Path(folder, name) != without)
        for name in sorted(files):
            if name[0] != "." and Path(name).suffix.lower() in SUFFIXES:
                yield Path(folder, name)


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
    one before. Raises UserError where there is no folder or no picture; one that cannot be read is a note.
    """
    if not place.is_dir():
        raise UserError("no such folder", where=str(place), remedy="give a folder of pictures")
    seen, unreadable, alike, small, kept, group = Seen(near), [], 0, 0, 0, ""
    last: tuple[str, np.ndarray] | None = None
    count = 0
    for count, path in enumerate(find_pictures(place.resolve(), writer.folder.resolve()), 1):
        progress(count)
        try:
            picture = load_picture(path, size or Size(LARGEST, LARGEST))
        except UNREADABLE as error:
            unreadable.append(f"{path.name} ({type(error).__name__})")
            continue
        if min(picture.shape[:2]) < SMALLEST:
            small += 1
            continue
        if near > 0 and not seen.add(picture):
            alike += 1
            continue
        inside = path.relative_to(place.resolve())
        bucket = inside.parts[0] if len(inside.parts) > 1 else "pictures"
        found = thumbnail(picture)
        if last is None or last[0] != bucket or distance(last[1], found) > _KIN * near:
            group = inside.as_posix()
        last = bucket, found
        pixels = scaled(picture, size)
        source = {"source": inside.as_posix(), "source_size": [picture.shape[1], picture.shape[0]]}
        writer.picture(f"{kept:06d}", pixels, source, group=group, bucket=bucket)
        kept += 1
    if unreadable:
        writer.notes.append(f"{len(unreadable)} files cannot be read as pictures: {', '.join(unreadable[:3])}")
    if small:
        writer.notes.append(f"{small} pictures are smaller than {SMALLEST} px")
    if alike:
        writer.notes.append(f"{alike} pictures are like another (closer than {near:g}) and left out")
    if not kept:
        raise UserError(
            "no readable picture here",
            where=str(place),
            allowed=", ".join(SUFFIXES),
            got=f"{count} picture files",
            remedy="; ".join(writer.notes) or "put pictures into it",
        )
