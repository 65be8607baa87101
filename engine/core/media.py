"""Opens sound and film for reading and for writing: one file, and nothing else that its name or its content may ask for.

libav takes a name for a URL (`Artist: Title.wav` is the protocol `Artist`), and a playlist for leave to open what it lists,
on the network too. So it is given an open file without a name, the formats below, and a refusal for anything more.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, BinaryIO

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.files import open_regular

if TYPE_CHECKING:
    from av.container import InputContainer, OutputContainer

# Formats that are whole in one file. Not here: hls, dash, concat, sdp, imf, vobsub, image2, which name others.
FORMATS = (
    "aac,ac3,aiff,amr,ape,asf,au,avi,caf,dsf,dts,eac3,flac,flv,gif,h264,hevc,iff,ivf,matroska,mov,mp3,mpc,mpc8,mpeg,mpegts,"
    "mpegvideo,m4v,mxf,nut,ogg,rm,shn,spdif,tak,truehd,tta,voc,w64,wav,wv"
)
MOST_PIXELS = 1 << 25  # of a film's picture: 8192 x 4096. A cover of 700 KB, decoded to learn its size, takes 700 MB
_BUFFER = 1 << 18  # bytes read at a time: with libav's usual 32 KB half the time of a long WAV goes into Python calls


@contextmanager
def open_media(path: str | os.PathLike[str], what: str = "file") -> Iterator[InputContainer]:
    """Yield the container of a regular file. what: names it in the error.

    Raises UserError when it is no regular file, av.FFmpegError when libav makes nothing of it.
    """
    with open_regular(path, what) as file, open_stream(file) as container:
        yield container


def open_stream(file: BinaryIO) -> InputContainer:
    """Return the container of an open file, which has to stay open as long. Raises av.FFmpegError.

    Pictures of more than MOST_PIXELS are not decoded: neither here, to learn what is inside, nor later.
    """
    import av  # 100 ms, which a show on a sound card never needs

    limit = {"max_pixels": str(MOST_PIXELS)}
    container = av.open(
        _Nameless(file),
        "r",
        format=None,
        options={"format_whitelist": FORMATS, "protocol_whitelist": "none"} | limit,
        io_open=_refuse,
        metadata_errors="replace",
        buffer_size=_BUFFER,
    )
    for stream in container.streams.video:
        if stream.codec_context is not None:
            stream.codec_context.options = limit
    return container


def open_device(name: str, kind: str, options: Mapping[str, str], timeout: tuple[float, float]) -> InputContainer:
    """Return the container of a device, such as a camera. name: as the system has it, never a stranger's text. kind: of
    libav's devices. timeout: s to open it and to read from it. Raises av.FFmpegError, ValueError where libav lacks the kind.
    """
    import av

    return av.open(name, "r", format=kind, options=dict(options), timeout=timeout)


def create_media(
    file: Any,
    kind: str,
    *,
    options: Mapping[str, str] | None = None,
    container_options: Mapping[str, str] | None = None,
    again: Callable[[], BinaryIO] | None = None,
) -> OutputContainer:
    """Return a container of libav's format `kind` that is written to an open file, which has to stay open as long.

    file: has `write`, `seek` and `tell`. again: opens what was written once more, for reading; an index that goes to the
    front of a film is moved so. Raises av.FFmpegError.
    """
    import av

    def opened(url: str, flags: int, options: dict[str, str]) -> BinaryIO:
        if again is None or flags & _WRITES:
            return _refuse(url, flags, options)
        return again()

    return av.open(
        SimpleNamespace(write=file.write, seek=file.seek, tell=file.tell),  # a file without its name, as below
        "w",
        format=kind,
        options=dict(options or {}),
        container_options=dict(container_options or {}),
        io_open=opened,
    )


_WRITES = 2  # AVIO_FLAG_WRITE


class _Nameless:
    """A file whose name libav does not get to see."""

    def __init__(self, file: BinaryIO) -> None:
        self.read, self.seek, self.tell = file.read, file.seek, file.tell


def _refuse(url: str, flags: int, options: dict[str, str]) -> BinaryIO:
    raise UserError("a file that names other files", got=url, remedy="use the files themselves")
