"""Records the show: pictures and captured sound into one file, on a thread of its own.

    render loop --offer--> bounded queue --> recorder thread --> Muxer (encoder, file)
    audio ring  --pcm_since-------------------^            `--> FlacWriter

The render loop is never blocked and never sees an error: a full queue drops the picture and counts it, a full disk ends
the film readable and becomes the state "failed". Film and sound stand each by itself: when one of them fails, the other
goes on. Frame k of the film shows the sound of k/fps (see cfr.py).
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from phosphene.engine.core import clock
from phosphene.engine.core.errors import UserError, one_line
from phosphene.engine.core.frame import Size
from phosphene.engine.output.cfr import FrameGrid, SoundLine, SoundTrack
from phosphene.engine.output.flac import FlacWriter
from phosphene.engine.output.muxer import AUDIO_RATE, DevicePicture, Muxer

log = logging.getLogger(__name__)

POLL_S = 0.02  # how often the sound is fetched when no picture comes
# Sound that is this much behind the picture will not come any more: the place is filled with silence, so that the file
# on disk keeps up (a muxer holds the pictures back until their sound is there).
SILENCE_AFTER_S = 0.6
LAST_SOUND_S = 0.3  # how long `stop` waits for the sound of the last pictures


class Sound(Protocol):
    """What the recorder needs of an audio source."""

    def pcm_since(self, cursor: int) -> tuple[list[np.void], int, int]:
        """Return (PCM records from `cursor` on, next cursor, how many were lost)."""
        ...


@dataclass(frozen=True)
class RecordingResult:
    """What was recorded. path: the film as it lies on disk, None where there is none. seconds: frames / fps.

    error: of the film, sound_error: of the FLAC beside it; empty when all is well. encoder: which one, and why not others.
    """

    path: Path | None
    frames: int
    dropped: int
    duplicated: int
    late: int
    seconds: float
    error: str
    sound_error: str = ""
    encoder: str = ""


@dataclass(frozen=True)
class RecorderStatus:
    """How the recording goes. path: None: not known yet. waiting: pictures that the encoder has not taken yet.

    state: opening, ready (for its first picture), recording, finishing, done, or `failed: REASON`.
    """

    state: str
    frames: int
    dropped: int
    duplicated: int
    late: int
    seconds: float
    bytes: int
    path: Path | None
    waiting: int = 0


class Recorder:
    """One recording, from construction to `stop`. Constructed on a thread that may wait for the disk.

    size: of the pictures offered. t_start: clock time of frame 0 and sample 0; None: that of the first picture. queue:
    pictures that may wait for the encoder (8 at 24 fps = a third of a second). release: called on the recorder thread with
    each picture once it is no longer needed, also with those that were refused. flac: where to write the raw sound besides.
    placed: called on the recorder thread with (t_picture, frame of the file) for each picture that gets one. on_device:
    pictures are in device memory, see `Muxer`. on_end: called last of all, on the recorder thread.
    Raises UserError when the file or the encoder does not open.
    """

    def __init__(
        self,
        path: Path | str,
        size: Size,
        fps: Fraction | int,
        *,
        audio: Sound | None,
        t_start: float | None = None,
        queue: int = 8,
        codec: str = "auto",
        flac: Path | str | None = None,
        release: Callable[[Any], None] | None = None,
        placed: Callable[[float, int], None] | None = None,
        on_device: bool = False,
        on_end: Callable[[], None] | None = None,
    ) -> None:
        self.size = size
        self.dropped = 0
        self.duplicated = 0
        self.sound_error = ""
        self._muxer = Muxer(path, size, fps, codec=codec, on_device=on_device)
        self._flac: FlacWriter | None = None
        if flac is not None:
            try:
                self._flac = FlacWriter(flac)
            except UserError as error:
                self.sound_error = error.line()
        self._audio = audio
        self._release = release
        self._placed = placed
        self._on_end = on_end
        self._line: SoundLine | None = None if t_start is None else SoundLine(t_start, AUDIO_RATE)
        self._grid = FrameGrid(fps)
        self._capacity = queue
        self._waiting: deque[tuple[np.ndarray | DevicePicture, float]] = deque()
        self._wake = threading.Condition()
        self._t_end: float | None = None
        self._cursor = 0
        self._track = SoundTrack()
        self._failure = ""
        self._film: Path | None = None  # where the film lies, once it is closed
        self._open = True  # the film is
        self._keep = True
        self._result: RecordingResult | None = None
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    # --- the render loop's side ---

    def offer(self, picture: np.ndarray | DevicePicture, t_picture: float) -> bool:
        """Hand over a picture: uint8[h, w, 4], row 0 at the top, or what is in device memory. At once; False: not taken.

        t_picture: the audio time that it depicts, on the clock line. It should advance as steadily as the frames do.
        A taken picture must not be written to before it is released.
        """
        with self._wake:
            full = len(self._waiting) >= self._capacity
            if full or self._t_end is not None or self._result is not None:
                self.dropped += full and not self._failure
                taken = False
            else:
                self._waiting.append((picture, t_picture))
                self._wake.notify()
                taken = True
        if not taken and self._release:
            self._release(picture)
        return taken

    def finish(self, t_end: float, *, keep: bool = True) -> None:
        """Ask for the end at clock time `t_end`; returns at once, `result` is there when it is done.

        keep: of a film without a picture, whether its sound is kept.
        """
        with self._wake:
            self._keep = self._keep and keep
            if self._t_end is None:
                self._t_end = t_end
            self._wake.notify()

    @property
    def result(self) -> RecordingResult | None:
        """What was recorded, once everything is finished."""
        return self._result

    @property
    def path(self) -> Path:
        """What the film is called, or is to be called."""
        return self._muxer.path

    @property
    def film_ended(self) -> bool:
        """Whether the film is finished, well or not; then `film` says where it lies."""
        return not self._open

    @property
    def film(self) -> Path | None:
        """Where the finished film lies; None where it holds nothing."""
        return self._film

    @property
    def empty(self) -> bool:
        """Whether the film holds no picture."""
        return self._muxer.empty

    def stop(self, t_end: float) -> RecordingResult:
        """`finish` and wait for the file. A copy of the file is made on the way: seconds for an hour's recording."""
        self.finish(t_end)
        self._thread.join()
        assert self._result is not None
        return self._result

    def status(self) -> RecorderStatus:
        """Return how it goes; any thread."""
        if self._failure:
            state = f"failed: {self._failure}"
        elif self._result is not None:
            state = "done"
        else:
            state = "recording" if self._t_end is None else "finishing"
        frames = self._muxer.frames
        path = self._muxer.working_path if self._open else self._film
        seconds = float(frames / self._grid.fps)
        counts = (frames, self.dropped, self.duplicated, self._grid.late)
        return RecorderStatus(state, *counts, seconds, self._muxer.bytes, path, len(self._waiting))

    # --- the recorder thread ---

    def _run(self) -> None:
        try:
            self._record()
        except Exception as error:  # boundary: nothing that goes wrong in a recording may end the show
            log.debug("recording of %s failed", one_line(str(self._muxer.path)), exc_info=True)
            self._failure = self._failure or f"{type(error).__name__}: {error}"
        try:
            result = self._close()
        except Exception as error:  # boundary: the same
            log.debug("recording of %s failed at its end", one_line(str(self._muxer.path)), exc_info=True)
            self._failure = self._failure or f"{type(error).__name__}: {error}"
            result = self._told()
        self._result = result
        if self._on_end:
            self._on_end()

    def _record(self) -> None:
        while not self._failure or (self._flac is not None and not self.sound_error):
            with self._wake:
                if not self._waiting and self._t_end is None:
                    self._wake.wait(POLL_S)
                item = self._waiting.popleft() if self._waiting else None
                t_end = self._t_end
            if self._line is None and item is not None:
                self._line = SoundLine(item[1], AUDIO_RATE)
            if self._line is not None:
                self._fetch_sound(self._line)
            if item is not None:
                self._write_picture(self._line, *item)
            elif t_end is not None:
                if self._line is not None:
                    self._write_end(self._line, t_end)
                return

    def _write_picture(self, line: SoundLine, picture: np.ndarray | DevicePicture, t_picture: float) -> None:
        position = line.position(t_picture)
        first = self._grid.next
        k = self._grid.place(position / AUDIO_RATE)
        if k is not None:
            if first == 0 and k > 0:  # there is nothing to repeat yet: the first picture stands in for those before it
                self._on_film(self._muxer.video, picture)
                self.duplicated += 1
                first = 1
            self._repeat(k - first)
            self._on_film(self._muxer.video, picture)
            if self._placed:
                self._placed(t_picture, k)
        if self._release:
            self._release(picture)
        self._write_sound(max(self._track.end, int(position - SILENCE_AFTER_S * AUDIO_RATE)))

    def _repeat(self, times: int) -> None:
        for _ in range(times):
            self._on_film(self._muxer.repeat)
        self.duplicated += max(0, times)

    def _on_film(self, write: Callable[..., None], *what: Any) -> None:
        """Write to the film. What goes wrong ends the film, at once and readable, and nothing else."""
        if not self._open:
            return
        try:
            write(*what)
            self._failure = self._muxer.error
        except Exception as error:  # boundary: encoders and drivers fail in their own ways; the sound goes on
            log.debug("film", exc_info=True)
            self._failure = f"{type(error).__name__}: {error}"
        if self._failure:
            self._end_film()

    def _end_film(self) -> None:
        if self._open:
            self._film = self._muxer.close()
            self._open = False
            self._failure = self._failure or self._muxer.error

    def _fetch_sound(self, line: SoundLine) -> None:
        if self._audio is None:
            return
        blocks, self._cursor, _ = self._audio.pcm_since(self._cursor)
        for block in blocks:
            pcm = block["pcm"]
            self._track.add(line.place(float(block["t_adc"]), int(block["sample"]), len(pcm)), pcm)

    def _write_sound(self, ready: int) -> None:
        """Write the sound up to `ready`, but none beyond the frames written: both streams end together."""
        pcm = self._track.take(min(ready, self._grid.samples_in(self._grid.next, AUDIO_RATE)))
        self._on_film(self._muxer.audio, pcm)
        if self._flac:
            self._flac.write(pcm)
            self.sound_error = self.sound_error or self._flac.error

    def _write_end(self, line: SoundLine, t_end: float) -> None:
        """Bring both streams to the length of [t_start, t_end), or of the pictures where those reach further."""
        give_up = clock.now() + LAST_SOUND_S
        while self._audio and self._track.end < line.position(t_end) and clock.now() < give_up:
            clock.sleep(POLL_S)
            self._fetch_sound(line)
        wanted = max(1, self._grid.frames_in(line.position(t_end) / AUDIO_RATE))  # no file without a frame
        missing = wanted - self._grid.next
        if missing > 0:
            if self._grid.next == 0:
                self._on_film(self._muxer.video, np.zeros((self.size.height, self.size.width, 4), np.uint8))
                missing, self.duplicated = missing - 1, self.duplicated + 1
                self._grid.next = 1
            self._repeat(missing)
            self._grid.next += missing
        self._write_sound(self._grid.samples_in(self._grid.next, AUDIO_RATE))

    def _close(self) -> RecordingResult:
        with self._wake:
            self._t_end = float("-inf") if self._t_end is None else self._t_end  # nothing more is taken
            left, self._waiting = list(self._waiting), deque()
        if self._release:
            for picture, _ in left:
                self._release(picture)
        self._end_film()
        if self._flac and (self._flac.samples == 0 or (self._muxer.empty and not self._keep)):
            self._flac.discard()
        elif self._flac:
            self._flac.close()
            self.sound_error = self.sound_error or self._flac.error
        return self._told()

    def _told(self) -> RecordingResult:
        frames = self._muxer.frames
        seconds = float(frames / self._grid.fps)
        return RecordingResult(
            self._film,
            frames,
            self.dropped,
            self.duplicated,
            self._grid.late,
            seconds,
            self._failure,
            self.sound_error,
            self._muxer.encoder.line(),
        )
