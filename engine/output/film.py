"""The offline sink: every picture, in order, none dropped, to movies and to the list of hashes. Render thread.

The live recorder may drop a picture rather than wait; this one waits, because offline a film has all of its frames.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from phosphene.engine.core.frame import Frame
from phosphene.engine.core.naming import COMPANIONS, beside
from phosphene.engine.gpu.readback import FramePool, Readback
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.output.framehash import FrameHashes
from phosphene.engine.output.movie import MovieSpec, open_movie

_AHEAD = 4  # pictures between the GPU and the encoder's queue


class FilmSink:
    """Hands pictures on to `films`, the first of which has the sound; none: only hashes, to verify.

    spec: size and rate of the pictures. hashes: where the list of hashes goes; None: beside the first film. fine: half
    floats (rgba16f) instead of bytes. Raises what `open_movie` and `FrameHashes` raise.
    """

    def __init__(
        self, spec: MovieSpec, films: Sequence[tuple[Path, MovieSpec]], hashes: Path | None = None, *, fine: bool = False
    ) -> None:
        self._pool = FramePool(spec.size, _AHEAD, np.float16 if fine else np.uint8)
        self.hashes: FrameHashes | None = None
        # With two movies neither knows when the other is done with a picture: those are left to the garbage collector.
        release = self._pool.give if len(films) == 1 else None
        self._movies = []
        try:
            for path, how in films:
                self._movies.append(open_movie(path, how, release))
            # Beside the name that the film got: what is hashed goes by that name.
            hashes = hashes or hashes_beside(self._movies[0].path)
            self.hashes = FrameHashes(hashes, spec.size, spec.fps, "rgbaf16le" if fine else "rgba")
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
        """Wait for what is on its way and finish movies and hashes; return where the movies are."""
        self._take(self._readback.drain())
        written = [movie.close() for movie in self._movies]
        assert self.hashes is not None
        self.hashes.close(hashes_beside(written[0]) if written else None)
        return written

    def abort(self) -> None:
        """Give up: what was written stays as a part, and is said."""
        for movie in self._movies:
            movie.abort()
        if self.hashes is not None:
            self.hashes.abandon()

    def close(self) -> None:
        """Free the buffers."""
        self._readback.close()

    def _take(self, arrived: Iterable[tuple[np.ndarray, object]]) -> None:
        assert self.hashes is not None
        for array, _ in arrived:
            self.hashes.add(array)
            for movie in self._movies:
                movie.video(array)
            if not self._movies:
                self._pool.give(array)


def hashes_beside(film: Path) -> Path:
    """Return where the frame hashes of a film go. film: a file, or a folder of frames."""
    return beside(film, COMPANIONS[0])
