"""Networks by torch on CUDA, in half precision: for GPUs that refuse the fused kernel, and its baseline.

torch is imported by `refusal` and `open` alone, on the loader thread, and only where there is an NVIDIA driver. The first
layer and the output are float32, the hidden layers half; the uniform inputs are folded into the first bias. Pixels go
through in chunks whose activations stay in the L2 cache, and one CUDA graph replays all of a picture's 300 launches.
`device="cpu"` is the same arithmetic without a GPU, for tests and tools: float32, no graph. Decoded networks are
`torch_decode.py`'s.
"""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np

from phosphene.engine.backends.base import Capabilities
from phosphene.engine.backends.cpu import CpuProgram
from phosphene.engine.backends.decoders import KINDS as DECODED
from phosphene.engine.backends.device_picture import DevicePicture
from phosphene.engine.backends.torch_decode import TorchDecoder, open_in_half, record
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.extras import install
from phosphene.engine.core.frame import Size
from phosphene.engine.gpu.cuda import cuda_refusal, driver_refusal, open_cuda
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.models.cppn import CppnSpec
from phosphene.engine.models.encoding import (
    STRAIGHT_VIEW,
    View,
    fold_bias,
    input_values,
    pixel_grid,
    projection_vector,
    uniform_vector,
    view_matrix,
)
from phosphene.engine.models.style import Style
from phosphene.kernels.cppn.projection import project

LIMIT = 1.0 / 255.0  # as for every backend that does not compute in float32
_CHUNK_BYTES = 8 * 2**20  # of one layer's activations: two of them fit the L2 cache of most GPUs since Ada
_TRIAL = Size(160, 90)


class Network:
    """The arithmetic: fixed tensors in, fixed tensors out, so that it can be recorded. dtype: of the hidden layers."""

    def __init__(self, style: Style, device: str, dtype: Any, chunk: int | None = None) -> None:
        """chunk: pixels that go through the layers together; default by the width."""
        import torch

        self._torch = torch
        self.spec: CppnSpec = style.spec
        self.device, self.dtype = device, dtype
        self.chunk = chunk or max(1024, _CHUNK_BYTES // (style.spec.width * dtype.itemsize))
        columns = style.spec.columns(style.spec.spatial)
        self._w0 = self._tensor(style.weights[0][0][:, columns].T)
        self._hidden = [(self._tensor(w.T).to(dtype), self._tensor(b).to(dtype)) for w, b in style.weights[1:-1]]
        w, b = style.weights[-1]
        self._out = self._tensor(w.T).to(dtype), self._tensor(b)
        self.bias = torch.zeros(style.spec.width, device=device)
        self.matrix = torch.zeros(4, device=device)
        self.size: Size | None = None

    def resize(self, size: Size) -> None:
        """Take another size: the grid of pixel centres and the output, bottom row first."""
        self.size = size
        upside_down = [g.reshape(size.height, size.width)[::-1].reshape(-1) for g in pixel_grid(size)]
        self.grid = [self._tensor(g) for g in upside_down]
        self._flat_grid: list[Any] | None = None  # kept aside while `grid` holds the places of a projection
        self.picture = self._torch.empty((size.pixels, 3), device=self.device)
        self.rgba = self._torch.full((size.pixels, 4), 255, dtype=self._torch.uint8, device=self.device)

    def forward(self) -> None:
        """Fill `picture` (float32 sRGB [pixels, 3]) and `rgba` (uint8 [pixels, 4]) from `bias` and `matrix`."""
        torch = self._torch
        first, *rest = self.spec.layer_activations
        a, b, tx, ty = self.matrix.unbind()
        for start in range(0, self.size.pixels, self.chunk):
            part = slice(start, start + self.chunk)
            gx, gy = (g[part] for g in self.grid)
            x, y = a * gx - b * gy + tx, b * gx + a * gy + ty
            points = torch.stack([spatial_input(torch, name, x, y) for name in self.spec.spatial], 1)
            h = activate(torch, first, torch.addmm(self.bias, points, self._w0)).to(self.dtype)
            for (w, bias), name in zip(self._hidden, rest, strict=True):
                h = activate(torch, name, torch.addmm(bias, h, w))
            w, bias = self._out
            self.picture[part] = torch.sigmoid(torch.mm(h, w).float() + bias)
        self.rgba[:, :3] = (self.picture * 255.0 + 0.5).to(torch.uint8)

    def feed(self, bias: np.ndarray, view: View) -> None:
        """Set what changes from frame to frame."""
        self.bias.copy_(self._torch.from_numpy(bias), non_blocking=True)
        matrix = view_matrix(view)
        if view.projection.depth > 0.0:
            # Before the recorded launches, and over the whole picture at once: 30 launches instead of 30 a chunk.
            self._flat_grid = self._flat_grid or [g.clone() for g in self.grid]
            gx, gy = self._flat_grid
            a, b, tx, ty = matrix
            *weights, plain, shift = projection_vector(view.projection)
            x, y = a * gx - b * gy + tx, b * gx + a * gy + ty
            places = project(_Functions(self._torch), x, y, weights, plain, shift)
            matrix = view_matrix(STRAIGHT_VIEW)
        elif self._flat_grid is not None:
            places, self._flat_grid = self._flat_grid, None
        else:
            places = ()
        for grid, place in zip(self.grid, places, strict=False):
            grid.copy_(place)
        self.matrix.copy_(self._torch.tensor(matrix), non_blocking=True)

    def _tensor(self, array: np.ndarray) -> Any:
        return self._torch.tensor(np.ascontiguousarray(array, np.float32), device=self.device)


class _Functions:
    """What `project` takes beside plain arithmetic."""

    def __init__(self, torch: Any) -> None:
        self.abs, self.sqrt, self.floor, self.log = torch.abs, torch.sqrt, torch.floor, torch.log
        self.reciprocal, self.where = torch.reciprocal, torch.where

    def maximum(self, x: Any, least: float) -> Any:
        """Return x, at least `least`."""
        return x.clamp_min(least)


def activate(torch: Any, name: str, z: Any) -> Any:
    """Apply one activation in place; return it."""
    if name == "gauss":
        return z.square_().neg_().exp_()
    return getattr(torch, f"{name}_")(z)


def spatial_input(torch: Any, name: str, x: Any, y: Any) -> Any:
    """`encoding.spatial_input` on tensors."""
    if name in ("x", "y"):
        return x if name == "x" else y
    if name in ("abs_x", "abs_y"):
        return (x if name == "abs_x" else y).abs()
    radius = torch.sqrt(x * x + y * y)
    if name == "radius":
        return radius
    safe = radius.clamp_min(1e-6)
    ux, uy = x / safe, y / safe
    px, py = x, y
    for _ in range(int(name[4]) - 1):
        px, py = px * ux - py * uy, px * uy + py * ux
    return px if name[-1] == "x" else py


class TorchProgram:
    """One style on a torch device: "cuda:0", or "cpu" without a graph and without `run`."""

    name = "torch"

    def __init__(self, style: Style, device: str, renderer: str = "") -> None:
        import torch

        self._torch = torch
        self.spec = style.spec
        self._on_gpu = device != "cpu"
        self.network = Network(style, device, torch.float16 if self._on_gpu else torch.float32)
        self._columns = self.spec.columns(self.spec.uniform)
        self._w0, self._b0 = style.weights[0]
        self._graph: Any = None
        self._picture: DevicePicture | None = None
        if self._on_gpu:
            self._picture = DevicePicture(open_cuda(), None, renderer)
            self._stream = torch.cuda.ExternalStream(self._picture.stream.handle, device=device)

    @property
    def capabilities(self) -> Capabilities:
        """See `base.Capabilities`."""
        return Capabilities("rgba8", self.gpu_ms, self.staging_reason)

    @property
    def gpu_ms(self) -> float:
        """GPU time of the newest picture that is known, ms."""
        return self._picture.gpu_ms if self._picture else 0.0

    @property
    def staging_reason(self) -> str:
        """Why pictures go through host memory; empty where they do not."""
        return self._picture.staging_reason if self._picture else ""

    def evaluate(self, uniforms: np.ndarray, size: Size, view: View = STRAIGHT_VIEW) -> np.ndarray:
        """Return the picture: float32 [h, w, 3], sRGB 0..1, row 0 at the top. Waits for the GPU, if there is one."""
        self._queue(uniforms, size, view)
        if self._picture:
            self._picture.stream.synchronize()
        return self.network.picture.cpu().numpy().reshape(size.height, size.width, 3)[::-1]

    def run(self, uniforms: np.ndarray, size: Size, view: View, target: RenderTarget) -> None:
        """Replay the graph and bring the picture into `target`."""
        if self._picture is None:
            raise UserError("a torch program on the CPU draws nothing", remedy="call evaluate")
        self._picture.begin(size)
        self._queue(uniforms, size, view)
        rgba = self.network.rgba
        self._picture.show(size, target, _Borrowed(rgba.data_ptr(), rgba.numel()))

    def close(self) -> None:
        """Drop the tensors; closing again is not an error."""
        if self._picture is not None:
            self._picture.close()
        self._graph = self.network = self._picture = None

    def _queue(self, uniforms: np.ndarray, size: Size, view: View) -> None:
        bias = fold_bias(self._w0, self._b0, self._columns, uniforms, self.spec.periodic)
        with self._torch.inference_mode():
            if not self._on_gpu:
                if self.network.size != size:
                    self.network.resize(size)
                self.network.feed(bias, view)
                self.network.forward()
                return
            with self._torch.cuda.stream(self._stream):
                if self.network.size != size:
                    self._graph = None
                    self.network.resize(size)
                    self._graph = record(self._torch, self.network.forward, self._stream)
                self.network.feed(bias, view)
                self._graph.replay()


class _Borrowed:
    """A tensor's memory as a Buffer of the CUDA seam; torch frees it."""

    def __init__(self, address: int, nbytes: int) -> None:
        self.address, self.nbytes = address, nbytes

    def close(self) -> None:
        """Nothing is held."""


class TorchBackend:
    """renderer: GL_RENDERER of the show's context, "" where there is none."""

    name = "torch"
    kinds = frozenset({"cppn"}) | DECODED

    def __init__(self, renderer: str = "") -> None:
        self._renderer = renderer

    def refusal(self, style: Style | None = None) -> str | None:
        """Say what is missing. Imports torch (1.4 to 3 s) only where everything else is there."""
        if reason := driver_refusal():
            return reason
        if importlib.util.find_spec("torch") is None:
            return f"torch is not installed ({install('torch')})"
        if reason := cuda_refusal():
            return reason
        import torch

        if not torch.cuda.is_available():
            return f"torch {torch.__version__} finds no CUDA device" + (
                "" if torch.version.cuda else " (a build for the CPU)"
            )
        return None

    def open(self, style: Style, max_size: Size) -> TorchProgram | TorchDecoder:
        """Prepare `style`, and hold one small picture against float32. Raises UserError for one that half would change."""
        cuda = open_cuda()
        cuda.activate()
        if style.kind in DECODED:
            return open_in_half(style, f"cuda:{cuda.device.ordinal}")
        program = TorchProgram(style, f"cuda:{cuda.device.ordinal}", self._renderer)
        error = trial(program, style)
        if not error <= LIMIT:  # a NaN is refused too
            program.close()
            got = f"off by {error * 255:.1f}/255 (99th percentile; limit 1/255)"
            raise UserError("half precision would change the picture", where=style.slug, got=got)
        return program


def trial(program: TorchProgram, style: Style) -> float:
    """Return the 99th percentile of |torch - float32| over the style's preview instant, 0..1."""
    preview = style.meta.preview
    values = input_values(preview.time, preview.signals, preview.signals)
    uniforms = uniform_vector(style.spec.uniform, values, style.scales)
    exact = CpuProgram(style).evaluate(uniforms, _TRIAL)
    return float(np.percentile(np.abs(program.evaluate(uniforms, _TRIAL) - exact), 99))
