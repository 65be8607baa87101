"""The CUDA seam by PyCUDA, for machines that have it built with GL (`setup/build_pycuda.sh`): the same calls in its words.

Made by `cuda.open_cuda`; see `cuda_base.py` for threads. PyCUDA has neither stream priorities nor graphs: its streams are
all alike and `graph` answers None. It keeps a stack of contexts for each thread, so `activate` pushes the primary one once
on every thread, and leaves it there: a pop would leave torch on that thread without one. A texture that the driver refuses
makes PyCUDA 2026.1 unregister a handle that it never got: one more reason why cuda-python goes first.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from phosphene.engine.gpu.cuda_base import CudaError, DeviceInfo, Extent

_GL_TEXTURE_2D = 0x0DE1


class _Calls:
    """Turns PyCUDA's errors into CudaError: `with _Calls("what"):`."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type | None, error: BaseException | None, _: object) -> None:
        from pycuda import driver

        if isinstance(error, driver.Error):
            raise CudaError(self._what, _code(str(error)), type(error).__name__, str(error)) from error


# PyCUDA's exceptions carry a text only, the driver's: "cuGraphicsGLRegisterImage failed: invalid OpenGL or DirectX context".
_TEXTS = {
    "no CUDA-capable device is detected": 100,
    "invalid device ordinal": 101,
    "invalid device context": 201,
    "invalid OpenGL or DirectX context": 219,
    "OS call failed or operation not supported on this OS": 304,
    "operation not supported": 801,
    "unknown error": 999,
}


def _code(text: str) -> int:
    """Return the CUresult that an error's text stands for, of those that matter; -1 for all others."""
    return _TEXTS.get(text.rpartition("failed: ")[2].partition(" - ")[0].strip(), -1)


class _Buffer:
    def __init__(self, nbytes: int) -> None:
        from pycuda import driver

        with _Calls("mem_alloc"):
            self._allocation = driver.mem_alloc(nbytes)
        self.address, self.nbytes = int(self._allocation), nbytes

    def close(self) -> None:
        if self.address:
            self.address = 0
            with _Calls("free"):
                self._allocation.free()


class _HostBuffer:
    def __init__(self, nbytes: int) -> None:
        from pycuda import driver

        with _Calls("pagelocked_empty"):
            self.array = driver.pagelocked_empty(nbytes, np.uint8)

    def close(self) -> None:
        self.array = np.empty(0, np.uint8)  # PyCUDA frees it with its last view


class _Event:
    def __init__(self) -> None:
        from pycuda import driver

        with _Calls("Event"):
            self.event = driver.Event()

    def record(self, stream: _Stream) -> None:
        with _Calls("Event.record"):
            self.event.record(stream.stream)

    def done(self) -> bool:
        with _Calls("Event.query"):
            return bool(self.event.query())

    def wait(self) -> None:
        with _Calls("Event.synchronize"):
            self.event.synchronize()

    def ms_since(self, earlier: _Event) -> float:
        with _Calls("Event.time_since"):
            return float(self.event.time_since(earlier.event))

    def close(self) -> None:
        self.event = None


class _Stream:
    def __init__(self) -> None:
        from pycuda import driver

        with _Calls("Stream"):
            self.stream = driver.Stream(1)  # CU_STREAM_NON_BLOCKING
        self.handle = int(self.stream.handle)

    def upload(self, target: _Buffer, source: np.ndarray) -> None:
        from pycuda import driver

        with _Calls("memcpy_htod_async"):
            driver.memcpy_htod_async(target.address, np.ascontiguousarray(source), self.stream)

    def download(self, target: np.ndarray, source: _Buffer) -> None:
        from pycuda import driver

        with _Calls("memcpy_dtoh_async"):
            driver.memcpy_dtoh_async(target, source.address, self.stream)

    def wait_for(self, event: _Event) -> None:
        with _Calls("Stream.wait_for_event"):
            self.stream.wait_for_event(event.event)

    def synchronize(self) -> None:
        with _Calls("Stream.synchronize"):
            self.stream.synchronize()

    def close(self) -> None:
        self.stream, self.handle = None, 0


class _Kernel:
    def __init__(self, function: Any) -> None:
        self._function = function

    def launch(
        self, grid: Extent, block: Extent, arguments: Sequence[np.generic], stream: _Stream, shared_bytes: int = 0
    ) -> None:
        with _Calls("Function"):
            self._function(*arguments, block=block, grid=grid, stream=stream.stream, shared=shared_bytes)

    def resident(self, threads: int) -> int:
        # PyCUDA does not pass the driver's own answer on: the bound by registers (handed out 256 at a time to a warp),
        # by threads and by shared memory. One block too few or too many costs a little time, never the picture.
        from pycuda import driver

        with _Calls("get_attribute"):
            of_kernel, of_device = driver.function_attribute, driver.device_attribute
            device = driver.Context.get_device()
            registers = self._function.get_attribute(of_kernel.NUM_REGS)
            shared = self._function.get_attribute(of_kernel.SHARED_SIZE_BYTES)
            warps = -(-threads // 32)
            bounds = [
                device.get_attribute(of_device.MAX_REGISTERS_PER_MULTIPROCESSOR) // (warps * 256 * -(-registers // 8)),
                device.get_attribute(of_device.MAX_THREADS_PER_MULTIPROCESSOR) // (32 * warps),
            ]
            if shared:
                bounds.append(device.get_attribute(of_device.MAX_SHARED_MEMORY_PER_MULTIPROCESSOR) // shared)
        return max(1, min(bounds))

    def local_bytes(self) -> int:
        from pycuda import driver

        with _Calls("get_attribute"):
            return int(self._function.get_attribute(driver.function_attribute.LOCAL_SIZE_BYTES))


class _Module:
    def __init__(self, image: bytes) -> None:
        from pycuda import driver

        with _Calls("module_from_buffer"):
            self._module = driver.module_from_buffer(image)

    def kernel(self, name: str) -> _Kernel:
        with _Calls("Module.get_function"):
            return _Kernel(self._module.get_function(name))

    def close(self) -> None:
        self._module = None


class _Texture:
    def __init__(self, texture: int, writes: bool) -> None:
        from pycuda import gl

        flags = gl.graphics_map_flags
        hint = flags.WRITE_DISCARD if writes else flags.READ_ONLY
        with _Calls("RegisteredImage"):
            self._image = gl.RegisteredImage(texture, _GL_TEXTURE_2D, hint)

    def copy_from(self, source: _Buffer, width_bytes: int, rows: int, stream: _Stream) -> None:
        self._copy(source, width_bytes, rows, stream, into_texture=True)

    def copy_to(self, target: _Buffer, width_bytes: int, rows: int, stream: _Stream) -> None:
        self._copy(target, width_bytes, rows, stream, into_texture=False)

    def close(self) -> None:
        if self._image is not None:
            image, self._image = self._image, None
            with _Calls("unregister"):
                image.unregister()

    def _copy(self, buffer: _Buffer, width_bytes: int, rows: int, stream: _Stream, into_texture: bool) -> None:
        from pycuda import driver

        with _Calls("map"):
            mapping = self._image.map(stream.stream)
        try:
            with _Calls("Memcpy2D"):
                copy = driver.Memcpy2D()
                if into_texture:
                    copy.set_src_device(buffer.address)
                    copy.src_pitch = width_bytes
                    copy.set_dst_array(mapping.array(0, 0))
                else:
                    copy.set_src_array(mapping.array(0, 0))
                    copy.set_dst_device(buffer.address)
                    copy.dst_pitch = width_bytes
                copy.width_in_bytes, copy.height = width_bytes, rows
                copy(stream.stream)
        finally:
            with _Calls("unmap"):
                mapping.unmap(stream.stream)


class PyCuda:
    """GPU `ordinal` by PyCUDA. Raises CudaError, or ImportError for a PyCUDA that was built without GL."""

    name = "pycuda"

    def __init__(self, ordinal: int = 0) -> None:
        # pip's own build has no GL: said here and not in mid-show.
        import pycuda.gl  # noqa: F401
        from pycuda import driver

        with _Calls("init"):
            driver.init()
            device = driver.Device(ordinal)
            self._context = device.retain_primary_context()
            attribute = driver.device_attribute
            self.device = DeviceInfo(
                ordinal,
                device.name(),
                device.compute_capability(),
                device.get_attribute(attribute.MULTIPROCESSOR_COUNT),
                device.get_attribute(attribute.CLOCK_RATE) // 1000,
                device.total_memory(),
                driver.get_driver_version(),
            )
        self._threads = threading.local()
        self.activate()

    def activate(self) -> None:
        if not getattr(self._threads, "active", False):
            with _Calls("push"):
                self._context.push()
            self._threads.active = True

    def buffer(self, nbytes: int) -> _Buffer:
        return _Buffer(nbytes)

    def host_buffer(self, nbytes: int) -> _HostBuffer:
        return _HostBuffer(nbytes)

    def stream(self, urgent: bool = True) -> _Stream:
        return _Stream()

    def event(self) -> _Event:
        return _Event()

    def module(self, image: bytes) -> _Module:
        return _Module(image)

    def texture(self, texture: int, *, writes: bool) -> _Texture:
        return _Texture(texture, writes)

    def graph(self, stream: _Stream, work: Callable[[], None]) -> None:
        return None

    def close(self) -> None:
        if self._context is not None:
            context, self._context = self._context, None
            with _Calls("pop"):
                context.pop()
