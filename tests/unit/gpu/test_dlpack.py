"""DLPack capsules: numpy and PyAV read them in place, and the memory comes back exactly once, whoever drops it."""

from __future__ import annotations

import gc

import av
import numpy as np

from phosphene.engine.gpu.dlpack import CPU, Plane


def plane(array: np.ndarray, freed: list, strides: tuple[int, ...] | None = None) -> Plane:
    return Plane(array.ctypes.data, array.shape, strides or array.strides, lambda: freed.append(1), (CPU, 0))


def test_numpy_sees_the_memory_itself_and_gives_it_back_once():
    array, freed = np.arange(24, dtype=np.uint8).reshape(4, 6), []
    seen = np.from_dlpack(plane(array, freed))
    np.testing.assert_array_equal(seen, array)
    array[2, 3] = 99
    assert seen[2, 3] == 99
    assert freed == []
    del seen
    gc.collect()
    assert freed == [1]


def test_a_capsule_that_nobody_reads_frees_itself():
    array, freed = np.zeros((2, 2), np.uint8), []
    capsule = plane(array, freed).__dlpack__()
    assert freed == []
    del capsule
    assert freed == [1]


def test_pyav_takes_a_padded_nv12_picture_in_place():
    height, width, pitch = 18, 32, 64
    memory = np.zeros((height * 3 // 2, pitch), np.uint8)
    rng = np.random.default_rng(0)
    memory[:, :width] = rng.integers(0, 256, (height * 3 // 2, width))
    freed: list = []
    luma = Plane(memory.ctypes.data, (height, width), (pitch, 1), lambda: freed.append("y"), (CPU, 0))
    at = memory.ctypes.data + height * pitch
    chroma = Plane(at, (height // 2, width // 2, 2), (pitch, 2, 1), lambda: freed.append("uv"), (CPU, 0))
    frame = av.VideoFrame.from_dlpack((luma, chroma), format="nv12")
    assert (frame.width, frame.height, frame.format.name) == (width, height, "nv12")
    np.testing.assert_array_equal(frame.to_ndarray(), memory[:, :width])
    assert frame.planes[0].buffer_ptr == memory.ctypes.data
    assert freed == []
    del frame
    gc.collect()
    assert sorted(freed) == ["uv", "y"]
