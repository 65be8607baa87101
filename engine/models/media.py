"""Pictures, clips and cameras by name: `image:trip/lake.jpg`, `clip:loop.mp4`, `camera:0`, each perhaps with the style whose
codebook it is seen through: `clip:loop.mp4@night-pond`.

Any thread but the render thread: folders are listed and files are hashed here; what they show is read by `engine/sources`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from phosphene.engine.core.errors import UserError, did_you_mean, listed
from phosphene.engine.core.files import open_regular, reason
from phosphene.engine.core.paths import is_name, media_folders
from phosphene.engine.core.pictures import SUFFIXES as PICTURES
from phosphene.engine.models.table import Table

CLIPS = (".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".gif")
KINDS = ("image", "clip", "camera")
BOOK = "neon-loops"  # the style whose codebook is meant where a name says none
MOST_FILES = 4000  # that are listed
MOST_BYTES = {"image": 256 << 20, "clip": 4 << 30}  # of a file: 4 GB are hashed in some 5 s
_WHAT = {"image": "picture", "clip": "clip"}
_known: dict[Path, tuple[tuple[float, int], str]] = {}  # file -> its stamp, and the SHA-256 of its content


@dataclass(frozen=True)
class Source:
    """What a name means. file: of a picture or clip; None for a camera. device: of a camera, its number or its name.

    book: slug of the style whose codebook it is seen through. given: whether the name says so.
    """

    kind: str
    file: Path | None
    device: str
    book: str
    given: bool

    @property
    def parameters(self) -> int:
        """How many numbers it learnt: none. For lists of styles."""
        return 0


class SourceNetwork(Table):
    """The [network] of a style that is a picture: it has none. No style.toml says these kinds, for they are no folders."""

    kind: Literal["image", "clip", "camera"]

    def spec(self) -> Source:
        """Raise UserError: `named` reads what a name means."""
        raise UserError("a picture is no style folder", where="kind", got=self.kind, remedy="put the file into media/")


def is_source(name: object) -> bool:
    """Whether the name of a style says that it is a picture, a clip or a camera."""
    return isinstance(name, str) and name.partition(":")[0] in KINDS and ":" in name


def named(name: str) -> Source:
    """Return what a name means. Raises UserError where there is no such file."""
    kind, _, text = name.partition(":")
    if kind == "camera":
        device, book = _split(text)
        if not device:
            raise UserError("which camera?", where=name, allowed="camera:0, or camera: and a name")
        return Source(kind, None, device, book or BOOK, bool(book))
    found = _file(text, kind)
    book = ""
    if found is None:  # a file of that very name comes first: names may hold an @
        text, book = _split(text)
        found = _file(text, kind)
    if found is None:
        names = [each.partition(":")[2] for each in list_media() if each.startswith(kind + ":")]
        near = did_you_mean(text, names)
        remedy = near or "put it into this folder, or name its whole path"
        raise UserError(
            f"no such {_WHAT[kind]}", where=str(media_folders()[0]), allowed="" if near else listed(names), got=text,
            remedy=remedy,
        )  # fmt: skip
    return Source(kind, found, "", book or BOOK, bool(book))


def names_book(name: object) -> bool:
    """Whether the name of a style is that of a picture, clip or camera, and says through whose codebook it is to be seen."""
    try:
        return is_source(name) and named(str(name)).given
    except UserError:
        return False


def given_source(text: str) -> str:
    """Return the name of a style as a command line has it: a picture or clip that lies here and not in the folder of media
    gets its whole path, by which it is found again from anywhere."""
    kind, _, file = text.partition(":")
    if kind not in ("image", "clip") or not file or _file(file, kind) is not None:
        return text
    path, _, book = file.rpartition("@")
    tries = ((file, ""), (path, f"@{book}")) if path else ((file, ""),)
    for each, rest in tries:
        if _file(each, kind) is None and (here := Path(os.path.abspath(os.path.expanduser(each)))).is_file():
            return f"{kind}:{here}{rest}"
    return text


def list_media() -> list[str]:
    """Return the names of the pictures and clips in the folders of media, sorted, at most MOST_FILES. None is read."""
    found: dict[str, None] = {}
    for folder in media_folders():
        for path in _walked(folder):
            file = path.relative_to(folder).as_posix()
            if file.isprintable():
                found |= dict.fromkeys(f"{kind}:{file}" for kind in _kinds_of(path))
    return sorted(found)[:MOST_FILES]


def digest(source: Source) -> str:
    """Return the SHA-256 of a file's content, "" for a camera; remembered while the file stays as it is.

    Raises UserError.
    """
    if source.file is None:
        return ""
    what = _WHAT[source.kind]
    with open_regular(source.file, what) as file:
        told = os.fstat(file.fileno())
        stamp, most = (told.st_mtime, told.st_size), MOST_BYTES[source.kind]
        if told.st_size > most:
            allowed, got = f"up to {most >> 20} MB", f"{told.st_size >> 20} MB"
            raise UserError(f"the {what} is too large", where=str(source.file), allowed=allowed, got=got)
        if source.file not in _known or _known[source.file][0] != stamp:
            try:
                _known[source.file] = stamp, hashlib.file_digest(file, "sha256").hexdigest()
            except OSError as error:
                raise UserError(f"the {what} cannot be read", where=str(source.file), got=reason(error)) from error
    return _known[source.file][1]


def _split(text: str) -> tuple[str, str]:
    """Return what stands before the last @, and behind it."""
    before, at, book = text.rpartition("@")
    return (before, book) if at and is_name(book) else (text, "")


def _file(text: str, kind: str) -> Path | None:
    """Return the file of a whole path, or of a name within the folders of media; None where there is none."""
    try:
        path = Path(text)
        if path.is_absolute():
            return path if text and os.path.lexists(path) and not path.is_dir() else None
        if not text or ".." in path.parts or path.drive:
            return None
        places = (folder / path for folder in media_folders())
        return next((each for each in places if os.path.lexists(each) and not each.is_dir()), None)
    except (OSError, ValueError):  # a name that no disk takes
        return None


def _kinds_of(path: Path) -> Iterator[str]:
    ending = path.suffix.lower()
    if ending in PICTURES:
        yield "image"
    if ending in CLIPS:
        yield "clip"


def _walked(folder: Path) -> Iterator[Path]:
    count = 0
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and name.lower().endswith(PICTURES + CLIPS):
                yield Path(place, name)
                count += 1
        if count >= MOST_FILES:
            return
