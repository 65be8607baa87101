"""Brings pictures from the GPU into memory without waiting for them. Render thread; arrays are given back by any thread.

frame n:   start(target) -> copy into buffer object n % 3, fence       frame n+1 or n+2:   poll() -> array
"""

from __future__ import annotations

import ctypes
from collections import deque

import numpy as np

from phosphene.engine.core.frame import Size
from phosphene.engine.gpu.gl import GL
from phosphene.engine.gpu.texture import RenderTarget

_DEPTH = 3  # a GPU that is two frames behind still finds a free buffer
_DRAIN_NS = 200_000_000
_TYPES = {np.dtype(np.uint8): GL.GL_UNSIGNED_BYTE, np.dtype(np.float16): GL.GL_HALF_FLOAT, np.dtype(np.float32): GL.GL_FLOAT}


class FramePool:
    """Arrays of [h, w, 4] that go round: `take` one, fill it, hand it on; whoever is done with it calls `give`.

    dtype: uint8 for rgba8 targets, float16 for rgba16f ones, float32 for rgba32f ones.
    """

    def __init__(self, size: Size, count: int, dtype: type[np.uint8 | np.float16 | np.float32] = np.uint8) -> None:
        self.size = size
        self.dtype = np.dtype(dtype)
        self.made = count
        self._free = deque(self._make() for _ in range(count))

    def take(self) -> np.ndarray:
        """Return a free array; makes one more when all are out, rather than losing a picture."""
        try:
            return self._free.popleft()
        except IndexError:
            self.made += 1
            return self._make()

    def give(self, array: np.ndarray) -> None:
        """Give an array back. Any thread."""
        self._free.append(array)

    def _make(self) -> np.ndarray:
        return np.empty((self.size.height, self.size.width, 4), self.dtype)


class Readback:
    """A ring of buffer objects for targets of one size, in the pool's number type."""

    def __init__(self, pool: FramePool) -> None:
        self._pool = pool
        self._bytes = pool.size.pixels * 4 * pool.dtype.itemsize
        self._type = _TYPES[pool.dtype]
        self._free = deque(int(name) for name in np.atleast_1d(GL.glGenBuffers(_DEPTH)))
        self._flying: deque[tuple[int, object, object]] = deque()  # buffer, fence, tag
        for name in self._free:
            GL.glBindBuffer(GL.GL_PIXEL_PACK_BUFFER, name)
            GL.glBufferData(GL.GL_PIXEL_PACK_BUFFER, self._bytes, None, GL.GL_STREAM_READ)
        GL.glBindBuffer(GL.GL_PIXEL_PACK_BUFFER, 0)

    def start(self, target: RenderTarget, tag: object) -> bool:
        """Queue a copy of what `target` holds by now; False when all buffers are in flight.

        Raises ValueError for a target of another size.
        """
        if target.size != self._pool.size:
            raise ValueError(f"readback of {self._pool.size} got a target of {target.size}")
        if not self._free:
            return False
        name = self._free.popleft()
        GL.glBindFramebuffer(GL.GL_READ_FRAMEBUFFER, target.framebuffer)
        GL.glBindBuffer(GL.GL_PIXEL_PACK_BUFFER, name)
        GL.glPixelStorei(GL.GL_PACK_ALIGNMENT, 4)
        GL.glReadPixels(0, 0, target.size.width, target.size.height, GL.GL_RGBA, self._type, ctypes.c_void_p(0))
        GL.glBindBuffer(GL.GL_PIXEL_PACK_BUFFER, 0)
        self._flying.append((name, GL.glFenceSync(GL.GL_SYNC_GPU_COMMANDS_COMPLETE, 0), tag))
        return True

    def poll(self) -> list[tuple[np.ndarray, object]]:
        """Return the (array, tag) of every copy that has arrived, in order, without waiting. Row 0 is the top."""
        return self._collect(0)

    def drain(self) -> list[tuple[np.ndarray, object]]:
        """Return all that is in flight, waiting for it."""
        return self._collect(_DRAIN_NS)

    def close(self) -> None:
        """Free the buffers; what is in flight is lost."""
        for name, fence, _ in self._flying:
            GL.glDeleteSync(fence)
            self._free.append(name)
        self._flying.clear()
        GL.glDeleteBuffers(len(self._free), list(self._free))
        self._free.clear()

    def _collect(self, timeout_ns: int) -> list[tuple[np.ndarray, object]]:
        arrived = []
        while self._flying:
            name, fence, tag = self._flying[0]
            state = GL.glClientWaitSync(fence, GL.GL_SYNC_FLUSH_COMMANDS_BIT, timeout_ns)
            if state not in (GL.GL_ALREADY_SIGNALED, GL.GL_CONDITION_SATISFIED):
                break
            self._flying.popleft()
            GL.glDeleteSync(fence)
            arrived.append((self._copy(name), tag))
            self._free.append(name)
        return arrived

    def _copy(self, name: int) -> np.ndarray:
        array = self._pool.take()
        GL.glBindBuffer(GL.GL_PIXEL_PACK_BUFFER, name)
        address = GL.glMapBufferRange(GL.GL_PIXEL_PACK_BUFFER, 0, self._bytes, GL.GL_MAP_READ_BIT)
        mapped = np.frombuffer((ctypes.c_uint8 * self._bytes).from_address(address), array.dtype).reshape(array.shape)
        np.copyto(array, mapped[::-1])  # GL's first row is the bottom one
        del mapped
        GL.glUnmapBuffer(GL.GL_PIXEL_PACK_BUFFER)
        GL.glBindBuffer(GL.GL_PIXEL_PACK_BUFFER, 0)
        return array
