"""A picture in CUDA's memory becomes an OpenGL texture: shared where the driver allows it, by way of host memory where not.

Render thread, with the GL context current. Shared costs a copy inside the GPU and no wait. The other way (OpenGL on another
GPU, remote desktop, WSL) waits for the stream and uploads, some 2 ms at 1280x720; `reason` says why. Never synchronises
the device.
"""

from __future__ import annotations

import logging

import numpy as np

from phosphene.engine.core.frame import Size
from phosphene.engine.gpu.cuda_base import Buffer, Cuda, CudaError, HostBuffer, Stream, Texture
from phosphene.engine.gpu.texture import RenderTarget

_log = logging.getLogger(__name__)


class Bridge:
    """From linear RGBA8 buffers, bottom row first, into one rgba8 target after the other."""

    def __init__(self, cuda: Cuda, reason: str = "") -> None:
        """reason: why nothing shall be shared; empty: try."""
        self._cuda = cuda
        self.reason = reason
        self._known: tuple[int, Size] | None = None  # texture name and size that are registered
        self._texture: Texture | None = None
        self._host: HostBuffer | None = None

    def resize(self, target: RenderTarget, size: Size) -> None:
        """Give `target` another size. Its texture is let go of first: one that CUDA knows must not be allocated anew."""
        if target.size != size:
            self._let_go()
            target.resize(size)

    def show(self, source: Buffer, target: RenderTarget, stream: Stream) -> None:
        """Copy `source` into all of `target`. What `stream` was given before is in it; OpenGL waits by itself.

        Raises CudaError for a fault that has nothing to do with sharing.
        """
        if target.format != "rgba8":
            raise ValueError(f"an rgba8 target is needed, got {target.format}")
        if not self.reason:
            try:
                self._share(target).copy_from(source, 4 * target.size.width, target.size.height, stream)
                return
            except CudaError as error:
                if error.interop_refusal is None:
                    raise
                self._refused(error.interop_refusal)
        self._carry(source, target, stream)

    def close(self) -> None:
        """Let go of texture and host memory; closing again is not an error."""
        self._let_go()
        if self._host is not None:
            self._host.close()
            self._host = None

    def _share(self, target: RenderTarget) -> Texture:
        known = (target.texture, target.size)
        if self._texture is None or self._known != known:
            self._let_go()
            self._texture = self._cuda.texture(target.texture, writes=True)
            self._known = known
        return self._texture

    def _let_go(self) -> None:
        if self._texture is not None:
            texture, self._texture, self._known = self._texture, None, None
            texture.close()

    def _refused(self, reason: str) -> None:
        self.reason = reason
        _log.warning("pictures go through host memory: %s", reason)
        try:
            self._let_go()
        except CudaError as error:
            _log.debug("the texture stays registered: %s", error)

    def _carry(self, source: Buffer, target: RenderTarget, stream: Stream) -> None:
        size = target.size
        nbytes = 4 * size.pixels
        if self._host is None or len(self._host.array) < nbytes:
            if self._host is not None:
                self._host.close()
            self._host = self._cuda.host_buffer(nbytes)
        pixels: np.ndarray = self._host.array[:nbytes]
        stream.download(pixels, source)
        stream.synchronize()
        target.upload(pixels.reshape(size.height, size.width, 4)[::-1])  # upload turns it over again: no copy is made
