"""The states of a recording on stage, and how one becomes the next. Render thread; see `recording.py` for who calls.

    off --start--> armed --open, and a frame begins--> running --stop, both have ended--> off
                   armed --stop, refused--> off        running --the GPU encodes nothing--> rerouting --open--> running

A state is asked to log, to `advance` and to take a picture, and answers with the state that follows, often itself. What has
had a first picture is handed to `Ending` when it stops, which finishes files and report while the next one may run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from phosphene.engine.app.opening import Opening
from phosphene.engine.app.recording_context import RecordingContext, Report
from phosphene.engine.app.take import EVENTS, Take, event_line
from phosphene.engine.app.take_state import FRAMES_FILE, LOG, Trail
from phosphene.engine.app.versions import versions
from phosphene.engine.core.frame import Frame
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.output.recorder import RecorderStatus, RecordingResult
from phosphene.engine.output.sink import RecorderSink
from phosphene.engine.show.change import Input


@dataclass
class Run:
    """A recording from its first picture to its report. last: time of its newest picture. said: kinds of faults told."""

    take: Take | None
    wanted: Path | None
    report: Report
    last: float
    said: set[str] = field(default_factory=set)

    def tell_faults(self, context: RecordingContext, sink: RecorderSink | None) -> None:
        """Say what has gone wrong, each kind of fault once, as soon as it is known."""
        found: dict[str, str] = {}
        if sink is not None:
            recorder = sink.recorder
            state = recorder.status().state
            if recorder.film_ended and state.startswith("failed"):
                left = f"what was recorded lies at {recorder.film}" if recorder.film else "nothing was recorded"
                found["film"] = f"recording {state}; {left}"
            if recorder.sound_error:
                found["sound"] = f"the sound of the take is not whole: {recorder.sound_error}"
        if self.take is not None and self.take.error:
            found["log"] = self.take.error
        for kind, line in found.items():
            if kind not in self.said:
                (context.tell_of_film if kind == "film" else context.tell_of_take)(line)
        self.said |= found.keys()


class State:
    """What every state does unless it says otherwise: nothing.

    active: pictures are recorded, or about to be. waiting: there was no picture yet. sink: what pictures go to.
    """

    waiting = False
    sink: RecorderSink | None = None

    def __init__(self, context: RecordingContext, ending: list[Ending]) -> None:
        """ending: takes what is stopped."""
        self.context, self.ending = context, ending

    @property
    def active(self) -> bool:
        return False

    @property
    def status(self) -> RecorderStatus | None:
        """How it goes, or how the newest recording went; None where there was none."""
        return self.context.newest.status() if self.context.newest else None

    def log(self, inputs: Sequence[Input], frame: Frame) -> None:
        """Hear what the show document is about to be given in `frame`."""

    def advance(self, picture: RenderTarget, frame: Frame, t_picture: float) -> State:
        """Return the state that `picture` meets, after looking at what other threads have done since the last one."""
        return self

    def take(self, picture: RenderTarget, frame: Frame, t_picture: float) -> State:
        """Take a picture; return the state that follows."""
        return self

    def stop(self) -> State:
        """End it with the last picture; return the state that follows."""
        return Off(self.context, self.ending)


class Off(State):
    """Nothing is recorded, nor asked for."""


class Armed(State):
    """Asked for. With the first picture it begins to be opened; until that is done nothing of it holds up a frame.

    The frame that will be the first is heard at its beginning: later half of it would have been applied.
    """

    waiting = True

    def __init__(
        self,
        context: RecordingContext,
        ending: list[Ending],
        path: Path | None,
        report: Report,
        opening: Opening | None = None,
    ) -> None:
        """opening: where it is open before the first picture."""
        super().__init__(context, ending)
        self._path, self._report, self._opening = path, report, opening
        self._heard = False
        self._first: list[bytes] = []  # what the log will begin with
        self._trails: list[Trail] = []

    @property
    def active(self) -> bool:
        return True

    @property
    def status(self) -> RecorderStatus | None:
        return _before(self._opening)

    def log(self, inputs: Sequence[Input], frame: Frame) -> None:
        self._forget()
        opening, context = self._opening, self.context
        if opening is None or not opening.done.is_set():
            return
        self._heard = True
        if opening.take is None or opening.sink is None:
            return
        values = {"fps": str(context.fps), "size": str(context.size), **context.snapshots.opening()}
        values |= {"versions": versions(), "recording": opening.film, **context.about}
        self._first = [event_line("start", log=LOG, **values), *(context.line(each, frame) for each in inputs)]
        self._trails = [Trail(name, target) for name, target in context.snapshots.trails().items()]

    def advance(self, picture: RenderTarget, frame: Frame, t_picture: float) -> State:
        opening = self._opening
        if opening is None:
            if self.context.cancelled():  # one at a time, however often it is pressed
                self._opening = self.context.open(self._path, picture)
            return self
        if not opening.done.is_set() or not self._heard:
            return self
        sink = self.context.opened(opening)
        if sink is None:
            self._forget()
            return Off(self.context, self.ending)
        run = Run(opening.take, opening.wanted, self._report, t_picture)
        if run.take is not None:
            for trail in self._trails:
                trail.goes_to(run.take)
            self.context.trails += self._trails
        return Running(self.context, self.ending, run, sink, self._first)

    def stop(self) -> State:
        self._forget()
        if self._opening is not None:
            self.context.cancel(self._opening)
        return super().stop()

    def _forget(self) -> None:
        """Let go of the beginning that was heard: another frame will be the first, or none."""
        for trail in self._trails:
            trail.close()
        self._heard, self._first, self._trails = False, [], []


class Running(State):
    """Being recorded, from the picture that it was made for. first: lines that the log begins with."""

    sink: RecorderSink

    def __init__(
        self, context: RecordingContext, ending: list[Ending], run: Run, sink: RecorderSink, first: Sequence[bytes] = ()
    ) -> None:
        super().__init__(context, ending)
        self.sink = sink
        self._run = run
        self._first: Sequence[bytes] | None = first

    @property
    def active(self) -> bool:
        return self.sink.status().state == "recording"

    def log(self, inputs: Sequence[Input], frame: Frame) -> None:
        _log(self.context, self._run, inputs, frame)

    def take(self, picture: RenderTarget, frame: Frame, t_picture: float) -> State:
        sink, run, context = self.sink, self._run, self.context
        self._begin(frame, t_picture)
        if sink.on_device and sink.recorder.film_ended:
            if sink.recorder.empty:  # not even the first picture left device memory
                context.newest = None
                sink.finish(run.last, keep=False)
                return Rerouting(context, self.ending, run, sink)
            if not context.gpu.refusal:
                context.by_host(sink.status().state)  # the next recording goes the other way
        if sink.result is not None:  # neither film nor sound goes on
            return self.stop()
        if run.take is not None:
            run.take.record(FRAMES_FILE, context.snapshots.frame(frame, t_picture))
        sink.accept(picture, frame, t_picture)
        run.last = t_picture
        run.tell_faults(context, sink)
        return self

    def stop(self) -> State:
        self.ending.append(Ending(self.context, self._run, self.sink))
        self.sink.finish(self._run.last + float(1 / self.context.fps))
        return super().stop()

    def _begin(self, frame: Frame, t_picture: float) -> None:
        if self._first is None or self._run.take is None:
            return
        for line in self._first:
            self._run.take.record(EVENTS, line)
        times = {"frame": frame.index, "time": frame.time, "t_present": frame.t_present, "t_start": t_picture}
        self._run.take.event("recording", **times)
        self._first = None


class Rerouting(State):
    """The GPU's encoder takes no picture: the film begins again by way of host memory, while the log goes on.

    sink: the first one, until it has let go of its file.
    """

    def __init__(self, context: RecordingContext, ending: list[Ending], run: Run, sink: RecorderSink) -> None:
        super().__init__(context, ending)
        self.sink = sink
        self._run = run
        self._opening: Opening | None = None

    @property
    def active(self) -> bool:
        return True

    @property
    def status(self) -> RecorderStatus | None:
        return _before(self._opening)

    def log(self, inputs: Sequence[Input], frame: Frame) -> None:
        _log(self.context, self._run, inputs, frame)

    def advance(self, picture: RenderTarget, frame: Frame, t_picture: float) -> State:
        context, run, opening = self.context, self._run, self._opening
        if opening is None:
            if self.sink is not None and self.sink.result is not None:
                context.by_host(self.sink.result.error)
                self._opening = context.open(run.wanted, picture, run.take)
                self.sink, self.waiting = None, True
            return self
        if not opening.done.is_set():
            return self
        sink = context.opened(opening)
        if sink is None:
            self.ending.append(Ending(context, run, None))
            return Off(context, self.ending)
        return Running(context, self.ending, run, sink)

    def stop(self) -> State:
        self.ending.append(Ending(self.context, self._run, self.sink))
        if self._opening is not None:
            self.context.cancel(self._opening)
        return super().stop()


class Ending:
    """A recording that has stopped: the recorder finishes its file, then the take gets its report. No state of the stage:
    several may end while another runs. sink None: it was stopped while it had none.
    """

    def __init__(self, context: RecordingContext, run: Run, sink: RecorderSink | None) -> None:
        self.sink = sink
        self._context, self._run = context, run
        self._reported = False

    @property
    def recorded(self) -> RecorderStatus | None:
        """How the recorder goes on, until its result was handed over."""
        return None if self._reported or self.sink is None else self.sink.status()

    def settle(self, keep: Callable[[RecordingResult], None]) -> bool:
        """Look at how far it is: hand what came of it to `keep`, then have the report written, which may tell of that.

        Returns whether all is on the disk, or given up.
        """
        if not self._reported and (self.sink is None or self.sink.result is not None):
            self._reported = True
            if self.sink is not None and self.sink.result is not None:
                keep(self.sink.result)
                self._run.tell_faults(self._context, self.sink)
            if self._run.take is not None:
                self._run.take.end(self._run.report())
        over = self._reported and (self._run.take is None or self._run.take.ended)
        if over:
            self._run.tell_faults(self._context, self.sink)
        return over

    def finish(self) -> None:
        """Wait for the film."""
        if self.sink is not None:
            self.sink.stop(self._run.last)

    def close(self) -> None:
        """Wait for the take."""
        if self._run.take is not None:
            self._run.take.close()


def _before(opening: Opening | None) -> RecorderStatus:
    ready = opening is not None and opening.done.is_set()
    return RecorderStatus("ready" if ready else "opening", 0, 0, 0, 0, 0.0, 0, None)


def _log(context: RecordingContext, run: Run, inputs: Sequence[Input], frame: Frame) -> None:
    if run.take is not None:
        for each in inputs:
            run.take.record(EVENTS, context.line(each, frame))
