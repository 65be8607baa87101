"""The CUDA seam by NVIDIA's `cuda-bindings` wheels: the driver API, one call a line. No compiler, no runtime library.

Made by `cuda.open_cuda`; see `cuda_base.py` for threads. Each call returns (CUresult, values...); `_checked` turns the first
into an exception. Never synchronises a device and never makes a context of its own.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from phosphene.engine.gpu.cuda_base import CudaError, DeviceInfo, Extent

_GL_TEXTURE_2D = 0x0DE1


def _driver() -> Any:
    from cuda.bindings import driver

    return driver


def _checked(call: str, answer: tuple) -> Any:
    """Return what a call gave besides its CUresult: nothing, one value, or a tuple. Raises CudaError."""
    result, *values = answer
    if int(result):
        raise CudaError(call, int(result), result.name, _meaning(result))
    return values[0] if len(values) == 1 else tuple(values)


def _meaning(result: Any) -> str:
    cu = _driver()
    known, text = cu.cuGetErrorString(result)
    return text.decode("utf-8", "replace") if not int(known) and text else ""


class _Buffer:
    def __init__(self, nbytes: int) -> None:
        cu = _driver()
        self._pointer = _checked("cuMemAlloc", cu.cuMemAlloc(nbytes))
        self.address, self.nbytes = int(self._pointer), nbytes

    def close(self) -> None:
        if self.address:
            self.address = 0
            _checked("cuMemFree", _driver().cuMemFree(self._pointer))


class _HostBuffer:
    def __init__(self, nbytes: int) -> None:
        cu = _driver()
        self._pointer = int(_checked("cuMemHostAlloc", cu.cuMemHostAlloc(nbytes, 0)))
        self.array = np.ctypeslib.as_array((ctypes.c_uint8 * nbytes).from_address(self._pointer))

    def close(self) -> None:
        if self._pointer:
            pointer, self._pointer = self._pointer, 0
            self.array = np.empty(0, np.uint8)
            _checked("cuMemFreeHost", _driver().cuMemFreeHost(pointer))


class _Event:
    def __init__(self) -> None:
        cu = _driver()
        self.event = _checked("cuEventCreate", cu.cuEventCreate(0))  # 0: with timing

    def record(self, stream: _Stream) -> None:
        _checked("cuEventRecord", _driver().cuEventRecord(self.event, stream.stream))

    def done(self) -> bool:
        cu = _driver()
        (result,) = cu.cuEventQuery(self.event)
        if result == cu.CUresult.CUDA_ERROR_NOT_READY:
            return False
        _checked("cuEventQuery", (result,))
        return True

    def wait(self) -> None:
        _checked("cuEventSynchronize", _driver().cuEventSynchronize(self.event))

    def ms_since(self, earlier: _Event) -> float:
        return float(_checked("cuEventElapsedTime", _driver().cuEventElapsedTime(earlier.event, self.event)))

    def close(self) -> None:
        if self.event is not None:
            event, self.event = self.event, None
            _checked("cuEventDestroy", _driver().cuEventDestroy(event))


class _Stream:
    def __init__(self, urgent: bool) -> None:
        cu = _driver()
        least, greatest = _checked("cuCtxGetStreamPriorityRange", cu.cuCtxGetStreamPriorityRange())
        flags = int(cu.CUstream_flags.CU_STREAM_NON_BLOCKING)
        priority = greatest if urgent else least  # the smaller number is the more urgent one
        self.stream = _checked("cuStreamCreateWithPriority", cu.cuStreamCreateWithPriority(flags, priority))
        self.handle = int(self.stream)

    def upload(self, target: _Buffer, source: np.ndarray) -> None:
        source = np.ascontiguousarray(source)
        answer = _driver().cuMemcpyHtoDAsync(target.address, source.ctypes.data, source.nbytes, self.stream)
        _checked("cuMemcpyHtoDAsync", answer)

    def download(self, target: np.ndarray, source: _Buffer) -> None:
        answer = _driver().cuMemcpyDtoHAsync(target.ctypes.data, source.address, target.nbytes, self.stream)
        _checked("cuMemcpyDtoHAsync", answer)

    def wait_for(self, event: _Event) -> None:
        _checked("cuStreamWaitEvent", _driver().cuStreamWaitEvent(self.stream, event.event, 0))

    def synchronize(self) -> None:
        _checked("cuStreamSynchronize", _driver().cuStreamSynchronize(self.stream))

    def close(self) -> None:
        if self.handle:
            self.handle = 0
            _checked("cuStreamDestroy", _driver().cuStreamDestroy(self.stream))


class _Kernel:
    def __init__(self, function: Any) -> None:
        self._function = function

    def launch(
        self, grid: Extent, block: Extent, arguments: Sequence[np.generic], stream: _Stream, shared_bytes: int = 0
    ) -> None:
        # The driver wants the address of each value; it copies them before the call returns.
        values = [np.array(argument) for argument in arguments]
        addresses = np.array([value.ctypes.data for value in values], np.uint64)
        parameters = int(addresses.ctypes.data) if values else 0
        answer = _driver().cuLaunchKernel(self._function, *grid, *block, shared_bytes, stream.stream, parameters, 0)
        _checked("cuLaunchKernel", answer)

    def resident(self, threads: int) -> int:
        answer = _driver().cuOccupancyMaxActiveBlocksPerMultiprocessor(self._function, threads, 0)
        return int(_checked("cuOccupancyMaxActiveBlocksPerMultiprocessor", answer))

    def local_bytes(self) -> int:
        cu = _driver()
        attribute = cu.CUfunction_attribute.CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES
        return int(_checked("cuFuncGetAttribute", cu.cuFuncGetAttribute(attribute, self._function)))


class _Module:
    def __init__(self, image: bytes) -> None:
        # PTX is text and must end in a zero; a cubin knows its own length.
        self._module = _checked("cuModuleLoadData", _driver().cuModuleLoadData(image + b"\0"))

    def kernel(self, name: str) -> _Kernel:
        function = _checked("cuModuleGetFunction", _driver().cuModuleGetFunction(self._module, name.encode()))
        return _Kernel(function)

    def close(self) -> None:
        if self._module is not None:
            module, self._module = self._module, None
            _checked("cuModuleUnload", _driver().cuModuleUnload(module))


class _Texture:
    def __init__(self, texture: int, writes: bool) -> None:
        cu = _driver()
        flag = cu.CUgraphicsRegisterFlags
        hint = flag.CU_GRAPHICS_REGISTER_FLAGS_WRITE_DISCARD if writes else flag.CU_GRAPHICS_REGISTER_FLAGS_READ_ONLY
        answer = cu.cuGraphicsGLRegisterImage(texture, _GL_TEXTURE_2D, int(hint))
        self._resource = _checked("cuGraphicsGLRegisterImage", answer)

    def copy_from(self, source: _Buffer, width_bytes: int, rows: int, stream: _Stream) -> None:
        self._copy(source, width_bytes, rows, stream, into_texture=True)

    def copy_to(self, target: _Buffer, width_bytes: int, rows: int, stream: _Stream) -> None:
        self._copy(target, width_bytes, rows, stream, into_texture=False)

    def close(self) -> None:
        if self._resource is not None:
            resource, self._resource = self._resource, None
            _checked("cuGraphicsUnregisterResource", _driver().cuGraphicsUnregisterResource(resource))

    def _copy(self, buffer: _Buffer, width_bytes: int, rows: int, stream: _Stream, into_texture: bool) -> None:
        cu, resource = _driver(), self._resource
        # Mapped and unmapped for each picture: that, and no wait, is what orders CUDA's work and OpenGL's.
        _checked("cuGraphicsMapResources", cu.cuGraphicsMapResources(1, resource, stream.stream))
        try:
            answer = cu.cuGraphicsSubResourceGetMappedArray(resource, 0, 0)
            array = _checked("cuGraphicsSubResourceGetMappedArray", answer)
            copy = cu.CUDA_MEMCPY2D()
            device, cells = cu.CUmemorytype.CU_MEMORYTYPE_DEVICE, cu.CUmemorytype.CU_MEMORYTYPE_ARRAY
            if into_texture:
                copy.srcMemoryType, copy.dstMemoryType = device, cells
                copy.srcDevice, copy.srcPitch, copy.dstArray = buffer.address, width_bytes, array
            else:
                copy.srcMemoryType, copy.dstMemoryType = cells, device
                copy.dstDevice, copy.dstPitch, copy.srcArray = buffer.address, width_bytes, array
            copy.WidthInBytes, copy.Height = width_bytes, rows
            _checked("cuMemcpy2DAsync", cu.cuMemcpy2DAsync(copy, stream.stream))
        finally:
            _checked("cuGraphicsUnmapResources", cu.cuGraphicsUnmapResources(1, resource, stream.stream))


class _Graph:
    def __init__(self, stream: _Stream, work: Callable[[], None]) -> None:
        cu = _driver()
        # Thread-local: what another thread allocates meanwhile must not break the recording.
        mode = cu.CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL
        _checked("cuStreamBeginCapture", cu.cuStreamBeginCapture(stream.stream, mode))
        try:
            work()
        finally:
            graph = _checked("cuStreamEndCapture", cu.cuStreamEndCapture(stream.stream))
        try:
            self._run = _checked("cuGraphInstantiate", cu.cuGraphInstantiate(graph, 0))
        finally:
            _checked("cuGraphDestroy", cu.cuGraphDestroy(graph))

    def launch(self, stream: _Stream) -> None:
        _checked("cuGraphLaunch", _driver().cuGraphLaunch(self._run, stream.stream))

    def close(self) -> None:
        if self._run is not None:
            run, self._run = self._run, None
            _checked("cuGraphExecDestroy", _driver().cuGraphExecDestroy(run))


class CudaPython:
    """GPU `ordinal` by cuda-bindings. Raises CudaError, or RuntimeError where the driver's library is missing."""

    name = "cuda-python"

    def __init__(self, ordinal: int = 0) -> None:
        cu = _driver()
        _checked("cuInit", cu.cuInit(0))
        self._device = _checked("cuDeviceGet", cu.cuDeviceGet(ordinal))
        self._context = _checked("cuDevicePrimaryCtxRetain", cu.cuDevicePrimaryCtxRetain(self._device))
        name = _checked("cuDeviceGetName", cu.cuDeviceGetName(256, self._device))
        self.device = DeviceInfo(
            ordinal,
            name.split(b"\0")[0].decode("utf-8", "replace"),
            (self._attribute("COMPUTE_CAPABILITY_MAJOR"), self._attribute("COMPUTE_CAPABILITY_MINOR")),
            self._attribute("MULTIPROCESSOR_COUNT"),
            self._attribute("CLOCK_RATE") // 1000,  # kHz
            int(_checked("cuDeviceTotalMem", cu.cuDeviceTotalMem(self._device))),
            int(_checked("cuDriverGetVersion", cu.cuDriverGetVersion())),
        )
        self.activate()

    def activate(self) -> None:
        _checked("cuCtxSetCurrent", _driver().cuCtxSetCurrent(self._context))

    def buffer(self, nbytes: int) -> _Buffer:
        return _Buffer(nbytes)

    def host_buffer(self, nbytes: int) -> _HostBuffer:
        return _HostBuffer(nbytes)

    def stream(self, urgent: bool = True) -> _Stream:
        return _Stream(urgent)

    def event(self) -> _Event:
        return _Event()

    def module(self, image: bytes) -> _Module:
        return _Module(image)

    def texture(self, texture: int, *, writes: bool) -> _Texture:
        return _Texture(texture, writes)

    def graph(self, stream: _Stream, work: Callable[[], None]) -> _Graph:
        return _Graph(stream, work)

    def close(self) -> None:
        if self._context is not None:
            self._context = None
            _checked("cuDevicePrimaryCtxRelease", _driver().cuDevicePrimaryCtxRelease(self._device))

    def _attribute(self, name: str) -> int:
        cu = _driver()
        attribute = getattr(cu.CUdevice_attribute, f"CU_DEVICE_ATTRIBUTE_{name}")
        return int(_checked("cuDeviceGetAttribute", cu.cuDeviceGetAttribute(attribute, self._device)))
