"""A picture of 8 bits that is seen from any distance: smaller copies of itself for far away, mirrored beyond its edges.

Used on the thread whose context is current. Its numbers are sRGB; the card makes linear light of them before it mixes any
two, so that no edge gets darker when it gets small.
"""

from __future__ import annotations

import numpy as np

from phosphene.engine.core.frame import Size
from phosphene.engine.gpu.gl import GL


class PictureTexture:
    """A texture of sRGB. Its first row is the picture's top row: v runs downwards, unlike a RenderTarget's."""

    def __init__(self) -> None:
        self.size = Size(0, 0)
        self.texture = int(GL.glGenTextures(1))
        GL.glBindTexture(GL.GL_TEXTURE_2D, self.texture)
        GL.glTexParameteri(GL.GL_TEXTURE_2D, GL.GL_TEXTURE_MIN_FILTER, GL.GL_LINEAR_MIPMAP_LINEAR)
        GL.glTexParameteri(GL.GL_TEXTURE_2D, GL.GL_TEXTURE_MAG_FILTER, GL.GL_LINEAR)
        for name in (GL.GL_TEXTURE_WRAP_S, GL.GL_TEXTURE_WRAP_T):
            GL.glTexParameteri(GL.GL_TEXTURE_2D, name, GL.GL_MIRRORED_REPEAT)

    def upload(self, picture: np.ndarray) -> None:
        """Take a picture, uint8 [h, w, 3], row 0 at the top, and its size."""
        size = Size(picture.shape[1], picture.shape[0])
        rows = np.ascontiguousarray(picture)
        GL.glBindTexture(GL.GL_TEXTURE_2D, self.texture)
        GL.glPixelStorei(GL.GL_UNPACK_ALIGNMENT, 1)
        if size == self.size:
            GL.glTexSubImage2D(GL.GL_TEXTURE_2D, 0, 0, 0, size.width, size.height, GL.GL_RGB, GL.GL_UNSIGNED_BYTE, rows)
        else:
            GL.glTexImage2D(
                GL.GL_TEXTURE_2D, 0, GL.GL_SRGB8, size.width, size.height, 0, GL.GL_RGB, GL.GL_UNSIGNED_BYTE, rows
            )
            self.size = size
        GL.glGenerateMipmap(GL.GL_TEXTURE_2D)

    def close(self) -> None:
        """Free the texture; closing again is not an error."""
        if self.texture:
            GL.glDeleteTextures(1, [self.texture])
            self.texture = 0
