"""Takes the pictures and the sound of an offline render and writes them: `open_movie(path, spec)`.

    renderer --video, audio--> bounded queue --> encoder thread --> MovieFile | Sequence

Rendering and encoding overlap; a full queue makes the renderer wait, nothing is ever dropped. What goes wrong on the
encoder thread is raised as one UserError at the renderer's next call. Frame k is shown at k/fps, sample n at n/48000.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import numpy as np

from phosphene.engine.core.errors import UserError, one_line
from phosphene.engine.core.files import reason
from phosphene.engine.core.naming import refused
from phosphene.engine.core.placing import check_writable
from phosphene.engine.output.movie_file import MovieFile
from phosphene.engine.output.movie_spec import SEQUENCES, MovieSpec, check, place_of, sequence_of
from phosphene.engine.output.sequence import Sequence, refuse_strangers

log = logging.getLogger(__name__)

# Pictures and blocks of sound that may wait: enough to bridge an encoder's key frames, at most 200 MB at 4K.
QUEUE = 6

__all__ = ["Movie", "MovieSpec", "check", "check_place", "open_movie"]


def check_place(path: Path | str, spec: MovieSpec) -> None:
    """Raise UserError where `spec` does not fit `path`, or nothing can be written there. Leaves nothing behind."""
    path = Path(path)
    check(path, spec)
    try:
        if spec.codec in SEQUENCES:
            refuse_strangers(*sequence_of(path, spec.codec))
        check_writable(place_of(path, spec.codec), folder=spec.codec in SEQUENCES)
    except OSError as error:
        raise refused("cannot write the movie", path, error) from error


def open_movie(path: Path | str, spec: MovieSpec, release: Callable[[np.ndarray], None] | None = None) -> Movie:
    """Open the file and the encoders. release: called on the encoder thread with each picture that is done with.

    Raises UserError when the spec does not fit the file (`check` finds that alone), or the file or encoder does not open.
    """
    path = Path(path)
    check(path, spec)
    try:
        writer = Sequence(path, spec) if spec.codec in SEQUENCES else MovieFile(path, spec)
    except OSError as error:
        raise refused("cannot write the movie", path, error) from error
    except (av.FFmpegError, ValueError) as error:
        raise UserError("the encoder does not open", where=str(path), got=error) from error
    return Movie(writer, spec, release)


class Movie:
    """One movie that is being written. Use it as a context: an exception in the block keeps the part and says so."""

    def __init__(
        self, writer: MovieFile | Sequence, spec: MovieSpec, release: Callable[[np.ndarray], None] | None = None
    ) -> None:
        self.spec = spec
        self.path = writer.path
        self._writer = writer
        self._release = release
        self._queue: queue.Queue[tuple[str, Any]] = queue.Queue(QUEUE)
        self._failure: BaseException | None = None
        self._open = True
        self._thread = threading.Thread(target=self._run, name="encoder", daemon=True)
        self._thread.start()

    @property
    def frames(self) -> int:
        """Frames encoded so far."""
        return self._writer.frames

    def video(self, picture: np.ndarray) -> None:
        """Hand over the next frame, [h, w, 4], row 0 at the top; waits while the queue is full.

        h264, hevc, png: uint8, sRGB, straight alpha. prores: float16 or float32, sRGB 0..1, straight alpha. exr: float16 or
        float32, linear light, premultiplied. The picture is not copied: it must not be written to before it is released.
        Raises UserError, once, when the movie could not be written; ValueError for a wrong picture or a closed movie.
        """
        self.spec.check_picture(picture)
        self._put("video", picture)

    def audio(self, pcm: np.ndarray) -> None:
        """Hand over the next samples, float32[n, 2] at 48 kHz, full scale 1; copied. Ignored by a movie without sound.

        Keep within a few seconds of the picture: what is ahead waits in memory. A sound that ends before the picture is
        filled with silence. Raises as `video` does.
        """
        if pcm.ndim != 2 or pcm.shape[1] != 2:
            raise ValueError(f"sound is float32[n, 2]; got {pcm.shape}")
        if self.spec.audio:
            self._put("audio", np.array(pcm, np.float32))

    def close(self) -> Path:
        """Finish the movie, put it in its place, and return that. Raises as `video` does."""
        self._put("end", None)
        self._thread.join()
        self._raise_failure()
        self._open = False
        if not self._writer.frames:
            self._writer.abort()
            raise UserError("nothing was rendered", where=str(self.path))
        try:
            return self._writer.close()
        except (OSError, av.FFmpegError, ValueError) as error:
            raise self._told(error) from error

    def abort(self) -> Path | None:
        """Stop here. Returns where the part that was written lies, or None. Never raises; a closed movie stays closed."""
        if not self._open:
            return None
        self._open = False
        self._join()
        part, kept = self._writer.abort()
        if part:
            log.warning("%s was not finished; %s", one_line(str(self.path)), one_line(_left("its", part, kept)))
        return part

    def __enter__(self) -> Movie:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is not None:
            self.abort()
        elif self._open:
            self.close()

    def _put(self, kind: str, data: Any) -> None:
        if not self._open:
            raise ValueError(f"the movie {self.path} is closed")
        self._raise_failure()
        self._queue.put((kind, data))

    def _raise_failure(self) -> None:
        failure = self._failure
        if failure is None:
            return
        self._open = False
        self._join()
        raise self._told(failure) from failure

    def _join(self) -> None:
        self._queue.put(("end", None))  # a thread that has ended already never reads it
        self._thread.join()

    def _told(self, error: BaseException) -> UserError:
        """Keep what there is of the movie, and return the line that says why it ended and where it is."""
        part, kept = self._writer.abort()
        remedy = _left("the", part, kept)
        if reason(error) == "disk full":
            remedy = f"make room and render again; {remedy}"
        return UserError("the movie could not be written", where=str(self.path), got=reason(error), remedy=remedy)

    # --- the encoder thread ---

    def _run(self) -> None:
        while True:
            kind, data = self._queue.get()
            if kind == "end":
                return
            # After a failure the queue is still emptied, so that a renderer that waits goes on to its next call.
            if self._failure is None:
                try:
                    if kind == "video":
                        self._writer.video(data)
                    else:
                        self._writer.audio(data)
                except BaseException as error:  # noqa: BLE001 boundary: raised again at the renderer's next call
                    self._failure = error
            if kind == "video" and self._release:
                self._release(data)
            del data  # else the last picture is held while the queue is empty


def _left(whose: str, part: Path | None, kept: int) -> str:
    if part is None:
        return "nothing of it is kept"
    return f"{whose} first {kept} frames are in {part}" if kept else f"what there is of it is in {part}"
