"""The recorder as a sink of the render loop: readback, buffers and recorder put together.

Made on a thread that may wait for the disk; everything else on the render thread.

Pictures reach it by one of two ways: through host memory, everywhere; or, with a `DeviceCapture`, without leaving the GPU.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

from phosphene.engine.core.frame import Frame, Size
from phosphene.engine.gpu.readback import FramePool, Readback
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.output.device_capture import DeviceCapture
from phosphene.engine.output.recorder import Recorder, RecorderStatus, RecordingResult


class RecorderSink:
    """Records every picture it is given. Options are those of `Recorder`; raises UserError as that does.

    capture: takes the pictures on the GPU; it is the sink's as soon as that is made.
    """

    def __init__(
        self,
        path: Path | str,
        size: Size,
        fps: Fraction | int,
        *,
        queue: int = 8,
        capture: DeviceCapture | None = None,
        **options: Any,
    ) -> None:
        self._capture = capture
        self._readback: Readback | None = None
        self._finished = False
        if capture is not None:
            self.recorder = Recorder(
                path,
                size,
                fps,
                queue=queue,
                release=lambda taken: taken.release(),
                on_device=True,
                on_end=capture.close,
                **options,
            )
            return
        # Waiting in the queue, one in the encoder's hands, those that one poll can bring: nothing is allocated later.
        self._pool = FramePool(size, queue + 4)
        self.recorder = Recorder(path, size, fps, queue=queue, release=self._pool.give, **options)

    @property
    def on_device(self) -> bool:
        """Whether pictures stay on the GPU."""
        return self._capture is not None

    def accept(self, picture: RenderTarget, frame: Frame, t_picture: float) -> None:
        """Take a picture (rgba8) that depicts the audio time `t_picture`; it reaches the recorder a frame or two later."""
        if self._finished or self.recorder.result is not None:
            return
        if self._capture is not None:
            taken = self._capture.take(picture)
            if taken is None:
                self.recorder.dropped += 1
            else:
                self.recorder.offer(taken, t_picture)
            return
        if self._readback is None:
            self._readback = Readback(self._pool)
        self._hand_over(self._readback.poll())
        if not self._readback.start(picture, t_picture):
            self.recorder.dropped += 1
        self._hand_over(self._readback.poll())

    def finish(self, t_end: float, *, keep: bool = True) -> None:
        """End the recording at clock time `t_end`; returns soon, `result` is there when all is done. keep: as `Recorder`."""
        if not self._finished:
            self._finished = True
            try:
                if self._capture is not None:
                    self._capture.let_go()
                elif self._readback is not None:
                    self._hand_over(self._readback.drain())
                    self._readback.close()
            finally:
                self.recorder.finish(t_end, keep=keep)  # whatever the driver did: the thread must end, and the file with it

    @property
    def result(self) -> RecordingResult | None:
        """What was recorded, once the file is finished."""
        return self.recorder.result

    def status(self) -> RecorderStatus:
        """Return how the recording goes."""
        return self.recorder.status()

    def stop(self, t_end: float) -> RecordingResult:
        """`finish` and wait for the file."""
        self.finish(t_end)
        return self.recorder.stop(t_end)

    def close(self) -> None:
        """End the recording at its newest picture and wait for the file."""
        self.stop(float("-inf"))

    def _hand_over(self, arrived: list[tuple[Any, Any]]) -> None:
        for array, t_picture in arrived:
            self.recorder.offer(array, t_picture)
