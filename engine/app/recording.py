"""Recording on stage: starts and stops takes while the show runs, feeds the recorder, keeps the event log.

Used by the render loop, which it never holds up: a start costs the frame two files; encoding, writing and finishing run on
the recorder's and the take's threads, and a new recording may start while the last one is still being finished. Whatever
goes wrong becomes a line on the HUD; the show goes on.
"""

from __future__ import annotations

import functools
import logging
import platform
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from importlib import metadata
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from engine import __version__
from engine.app.take import Take
from engine.app.take_state import FRAMES_FILE, LOG, PICTURES, PICTURES_FILE
from engine.audio.base import AudioSource
from engine.core.errors import UserError
from engine.core.frame import Frame, Size
from engine.gpu.cuda import open_cuda
from engine.gpu.readback import FramePool, Readback
from engine.gpu.texture import RenderTarget
from engine.output.device_capture import DeviceCapture, Packer
from engine.output.encoder import nvenc_refusal
from engine.output.recorder import RecorderStatus, RecordingResult
from engine.output.sink import RecorderSink
from engine.show.change import Change, Input, SceneFailed, SceneReady, StyleFailed, StyleReady

_log = logging.getLogger(__name__)
_PACKAGES = ("numpy", "av", "aubio-ledfx", "sounddevice", "PyOpenGL", "glfw", "python-osc", "pydantic")
_MOST_ENDING = 4  # recordings being finished at a time: a button that flutters must not fill the disk with takes
DEVICE_PICTURES = 12  # 8 may wait, one is in the encoder's hands, one is repeated, one is being taken; one to spare
_DISK_S = 2.0  # between looks at the free space

Report = Callable[[], Mapping[str, Any]]


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


@functools.cache
def versions() -> dict[str, str]:
    """Return what made this picture: the program, Python, the packages, the system."""
    found = {"phosphene": __version__, "python": platform.python_version(), "system": platform.platform()}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "missing"
    return found


@dataclass
class _Ending:
    """A take that was stopped. recorder: None where none was opened; report: None once the report was handed over."""

    take: Take
    recorder: RecorderSink | None
    last: float
    report: Report | None


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
        witness: Witness,
    ) -> None:
        self._witness = witness
        self._source, self._size, self._fps, self._takes, self._about, self._say = source, size, fps, takes, about, say
        self._recorder: RecorderSink | None = None
        self._take: Take | None = None
        self._report: Report | None = None
        self._ending: list[_Ending] = []
        self._newest: RecorderSink | None = None
        self._wanted: Path | None = None
        self._armed = False  # a take is there, its recorder not yet
        self._begun = False  # the take has its first line: from there on every frame is logged
        self._pictures: list[_Picture] = []
        self._last = 0.0
        self._settled = (0, 0)  # frames and dropped pictures of all that is finished
        self._packer: Packer | None = None  # once it is known that NVENC takes pictures from device memory here
        self.device_refusal = ""  # why it does not
        self._closing = threading.Event()
        self.result: RecordingResult | None = None  # of the newest finished recording
        self.disk_free_gb: float | None = None  # GiB where the recording goes; None where the system does not tell
        threading.Thread(target=self._aside, name="recording", daemon=True).start()

    @property
    def active(self) -> bool:
        """Whether pictures are being recorded."""
        return self._armed or (self._recorder is not None and self._recorder.status().state == "recording")

    @property
    def status(self) -> RecorderStatus | None:
        """How the newest recording goes, or went; None when there was none yet."""
        return self._newest.status() if self._newest else None

    @property
    def counts(self) -> tuple[int, int]:
        """Frames recorded and pictures dropped since the show began, over all recordings."""
        frames, dropped = self._settled
        running = [self._recorder, *(e.recorder for e in self._ending if e.report is not None)]
        for status in (r.status() for r in running if r is not None):
            frames, dropped = frames + status.frames, dropped + status.dropped
        return frames, dropped

    def start(self, path: Path | None, report: Report) -> None:
        """Record from the next frame on, to `path` or into the take. A fault is said, never raised."""
        if self.active:
            return
        self.stop()
        if len(self._ending) >= _MOST_ENDING:
            self._refuse(f"{len(self._ending)} recordings are still being finished")
            return
        try:
            self._take = Take.named_by_time(self._takes)
        except UserError as error:
            self._refuse(error.line())
            return
        self._wanted = path or self._take.folder / "recording.mp4"
        self._armed, self._begun, self._report = True, False, report

    def stop(self) -> None:
        """End the recording with the last picture. File and report are finished in the background."""
        self._armed = False
        if self._take is None:
            return
        recorder, self._recorder = self._recorder, None
        self._ending.append(_Ending(self._take, recorder, self._last, self._report))
        self._take = None
        if recorder is not None:
            recorder.finish(self._last + float(1 / self._fps))

    def log(self, inputs: Sequence[Input], frame: Frame) -> None:
        """Write to the take what the show document is given in this frame; its first frame also where the show stands."""
        if self._take is None:
            return
        try:
            self._log(self._take, inputs, frame)
        except Exception as error:  # noqa: BLE001 boundary: a log that cannot be written costs the take its log, never the frame
            _log.debug("log of the take", exc_info=True)
            self._say(f"the take's log is not whole: {type(error).__name__}: {error}")

    def _log(self, take: Take, inputs: Sequence[Input], frame: Frame) -> None:
        if not self._begun:
            # Not in `start`, which comes in the middle of a frame: half of that frame has been applied by then.
            self._begun = True
            opening = {"fps": str(self._fps), "size": str(self._size), **self._witness.opening()}
            take.event("start", log=LOG, **opening, versions=versions(), recording=str(self._wanted), **self._about)
            self._pictures += [_Picture(take, name, target) for name, target in self._witness.trails().items()]
        for each in inputs:
            kind, values = self._told(each)
            take.event(kind, frame=frame.index, time=frame.time, **values)

    def accept(self, picture: RenderTarget, frame: Frame, t_picture: float) -> None:
        """Start the picture's way to the recorder; it arrives a frame or two later without a wait."""
        try:
            self._pictures = [each for each in self._pictures if not each.arrived()]
            if self._armed and self._begun:
                self._open(picture, t_picture, frame)
            if self._recorder is not None:
                if self._recorder.status().state == "recording":
                    assert self._take is not None
                    self._take.record(FRAMES_FILE, self._witness.frame(frame, t_picture))
                    self._recorder.accept(picture, frame, t_picture)
                    self._last = t_picture
                elif self._recorder.on_device and self._recorder.status().frames <= 1:
                    self._by_host(self._recorder)
                else:
                    if self._recorder.on_device:
                        self._no_device(self._recorder.status().state)  # the next recording goes the other way
                    self.stop()  # it failed: what it has is being finished
            self._settle()
        except Exception as error:  # noqa: BLE001 boundary: encoders, drivers and disks fail in their own ways; the show goes on
            _log.debug("recording", exc_info=True)
            self._refuse(f"{type(error).__name__}: {error}")
            self.stop()

    def close(self) -> None:
        """Stop, and wait for every file and report: seconds for an hour's recording."""
        self._closing.set()
        self.stop()
        for picture in self._pictures:
            picture.close()
        self._pictures.clear()
        for ending in self._ending:
            if ending.recorder is not None:
                if ending.recorder.result is None:
                    _log.info("finishing %s", ending.recorder.status().path)
                ending.recorder.stop(ending.last)
        self._settle()
        for ending in self._ending:
            ending.take.close()
        self._settle()

    def _by_host(self, failed: RecorderSink) -> None:
        """NVENC did not even take the first picture out of device memory: once its file is closed, begin again without."""
        if failed.result is None:
            return
        failed.finish(self._last)
        failed.result.path.unlink(missing_ok=True)
        self._no_device(failed.result.error)
        self._recorder = self._newest = None
        self._armed = True

    def _no_device(self, reason: str) -> None:
        self._packer, self.device_refusal = None, reason
        _log.warning("pictures are recorded through host memory: %s", reason)
        self._say(f"recording through host memory: {reason}")

    def _capture(self, picture: RenderTarget) -> DeviceCapture | None:
        """Return what takes the pictures on the GPU, where that is possible."""
        if self._packer is None:
            return None
        try:
            return DeviceCapture(self._packer, picture, DEVICE_PICTURES)
        except Exception as error:  # noqa: BLE001 boundary: a driver may refuse to share the texture; the other way is always there
            self._no_device(f"{type(error).__name__}: {error}")
            return None

    def _open(self, picture: RenderTarget, t_picture: float, frame: Frame) -> None:
        self._armed = False
        assert self._wanted is not None
        assert self._take is not None
        options = {
            "audio": self._source,
            "t_start": t_picture,
            "flac": self._take.folder / "audio.flac",
            "placed": functools.partial(_note_place, self._take),
        }
        try:
            capture = self._capture(picture)
            if capture is not None:
                try:
                    self._recorder = RecorderSink(self._wanted, self._size, self._fps, capture=capture, **options)
                except UserError as error:
                    self._no_device(error.line())
            self._newest = self._recorder = self._recorder or RecorderSink(self._wanted, self._size, self._fps, **options)
        except UserError as error:
            self._refuse(error.line())
            self.stop()
            return
        self._last = t_picture
        self._take.event("recording", frame=frame.index, time=frame.time, t_present=frame.t_present, t_start=t_picture)

    def _settle(self) -> None:
        """Take the results of what was finished since the last look: the recorder's first, then the take's."""
        for ending in list(self._ending):
            recorder = ending.recorder
            if ending.report is not None and (recorder is None or recorder.result is not None):
                report, ending.report = ending.report, None
                if recorder is not None and recorder.result is not None:
                    self.result = result = recorder.result
                    self._settled = self._settled[0] + result.frames, self._settled[1] + result.dropped
                    if result.error:
                        self._say(f"recording failed: {result.error}; what was recorded lies at {result.path}")
                ending.take.end(report())
            if ending.report is None and ending.take.ended:
                self._ending.remove(ending)
                if ending.take.error:
                    self._say(ending.take.error)

    def _told(self, given: Input) -> tuple[str, dict[str, Any]]:
        """Return kind and values of an input's line."""
        match given:
            case Change(path, args, _, source, every):
                return "change", {"path": path, "args": args, "source": source, "every": every}
            case SceneReady(scene):  # whole: its file may be another by the time of a rerender
                return "scene_ready", {"scene": scene}
            case SceneFailed(slug, reason):
                return "scene_failed", {"scene": slug, "reason": reason}
            case StyleReady(deck, style):
                return "style_ready", {"deck": deck, "style": style, **self._witness.played(deck)}
            case StyleFailed(deck, style, reason):
                return "style_failed", {"deck": deck, "style": style, "reason": reason}

    def _probe_device(self) -> str:
        """Try the way from device memory to NVENC; return why it is closed, or nothing."""
        try:
            packer = Packer(open_cuda())
            packer.probe()
        except UserError as error:
            return error.line()
        except Exception as error:  # noqa: BLE001 boundary: drivers and encoders fail in their own ways; there is another way
            return f"{type(error).__name__}: {error}"
        self._packer = packer
        return ""

    def _refuse(self, reason: str) -> None:
        _log.warning("not recording: %s", reason)
        self._say(f"not recording: {reason}")

    def _aside(self) -> None:
        """What may take a driver or a disk its time, on a thread of its own: NVENC, versions, the free space."""
        self.device_refusal = nvenc_refusal() or self._probe_device()
        versions()
        while True:
            self.disk_free_gb = _free_gb(self._wanted.parent if self._wanted else self._takes)
            if self._closing.wait(_DISK_S):
                return


class _Picture:
    """A picture on its way off the GPU into a file of the take. Render thread; it waits for nothing."""

    def __init__(self, take: Take, name: str, target: RenderTarget) -> None:
        self._take, self._name = take, name
        self._readback = Readback(FramePool(target.size, 1, np.float16))
        self._readback.start(target, name)

    def arrived(self) -> bool:
        """Look whether it is there, and have it written then."""
        for array, _ in self._readback.poll():
            self._take.record(self._name, array.tobytes())
            self.close()
            return True
        return False

    def close(self) -> None:
        """Free the buffers; what has not arrived is lost."""
        self._readback.close()


def _note_place(take: Take, t_picture: float, k: int) -> None:
    """Log where the recording has a picture. Recorder thread."""
    take.record(PICTURES_FILE, np.array((t_picture, k), PICTURES).tobytes())


def _free_gb(folder: Path) -> float | None:
    try:
        while not folder.exists():
            folder = folder.parent
        return shutil.disk_usage(folder).free / 2**30
    except OSError:
        return None
