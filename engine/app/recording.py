"""Recording on stage: starts and stops takes while the show runs, feeds the recorder, keeps the event log.

Used by the render loop, which it never holds up: whatever touches a disk is done on other threads, and a new recording may
start while the last one is still being finished. Whatever goes wrong becomes a line on the HUD and in the report; the show
goes on. It costs the exit code where it is of a film, or of a take for which somebody named the folder.

    off --start--> armed --a picture--> opening --open, the next frame--> running --stop--> ending (some at a time)
                   stop: off            stop, refused: off                the GPU's encoder refuses: opening
"""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

from phosphene.engine.app.gpu_pictures import GpuPictures
from phosphene.engine.app.opening import Opening
from phosphene.engine.app.recording_states import Armed, Report, Running, Waiting
from phosphene.engine.app.take import EVENTS, Take, event_line
from phosphene.engine.app.take_state import FRAMES_FILE, LOG, Trail, input_line
from phosphene.engine.app.versions import versions
from phosphene.engine.audio.base import AudioSource
from phosphene.engine.core.errors import one_line
from phosphene.engine.core.frame import Frame, Size
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.output.recorder import RecorderStatus, RecordingResult
from phosphene.engine.output.sink import RecorderSink
from phosphene.engine.show.change import Input

_log = logging.getLogger(__name__)
_MOST_ENDING = 4  # recordings being finished at a time: a button that flutters must not fill the disk with takes
_MOST_KEPT = 50  # results and failures that are remembered
_DISK_S = 2.0  # between looks at the free space
_PROBE_S = 5.0  # how long a recording from the start waits to know whether the GPU encodes
_LAST_S = 5.0  # how long the end of the show waits for what was opened in vain

__all__ = ["Recording", "Witness", "versions"]


class Witness(Protocol):
    """Says of the stage what a take needs to be rendered again: `take_state.StageWitness`. Render thread."""

    def opening(self) -> Mapping[str, Any]:
        """Return all that the next frame depends on, for the take's first line."""
        ...

    def trails(self) -> Mapping[str, RenderTarget]:
        """Return the pictures (rgba16f) that the next frame depends on, by the file of the take they go to."""
        ...

    def frame(self, frame: Frame, t_picture: float) -> bytes:
        """Return the record of the frame that was just painted."""
        ...

    def played(self, deck: str) -> Mapping[str, Any]:
        """Return what is about to play on `deck`: backend, fingerprint of the style."""
        ...


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
        about: Mapping[str, Any],
        say: Callable[[str], None],
        witness: Witness,
        gpu: GpuPictures | None = None,
        *,
        named: bool = False,
    ) -> None:
        self._witness, self._named = witness, named
        self._source, self._size, self._fps, self._takes, self._about, self._say = source, size, fps, takes, about, say
        self._state: Armed | Waiting | Running | None = None
        self._cancelled: Opening | None = None  # its thread may still be at work
        self._ending: list[Running] = []
        self._newest: RecorderSink | None = None
        self._pictures: list[Trail] = []
        self._settled = (0, 0)  # frames and dropped pictures of all that is finished
        self._gpu = gpu or GpuPictures()
        self._probed = threading.Event()
        self._place = takes  # where the free space is looked at
        self._closing = threading.Event()
        self.results: list[RecordingResult] = []  # of the newest finished recordings
        self.failures: list[str] = []  # what was to be recorded and is not, or not whole, in a line each
        self.disk_free_gb: float | None = None  # GiB where the recording goes; None where the system does not tell
        threading.Thread(target=self._aside, name="recording", daemon=True).start()

    @property
    def active(self) -> bool:
        """Whether pictures are being recorded, or about to be."""
        state = self._state
        if isinstance(state, Running):
            return state.again or (state.sink is not None and state.sink.status().state == "recording")
        return state is not None

    @property
    def ending(self) -> int:
        """How many recordings are still being finished."""
        return len(self._ending)

    @property
    def status(self) -> RecorderStatus | None:
        """How the newest recording goes, or went; None when there was none yet."""
        if isinstance(self._state, (Armed, Waiting)):
            ready = isinstance(self._state, Waiting) and self._state.opening.done.is_set()
            return RecorderStatus("ready" if ready else "opening", 0, 0, 0, 0, 0.0, 0, None)
        return self._newest.status() if self._newest else None

    @property
    def device_refusal(self) -> str:
        """Why pictures leave the GPU before they are encoded; empty where they do not."""
        return self._gpu.refusal

    @property
    def result(self) -> RecordingResult | None:
        """What came of the newest finished recording."""
        return self.results[-1] if self.results else None

    @property
    def counts(self) -> tuple[int, int]:
        """Frames recorded and pictures dropped since the show began, over all recordings."""
        frames, dropped = self._settled
        running = [self._state] if isinstance(self._state, Running) else []
        running += [each for each in self._ending if not each.reported]
        for status in (each.sink.status() for each in running if each.sink is not None):
            frames, dropped = frames + status.frames, dropped + status.dropped
        return frames, dropped

    def open(self, path: Path, report: Report, picture: RenderTarget) -> None:
        """Open a recording before the first frame, which will be its first. Raises UserError; waits for the disk.

        picture: what will be recorded.
        """
        self._probed.wait(_PROBE_S)
        opening = self._opened(path, picture)
        opening.done.wait()
        if opening.refusal is not None:
            opening.cancel()
            raise opening.refusal
        self._state = Waiting(opening, report)

    def start(self, path: Path | None, report: Report) -> None:
        """Record to `path` or into the take, as soon as it is open. A fault is said, never raised."""
        if self.active:
            return
        self.stop()
        if len(self._ending) >= _MOST_ENDING:
            self._refuse(f"{len(self._ending)} recordings are still being finished")
            return
        self._state = Armed(path, report)

    def stop(self) -> None:
        """End the recording with the last picture. File and report are finished in the background."""
        state, self._state = self._state, None
        if isinstance(state, Waiting):
            self._drop(state)
        elif isinstance(state, Running):
            self._ending.append(state)
            if state.sink is not None:
                state.sink.finish(state.last + float(1 / self._fps), keep=not state.again)

    def log(self, inputs: Sequence[Input], frame: Frame) -> None:
        """Hear what the show document is given in this frame; in the take's first frame also where the show stands."""
        try:
            self._log(inputs, frame)
        except Exception as error:  # noqa: BLE001 boundary: a log that cannot be written costs the take its log, never the frame
            _log.debug("log of the take", exc_info=True)
            self._tell_of_take(f"the take's log is not whole: {type(error).__name__}: {error}")

    def _log(self, inputs: Sequence[Input], frame: Frame) -> None:
        state = self._state
        if isinstance(state, Waiting) and not state.begun:
            # Kept until there is a picture as well. Not later than here: soon half of this frame will have been applied.
            state.forget()
            if state.opening.done.is_set():
                state.heard = True
                self._hear(state, inputs, frame)
        elif isinstance(state, (Waiting, Running)) and state.take is not None:
            for each in inputs:
                state.take.record(EVENTS, self._line(each, frame))

    def _hear(self, state: Waiting, inputs: Sequence[Input], frame: Frame) -> None:
        if state.take is None or state.opening.sink is None:
            return
        opening = {"fps": str(self._fps), "size": str(self._size), **self._witness.opening()}
        where = state.opening.film
        state.first = [event_line("start", log=LOG, **opening, versions=versions(), recording=where, **self._about)]
        state.first += [self._line(each, frame) for each in inputs]
        state.trails = [Trail(name, target) for name, target in self._witness.trails().items()]

    def accept(self, picture: RenderTarget, frame: Frame, t_picture: float) -> None:
        """Start the picture's way to the recorder; it arrives a frame or two later without a wait."""
        try:
            self._pictures = [each for each in self._pictures if not each.arrived()]
            state = self._state
            if isinstance(state, Armed):
                if self._cancelled is None or self._cancelled.over.is_set():  # one at a time, however often it is pressed
                    self._state = Waiting(self._opened(state.path, picture), state.report)
            elif isinstance(state, Waiting):
                self._begin(state, frame, t_picture)
            if isinstance(self._state, Running):
                self._record(self._state, picture, frame, t_picture)
            self._settle()
        except Exception as error:  # noqa: BLE001 boundary: encoders, drivers and disks fail in their own ways; the show goes on
            _log.debug("recording", exc_info=True)
            self._refuse(f"{type(error).__name__}: {error}")
            self.stop()

    def close(self) -> None:
        """Stop, and wait for every file and report: seconds for an hour's recording."""
        self._closing.set()
        if isinstance(self._state, (Armed, Waiting)):
            self._refuse("the show ended before it had begun")
        self.stop()
        for picture in self._pictures:
            picture.close()
        self._pictures.clear()
        for each in self._ending:
            if each.sink is not None:
                if each.sink.result is None:
                    _log.info("finishing %s", one_line(str(each.sink.recorder.path)))
                each.sink.stop(each.last)
        self._settle()
        for each in self._ending:
            if each.take is not None:
                each.take.close()
        self._settle()
        if self._cancelled is not None:
            self._cancelled.over.wait(_LAST_S)

    # --- from one state to the next ---

    def _opened(self, path: Path | None, picture: RenderTarget, take: Take | None = None) -> Opening:
        self._place = path.parent if path is not None else self._takes
        capture, refusal = self._gpu.capture(picture)
        if refusal:
            self._by_host(refusal)
        return Opening(self._source, self._size, self._fps, path, self._takes, take=take, capture=capture)

    def _begin(self, state: Waiting, frame: Frame, t_picture: float) -> None:
        """Go on to recording with this frame, where everything is open by now."""
        opening = state.opening
        if not opening.done.is_set() or not (state.heard or state.begun):
            return
        opening.taken()
        if opening.capture is not None and (opening.device_refusal or opening.refusal):
            opening.capture.let_go()
            opening.capture.close()
            if opening.device_refusal:
                self._by_host(opening.device_refusal)
        if opening.sink is None:
            assert opening.refusal is not None
            self._state = None
            if state.begun:
                self._ending.append(Running(opening.take, None, opening.wanted, state.report, state.last))
            self._refuse(opening.refusal.line())
            return
        for line in opening.said:
            self._tell_of_take(line)
        self._newest = opening.sink
        path = opening.sink.recorder.path
        if opening.wanted is not None and path != opening.wanted:
            self._tell(f"another program is writing {opening.wanted}: this recording is {path}")
        self._state = Running(opening.take, opening.sink, opening.wanted, state.report, t_picture)
        if opening.take is not None:
            for data in state.first:
                opening.take.record(EVENTS, data)
            for each in state.trails:
                each.goes_to(opening.take)
            self._pictures += state.trails
            times = {"frame": frame.index, "time": frame.time, "t_present": frame.t_present, "t_start": t_picture}
            opening.take.event("recording", **times)

    def _record(self, running: Running, picture: RenderTarget, frame: Frame, t_picture: float) -> None:
        sink = running.sink
        assert sink is not None
        if sink.on_device and sink.recorder.film_ended:
            if sink.recorder.empty and not running.again:  # not even the first picture left device memory
                running.again, self._newest = True, None
                sink.finish(running.last, keep=False)
            elif not running.again and not self._gpu.refusal:
                self._by_host(sink.status().state)  # the next recording goes the other way
        if running.again:
            if sink.result is not None:
                self._by_host(sink.result.error)
                opening = self._opened(running.wanted, picture, running.take)
                self._state = Waiting(opening, running.report, begun=True, last=running.last)
            return
        if sink.result is not None:  # neither film nor sound goes on
            self.stop()
            return
        if running.take is not None:
            running.take.record(FRAMES_FILE, self._witness.frame(frame, t_picture))
        sink.accept(picture, frame, t_picture)
        running.last = t_picture
        self._tell_faults(running)

    def _by_host(self, reason: str) -> None:
        self._gpu.refuse(reason)
        self._tell(f"recording through host memory: {reason}")

    def _drop(self, state: Waiting) -> None:
        """Let go of what was opened in vain."""
        state.forget()
        if state.begun:
            self._ending.append(Running(state.opening.take, None, state.opening.wanted, state.report, state.last))
        state.opening.cancel()
        self._cancelled = state.opening

    def _settle(self) -> None:
        """Take the results of what was finished since the last look: the recorder's first, then the take's."""
        for each in list(self._ending):
            sink, take = each.sink, each.take
            if not each.reported and (sink is None or sink.result is not None):
                each.reported = True
                if sink is not None and sink.result is not None:
                    self.results = [*self.results, sink.result][-_MOST_KEPT:]
                    self._settled = self._settled[0] + sink.result.frames, self._settled[1] + sink.result.dropped
                    self._tell_faults(each)
                if take is not None:
                    take.end(each.report())
            if each.reported and (take is None or take.ended):
                self._ending.remove(each)
                self._tell_faults(each)

    # --- what is said ---

    def _tell_faults(self, running: Running) -> None:
        """Say what has gone wrong with a recording, each fault once, as soon as it is known."""
        if running.again and running is self._state:
            return
        for kind, line in running.new_faults().items():
            if kind == "film":
                self._tell(line)
                self._failed(line)
            else:
                self._tell_of_take(line)

    def _tell_of_take(self, line: str) -> None:
        self._tell(line)
        if self._named:
            self._failed(line)

    def _tell(self, line: str) -> None:
        self._say(one_line(line))

    def _refuse(self, reason: str) -> None:
        line = one_line(f"not recording: {reason}")
        self._say(line)
        self._failed(line)

    def _failed(self, line: str) -> None:
        line = one_line(line)
        if line not in self.failures:
            self.failures = [*self.failures, line][-_MOST_KEPT:]

    def _line(self, given: Input, frame: Frame) -> bytes:
        kind, values = input_line(given, self._witness.played)
        return event_line(kind, frame=frame.index, time=frame.time, **values)

    def _aside(self) -> None:
        """What may take a driver or a disk its time, on a thread of its own: NVENC, versions, the free space."""
        self._gpu.probe()
        self._probed.set()
        versions()
        while True:
            self.disk_free_gb = _free_gb(self._place)
            if self._closing.wait(_DISK_S):
                return


def _free_gb(folder: Path) -> float | None:
    try:
        while not folder.exists():
            folder = folder.parent
        return shutil.disk_usage(folder).free / 2**30
    except OSError:
        return None
