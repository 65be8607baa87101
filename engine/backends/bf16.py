"""CPPNs on the CPU with the hidden layers in bfloat16, by torch: for networks that can bear it, when asked for.

bfloat16 keeps 8 bits of a number. A style is taken only if its own picture comes out within 1/255 of float32 for 99 % of
all values; the first layer, which must resolve coordinates, and the output stay in float32. torch is imported by the probe
and nowhere else, on the loader thread.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np

from phosphene.engine.backends.base import Program
from phosphene.engine.backends.cpu import CpuProgram
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.models.encoding import STRAIGHT_VIEW, View, coordinates, fold_bias, input_values, uniform_vector
from phosphene.engine.models.style import Style

LIMIT = 1.0 / 255.0
_PROBE = Size(160, 90)
_CHUNK = 8192
_FLAGS = frozenset({"avx512_bf16", "amx_bf16"})


class Bf16Program(Program):
    """One style with bfloat16 hidden layers; torch's own threads."""

    name = "cpu-bf16"

    def __init__(self, style: Style) -> None:
        import torch

        self._torch = torch
        self.spec = style.spec
        self._columns = self.spec.columns(self.spec.uniform)
        self._w0, self._b0 = style.weights[0]
        self._spatial_w0 = torch.tensor(self._w0[:, self.spec.columns(self.spec.spatial)].T.copy())
        self._hidden = [(torch.tensor(w.T.copy()).bfloat16(), torch.tensor(b).bfloat16()) for w, b in style.weights[1:-1]]
        w, b = style.weights[-1]
        self._out = torch.tensor(w.T.copy()), torch.tensor(b)
        self._key: tuple[Size, View] | None = None

    def evaluate(self, uniforms: np.ndarray, size: Size, view: View = STRAIGHT_VIEW) -> np.ndarray:
        """Return the picture: float32 [h, w, 3], sRGB 0..1, row 0 at the top. The array is reused by the next call."""
        torch = self._torch
        if self._key != (size, view):
            self._key = size, view
            self._points = torch.from_numpy(coordinates(size, view, self.spec.spatial))
            self._picture = torch.empty((size.pixels, 3))
        bias = torch.from_numpy(fold_bias(self._w0, self._b0, self._columns, uniforms, self.spec.periodic))
        first, *rest = self.spec.layer_activations
        with torch.inference_mode():
            for start in range(0, size.pixels, _CHUNK):
                points = self._points[start : start + _CHUNK]
                h = self._activate(first, torch.addmm(bias, points, self._spatial_w0)).bfloat16()
                for (w, b), name in zip(self._hidden, rest, strict=True):
                    h = self._activate(name, torch.addmm(b, h, w))
                w, b = self._out
                self._picture[start : start + _CHUNK] = torch.addmm(b, h.float(), w).sigmoid_()
        return self._picture.numpy().reshape(size.height, size.width, 3)

    def run(self, uniforms: np.ndarray, size: Size, view: View, target: RenderTarget) -> None:
        """Evaluate and upload."""
        target.upload(self.evaluate(uniforms, size, view))

    def close(self) -> None:
        """Drop the buffers."""
        self._key = None
        self._points = self._picture = None

    def _activate(self, name: str, z):
        if name == "gauss":
            return z.square_().neg_().exp_()
        return getattr(self._torch, f"{name}_")(z)


def probe(style: Style) -> float:
    """Return the 99th percentile of |bf16 - float32| over the style's preview instant. Imports torch."""
    preview = style.meta.preview
    values = input_values(preview.time, preview.signals, preview.signals)
    uniforms = uniform_vector(style.spec.uniform, values, style.scales)
    exact = CpuProgram(style).evaluate(uniforms, _PROBE)
    return float(np.percentile(np.abs(Bf16Program(style).evaluate(uniforms, _PROBE) - exact), 99))


class Bf16Backend:
    """Takes a style whose probe passes, on a CPU with bfloat16 products, where torch is installed."""

    name = "cpu-bf16"
    kinds = frozenset({"cppn"})

    def refusal(self, style: Style | None = None) -> str | None:
        """Say what is missing; with a style, also run the probe (imports torch: seconds)."""
        if importlib.util.find_spec("torch") is None:
            return "torch is not installed"
        if not _FLAGS & _cpu_flags():
            return "the CPU has no bfloat16 products (avx512_bf16, amx_bf16)"
        if style is not None and (error := probe(style)) > LIMIT:
            return f"bfloat16 would change the picture by {error * 255:.1f}/255 (99th percentile; limit 1/255)"
        return None

    def open(self, style: Style, max_size: Size) -> Bf16Program:
        """Prepare `style`. Raises UserError for one that the backend refuses."""
        if reason := self.refusal(style):
            raise UserError("the cpu-bf16 backend refuses the style", where=style.slug, got=reason)
        return Bf16Program(style)


def _cpu_flags() -> set[str]:
    """Return the CPU's flags where the system tells (Linux), else nothing."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return set()
    return set(next((line.split(":", 1)[1].split() for line in lines if line.startswith("flags")), ()))
