"""How long the GPU works on a frame: pairs of CUDA events, read when they are done, never waited for. Render thread."""

from __future__ import annotations

from collections import deque

from phosphene.engine.gpu.cuda_base import Cuda, Event, Stream

_PAIRS = 4  # frames that may be under way; with all of them out a frame is not timed


class GpuTimer:
    """`begin` and `end` around what is queued on a stream; `ms` is the newest time known, a frame or two old."""

    def __init__(self, cuda: Cuda) -> None:
        self._free = deque((cuda.event(), cuda.event()) for _ in range(_PAIRS))
        self._flying: deque[tuple[Event, Event]] = deque()
        self._open: tuple[Event, Event] | None = None
        self.ms = 0.0  # 0 before the first frame is done

    def begin(self, stream: Stream) -> None:
        """Start a measurement, and take in those that are done."""
        while self._flying and self._flying[0][1].done():
            pair = self._flying.popleft()
            self.ms = pair[1].ms_since(pair[0])
            self._free.append(pair)
        self._open = self._free.popleft() if self._free else None
        if self._open is not None:
            self._open[0].record(stream)

    def end(self, stream: Stream) -> None:
        """End the measurement that was begun, if one was."""
        if self._open is not None:
            self._open[1].record(stream)
            self._flying.append(self._open)
            self._open = None

    def close(self) -> None:
        """Free the events; closing again is not an error."""
        for pair in (*self._free, *self._flying, *((self._open,) if self._open else ())):
            for event in pair:
                event.close()
        self._free.clear()
        self._flying.clear()
        self._open = None
