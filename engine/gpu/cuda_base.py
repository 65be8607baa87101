"""The seam to CUDA: what the engine asks of a GPU, whichever binding answers. `cuda.py` opens one.

Buffers, streams and modules may be made on any thread that called `activate`; everything that takes a GL texture belongs to
the thread that owns the GL context. Importing this module imports no CUDA package and touches no driver.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

Extent = tuple[int, int, int]  # of a grid in blocks, or of a block in threads

# CUresult numbers with which drivers refuse to share a texture, in words for a person. The picture then goes by way of
# host memory; any other number is a fault of the program.
NO_INTEROP = {
    100: "OpenGL draws on a GPU without CUDA",
    101: "OpenGL draws on a GPU that CUDA does not know",
    201: "CUDA's context does not fit OpenGL's",
    219: "OpenGL draws on another GPU, or on none (remote desktop, VirtualGL)",
    304: "the system refuses (WSL, remote desktop, or OpenGL on another GPU)",
    801: "the driver cannot share textures here",
    999: "the driver refuses without a reason (OpenGL on another GPU, most often)",
}


class CudaError(RuntimeError):
    """A CUDA call that failed. `code` is its CUresult; the text is one line: call, name of the error, meaning."""

    def __init__(self, call: str, code: int, name: str, meaning: str = "") -> None:
        self.call, self.code, self.name = call, code, name
        super().__init__(f"{call}: {name}" + (f" ({meaning})" if meaning else ""))

    @property
    def interop_refusal(self) -> str | None:
        """Why a texture cannot be shared with OpenGL; None when the error is about something else."""
        return f"{NO_INTEROP[self.code]} ({self.name})" if self.code in NO_INTEROP else None


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """A GPU. capability: (8, 9) on Ada. clock_mhz: of its SMs, 0 where the driver does not tell. driver: 13020 is 13.2."""

    ordinal: int
    name: str
    capability: tuple[int, int]
    sms: int
    clock_mhz: int
    memory_bytes: int
    driver: int

    @property
    def arch(self) -> str:
        """The compiler's name of it, such as sm_89."""
        return f"sm_{self.capability[0]}{self.capability[1]}"


class Buffer(Protocol):
    """Linear device memory. address: as an integer, for a kernel's arguments."""

    address: int
    nbytes: int

    def close(self) -> None:
        """Free it; closing again is not an error."""
        ...


class HostBuffer(Protocol):
    """Page-locked host memory, which copies beside the work of the GPU. array: uint8 [nbytes]."""

    array: np.ndarray

    def close(self) -> None:
        """Free it: `array` and its views must not be used any more."""
        ...


class Event(Protocol):
    """A place in a stream, and a timer."""

    def record(self, stream: Stream) -> None:
        """Mark what the stream has been given by now."""
        ...

    def done(self) -> bool:
        """Whether the GPU has come by. Never waits."""
        ...

    def wait(self) -> None:
        """Wait for it on this thread. Not for the render thread."""
        ...

    def ms_since(self, earlier: Event) -> float:
        """Return the GPU time between two events that are done, in ms."""
        ...

    def close(self) -> None:
        """Free it; closing again is not an error."""
        ...


class Stream(Protocol):
    """A queue of GPU work. handle: the CUstream as an integer, for other libraries (torch, TensorRT)."""

    handle: int

    def upload(self, target: Buffer, source: np.ndarray) -> None:
        """Queue a copy of `source` (C order) to the start of `target`; pageable memory may be reused at once."""
        ...

    def download(self, target: np.ndarray, source: Buffer) -> None:
        """Queue a copy from the start of `source` into `target` (C order), which must stay alive until it is done."""
        ...

    def wait_for(self, event: Event) -> None:
        """Let later work of this stream begin after `event`; the calling thread does not wait."""
        ...

    def synchronize(self) -> None:
        """Wait for all of its work. Not for the render loop."""
        ...

    def close(self) -> None:
        """Free it; closing again is not an error."""
        ...


class Kernel(Protocol):
    """A function of a module."""

    def launch(
        self, grid: Extent, block: Extent, arguments: Sequence[np.generic], stream: Stream, shared_bytes: int = 0
    ) -> None:
        """Queue it. arguments: numpy scalars of exactly the parameters' types (uint64 for pointers)."""
        ...

    def resident(self, threads: int) -> int:
        """Return how many blocks of so many threads, without dynamic shared memory, one multiprocessor holds at a time."""
        ...


class Module(Protocol):
    """Loaded device code."""

    def kernel(self, name: str) -> Kernel:
        """Return an `extern "C"` function of it."""
        ...

    def close(self) -> None:
        """Unload it; closing again is not an error."""
        ...


class Texture(Protocol):
    """A GL texture that CUDA knows. GL thread only. The texture must not be resized or deleted before `close`."""

    def copy_from(self, source: Buffer, width_bytes: int, rows: int, stream: Stream) -> None:
        """Map, copy all of the texture from `source` (rows of `width_bytes`, the bottom one first), unmap: all queued."""
        ...

    def copy_to(self, target: Buffer, width_bytes: int, rows: int, stream: Stream) -> None:
        """The other way round."""
        ...

    def close(self) -> None:
        """Let go of the texture; closing again is not an error."""
        ...


class Graph(Protocol):
    """A recorded run of a stream."""

    def launch(self, stream: Stream) -> None:
        """Queue all of it again, with the same addresses."""
        ...

    def close(self) -> None:
        """Free it; closing again is not an error."""
        ...


class Cuda(Protocol):
    """One GPU by one binding. Every call raises CudaError."""

    name: str  # `cuda-python` or `pycuda`
    device: DeviceInfo

    def activate(self) -> None:
        """Make the primary context current on the calling thread; cheap when it is."""
        ...

    def buffer(self, nbytes: int) -> Buffer:
        """Allocate device memory (not cleared)."""
        ...

    def host_buffer(self, nbytes: int) -> HostBuffer:
        """Allocate page-locked host memory."""
        ...

    def stream(self, urgent: bool = True) -> Stream:
        """Make a stream that does not wait for the default one; urgent: of the highest priority the binding can give."""
        ...

    def event(self) -> Event:
        """Make an event."""
        ...

    def module(self, image: bytes) -> Module:
        """Load a cubin or PTX."""
        ...

    def texture(self, texture: int, *, writes: bool) -> Texture:
        """Register a GL texture (2D, RGBA8): expensive, once for each texture. writes: whether CUDA fills it or reads it."""
        ...

    def graph(self, stream: Stream, work: Callable[[], None]) -> Graph | None:
        """Record what `work` queues on `stream`; None where the binding cannot (PyCUDA)."""
        ...

    def close(self) -> None:
        """Let go of the primary context; what was made with it must have been closed."""
        ...
