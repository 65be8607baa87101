"""Recording on stage: starts and stops takes while the show runs, feeds the recorder, keeps the event log.

Used by the render loop. A start or a stop costs the frame a file or two; encoding, writing and finishing run on the
recorder's thread. Whatever goes wrong becomes a line on the HUD; the show goes on.
"""

from __future__ import annotations

import logging
import platform
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from importlib import metadata
from pathlib import Path
from typing import Any

from engine import __version__
from engine.app.take import Take
from engine.audio.base import AudioSource
from engine.core.errors import UserError
from engine.core.frame import Frame, Size
from engine.gpu.texture import RenderTarget
from engine.output.encoder import nvenc_refusal
from engine.output.recorder import RecorderStatus, RecordingResult
from engine.output.sink import RecorderSink
from engine.show.change import Change
from engine.show.state import ShowState, snapshot

_log = logging.getLogger(__name__)
_PACKAGES = ("numpy", "av", "aubio-ledfx", "sounddevice", "PyOpenGL", "glfw", "python-osc", "pydantic")


def versions() -> dict[str, str]:
    """Return what made this picture: the program, Python, the packages, the system."""
    found = {"phosphene": __version__, "python": platform.python_version(), "system": platform.platform()}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "missing"
    return found


class Recording:
    """A Sink that records between `start` and `stop`. `about`: values for the take's first line (device, seeds)."""

    def __init__(
        self,
        source: AudioSource,
        size: Size,
        fps: Fraction,
        takes: Path,
        about: Mapping[str, Any],
        say: Callable[[str], None],
    ) -> None:
        self._source, self._size, self._fps, self._takes, self._about, self._say = source, size, fps, takes, about, say
        self._recorder: RecorderSink | None = None
        self._take: Take | None = None
        self._wanted: Path | None = None
        self._armed = False
        self._said = ""
        self._last = 0.0
        self._report: Callable[[], Mapping[str, Any]] | None = None
        self.result: RecordingResult | None = None  # of the newest finished recording
        self.total = {"frames": 0, "dropped": 0}
        # Asking for NVENC takes a driver a tenth of a second: answered before the first take asks on the render thread.
        threading.Thread(target=nvenc_refusal, name="nvenc", daemon=True).start()

    @property
    def active(self) -> bool:
        """Whether pictures are being recorded."""
        return self._armed or (self._recorder is not None and self._recorder.status().state == "recording")

    @property
    def status(self) -> RecorderStatus | None:
        """How the recording goes; None when there was none yet."""
        return self._recorder.status() if self._recorder else None

    def start(self, path: Path | None, state: ShowState, report: Callable[[], Mapping[str, Any]]) -> None:
        """Record from the next picture on, to `path` or into the take. A fault is said, never raised."""
        if self.active:
            return
        self.finish()
        try:
            self._take = Take.named_by_time(self._takes)
        except UserError as error:
            self._say(f"not recording: {error.line()}")
            return
        self._wanted = path or self._take.folder / "recording.mp4"
        self._armed, self._said, self._report = True, "", report
        self._take.event(
            "start",
            fps=str(self._fps),
            size=str(self._size),
            show=snapshot(state),
            versions=versions(),
            recording=str(self._wanted),
            **self._about,
        )

    def stop(self) -> None:
        """End the recording with the last picture; the file is finished in the background."""
        self._armed = False
        if self._recorder is not None:
            self._recorder.finish(self._last + float(1 / self._fps))

    def finish(self) -> None:
        """Stop, wait for the file, write the take's report. Called at the end of the show and before the next take."""
        self.stop()
        if self._recorder is not None:
            self.result = self._recorder.stop(self._last)
            self.total["frames"] += self.result.frames
            self.total["dropped"] += self.result.dropped
            self._tell()
            self._recorder = None
        if self._take is not None:
            if self._report is not None:
                self._take.write_report(self._report())
            self._take.close()
            if self._take.error:
                self._say(self._take.error)
            self._take = None

    def log(self, changes: Sequence[Change], frame: Frame) -> None:
        """Write this frame's control changes to the take."""
        if self._take is not None:
            for change in changes:
                self._take.event(
                    "change", frame=frame.index, time=frame.time, path=change.path, args=change.args, source=change.source
                )

    def accept(self, picture: RenderTarget, frame: Frame, t_picture: float) -> None:
        """Start the picture's way to the recorder; it arrives a frame or two later without a wait."""
        if self._armed:
            self._open(t_picture, frame)
        if self._recorder is None:
            return
        if self._recorder.status().state == "recording":
            self._recorder.accept(picture, frame, t_picture)
            self._last = t_picture
        self._tell()

    def close(self) -> None:
        """Finish."""
        self.finish()

    def disk_free_gb(self) -> float | None:
        """Return the free space where the recording goes, in GiB; None where the system does not tell."""
        folder = self._wanted.parent if self._wanted else self._takes
        try:
            while not folder.exists():
                folder = folder.parent
            return shutil.disk_usage(folder).free / 2**30
        except OSError:
            return None

    def _open(self, t_picture: float, frame: Frame) -> None:
        self._armed = False
        assert self._wanted is not None
        assert self._take is not None
        try:
            self._recorder = RecorderSink(
                self._wanted,
                self._size,
                self._fps,
                audio=self._source,
                t_start=t_picture,
                flac=self._take.folder / "audio.flac",
            )
        except UserError as error:
            self._say(f"not recording: {error.line()}")
            return
        self._take.event("recording", frame=frame.index, time=frame.time, t_present=frame.t_present, t_start=t_picture)

    def _tell(self) -> None:
        """Say once what became of the recording."""
        if self._recorder is None:
            return
        status = self._recorder.status()
        if status.state.startswith("failed") and self._said != status.state:
            self._said = status.state
            self._say(f"recording {status.state}; what was recorded lies at {status.path}")
