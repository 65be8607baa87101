"""Hashes of the pictures as they leave the renderer, before any encoder: the evidence that two renders are the same.

The file is what FFmpeg's `framehash` muxer writes for raw video: `ffmpeg -f rawvideo ... -f framehash -` makes the same
lines from the same pictures. Called by offline renders, on whatever thread hands the pictures on; one thread at a time.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
from dataclasses import dataclass
from fractions import Fraction
from itertools import zip_longest
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

import numpy as np

import phosphene
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.files import open_regular
from phosphene.engine.core.frame import Size
from phosphene.engine.core.naming import refused
from phosphene.engine.core.placing import claim

# `framemd5` is the better known of FFmpeg's two, but processors have instructions for SHA-256: 3 ms a frame of 1280x720
# here, and MD5 9 ms. Both are read.
HASH = "SHA256"
_DIGITS = {"MD5": 32, "SHA256": 64}
_LONGEST_LINE = 1000  # bytes: what is longer is no line of this kind

# libav's names of the pictures' memory layout.
PIXEL_FORMATS = {("uint8", 4): "rgba", ("float16", 4): "rgbaf16le", ("float32", 4): "rgbaf32le", ("uint8", 3): "rgb24"}


class FrameHash(NamedTuple):
    """One line: which frame, its time in units of 1/fps, its size in bytes, its hash in hexadecimal."""

    index: int
    pts: int
    size: int
    hash: str


@dataclass(frozen=True)
class HashFile:
    """What a file of hashes holds. kind: MD5 or SHA256. fps and size as rendered; digest as `FrameHashes.digest`."""

    kind: str

    size: Size
    pixel_format: str
    fps: Fraction
    software: str
    frames: tuple[FrameHash, ...]
    digest: str


class FrameHashes:
    """Writes one file of hashes as the frames come; it is `NAME.part` until it is closed.

    A context that ends with an exception leaves the part. All of it raises UserError when the file cannot be written.
    """

    def __init__(self, path: Path | str, size: Size, fps: Fraction, pixel_format: str = "rgba") -> None:
        """pixel_format: the name of the pictures' layout, such as `pixel_format_of` gives."""
        self.frames = 0
        self._whole = hashlib.sha256()
        try:
            self._working = claim(Path(path), ".part")
        except OSError as error:
            raise refused("cannot write the frame hashes", Path(path), error) from error
        self.path = self._working.target
        assert self._working.file is not None
        self._file = io.TextIOWrapper(io.BufferedWriter(self._working.file), encoding="ascii", newline="\n")
        tick = 1 / Fraction(fps)
        self._file.write(
            "#format: frame checksums\n"
            "#version: 2\n"
            f"#hash: {HASH}\n"
            f"#software: phosphene {phosphene.__version__}\n"
            f"#tb 0: {tick.numerator}/{tick.denominator}\n"
            "#media_type 0: video\n"
            "#codec_id 0: rawvideo\n"
            f"#dimensions 0: {size}\n"
            "#sar 0: 1/1\n"
            f"#pixel_format 0: {pixel_format}\n"
            "#stream#, dts,        pts, duration,     size, hash\n"
        )

    def add(self, picture: np.ndarray) -> str:
        """Hash the next frame, any shape and type, row 0 at the top; return its hash in hexadecimal."""
        picture = np.ascontiguousarray(picture)
        found = hashlib.sha256(picture.data).hexdigest()
        k = self.frames
        try:
            self._file.write(f"0, {k:10d}, {k:10d}, {1:8d}, {picture.nbytes:8d}, {found}\n")
        except OSError as error:
            self.abandon()
            raise self._told(error) from error
        _count_in(self._whole, FrameHash(k, k, picture.nbytes, found))
        self.frames += 1
        return found

    @property
    def digest(self) -> str:
        """SHA-256 over all frames so far, in hexadecimal; depends on the pictures alone."""
        return self._whole.hexdigest()

    def close(self, path: Path | None = None) -> Path:
        """Finish the file under its own name, or as `path`; return what that has become (`placing`)."""
        try:
            self._file.flush()
            self._file.detach().detach()
            if path is not None:
                self._working.target = path
            self.path = self._working.hand_over()
        except OSError as error:
            self.abandon()
            raise self._told(error) from error
        return self.path

    def abandon(self) -> None:
        """Let go of the file and leave the part, if it has a frame. Raises nothing."""
        if self.frames == 0:
            self._working.discard()
        with contextlib.suppress(OSError, ValueError):  # what is still in memory does not fit on the disk
            self._file.close()
        self._working.close()

    def _told(self, error: OSError) -> UserError:
        return refused("cannot write the frame hashes", self.path, error)

    def __enter__(self) -> FrameHashes:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            self.close()
        else:
            self.abandon()


def pixel_format_of(picture: np.ndarray) -> str:
    """Return libav's name for the layout of [h, w, channels]. Raises KeyError for one that nothing here makes."""
    return PIXEL_FORMATS[picture.dtype.name, picture.shape[2]]


def read_hashes(path: Path | str) -> HashFile:
    """Read a file of hashes, also one that FFmpeg wrote, or a part. Raises UserError."""
    path = Path(path)
    header: dict[str, str] = {}
    frames: list[FrameHash] = []
    whole = hashlib.sha256()
    with open_regular(path, "file of frame hashes") as file:
        for number, raw in enumerate(iter(lambda: file.readline(_LONGEST_LINE), b""), 1):
            line = raw.decode("utf-8", "replace")
            if line.startswith("#"):
                key, _, value = line[1:].partition(":")
                header[key.strip()] = value.strip()
                continue
            fields = [f.strip() for f in line.split(",")]
            numbers, found = fields[:5], fields[-1]
            whole_line = len(fields) == 6 and all(n.isascii() and n.isdigit() and len(n) < 19 for n in numbers)
            if not whole_line or len(found) != _DIGITS.get(header.get("hash", "")):
                raise UserError("not a line of frame hashes", where=f"{path}:{number}", got=line.strip())
            frames.append(FrameHash(len(frames), int(fields[2]), int(fields[4]), fields[5]))
            _count_in(whole, frames[-1])
    if header.get("hash") not in _DIGITS or "tb 0" not in header or "dimensions 0" not in header:
        raise UserError("not a file of frame hashes", where=str(path), allowed="what framehash or framemd5 writes")
    try:
        ticks = [int(part) for part in header["tb 0"].split("/")]
        size, fps = Size.parse(header["dimensions 0"]), Fraction(ticks[1], ticks[0])
    except (ValueError, IndexError, ZeroDivisionError) as error:
        raise UserError(
            "not a file of frame hashes", where=str(path), got=f"{header['dimensions 0']}, {header['tb 0']}"
        ) from error
    return HashFile(
        header["hash"],
        size,
        header.get("pixel_format 0", ""),
        fps,
        header.get("software", ""),
        tuple(frames),
        whole.hexdigest(),
    )


def compare(a: Path | str | HashFile, b: Path | str | HashFile) -> int | None:
    """Return the index of the first frame that differs, or that only one of the two has; None when all are equal.

    Sizes and rates that differ make frame 0 differ. Who wrote the files does not matter. Raises as `read_hashes`, and for
    files of different kinds.
    """
    first, second = (x if isinstance(x, HashFile) else read_hashes(x) for x in (a, b))
    if first.kind != second.kind:
        raise UserError("hashes of two kinds cannot be compared", allowed=first.kind, got=second.kind)
    if (first.size, first.fps) != (second.size, second.fps):
        return 0
    for k, (x, y) in enumerate(zip_longest(first.frames, second.frames)):
        if x != y:
            return k
    return None


def _count_in(whole: hashlib._Hash, frame: FrameHash) -> None:
    whole.update(f"{frame.index} {frame.pts} {frame.size} {frame.hash}\n".encode())
