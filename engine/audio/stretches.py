"""Where in a file the sounds lie: after tags and junk, and several behind each other where files were joined.

Called by `decode` before libav sees a file, on threads that may wait. libav gives up where a tag with a large cover stands
before anything but MP3, where junk stands before WAV, FLAC or Ogg, and where an Ogg chain changes its channels; and it
hears only the first of two WAV files that were put together, and parts of two FLAC files twice.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import BinaryIO

_JUNK = 4 << 20  # bytes in which a beginning is looked for
_PIECE = 1 << 20
_FLAC = b"fLaC\x00\x00\x00\x22"  # with the head of the block that always comes first
_SURE = re.compile(
    rb"(?:RIFF|RIFX|RF64|BW64)....WAVE(?:fmt |JUNK|bext|LIST|ds64)|fLaC\x00\x00\x00\x22|OggS\x00\x02\x00{8}"
    rb"|FORM....AIF[FC]COMM|....ftyp(?:M4A|M4B|mp4|iso|qt  |dash)",
    re.DOTALL,
)
_SYNC = re.compile(rb"\xff[\xe2-\xff]")
_FRAMES = 4  # consecutive MP3 headers that are no chance
_MP3_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8000)}
_MP3_KBITS = {
    (3, 1): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (3, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
}
_MP3_KBITS_LOW = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)


class Window:
    """Bytes [start, end) of an open file, as a file of their own."""

    def __init__(self, file: BinaryIO, start: int, end: int) -> None:
        self._file, self._start, self._end, self._at = file, start, end, 0

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes from where it stands."""
        left = max(0, self._end - self._start - self._at)
        self._file.seek(self._start + self._at)
        data = self._file.read(left if size < 0 else min(size, left))
        self._at += len(data)
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move as a file does; return where it then stands."""
        base = (0, self._at, self._end - self._start)[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        """Return where it stands."""
        return self._at


def after_tags(file: BinaryIO) -> int:
    """Return where the ID3v2 tags end that a file begins with. Raises OSError."""
    at = 0
    while (head := _read(file, at, 10))[:3] == b"ID3" and len(head) == 10:
        # Four times seven bits, without these ten bytes; a footer of ten more where a flag says so.
        at += 10 + sum((byte & 0x7F) << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True))
        at += 10 if head[5] & 0x10 else 0
    return at if at < file.seek(0, 2) else 0  # a tag that lies about its length


def after_junk(file: BinaryIO, at: int) -> int | None:
    """Return where, from `at` on, something begins that is surely a sound; None: nowhere near. Raises OSError."""
    data = _read(file, at, _JUNK)
    found = _SURE.search(data)
    run = next((m.start() for m in _SYNC.finditer(data) if _mp3_run(data, m.start())), None)
    starts = [start for start in (found.start() if found else None, run) if start is not None]
    return at + min(starts) if starts else None


def stretches(file: BinaryIO, at: int) -> Iterator[Window]:
    """Yield the sounds from byte `at` on, in order: one, or more where files were joined. Raises OSError."""
    size = file.seek(0, 2)
    while True:
        end = _end(file, at, size)
        yield Window(file, at, end)
        if end >= size:
            return
        at = end


def _end(file: BinaryIO, at: int, size: int) -> int:
    """Return where the sound that begins at `at` ends: where another begins, or with the file."""
    head = _read(file, at, 12)
    if _is_wav(head):
        (length,) = struct.unpack("<I", head[4:8])
        end = at + 8 + length + length % 2
        return end if at + 44 <= end < size and _is_wav(_read(file, end, 12)) else size
    if head[:4] == b"fLaC":
        return _find(file, _FLAC, at + 4, size)
    return _end_of_chain(file, at, size) if head[:4] == b"OggS" else size


def _find(file: BinaryIO, mark: bytes, at: int, size: int) -> int:
    """Return where `mark` stands from `at` on, or `size`."""
    while at < size:
        data = _read(file, at, _PIECE + len(mark) - 1)
        if (found := data.find(mark)) >= 0:
            return at + found
        at += _PIECE
    return size


def _end_of_chain(file: BinaryIO, at: int, size: int) -> int:
    """Return where the next link of a chained Ogg begins: a page that begins a stream, after others that go on with one."""
    going_on = False
    while at < size:
        head = _read(file, at, 27 + 255)
        if head[:4] != b"OggS" or len(head) < 27 + head[26]:
            return size  # damaged: libav finds its way
        begins = bool(head[5] & 2)
        if begins and going_on:
            return at
        going_on = going_on or not begins
        at += 27 + head[26] + sum(head[27 : 27 + head[26]])
    return size


def _is_wav(head: bytes) -> bool:
    return head[:4] == b"RIFF" and head[8:12] == b"WAVE"


def _mp3_run(data: bytes, at: int) -> bool:
    """Tell whether `_FRAMES` MP3 headers of one kind stand behind each other at `at`."""
    kind = None
    for _ in range(_FRAMES):
        frame = _mp3_frame(data[at : at + 4])
        if frame is None or kind not in (None, frame[1]):
            return False
        at, kind = at + frame[0], frame[1]
    return True


def _mp3_frame(head: bytes) -> tuple[int, tuple[int, int, int]] | None:
    """Return (bytes of the frame, its kind) of an MPEG audio header of layer II or III, or None."""
    if len(head) < 4 or head[0] != 0xFF or head[1] < 0xE2:
        return None
    version, layer, bits, rate = head[1] >> 3 & 3, head[1] >> 1 & 3, head[2] >> 4, head[2] >> 2 & 3
    if version == 1 or layer in (0, 3) or bits in (0, 15) or rate == 3:
        return None
    kbits = _MP3_KBITS.get((version, layer), _MP3_KBITS_LOW)[bits - 1]
    hz = _MP3_RATES[version][rate]
    samples = 576 if version != 3 and layer == 1 else 1152
    return samples * kbits * 125 // hz + (head[2] >> 1 & 1), (version, layer, hz)


def _read(file: BinaryIO, at: int, count: int) -> bytes:
    file.seek(at)
    return file.read(count)
