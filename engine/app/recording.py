"""Recording on stage: starts and stops takes while the show runs, feeds the recorder, keeps the event log.

Used by the render loop, which it never holds up: whatever touches a disk is done on other threads, and a new recording may
start while the last one is still being finished. Whatever goes wrong becomes a line on the HUD and in the report; the show
goes on. It costs the exit code where it is of a film, or of a take for which somebody named the folder.

What it does at any moment is its state's, in `recording_states.py`; here is what holds over all of them.
"""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path

from phosphene.engine.app.gpu_pictures import GpuPictures
from phosphene.engine.app.recording_context import MOST_KEPT, RecordingContext, Report, Snapshots
from phosphene.engine.app.recording_states import Armed, Ending, Off, State
from phosphene.engine.app.versions import versions
from phosphene.engine.audio.base import AudioSource
from phosphene.engine.core.errors import one_line
from phosphene.engine.core.frame import Frame, Size
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.output.recorder import RecorderStatus, RecordingResult
from phosphene.engine.show.change import Input

_log = logging.getLogger(__name__)
_MOST_ENDING = 4  # recordings being finished at a time: a button that flutters must not fill the disk with takes
_DISK_S = 2.0  # between looks at the free space
_PROBE_S = 5.0  # how long a recording from the start waits to know whether the GPU encodes
_LAST_S = 5.0  # how long the end of the show waits for what was opened in vain

__all__ = ["Recording", "Snapshots", "versions"]


class Recording:
    """A Sink that records between `start` and `stop`. `about`: values for the take's first line (device, seeds).

    named: somebody named `takes`, so that a take that is not whole is a failure even where the film beside it is.
    """

    def __init__(
        self,
        source: AudioSource,
        size: Size,
        fps: Fraction,
        takes: Path,
        about: Mapping[str, object],
        say: Callable[[str], None],
        snapshots: Snapshots,
        gpu: GpuPictures | None = None,
        *,
        named: bool = False,
    ) -> None:
        self._gpu = gpu or GpuPictures()
        self._context = RecordingContext(source, size, fps, takes, about, say, snapshots, self._gpu, named)
        self._ending: list[Ending] = []
        self._state: State = Off(self._context, self._ending)
        self._settled = (0, 0)  # frames and dropped pictures of all that is finished
        self._probed = threading.Event()
        self._closing = threading.Event()
        self.results: list[RecordingResult] = []  # of the newest finished recordings
        self.disk_free_gb: float | None = None  # GiB where the recording goes; None where the system does not tell
        threading.Thread(target=self._aside, name="recording", daemon=True).start()

    @property
    def active(self) -> bool:
        """Whether pictures are being recorded, or about to be."""
        return self._state.active

    @property
    def ending(self) -> int:
        """How many recordings are still being finished."""
        return len(self._ending)

    @property
    def status(self) -> RecorderStatus | None:
        """How the newest recording goes, or went; None when there was none yet."""
        return self._state.status

    @property
    def device_refusal(self) -> str:
        """Why pictures leave the GPU before they are encoded; empty where they do not."""
        return self._gpu.refusal

    @property
    def failures(self) -> list[str]:
        """What was to be recorded and is not, or not whole, in a line each."""
        return self._context.failures

    @property
    def result(self) -> RecordingResult | None:
        """What came of the newest finished recording."""
        return self.results[-1] if self.results else None

    @property
    def counts(self) -> tuple[int, int]:
        """Frames recorded and pictures dropped since the show began, over all recordings."""
        frames, dropped = self._settled
        running = self._state.sink.status() if self._state.sink is not None else None
        for status in (running, *(each.recorded for each in self._ending)):
            if status is not None:
                frames, dropped = frames + status.frames, dropped + status.dropped
        return frames, dropped

    def open(self, path: Path, report: Report, picture: RenderTarget) -> None:
        """Open a recording before the first frame, which will be its first. Raises UserError; waits for the disk.

        picture: what will be recorded.
        """
        self._probed.wait(_PROBE_S)
        opening = self._context.open(path, picture)
        opening.done.wait()
        if opening.refusal is not None:
            opening.cancel()
            raise opening.refusal
        self._state = Armed(self._context, self._ending, path, report, opening)

    def start(self, path: Path | None, report: Report) -> None:
        """Record to `path` or into the take, as soon as it is open. A fault is said, never raised."""
        if self.active:
            return
        self.stop()
        if len(self._ending) >= _MOST_ENDING:
            self._context.refuse(f"{len(self._ending)} recordings are still being finished")
            return
        self._state = Armed(self._context, self._ending, path, report)

    def stop(self) -> None:
        """End the recording with the last picture. File and report are finished in the background."""
        state, self._state = self._state, Off(self._context, self._ending)
        state.stop()

    def log(self, inputs: Sequence[Input], frame: Frame) -> None:
        """Hear what the show document is given in this frame; in the take's first frame also where the show stands."""
        try:
            self._state.log(inputs, frame)
        except Exception as error:  # noqa: BLE001 boundary: a log that cannot be written costs the take its log, never the frame
            _log.debug("log of the take", exc_info=True)
            self._context.tell_of_take(f"the take's log is not whole: {type(error).__name__}: {error}")

    def accept(self, picture: RenderTarget, frame: Frame, t_picture: float) -> None:
        """Start the picture's way to the recorder; it arrives a frame or two later without a wait."""
        try:
            self._context.trails = [each for each in self._context.trails if not each.arrived()]
            self._state = self._state.advance(picture, frame, t_picture)
            self._state = self._state.take(picture, frame, t_picture)
            self._settle()
        except Exception as error:  # noqa: BLE001 boundary: encoders, drivers and disks fail in their own ways; the show goes on
            _log.debug("recording", exc_info=True)
            self._context.refuse(f"{type(error).__name__}: {error}")
            self.stop()

    def close(self) -> None:
        """Stop, and wait for every file and report: seconds for an hour's recording."""
        self._closing.set()
        if self._state.waiting:
            self._context.refuse("the show ended before it had begun")
        self.stop()
        for picture in self._context.trails:
            picture.close()
        self._context.trails = []
        for each in self._ending:
            if each.sink is not None and each.sink.result is None:
                _log.info("finishing %s", one_line(str(each.sink.recorder.path)))
            each.finish()
        self._settle()
        for each in self._ending:
            each.close()
        self._settle()
        self._context.cancelled(_LAST_S)

    def _settle(self) -> None:
        """Take the results of what was finished since the last look: the recorder's first, then the take's."""
        for each in list(self._ending):
            if each.settle(self._keep):
                self._ending.remove(each)

    def _keep(self, result: RecordingResult) -> None:
        self.results = [*self.results, result][-MOST_KEPT:]
        self._settled = self._settled[0] + result.frames, self._settled[1] + result.dropped

    def _aside(self) -> None:
        """What may take a driver or a disk its time, on a thread of its own: NVENC, versions, the free space."""
        self._gpu.probe()
        self._probed.set()
        versions()
        while True:
            self.disk_free_gb = _free_gb(self._context.place)
            if self._closing.wait(_DISK_S):
                return


def _free_gb(folder: Path) -> float | None:
    try:
        while not folder.exists():
            folder = folder.parent
        return shutil.disk_usage(folder).free / 2**30
    except OSError:
        return None
