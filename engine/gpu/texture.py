"""A picture on the GPU that can be drawn into, sampled, uploaded and read back.

Used on the thread whose context is current, always the same one. Never converts colour: what the numbers mean is the
caller's business (linear premultiplied light inside the engine, sRGB on the way in and out).

Orientation: GL's uv (0, 0) is the bottom left; arrays here have row 0 at the TOP of the picture.
"""

from __future__ import annotations

import numpy as np

from phosphene.engine.core.frame import Size
from phosphene.engine.gpu.gl import GL

# name: (internal format, pixel format, type of the storage that costs no conversion, bytes a pixel)
FORMATS = {
    "rgba16f": (GL.GL_RGBA16F, GL.GL_RGBA, GL.GL_HALF_FLOAT, 8),
    "rgba8": (GL.GL_RGBA8, GL.GL_RGBA, GL.GL_UNSIGNED_BYTE, 4),
    # Four times finer than 8 bits at the same price: software GL reads half floats three times slower (2.5 against 0.9 ms
    # for four reads at 640x360), so encoded pictures on their way to the screen are kept in this.
    "rgb10a2": (GL.GL_RGB10_A2, GL.GL_RGBA, GL.GL_UNSIGNED_INT_2_10_10_10_REV, 4),
    "rgba32f": (GL.GL_RGBA32F, GL.GL_RGBA, GL.GL_FLOAT, 16),
    "r16f": (GL.GL_R16F, GL.GL_RED, GL.GL_HALF_FLOAT, 2),
}
_TYPES = {np.dtype(np.uint8): GL.GL_UNSIGNED_BYTE, np.dtype(np.float16): GL.GL_HALF_FLOAT, np.dtype(np.float32): GL.GL_FLOAT}
_LAYOUTS = {1: GL.GL_RED, 3: GL.GL_RGB, 4: GL.GL_RGBA}


class RenderTarget:
    """A texture and the framebuffer that draws into it. Sampling is bilinear and clamped to the edge.

    `size`: pixels; `format`: a key of `FORMATS`. New targets and resized ones are transparent black.
    """

    def __init__(self, size: Size, format: str = "rgba16f") -> None:
        if format not in FORMATS:
            raise ValueError(f"unknown format {format!r}; one of {', '.join(FORMATS)}")
        self.format = format
        self.size = size
        self.texture = int(GL.glGenTextures(1))
        self.framebuffer = int(GL.glGenFramebuffers(1))
        GL.glBindTexture(GL.GL_TEXTURE_2D, self.texture)
        for name in (GL.GL_TEXTURE_MIN_FILTER, GL.GL_TEXTURE_MAG_FILTER):
            GL.glTexParameteri(GL.GL_TEXTURE_2D, name, GL.GL_LINEAR)
        for name in (GL.GL_TEXTURE_WRAP_S, GL.GL_TEXTURE_WRAP_T):
            GL.glTexParameteri(GL.GL_TEXTURE_2D, name, GL.GL_CLAMP_TO_EDGE)
        self._allocate()
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, self.framebuffer)
        GL.glFramebufferTexture2D(GL.GL_FRAMEBUFFER, GL.GL_COLOR_ATTACHMENT0, GL.GL_TEXTURE_2D, self.texture, 0)
        status = GL.glCheckFramebufferStatus(GL.GL_FRAMEBUFFER)
        if status != GL.GL_FRAMEBUFFER_COMPLETE:
            raise RuntimeError(f"framebuffer {size} {format} is incomplete: {status}")
        self.clear()

    def bind(self) -> None:
        """Make this the target of what is drawn next, viewport included."""
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, self.framebuffer)
        GL.glViewport(0, 0, self.size.width, self.size.height)

    def clear(self, r: float = 0.0, g: float = 0.0, b: float = 0.0, a: float = 0.0) -> None:
        """Fill with one colour."""
        self.bind()
        GL.glClearColor(r, g, b, a)
        GL.glClear(GL.GL_COLOR_BUFFER_BIT)

    def resize(self, size: Size) -> bool:
        """Take another size, losing the content; do nothing and return False when it has that size already."""
        if size == self.size:
            return False
        self.size = size
        GL.glBindTexture(GL.GL_TEXTURE_2D, self.texture)
        self._allocate()
        self.clear()
        return True

    def upload(self, array: np.ndarray) -> None:
        """Replace the content by [h, w, 1, 3 or 4] uint8, float16 or float32, row 0 = top; missing alpha becomes 1.

        Takes the array's size. uint8 means 0..1 in 255 steps. Raises ValueError for another shape or dtype.
        """
        if array.ndim != 3 or array.shape[2] not in _LAYOUTS or array.dtype not in _TYPES:
            raise ValueError(f"cannot upload {array.shape} {array.dtype}")
        self.resize(Size(array.shape[1], array.shape[0]))
        upright = np.ascontiguousarray(array[::-1])
        GL.glBindTexture(GL.GL_TEXTURE_2D, self.texture)
        GL.glPixelStorei(GL.GL_UNPACK_ALIGNMENT, 1)
        w, h, layout, kind = self.size.width, self.size.height, _LAYOUTS[array.shape[2]], _TYPES[array.dtype]
        GL.glTexSubImage2D(GL.GL_TEXTURE_2D, 0, 0, 0, w, h, layout, kind, upright)

    def read(self) -> np.ndarray:
        """Return the content as float32 [h, w, 4], row 0 = top. Waits for the GPU: for tests and stills, not for shows."""
        pixels = np.empty((self.size.height, self.size.width, 4), np.float32)
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, self.framebuffer)
        GL.glPixelStorei(GL.GL_PACK_ALIGNMENT, 1)
        GL.glReadPixels(0, 0, self.size.width, self.size.height, GL.GL_RGBA, GL.GL_FLOAT, pixels)
        return pixels[::-1].copy()

    def close(self) -> None:
        """Free the texture and the framebuffer. Further use is an error; closing again is not."""
        if self.texture:
            GL.glDeleteFramebuffers(1, [self.framebuffer])
            GL.glDeleteTextures(1, [self.texture])
            self.texture = self.framebuffer = 0

    def _allocate(self) -> None:
        internal, layout, kind, _ = FORMATS[self.format]
        GL.glTexImage2D(GL.GL_TEXTURE_2D, 0, internal, self.size.width, self.size.height, 0, layout, kind, None)
