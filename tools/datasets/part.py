"""One part of a data set, training or validation: its entries, and their pixels when they are asked for.

Trainers hold a `Part` and ask for batches; pictures are decoded then, or once into a file whose rows are read (`array`).
Never holds more than a batch of pictures in memory.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.tools.datasets.pictures import fit, grey, read_picture
from phosphene.tools.datasets.rows import Rows

PACKED = "packed"
"""Folder, in the data set's own, of the arrays that `Part.array` reads."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A picture, or one frame of a loop.

    path: the picture's file, or the loop's .npy. group: what a split never divides. split: "train" or "validation".
    loop, frame: id of the loop and index in it, or None.
    """

    path: Path
    group: str
    bucket: str
    caption: str
    split: str
    loop: str | None
    frame: int | None

    def on(self, split: str) -> Entry:
        """Return it on that side."""
        return replace(self, split=split)


@dataclass(frozen=True, slots=True)
class Loop:
    """A seamless sequence: after its last frame comes its first. split: "train", "validation", or "both"."""

    id: str
    path: Path
    group: str
    bucket: str
    caption: str
    split: str
    variant: int
    frames: int
    fps: float
    height: int
    width: int

    def array(self, size: Size | None = None, gray: bool = False) -> np.ndarray:
        """Return the frames, uint8 [frames, h, w, 3], or [frames, h, w] if `gray`. size None: the loop's own. Raises
        UserError if the file is not such an array."""
        own = size is None or size == Size(self.width, self.height)
        stored = self.path.with_suffix(".gray.npy")
        if own and gray and stored.is_file():
            return _open(stored, (self.frames, self.height, self.width))[:]
        frames = _open(self.path, (self.frames, self.height, self.width, 3))[:]
        if own:
            return grey(frames) if gray else frames
        scaled = np.stack([fit(frame, size) for frame in frames])
        return grey(scaled) if gray else scaled


@dataclass(frozen=True)
class Part(Sequence[Entry]):
    """Entries of one side of a split, and their pixels."""

    folder: Path
    entries: tuple[Entry, ...]

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, index):
        return self.entries[index]

    def read(self, index: Sequence[int] | np.ndarray, size: Size, gray: bool = False) -> np.ndarray:
        """Return those pictures, uint8 [n, h, w, 3], or [n, h, w] if `gray`; scaled to cover `size` and cropped to its
        middle, never squashed. Raises UserError for one that cannot be read."""
        images = np.empty((len(index), size.height, size.width, 3), np.uint8)
        loops: dict[Path, Rows] = {}
        for place, i in enumerate(index):
            entry = self.entries[int(i)]
            if entry.frame is None:
                picture = read_picture(entry.path, size)
            else:
                if entry.path not in loops:
                    loops[entry.path] = _open(entry.path)
                loop = loops[entry.path]
                if loop.ndim != 4 or loop.shape[-1] != 3 or entry.frame >= len(loop):
                    got = f"{list(loop.shape)}, frame {entry.frame} is wanted"
                    raise UserError(
                        "a loop is not as the manifest says", where=str(entry.path), allowed="[frames, h, w, 3]", got=got,
                        remedy="make the data set again",
                    )  # fmt: skip
                picture = loop[entry.frame]
            images[place] = fit(picture, size)
        return grey(images) if gray else images

    def batches(
        self, batch: int, size: Size, rng: np.random.Generator | None = None, gray: bool = False
    ) -> Iterator[np.ndarray]:
        """Yield every picture once, `batch` at a time, the last perhaps fewer; in random order if `rng` is given."""
        order = rng.permutation(len(self)) if rng else np.arange(len(self))
        for start in range(0, len(order), batch):
            yield self.read(order[start : start + batch], size, gray)

    def array(self, size: Size, gray: bool = False) -> np.ndarray | Rows:
        """Return all pictures, uint8 [n, h, w, 3], or [n, h, w] if `gray`, read as they are asked for from a file that is
        made the first time (about 1 ms a picture) and belongs to these entries, their files and this size."""
        if not self.entries:
            return np.empty((0, size.height, size.width, *(() if gray else (3,))), np.uint8)
        path = self.folder / PACKED / f"{self._key(size, gray)}.npy"
        shape = (len(self), size.height, size.width, *(() if gray else (3,)))
        if not path.is_file():
            self._pack(path, shape, size, gray)
        return _open(path, shape)

    def _pack(self, path: Path, shape: tuple[int, ...], size: Size, gray: bool) -> None:
        # Written and not mapped: where a disk is full a mapping ends the process. Two processes may pack at once.
        part = path.with_suffix(f".{os.getpid()}.part")
        header = {"descr": "|u1", "fortran_order": False, "shape": shape}
        try:
            path.parent.mkdir(exist_ok=True)
            with part.open("wb") as file:
                np.lib.format.write_array_header_1_0(file, header)
                for images in self.batches(64, size, gray=gray):
                    file.write(images.data)
            part.replace(path)
        except OSError as error:
            what, remedy = "the pictures cannot be packed", "make room, or let the folder be written"
            raise UserError(what, where=str(path.parent), got=error.strerror or error, remedy=remedy) from error
        finally:
            part.unlink(missing_ok=True)

    def _key(self, size: Size, gray: bool) -> str:
        digest = hashlib.sha256(f"{size}{gray}".encode())
        stamps: dict[Path, int] = {}
        for entry in self.entries:
            if entry.path not in stamps:
                stamps[entry.path] = entry.path.stat().st_mtime_ns
            digest.update(f"{entry.path.name}{entry.frame}{stamps[entry.path]}".encode())
        return digest.hexdigest()[:20]


def _open(path: Path, shape: tuple[int, ...] | None = None) -> Rows:
    """Open an array of bytes of that shape. Raises UserError."""
    rows = Rows(path)
    if shape is not None and rows.shape != shape:
        allowed, got = f"uint8 {list(shape)}", f"uint8 {list(rows.shape)}"
        raise UserError("the array of the data set is of another kind", where=str(path), allowed=allowed, got=got)
    return rows
