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

from phosphene.engine.core.frame import Size
from phosphene.engine.gpu.compile import compile_cubin
from phosphene.engine.gpu.cuda_base import Buffer, Cuda, Event, Texture
from phosphene.engine.gpu.dlpack import CUDA, Plane
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.output.encoder import nvenc
from phosphene.kernels.pack_nv12 import BLOCK, ENTRY, grid, source

_PITCH = 256  # bytes that rows of NV12 are a multiple of: NVENC registers a buffer by one address and one pitch
_PROBE = Size(256, 144)
_GREY = 128


class Nv12:
    """A picture in device memory. Held by whoever carries it (`release`) and by each plane in the encoder's hands."""

    def __init__(self, cuda: Cuda, context: Any, size: Size) -> None:
        self.size = size
        self.pitch = -(-size.width // _PITCH) * _PITCH
        # One buffer, chroma right behind luma: the encoder is told one address only.
        self.buffer: Buffer = cuda.buffer(self.pitch * (size.height * 3 // 2))
        self.packed: Event = cuda.event()
        self.give_back: Callable[[Nv12], None] | None = None  # called by its last holder
        self._cuda, self._context = cuda, context
        self._lock = threading.Lock()
        self._holders = 0

    def hold(self) -> Nv12:
        """Count one holder more."""
        with self._lock:
            self._holders += 1
        return self

    def release(self) -> None:
        """Count one holder less; the last one gives the picture back. Any thread."""
        with self._lock:
            self._holders -= 1
            free = self._holders == 0
        if free and self.give_back is not None:
            self.give_back(self)

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
    """The kernel, and the memory of all recordings. Raises UserError, CudaError, what PyAV raises.

    Made on a thread that may wait: it compiles (once, then cached), and `probe` opens an encoder. Pictures are lent to one
    recording after the other and never freed: freeing waits for the whole GPU, and an encoder that Python has not collected
    yet may still know their addresses. 12 of 1280x720 are 17 MB.
    """

    def __init__(self, cuda: Cuda) -> None:
        from av.video.frame import CudaContext

        cuda.activate()
        self.cuda = cuda
        image = compile_cubin(source(), cuda.device.arch, ENTRY)
        self._module = cuda.module(image)
        self._kernel = self._module.kernel(ENTRY)
        # One for all, so that two recordings (one ending, one beginning) may share the buffer between texture and kernel.
        self.stream = cuda.stream(urgent=False)  # the decks go first
        self._rgba: dict[Size, Buffer] = {}
        self._idle: list[Nv12] = []
        self._lock = threading.Lock()
        # The context that is current on the recorder thread, which is the primary one: libav's own way of retaining that one
        # fails where torch was first, with other flags.
        self.context = CudaContext(device_id=cuda.device.ordinal, primary_ctx=False, current_ctx=True)

    def rgba(self, size: Size) -> Buffer:
        """Return the buffer between texture and kernel for pictures of this size."""
        if size not in self._rgba:
            self._rgba[size] = self.cuda.buffer(4 * size.pixels)
        return self._rgba[size]

    def lend(self, size: Size, count: int) -> list[Nv12]:
        """Return so many pictures, made where there are not enough."""
        with self._lock:
            fitting = [picture for picture in self._idle if picture.size == size][:count]
            self._idle = [picture for picture in self._idle if picture not in fitting]
        return fitting + [Nv12(self.cuda, self.context, size) for _ in range(count - len(fitting))]

    def give(self, picture: Nv12) -> None:
        """Take a picture back. Any thread."""
        with self._lock:
            self._idle.append(picture)

    def close(self) -> None:
        """Free what is not lent. Only where no encoder can know it any more: a show never does."""
        for each in (*self._idle, *self._rgba.values(), self.stream, self._module):
            each.close()
        self._idle, self._rgba = [], {}

    def pack(self, rgba: Buffer, picture: Nv12) -> None:
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
        self._kernel.launch(grid(size.width, size.height), BLOCK, arguments, self.stream)
        picture.packed.record(self.stream)

    def probe(self) -> None:
        """Pack and encode a grey picture; raises whatever this machine has against it."""
        (picture,) = self.lend(_PROBE, 1)
        picture.give_back = self.give
        encoder: Any = av.CodecContext.create("h264_nvenc", "w")
        encoder.width, encoder.height, encoder.pix_fmt = _PROBE.width, _PROBE.height, "cuda"
        encoder.time_base = Fraction(1, 30)
        encoder.options = dict(nvenc(19).options)
        picture.hold()
        try:
            rgba = self.rgba(_PROBE)
            self.stream.upload(rgba, np.full(4 * _PROBE.pixels, _GREY, np.uint8))
            self.pack(rgba, picture)
            frame = picture.video_frame()
            frame.pts = 0
            if sum(packet.size for packet in (*encoder.encode(frame), *encoder.encode(None))) == 0:
                raise RuntimeError("NVENC gave no packet for a picture in device memory")
        finally:
            picture.release()


class DeviceCapture:
    """Takes a recording's pictures from `target` (rgba8), which must keep its size until `close`. Raises CudaError.

    pictures: how many may be under way at a time, before one is dropped.
    """

    def __init__(self, packer: Packer, target: RenderTarget, pictures: int) -> None:
        size = target.size
        if size.width % 2 or size.height % 2:
            raise ValueError(f"a picture of even sides is needed, got {size}")
        packer.cuda.activate()
        self.size = size
        self._packer = packer
        self._texture: Texture | None = packer.cuda.texture(target.texture, writes=False)
        self._known = target.texture
        self._rgba = packer.rgba(size)
        self._free = deque(packer.lend(size, pictures))
        for picture in self._free:
            picture.give_back = self._took_back
        self._closed = False

    def take(self, target: RenderTarget) -> Nv12 | None:
        """Queue what `target` holds by now; None when all buffers are under way. Its holder calls `release`."""
        if target.texture != self._known or target.size != self.size:
            raise ValueError(f"another picture than the one that is captured ({self.size}): {target.size}")
        if self._closed or self._texture is None or not self._free:
            return None
        picture = self._free.popleft().hold()
        try:
            self._packer.cuda.activate()
            self._texture.copy_to(self._rgba, 4 * self.size.width, self.size.height, self._packer.stream)
            self._packer.pack(self._rgba, picture)
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
        """Give the pictures back, once the file is finished; those in the encoder's hands follow. Recorder thread.

        Closing again is not an error. `let_go` is apart, because only the render thread may.
        """
        self._closed = True
        while self._free:
            self._packer.give(self._free.popleft())

    def _took_back(self, picture: Nv12) -> None:
        if self._closed:
            self._packer.give(picture)
        else:
            self._free.append(picture)
