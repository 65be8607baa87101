"""The offline sink: every picture, in order, none dropped, to movies and to the list of hashes. Render thread.

The live recorder may drop a picture rather than wait; this one waits, because offline a film has all of its frames.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from engine.core.frame import Frame, Size
from engine.gpu.readback import FramePool, Readback
from engine.gpu.texture import RenderTarget
from engine.output.framehash import FrameHashes
from engine.output.movie import MovieSpec, open_movie

_AHEAD = 4  # pictures between the GPU and the encoder's queue


class FilmSink:
    """Hands pictures on to `films`, the first of which has the sound; none: only hashes, to verify.

    fine: half floats (rgba16f) instead of bytes. Raises what `open_movie` raises.
    """

    def __init__(
        self, size: Size, films: Sequence[tuple[Path, MovieSpec]], hashes: FrameHashes, *, fine: bool = False
    ) -> None:
        self._pool = FramePool(size, _AHEAD, np.float16 if fine else np.uint8)
        self._hashes = hashes
        # With two movies neither knows when the other is done with a picture: those are left to the garbage collector.
        release = self._pool.give if len(films) == 1 else None
        self._movies = []
        try:
            self._movies += [open_movie(path, spec, release) for path, spec in films]
        except BaseException:
            self.abort()
            raise
        self._readback = Readback(self._pool)

    def accept(self, picture: RenderTarget, frame: Frame, t_picture: float) -> None:
        """Take a picture; waits for the encoder where that is behind. Raises what the movie raises."""
        if not self._readback.start(picture, frame.index):
            self._take(self._readback.drain())
            self._readback.start(picture, frame.index)
        self._take(self._readback.poll())

    def sound(self, pcm: np.ndarray) -> None:
        """Take the next samples, float32 [n, 2]."""
        self._movies[0].audio(pcm)

    def finish(self) -> list[Path]:
        """Wait for what is on its way and finish the movies; return where they are."""
        self._take(self._readback.drain())
        return [movie.close() for movie in self._movies]

    def abort(self) -> None:
        """Give up: what was written stays as a part, and is said."""
        for movie in self._movies:
            movie.abort()

    def close(self) -> None:
        """Free the buffers."""
        self._readback.close()

    def _take(self, arrived: Iterable[tuple[np.ndarray, object]]) -> None:
        for array, _ in arrived:
            self._hashes.add(array)
            for movie in self._movies:
                movie.video(array)
            if not self._movies:
                self._pool.give(array)
