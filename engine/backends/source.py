"""Pictures, clips and cameras, as a backend: opens what a name means, and the codebook that it is seen through.

`open` is called on the loader thread: it reads a picture, decodes a clip, waits for a camera's first picture.
"""

from __future__ import annotations

import logging

from phosphene.engine.backends.base import ReadySource
from phosphene.engine.backends.codebook import Codebook
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.engine.models.colour import palette
from phosphene.engine.models.media import KINDS, Source
from phosphene.engine.models.style import Style, book_of
from phosphene.engine.sources.base import Frames
from phosphene.engine.sources.camera import open_camera
from phosphene.engine.sources.clip import read_clip
from phosphene.engine.sources.still import read_still

_log = logging.getLogger(__name__)


class SourceBackend:
    """Needs no card and no network: a codebook is one thing more."""

    name = "media"
    kinds = frozenset(KINDS)

    def refusal(self, style: Style | None = None) -> str | None:
        """Nothing is missing anywhere."""
        return None

    def open(self, style: Style, max_size: Size) -> ReadySource:
        """Open the pictures; those of a clip and a camera are kept no larger than they are seen. Raises UserError."""
        source: Source = style.spec
        frames = _frames(source, max_size)
        try:
            book, bookless = _codebook(source)
            picture = frames.at(0.5)[1]
            every = max(1, max(picture.shape) // 256)
            colours = palette(picture[::every, ::every] / 255.0)
        except BaseException:
            frames.close()
            raise
        return ReadySource(frames, book, bookless, colours)


def _frames(source: Source, max_size: Size) -> Frames:
    if source.file is None:
        return open_camera(source.device, max_size)
    return read_clip(source.file, max_size) if source.kind == "clip" else read_still(source.file)


def _codebook(source: Source) -> tuple[Codebook | None, str]:
    """Return the codebook; where there is none, why. Raises UserError where the name asks for one that cannot be had."""
    try:
        style = book_of(source)
        if style is not None:
            return Codebook(style), ""
        return None, f"no codebook: {source.book} is not in the library"
    except UserError as error:
        if source.given:
            raise
        _log.debug("no codebook", exc_info=True)
        return None, f"no codebook: {error.line()}"
