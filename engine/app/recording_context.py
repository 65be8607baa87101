"""What all states of a recording on stage share: where sound and takes come from and go to, and what is said of faults.

Made by `recording.py`, used by its states, on the render thread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Protocol

from phosphene.engine.app.gpu_pictures import GpuPictures
from phosphene.engine.app.opening import Opening
from phosphene.engine.app.take import Take, event_line
from phosphene.engine.app.take_state import Trail, input_line
from phosphene.engine.audio.base import AudioSource
from phosphene.engine.core.errors import one_line
from phosphene.engine.core.frame import Frame, Size
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.output.sink import RecorderSink
from phosphene.engine.show.change import Input

MOST_KEPT = 50  # results and failures that are remembered

Report = Callable[[], Mapping[str, object]]  # makes the report of a take, when that ends


class Snapshots(Protocol):
    """Says of the stage what a take needs to be rendered again: `take_state.StageSnapshots`. Render thread."""

    def opening(self) -> Mapping[str, object]:
        """Return all that the next frame depends on, for the take's first line."""
        ...

    def trails(self) -> Mapping[str, RenderTarget]:
        """Return the pictures that the next frame depends on, by the file of the take they go to."""
        ...

    def frame(self, frame: Frame, t_picture: float) -> bytes:
        """Return the record of the frame that was just painted."""
        ...

    def played(self, deck: str) -> Mapping[str, str]:
        """Return what is about to play on `deck`: backend, fingerprint of the style."""
        ...


class RecordingContext:
    """about: values for a take's first line. place: where the free space is looked at. newest: what pictures went to last.

    trails: pictures on their way into a take. failures: what was to be recorded and is not, or not whole, in a line each.
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
        gpu: GpuPictures,
        named: bool,
    ) -> None:
        self.source, self.size, self.fps, self.takes, self.about = source, size, fps, takes, about
        self.snapshots, self.gpu = snapshots, gpu
        self.place = takes
        self.newest: RecorderSink | None = None
        self.trails: list[Trail] = []
        self.failures: list[str] = []
        self._say, self._named = say, named
        self._cancelled: Opening | None = None

    # --- opening ---

    def open(self, path: Path | None, picture: RenderTarget, take: Take | None = None) -> Opening:
        """Begin to open a recording of `picture` to `path`, None: into the take. take: one that is there already."""
        self.place = path.parent if path is not None else self.takes
        capture, refusal = self.gpu.capture(picture)
        if refusal:
            self.by_host(refusal)
        return Opening(self.source, self.size, self.fps, path, self.takes, take=take, capture=capture)

    def opened(self, opening: Opening) -> RecorderSink | None:
        """Take over what is open, and say what is to be said of it; None where it was refused."""
        opening.taken()
        if opening.capture is not None and (opening.device_refusal or opening.refusal):
            opening.capture.let_go()
            opening.capture.close()
            if opening.device_refusal:
                self.by_host(opening.device_refusal)
        if opening.sink is None:
            assert opening.refusal is not None
            self.refuse(opening.refusal.line())
            return None
        for line in opening.said:
            self.tell_of_take(line)
        self.newest = opening.sink
        path = opening.sink.recorder.path
        if opening.wanted is not None and path != opening.wanted:
            self.tell(f"another program is writing {opening.wanted}: this recording is {path}")
        return opening.sink

    def cancel(self, opening: Opening) -> None:
        """Let go of what was opened in vain; its thread may still be at work."""
        opening.cancel()
        self._cancelled = opening

    def cancelled(self, timeout_s: float = 0.0) -> bool:
        """Whether nothing is left of what was opened in vain. Waits for it, `timeout_s` at most."""
        return self._cancelled is None or self._cancelled.over.wait(timeout_s)

    # --- what is logged and said ---

    def line(self, given: Input, frame: Frame) -> bytes:
        """Return the line of the take's log for an input that `frame` applies."""
        kind, values = input_line(given, self.snapshots.played)
        return event_line(kind, frame=frame.index, time=frame.time, **values)

    def by_host(self, reason: str) -> None:
        """Record through host memory from now on."""
        self.gpu.refuse(reason)
        self.tell(f"recording through host memory: {reason}")

    def tell(self, line: str) -> None:
        """Say what is no failure."""
        self._say(one_line(line))

    def tell_of_film(self, line: str) -> None:
        """Say what is wrong with a film."""
        self.tell(line)
        self._failed(line)

    def tell_of_take(self, line: str) -> None:
        """Say what is wrong with a take beside a film."""
        self.tell(line)
        if self._named:
            self._failed(line)

    def refuse(self, reason: str) -> None:
        """Say why something is not recorded."""
        self.tell_of_film(f"not recording: {reason}")

    def _failed(self, line: str) -> None:
        line = one_line(line)
        if line not in self.failures:
            self.failures = [*self.failures, line][-MOST_KEPT:]
