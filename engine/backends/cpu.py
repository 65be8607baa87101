"""CPPNs on the CPU: numpy and its BLAS, in chunks of pixels that stay in the cache. The default where there is no GPU.

Called on the render thread; `evaluate` needs no GL at all and serves previews, tools and tests on any thread. Against the
plain way (all inputs for every pixel, one layer after the other over the whole picture) it folds the frame-uniform inputs
into the first bias, keeps two small buffers hot instead of streaming 30 MB a layer through memory, and works in place.
"""

from __future__ import annotations

import numpy as np

from phosphene.engine.backends.base import Program
from phosphene.engine.backends.workers import Workers, shared_workers
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.models.encoding import STRAIGHT_VIEW, View, coordinates, fold_bias
from phosphene.engine.models.style import Style

_CHUNK_FLOATS = 2**18  # 1 MB a buffer: 2048 pixels of 128; measured best of 512..8192 pixels at widths 16..128
_MAX_CHUNK, _MIN_CHUNK = 4096, 256
_TRIAL = Size(32, 18)
_TILED_BIAS_WIDTH = 32  # up to here adding a row of biases is bound by numpy's per-row cost, so the row is tiled


def chunk_pixels(width: int, pixels: int) -> int:
    """Return the chunk length: a function of the network and the picture only, so that results never depend on threads."""
    fits = min(_MAX_CHUNK, max(_MIN_CHUNK, _CHUNK_FLOATS // width))
    share = max(_MIN_CHUNK, -(-pixels // 8))  # at least 8 chunks, so that a small picture still feeds all threads
    return min(fits, share)


def activate(name: str, h: np.ndarray) -> None:
    """Apply one activation in place."""
    if name == "sin":
        np.sin(h, out=h)
    elif name == "cos":
        np.cos(h, out=h)
    elif name == "tanh":
        np.tanh(h, out=h)
    else:
        np.square(h, out=h)
        np.negative(h, out=h)
        np.exp(h, out=h)


class CpuProgram(Program):
    """One style on the CPU in float32. Holds two chunk buffers per worker."""

    name = "cpu"

    def __init__(self, style: Style, workers: Workers | None = None) -> None:
        self.spec = style.spec
        self._workers = workers or shared_workers()
        self._columns = self.spec.columns(self.spec.uniform)
        self._w0, self._b0 = style.weights[0]
        self._spatial_w0 = np.ascontiguousarray(self._w0[:, self.spec.columns(self.spec.spatial)].T)
        self._hidden = [(np.ascontiguousarray(w.T), b) for w, b in style.weights[1:-1]]
        w, b = style.weights[-1]
        # sigmoid(z) = 0.5 + 0.5 tanh(z / 2): the half goes into the weights; exp(-z) could overflow.
        self._out = (np.ascontiguousarray(w.T) * np.float32(0.5), b * np.float32(0.5))
        self._size: Size | None = None
        self._view: View | None = None

    def evaluate(self, uniforms: np.ndarray, size: Size, view: View = STRAIGHT_VIEW) -> np.ndarray:
        """Return the picture: float32 [h, w, 3], sRGB 0..1, row 0 at the top. The array is reused by the next call."""
        if size != self._size:
            self._resize(size)
        if view != self._view or self._points is None:
            self._points = coordinates(size, view, self.spec.spatial)
            self._view = view
        bias = fold_bias(self._w0, self._b0, self._columns, uniforms, self.spec.periodic)
        biases = [self._tile(bias), *self._tiled]
        chunk, pixels, points, picture = self._chunk, size.pixels, self._points, self._picture
        acts = self.spec.layer_activations
        w_out, b_out = self._out

        def work(worker: int, job: int) -> None:
            start = job * chunk
            n = min(chunk, pixels - start)
            h, g = self._buffers[worker]
            h, g = h[:n], g[:n]
            np.matmul(points[start : start + n], self._spatial_w0, out=h)
            h += biases[0][:n]
            activate(acts[0], h)
            for (w, _), b, act in zip(self._hidden, biases[1:], acts[1:], strict=True):
                np.matmul(h, w, out=g)
                g += b[:n]
                activate(act, g)
                h, g = g, h
            out = picture[start : start + n]
            np.matmul(h, w_out, out=out)
            out += b_out
            np.tanh(out, out=out)
            out *= 0.5
            out += 0.5

        self._workers.run(-(-pixels // chunk), work)
        return picture.reshape(size.height, size.width, 3)

    def run(self, uniforms: np.ndarray, size: Size, view: View, target: RenderTarget) -> None:
        """Evaluate and upload."""
        target.upload(self.evaluate(uniforms, size, view))

    def close(self) -> None:
        """Drop the buffers."""
        self._size = self._points = None
        self._buffers = []

    def _resize(self, size: Size) -> None:
        self._size, self._points = size, None
        self._chunk = chunk_pixels(self.spec.width, size.pixels)
        self._picture = np.empty((size.pixels, 3), np.float32)
        shape = (self._chunk, self.spec.width)
        self._buffers = [(np.empty(shape, np.float32), np.empty(shape, np.float32)) for _ in range(self._workers.threads)]
        self._tiled = [self._tile(b) for _, b in self._hidden]

    def _tile(self, bias: np.ndarray) -> np.ndarray:
        rows = self._chunk if self.spec.width <= _TILED_BIAS_WIDTH else 1
        tiled = np.empty((rows, self.spec.width), np.float32)
        tiled[:] = bias
        # A zero stride lets one slicing expression serve both forms.
        return tiled if rows > 1 else np.broadcast_to(tiled, (self._chunk, self.spec.width))


class CpuBackend:
    """Runs any CPPN, anywhere, in float32."""

    name = "cpu"
    kinds = frozenset({"cppn"})

    def __init__(self, workers: Workers | None = None) -> None:
        self._workers = workers

    def refusal(self, style: Style | None = None) -> str | None:
        """The CPU refuses nothing."""
        return None

    def open(self, style: Style, max_size: Size) -> CpuProgram:
        """Prepare `style` and run it once, small, so that a network that ends in NaN is refused before it is seen.

        Raises UserError.
        """
        program = CpuProgram(style, self._workers)
        if not np.isfinite(program.evaluate(np.zeros(len(style.spec.uniform)), _TRIAL)).all():
            raise UserError("the network's output is not finite", where=style.slug, remedy="its weights are too large")
        return program
