"""Opens what a recording needs: the take's folder, the film, the sound beside it. On a thread of its own.

Made by `recording.py` on the render thread, which never waits for a disk: one that spins up takes seconds, a share that is
gone takes minutes. What was opened in vain is removed again, on the same thread, as long as it holds nothing.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np

from phosphene.engine.app.take import Take
from phosphene.engine.app.take_state import PICTURES, PICTURES_FILE
from phosphene.engine.audio.base import AudioSource
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.engine.output.device_capture import DeviceCapture
from phosphene.engine.output.sink import RecorderSink

_log = logging.getLogger(__name__)
RECORDING, SOUND = "recording.mp4", "audio.flac"


class Opening:
    """One recording on its way. Once `done` is set: `sink`, or why there is none in `refusal`.

    wanted: where the film goes; None: into the take. takes: where the take goes. take: one that is there already. capture:
    takes the pictures on the GPU; where the encoder refuses that, `device_refusal` says why and it is left to the caller.
    `said` holds what a person should know of it besides.
    """

    def __init__(
        self,
        source: AudioSource,
        size: Size,
        fps: Fraction,
        wanted: Path | None,
        takes: Path,
        *,
        take: Take | None = None,
        capture: DeviceCapture | None = None,
    ) -> None:
        self.wanted, self.take, self.capture = wanted, take, capture
        self.sink: RecorderSink | None = None
        self.refusal: UserError | None = None
        self.device_refusal = ""
        self.film = ""  # where the film will lie, from wherever somebody looks for it
        self.said: list[str] = []
        self.done = threading.Event()
        self.over = threading.Event()  # nobody needs it any more, and nothing of it is left that should not be
        self._source, self._size, self._fps, self._takes = source, size, fps, takes
        self._decided = threading.Event()
        self._cancelled = False
        self._own = take is None
        threading.Thread(target=self._run, name="opening", daemon=True).start()

    def taken(self) -> None:
        """Say that the recording has begun, or that there is none. Render thread."""
        self._decided.set()

    def cancel(self) -> None:
        """Say that it is not wanted any more. Render thread; returns at once."""
        if self.capture is not None:
            self.capture.let_go()
        self._cancelled = True
        self._decided.set()

    def _run(self) -> None:
        try:
            self._open()
        except UserError as error:
            self.refusal = error
        except Exception as error:  # noqa: BLE001 boundary: encoders, drivers and disks fail in their own ways; the show goes on
            _log.debug("opening", exc_info=True)
            self.refusal = UserError(f"{type(error).__name__}: {error}")
        if self.refusal is not None:
            self._discard_take()
        self.done.set()
        self._decided.wait()
        if self._cancelled:
            if self.sink is not None:
                self.sink.recorder.stop(float("-inf"))
            if self.capture is not None:
                self.capture.close()
            self._discard_take()
        self.over.set()

    def _open(self) -> None:
        if self.take is None:
            try:
                self.take = Take.named_by_time(self._takes)
            except UserError as error:
                if self.wanted is None:
                    raise
                self.said.append(f"recording without a take: {error.line()}")
        if self.capture is not None:
            try:
                self.sink = self._sink(self.capture)
            except UserError as error:
                self.device_refusal = error.line()
        if self.sink is None:
            self.sink = self._sink(None)
        self.film = str(self.sink.recorder.path)
        with contextlib.suppress(OSError):  # the folder that the show was started in is gone
            self.film = os.path.abspath(self.film)

    def _sink(self, capture: DeviceCapture | None) -> RecorderSink:
        flac: Path | None = None
        placed: Callable[[float, int], None] | None = None
        path = self.wanted
        if (take := self.take) is not None:
            path = path or take.folder / RECORDING
            flac = take.folder / SOUND

            def placed(t_picture: float, k: int) -> None:
                take.record(PICTURES_FILE, np.array((t_picture, k), PICTURES).tobytes())

        assert path is not None
        return RecorderSink(path, self._size, self._fps, capture=capture, audio=self._source, flac=flac, placed=placed)

    def _discard_take(self) -> None:
        if self._own and self.take is not None:
            self.take.discard()
            self.take = None
