"""The recorder's way out of the GPU on the driver of host memory: texture -> RGBA8 -> NV12, and whose each buffer is when.

A process of its own, started by `tests/unit/output/test_device_capture.py`. The packing kernel is its numpy reference, which
is given what the launch is given. Prints {question: what went wrong, or nothing} as JSON.
"""

from __future__ import annotations

import ctypes
import json
import sys
import traceback
from types import SimpleNamespace

import numpy as np
import pytest

from phosphene.engine.core.frame import Size
from phosphene.engine.gpu.cuda import open_cuda
from phosphene.engine.gpu.cuda_base import CudaError
from phosphene.engine.output import device_capture
from phosphene.engine.output.device_capture import DeviceCapture, Packer
from phosphene.kernels.pack_nv12 import BLOCK, grid
from phosphene.kernels.pack_nv12.reference import pack

SIZE, TEXTURE = Size(64, 64), 3
CALLBACK = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.POINTER(ctypes.c_void_p), ctypes.c_uint, ctypes.c_uint)


@CALLBACK
def packing(name: bytes, arguments, blocks: int, threads: int) -> None:
    """pack_nv12(rgba, pitch, width, height, luma, chroma, out_pitch) by the reference."""
    kinds = (ctypes.c_uint64, *[ctypes.c_int32] * 3, ctypes.c_uint64, ctypes.c_uint64, ctypes.c_int32)
    values = [kind.from_address(at).value for kind, at in zip(kinds, arguments[: len(kinds)], strict=True)]
    first, pitch, width, height, luma, chroma, out_pitch = values
    assert name == b"pack_nv12"
    assert (blocks, threads) == (int(np.prod(grid(width, height))), int(np.prod(BLOCK)))
    rows = [ctypes.string_at(first + y * pitch, 4 * width) for y in range(height)]
    rgba = np.frombuffer(b"".join(rows), np.uint8).reshape(height, width, 4)
    for plane, address in zip(pack(rgba), (luma, chroma), strict=True):
        for y, row in enumerate(plane.reshape(len(plane), width)):
            ctypes.memmove(address + y * out_pitch, np.ascontiguousarray(row).ctypes.data, width)


def fill(picture: np.ndarray) -> None:
    """Put a picture into the texture, as OpenGL holds it: the bottom row first."""
    stream, buffer = cuda.stream(), cuda.buffer(picture.nbytes)
    stream.upload(buffer, np.ascontiguousarray(picture[::-1]))
    texture = cuda.texture(TEXTURE, writes=True)
    texture.copy_from(buffer, 4 * SIZE.width, SIZE.height, stream)
    for each in (texture, buffer, stream):
        each.close()


def pictures() -> None:
    """What is taken is the texture's content of that moment, upright, in NV12 with its rows padded."""
    capture = DeviceCapture(packer, target, 3)
    taken = []
    for seed in range(3):
        picture = np.random.default_rng(seed).integers(0, 256, (SIZE.height, SIZE.width, 4)).astype(np.uint8)
        fill(picture)
        taken.append((picture, capture.take(target)))
    for picture, nv12 in taken:
        assert nv12.packed.done()
        assert nv12.pitch == 256
        memory = np.ctypeslib.as_array((ctypes.c_uint8 * nv12.buffer.nbytes).from_address(nv12.buffer.address))
        planes = memory.reshape(SIZE.height * 3 // 2, nv12.pitch)[:, : SIZE.width]
        luma, chroma = pack(picture)
        np.testing.assert_array_equal(planes[: SIZE.height], luma)
        np.testing.assert_array_equal(planes[SIZE.height :], chroma.reshape(SIZE.height // 2, SIZE.width))
        nv12.release()
    capture.let_go()
    capture.close()


def buffers() -> None:
    """A buffer comes back with its last holder; without a free one a picture is dropped; what is held is not freed."""
    capture = DeviceCapture(packer, target, 2)
    first, second = capture.take(target), capture.take(target)
    assert capture.take(target) is None
    first.hold()  # the encoder's
    first.release()
    assert capture.take(target) is None
    first.release()
    again = capture.take(target)
    assert again is first
    again.release()
    capture.close()
    capture.close()
    assert capture.take(target) is None
    capture.let_go()
    capture.let_go()
    following = DeviceCapture(packer, target, 2)  # the next recording, while the last one's encoder holds a picture
    taken = [following.take(target), following.take(target)]
    assert first in taken
    assert second not in taken
    second.release()
    assert second in packer.lend(SIZE, 1)
    packer.give(second)
    for picture in taken:
        picture.release()
    following.let_go()
    following.close()


def refusals() -> None:
    """Another picture, or one with an odd side, is refused; a texture that is not shared comes out as such."""
    capture = DeviceCapture(packer, target, 1)
    for wrong in (SimpleNamespace(texture=4, size=SIZE), SimpleNamespace(texture=TEXTURE, size=Size(62, 64))):
        with pytest.raises(ValueError, match="another picture"):
            capture.take(wrong)
    capture.let_go()
    capture.close()
    with pytest.raises(ValueError, match="even sides"):
        DeviceCapture(packer, SimpleNamespace(texture=TEXTURE, size=Size(63, 64)), 1)
    with pytest.raises(CudaError) as error:
        DeviceCapture(packer, SimpleNamespace(texture=219, size=SIZE), 1)
    assert "another GPU" in error.value.interop_refusal


device_capture.compile_cubin = lambda source, arch, name: b"HOST"
driver = ctypes.CDLL("libcuda.so.1")
driver.host_kernels(packing)
cuda = open_cuda()
packer: Packer
target = SimpleNamespace(texture=TEXTURE, size=SIZE)


def main() -> None:
    """Ask everything; what was allocated must have been freed."""
    global packer
    said = {}
    for question in (pictures, buffers, refusals):
        before = driver.host_allocated()
        packer = Packer(cuda)
        try:
            question()
            packer.close()
            left = driver.host_allocated() - before
            said[question.__name__] = f"{left} allocations were not freed" if left else ""
        except Exception:  # noqa: BLE001 boundary: the caller wants every answer
            said[question.__name__] = traceback.format_exc()
    json.dump(said, sys.stdout)


if __name__ == "__main__":
    main()
