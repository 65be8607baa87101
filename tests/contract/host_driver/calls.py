"""What every binding of the CUDA seam has to do, as functions of a `Cuda`: run on a GPU, and on the driver without one.

`image`: a module with the kernel `affine`, out[i] = a * x[i] + b for i < count. `texture`: the name of an
RGBA8 texture, 64x64, that may be registered.
"""

from __future__ import annotations

import numpy as np
import pytest

from phosphene.engine.gpu.cuda_base import Buffer, Cuda, CudaError, Module, Stream

AFFINE = """
extern "C" __global__ void affine(float* out, const float* x, float a, int b, int count) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count) out[i] = a * x[i] + b;
}
"""
N = 1000


def device(cuda: Cuda, image: bytes, texture: int) -> None:
    """It says what it is."""
    about = cuda.device
    assert about.name
    assert about.arch == f"sm_{about.capability[0]}{about.capability[1]}"
    assert about.sms > 0
    assert about.memory_bytes > 2**30
    assert about.driver >= 11000
    cuda.activate()
    cuda.activate()


def memory(cuda: Cuda, image: bytes, texture: int) -> None:
    """What goes up comes down, from pageable and from page-locked memory, the start of a larger buffer too."""
    stream, buffer, host = cuda.stream(), cuda.buffer(8 * N), cuda.host_buffer(4 * N)
    data = np.random.default_rng(0).integers(0, 256, 4 * N).astype(np.uint8)
    stream.upload(buffer, data)
    stream.download(host.array, buffer)
    stream.synchronize()
    np.testing.assert_array_equal(host.array, data)
    host.array[:] = data[::-1]
    stream.upload(buffer, host.array)
    back = np.empty((4, N), np.uint8)
    stream.download(back, buffer)
    stream.synchronize()
    np.testing.assert_array_equal(back.reshape(-1), data[::-1])
    assert buffer.nbytes == 8 * N
    assert buffer.address % 256 == 0
    for each in (buffer, host, stream):
        each.close()
        each.close()


def events(cuda: Cuda, image: bytes, texture: int) -> None:
    """An event is done after what was queued before it; two of them are a timer; a stream waits for another's."""
    module = cuda.module(image)
    urgent, other = cuda.stream(urgent=True), cuda.stream(urgent=False)
    assert urgent.handle != other.handle
    begin, end = cuda.event(), cuda.event()
    x, out = _vectors(cuda, urgent)
    begin.record(urgent)
    _launch(module, out, x, urgent)
    end.record(urgent)
    other.wait_for(end)
    end.wait()
    assert begin.done()
    assert end.done()
    assert 0.0 < end.ms_since(begin) < 1000.0
    other.synchronize()
    for each in (begin, end, x, out, urgent, other, module):
        each.close()
        each.close()


def kernel(cuda: Cuda, image: bytes, texture: int) -> None:
    """Pointers, floats and ints arrive as they are."""
    module, stream = cuda.module(image), cuda.stream()
    x, out = _vectors(cuda, stream)
    _launch(module, out, x, stream)
    np.testing.assert_allclose(_read(stream, out), 2.5 * np.arange(N) - 3, rtol=1e-6)
    assert 1 <= module.kernel("affine").resident(128) <= 32
    assert module.kernel("affine").local_bytes() == 0
    for each in (x, out, stream, module):
        each.close()


def graph(cuda: Cuda, image: bytes, texture: int) -> None:
    """What was recorded runs again, on the contents of the moment. A binding may have no graphs (None)."""
    module, stream = cuda.module(image), cuda.stream()
    x, out = _vectors(cuda, stream)
    made = cuda.graph(stream, lambda: _launch(module, out, x, stream))
    if made is None:
        assert cuda.name == "pycuda"
    else:
        stream.upload(x, np.full(N, 10.0, np.float32))
        made.launch(stream)
        np.testing.assert_allclose(_read(stream, out), 2.5 * 10 - 3)
        made.close()
        made.close()
    for each in (x, out, stream, module):
        each.close()


def shared_texture(cuda: Cuda, image: bytes, texture: int) -> None:
    """A picture goes into a texture and comes back, registered once for each way, mapped for each copy."""
    stream, source, target = cuda.stream(), cuda.buffer(64 * 256), cuda.buffer(64 * 256)
    for seed in range(3):
        picture = np.random.default_rng(seed).integers(0, 256, (64, 64, 4)).astype(np.uint8)
        stream.upload(source, picture)
        written = cuda.texture(texture, writes=True)
        written.copy_from(source, 256, 64, stream)
        written.close()
        written.close()
        read = cuda.texture(texture, writes=False)
        read.copy_to(target, 256, 64, stream)
        back = np.empty_like(picture)
        stream.download(back, target)
        stream.synchronize()
        np.testing.assert_array_equal(back, picture)
        read.close()
    for each in (source, target, stream):
        each.close()


def errors(cuda: Cuda, image: bytes, texture: int) -> None:
    """A failing call names itself; one about sharing says so in words."""
    module = cuda.module(image)
    for call in (lambda: module.kernel("missing"), lambda: cuda.module(b"neither a cubin nor PTX, and long enough")):
        with pytest.raises(CudaError, match=r"\w") as error:
            call()
        assert error.value.interop_refusal is None
    module.close()


CALLS = {each.__name__: each for each in (device, memory, events, kernel, graph, shared_texture, errors)}


def _vectors(cuda: Cuda, stream: Stream) -> tuple[Buffer, Buffer]:
    x, out = cuda.buffer(4 * N), cuda.buffer(4 * N)
    stream.upload(x, np.arange(N, dtype=np.float32))
    stream.upload(out, np.zeros(N, np.float32))
    return x, out


def _launch(module: Module, out: Buffer, x: Buffer, stream: Stream) -> None:
    arguments = (np.uint64(out.address), np.uint64(x.address), np.float32(2.5), np.int32(-3), np.int32(N))
    module.kernel("affine").launch((8, 1, 1), (128, 1, 1), arguments, stream)


def _read(stream: Stream, out: Buffer) -> np.ndarray:
    values = np.empty(N, np.float32)
    stream.download(values, out)
    stream.synchronize()
    return values
