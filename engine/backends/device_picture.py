"""What the programs on CUDA share: a picture in device memory, its way into a render target, and what it cost.

Made on the loader thread (no GL); `show` is the render thread's. The picture is RGBA8, sRGB, bottom row first as OpenGL has
it. One buffer for a program is enough: kernel and copy are queued on one stream, which keeps their order, and a fixed
address lets a CUDA graph run again. It is as large as the largest picture from the start, because freeing device memory
waits for the whole GPU.
"""

from __future__ import annotations

from phosphene.engine.core.frame import Size
from phosphene.engine.gpu.cuda_base import Buffer, Cuda
from phosphene.engine.gpu.hybrid import nvidia_draws
from phosphene.engine.gpu.interop import Bridge
from phosphene.engine.gpu.shader import Pass
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.gpu.timer import GpuTimer


class DevicePicture:
    """renderer: GL_RENDERER of the show's context; anything but NVIDIA's cannot share its textures."""

    def __init__(self, cuda: Cuda, max_size: Size | None, renderer: str) -> None:
        """max_size: of the pictures; None where somebody else owns their memory and hands it to `show`."""
        self._cuda = cuda
        self.stream = cuda.stream(urgent=True)
        self.buffer = None if max_size is None else cuda.buffer(4 * max_size.pixels)
        self._timer = GpuTimer(cuda)
        self._bridge = Bridge(cuda, "" if nvidia_draws(renderer) else f"OpenGL draws on another GPU ({renderer or 'none'})")
        self._private: RenderTarget | None = None
        self._copy: Pass | None = None

    @property
    def gpu_ms(self) -> float:
        """GPU time of the newest picture whose time is known, the copy included."""
        return self._timer.ms

    @property
    def staging_reason(self) -> str:
        """Why pictures go through host memory; empty where they do not."""
        return self._bridge.reason

    def begin(self, size: Size) -> Buffer | None:
        """Start the frame's clock; return the buffer to write `size` into, if it is kept here."""
        self._cuda.activate()
        if self.buffer is not None and self.buffer.nbytes < 4 * size.pixels:
            self.buffer.close()
            self.buffer = self._cuda.buffer(4 * size.pixels)
        self._timer.begin(self.stream)
        return self.buffer

    def show(self, size: Size, target: RenderTarget, source: Buffer | None = None) -> None:
        """Bring the picture into `target`, which takes `size`: directly when it is rgba8, else by a pass.

        source: where it is, when it is not in the buffer that `begin` gave.
        """
        picture = target
        if target.format != "rgba8":
            if self._private is None:
                self._private, self._copy = RenderTarget(size, "rgba8"), Pass("common/copy.frag")
            picture = self._private
        self._bridge.resize(picture, size)
        self._bridge.show(source or self.buffer, picture, self.stream)
        self._timer.end(self.stream)
        if picture is not target:
            target.resize(size)
            self._copy.draw(target, textures={"source": picture})

    def close(self) -> None:
        """Free everything; closing again is not an error. Waits for this picture's stream, not for the GPU."""
        if self.stream is None:
            return
        self._cuda.activate()
        self.stream.synchronize()
        self._bridge.close()
        self._timer.close()
        if self._private is not None:
            self._private.close()
            self._copy.close()
        if self.buffer is not None:
            self.buffer.close()
        self.stream.close()
        self.stream = self.buffer = None
