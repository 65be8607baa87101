"""A clip: all of its pictures in memory, so that none is ever waited for and each is a function of its place alone.

Read on the loader thread. What does not fit into MOST_BYTES at the size of the screen is kept smaller; what does not fit at
a quarter of its pixels either is cut off, and said. A file's pictures may come at any times: each is shown from its own on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.files import open_regular, reason
from phosphene.engine.core.frame import Size
from phosphene.engine.core.media import open_stream
from phosphene.engine.core.pictures import SUFFIXES as PICTURES

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

MOST_BYTES = 512 << 20  # of a clip's pictures: 777 of 640x360, 194 of 1280x720. Two decks and a crossfade hold three clips
MOST_DECODED = 1 << 34  # pixels of the file that are decoded, 8,000 pictures of 1920x1080: a minute of one core
MOST_PICTURES = 20_000
_LEAST_SIZE = 0.5  # of the width that a screen asks for: a clip is cut off before it gets smaller than that
_UNTOLD, _SMALL_FILM = 2, 576  # AVCOL_SPC_UNSPECIFIED; rows of the largest picture of the old television
_USUAL_FPS = 25.0  # of files that do not say
_SAME = 3.0  # times the usual step from picture to picture: a larger one from the last to the first is a cut


@dataclass(frozen=True)
class Clip:
    """pictures: uint8 [h, w, 3] each. starts: when each begins, 0..1 of the clip, rising, the first at 0. seconds: its
    length. cut: what is missing, for people. loops: whether its end leads into its beginning.
    """

    pictures: list[np.ndarray] = field(repr=False)
    starts: np.ndarray = field(repr=False)
    seconds: float
    cut: str = ""
    loops: bool = True
    moves: bool = True

    def at(self, place: float) -> tuple[int, np.ndarray]:
        """See `Frames`."""
        number = max(0, int(np.searchsorted(self.starts, place, side="right")) - 1)
        return number, self.pictures[number]

    @property
    def told(self) -> str:
        """See `Frames`."""
        height, width = self.pictures[0].shape[:2]
        way = "" if self.loops else ", forth and back"
        return f"{len(self.pictures)} pictures of {width}x{height}, {self.seconds:.1f} s{way}" + (
            f"; {self.cut}" if self.cut else ""
        )

    @property
    def fault(self) -> str:
        """See `Frames`: what is cut off is known from the start, and no fault."""
        return ""

    def close(self) -> None:
        """Let the pictures go."""
        self.pictures.clear()


def read_clip(path: Path, screen: Size, most_bytes: int = MOST_BYTES, most_decoded: int = MOST_DECODED) -> Clip:
    """Decode a clip, no larger than it covers `screen`. Raises UserError: no file, no film, not one whole picture."""
    import av  # 100 ms, which a show without clips never needs

    read = _Reading(screen, most_bytes, most_decoded)
    with open_regular(path, "clip") as file:
        try:
            with open_stream(file) as container:
                stream = film_of(container, path)
                read.begin(container, stream)
                for picture in container.decode(stream):
                    if not read.take(picture):
                        break
        except (av.FFmpegError, OSError, ValueError, MemoryError) as error:
            if not read.pictures:
                remedy = "a picture is image:FILE" if path.suffix.lower() in PICTURES else ""
                what = "no film can be read in this file"
                raise UserError(what, where=str(path), got=reason(error), remedy=remedy) from error
            read.cut = f"damaged after {read.times[-1] - read.times[0]:.1f} s"
    if not read.pictures:
        raise UserError("there is no picture in this film", where=str(path), remedy="play it with another program first")
    return read.clip()


def film_of(container: InputContainer, path: Path) -> VideoStream:
    """Return the first stream that is a film, and no cover of a song."""
    for stream in container.streams.video:
        if stream.codec_context is not None and not _is_cover(stream):
            stream.codec_context.thread_count = 2  # beside a show that paints on the same cores
            return stream
    remedy = "a song's cover is a picture: image:FILE" if container.streams.video else "name a file with pictures"
    raise UserError("no film in this file", where=str(path), remedy=remedy)


def _is_cover(stream: VideoStream) -> bool:
    from av.stream import Disposition

    return bool(stream.disposition & Disposition.attached_pic)


class _Reading:
    """Takes decoded pictures one by one, within the limits."""

    def __init__(self, screen: Size, most_bytes: int, most_decoded: int) -> None:
        self._screen, self._most_bytes, self._most_decoded = screen, most_bytes, most_decoded
        self.pictures: list[np.ndarray] = []
        self.times: list[float] = []  # s
        self.cut = ""
        self._ends = 0.0
        self._bytes = self._decoded = 0
        self._size: Size | None = None
        self._rate, self._length = _USUAL_FPS, 0.0
        self._shape = 1.0  # width of a pixel over its height

    def begin(self, container: InputContainer, stream: VideoStream) -> None:
        """Learn what the file says of itself: a claim, which the limits do not trust."""
        rate = stream.average_rate or stream.guessed_rate
        if rate and 0.1 <= float(rate) <= 1000.0:
            self._rate = float(rate)
        base = float(stream.time_base or 0.0)
        self._length = float(stream.duration or 0) * base or float(container.duration or 0) / 1e6
        shape = stream.sample_aspect_ratio
        if shape and 0.2 <= float(shape) <= 5.0:
            self._shape = float(shape)

    def take(self, frame: VideoFrame) -> bool:
        """Keep a picture; return whether there is room for more."""
        self._decoded += frame.width * frame.height
        turned = round(frame.rotation / 90.0) % 4
        if self._size is None:
            self._size = self._kept_size(frame, turned)
        size = self._size
        if self._bytes + size.pixels * 3 > self._most_bytes or len(self.pictures) >= MOST_PICTURES:
            return self._full()
        if self._decoded > self._most_decoded and self.pictures:
            return self._full()
        own = Size(size.height, size.width) if turned % 2 else size
        picture = np.rot90(rgb_of(frame, own), turned)
        self.pictures.append(np.ascontiguousarray(picture))
        self._bytes += size.pixels * 3
        usual = self.times[-1] + 1.0 / self._rate if self.times else 0.0
        time = frame.time
        # A picture whose time is not told, or is not after the one before, comes a usual step after it.
        self.times.append(time if time is not None and (not self.times or time > self.times[-1]) else usual)
        lasts = float(frame.duration or 0) * float(frame.time_base or 0)
        self._ends = self.times[-1] + (lasts if 0.0 < lasts < 10.0 else 1.0 / self._rate)
        return True

    def clip(self) -> Clip:
        """Return what was taken."""
        times = np.array(self.times)
        seconds = max(self._ends - times[0], 1e-3)
        return Clip(self.pictures, (times - times[0]) / seconds, seconds, self.cut, _loops(self.pictures))

    def _full(self) -> bool:
        self.cut = f"cut off after {self._ends - self.times[0]:.1f} s: there is no room for more" if self.times else ""
        return False

    def _kept_size(self, frame: VideoFrame, turned: int) -> Size:
        """Return the size that pictures are kept at: what covers the screen, or less where there are many."""
        width, height = float(frame.width) * self._shape, float(frame.height)
        if turned % 2:
            width, height = height, width
        scale = min(1.0, max(self._screen.width / width, self._screen.height / height))
        count = min(MOST_PICTURES, max(1.0, math.ceil(self._length * self._rate)))
        room = math.sqrt(self._most_bytes / (3.0 * width * height * scale**2 * count))
        scale *= min(1.0, max(_LEAST_SIZE, 0.995 * room))
        return Size(max(1, round(width * scale)), max(1, round(height * scale)))


def rgb_of(frame: VideoFrame, size: Size) -> np.ndarray:
    """Return uint8 [h, w, 3] of `size`, sRGB, over black where it is transparent."""
    # Films without a word on their colours are of television: large ones by BT.709, small ones by BT.601.
    from av.video.reformatter import Colorspace

    untold = frame.colorspace == _UNTOLD and not frame.format.is_rgb
    colours = Colorspace.ITU709 if untold and frame.height > _SMALL_FILM else None
    if any(part.is_alpha for part in frame.format.components):
        clear = frame.reformat(
            size.width, size.height, format="rgba", src_colorspace=colours, interpolation="AREA"
        ).to_ndarray()
        return (clear[..., :3].astype(np.uint16) * clear[..., 3:] // 255).astype(np.uint8)
    found: np.ndarray = frame.reformat(
        size.width, size.height, format="rgb24", src_colorspace=colours, interpolation="AREA"
    ).to_ndarray()
    return found


def _loops(pictures: list[np.ndarray]) -> bool:
    """Tell whether the step from the last picture to the first is like those in between."""
    if len(pictures) < 3:
        return True
    places = np.linspace(0, len(pictures) - 1, min(len(pictures), 33)).astype(int)
    steps = [_step(pictures[k], pictures[k + 1]) for k in places[:-1]]
    return _step(pictures[-1], pictures[0]) <= _SAME * max(float(np.median(steps)), 0.5)


def _step(a: np.ndarray, b: np.ndarray) -> float:
    every = max(1, a.shape[1] // 160)
    return float(np.abs(a[::every, ::every].astype(np.int16) - b[::every, ::every]).mean())
