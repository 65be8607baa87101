"""Pictures for the recorder that never leave the GPU: output texture -> RGBA8 buffer -> NV12 buffer -> NVENC.

`Packer` is made once, off the render thread, and tries the whole way out on a picture of its own. `DeviceCapture` belongs to
one recording: `take` on the render thread queues a copy and a launch and returns; the `Nv12` that it gives crosses to the
recorder thread, which waits there for the GPU and hands it to the encoder. Its buffer comes back to the pool when recorder
and encoder have let go of it. Nothing here waits on the render thread.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import av
import numpy as np

from engine.core.frame import Size
from engine.gpu.compile import compile_cubin
from engine.gpu.cuda_base import Buffer, Cuda, Event, Stream
from engine.gpu.dlpack import CUDA, Plane
from engine.gpu.texture import RenderTarget
from engine.output.encoder import nvenc
from kernels.pack_nv12 import BLOCK, ENTRY, grid, source

_PITCH = 256  # bytes that rows of NV12 are a multiple of: NVENC registers a buffer by one address and one pitch
_PROBE = Size(256, 144)
_GREY = 128


class Nv12:
    """A picture in device memory. Two hold it: whoever carries it (`release`), and each plane in the encoder's hands."""

    def __init__(self, cuda: Cuda, context: Any, size: Size, give_back: Callable[[Nv12], None]) -> None:
        self.size = size
        self.pitch = -(-size.width // _PITCH) * _PITCH
        # One buffer, chroma right behind luma: the encoder is told one address only.
        self.buffer: Buffer = cuda.buffer(self.pitch * (size.height * 3 // 2))
        self.packed: Event = cuda.event()
        self._cuda, self._context, self._give_back = cuda, context, give_back
        self._lock = threading.Lock()
        self._holders = 0

    def hold(self) -> Nv12:
        """Count one holder more."""
        with self._lock:
            self._holders += 1
        return self

    def release(self) -> None:
        """Count one holder less; the last one gives the buffer back. Any thread."""
        with self._lock:
            self._holders -= 1
            free = self._holders == 0
        if free:
            self._give_back(self)

    def video_frame(self) -> av.VideoFrame:
        """Wait until the GPU has packed it, and return it as the encoder wants it. Recorder thread."""
        self._cuda.activate()
        self.packed.wait()
        ordinal, size, pitch = self._cuda.device.ordinal, self.size, self.pitch
        luma = Plane(self.buffer.address, (size.height, size.width), (pitch, 1), self.hold().release, (CUDA, ordinal))
        chroma = Plane(
            self.buffer.address + pitch * size.height,
            (size.height // 2, size.width // 2, 2),
            (pitch, 2, 1),
            self.hold().release,
            (CUDA, ordinal),
        )
        return av.VideoFrame.from_dlpack((luma, chroma), format="nv12", cuda_context=self._context)

    def close(self) -> None:
        """Free the memory."""
        self.buffer.close()
        self.packed.close()


class Packer:
    """The kernel, loaded, and the encoder's context on the GPU. Raises UserError, CudaError, what PyAV raises.

    Made on a thread that may wait: it compiles (once, then cached), and `probe` opens an encoder.
    """

    def __init__(self, cuda: Cuda) -> None:
        from av.video.frame import CudaContext

        cuda.activate()
        self.cuda = cuda
        image = compile_cubin(source(), cuda.device.arch, ENTRY)
        self._module = cuda.module(image)  # to be kept loaded
        self._kernel = self._module.kernel(ENTRY)
        # The context that is current on the recorder thread, which is the primary one: libav's own way of retaining that one
        # fails where torch was first, with other flags.
        self.context = CudaContext(device_id=cuda.device.ordinal, primary_ctx=False, current_ctx=True)

    def pack(self, rgba: Buffer, picture: Nv12, stream: Stream) -> None:
        """Queue the launch. rgba: rows of 4 x the picture's width, the bottom one first, as OpenGL has them."""
        size, pitch = picture.size, picture.pitch
        row = 4 * size.width
        arguments = (
            np.uint64(rgba.address + row * (size.height - 1)),
            np.int32(-row),
            np.int32(size.width),
            np.int32(size.height),
            np.uint64(picture.buffer.address),
            np.uint64(picture.buffer.address + pitch * size.height),
            np.int32(pitch),
        )
        self._kernel.launch(grid(size.width, size.height), BLOCK, arguments, stream)
        picture.packed.record(stream)

    def probe(self) -> None:
        """Pack and encode a grey picture; raises whatever this machine has against it."""
        cuda = self.cuda
        stream, rgba = cuda.stream(urgent=False), cuda.buffer(4 * _PROBE.pixels)
        free: list[Nv12] = []
        picture = Nv12(cuda, self.context, _PROBE, free.append).hold()
        encoder: Any = av.CodecContext.create("h264_nvenc", "w")
        encoder.width, encoder.height, encoder.pix_fmt = _PROBE.width, _PROBE.height, "cuda"
        encoder.time_base = Fraction(1, 30)
        encoder.options = dict(nvenc(19).options)
        try:
            stream.upload(rgba, np.full(4 * _PROBE.pixels, _GREY, np.uint8))
            self.pack(rgba, picture, stream)
            frame = picture.video_frame()
            frame.pts = 0
            if sum(packet.size for packet in (*encoder.encode(frame), *encoder.encode(None))) == 0:
                raise RuntimeError("NVENC gave no packet for a picture in device memory")
        finally:
            del encoder
            stream.synchronize()
            rgba.close()
            stream.close()
        frame = None
        picture.release()
        if free:  # a picture that the encoder did not give back must not be freed under it
            picture.close()


class DeviceCapture:
    """Takes a recording's pictures from `target` (rgba8), which must keep its size until `close`. Raises CudaError.

    pictures: how many may be under way at a time, before one is dropped.
    """

    def __init__(self, packer: Packer, target: RenderTarget, pictures: int) -> None:
        cuda = packer.cuda
        cuda.activate()
        self.size = target.size
        even = Size(target.size.width & ~1, target.size.height & ~1)
        if even != target.size:
            raise ValueError(f"a picture of even sides is needed, got {target.size}")
        self._packer, self._cuda = packer, cuda
        self._stream = cuda.stream(urgent=False)  # the decks go first
        self._texture = cuda.texture(target.texture, writes=False)
        self._known = target.texture
        self._rgba = cuda.buffer(4 * target.size.pixels)
        self._free = deque(Nv12(cuda, packer.context, even, self._took_back) for _ in range(pictures))
        self._lock = threading.Lock()  # `take` and `close` are called by two threads
        self._closed = False

    def take(self, target: RenderTarget) -> Nv12 | None:
        """Queue what `target` holds by now; None when all buffers are under way. Its holder calls `release`."""
        if target.texture != self._known or target.size != self.size:
            raise ValueError(f"another picture than the one that is captured ({self.size}): {target.size}")
        with self._lock:
            if self._closed or self._texture is None or not self._free:
                return None
            picture = self._free.popleft().hold()
            try:
                self._cuda.activate()
                self._texture.copy_to(self._rgba, 4 * self.size.width, self.size.height, self._stream)
                self._packer.pack(self._rgba, picture, self._stream)
            except BaseException:
                picture.release()
                raise
            return picture

    def let_go(self) -> None:
        """Take no more pictures: the texture may change. Render thread. What is under way goes on."""
        if self._texture is not None:
            texture, self._texture = self._texture, None
            texture.close()

    def close(self) -> None:
        """Free the memory, once the file is finished, on the recorder thread: freeing waits for the GPU. `let_go` is apart.

        A picture that is still in the encoder's hands is not freed under it.
        """
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._cuda.activate()
            self._stream.synchronize()
            self._stream.close()
            self._rgba.close()
            while self._free:
                self._free.popleft().close()

    def _took_back(self, picture: Nv12) -> None:
        self._free.append(picture)
