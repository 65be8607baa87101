"""The CPPN in torch, with gradients: what the trainer optimises is what the show plays.

Same inputs, order and colour path as `kernels/cppn/reference.py`; the uniform inputs are folded into the first bias, as in
every backend. Called by the trainer and by tests; never on stage.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from phosphene.engine.core.frame import Size
from phosphene.engine.models.cppn import CppnSpec, Weights
from phosphene.engine.models.encoding import STRAIGHT_VIEW, View, coordinates

# Pixels at once on a CPU: 16,384 x 128 floats are 8 MB, which malloc reuses; the 75 MB of a whole 512x288 layer are mapped
# and faulted in anew each time (0.74 s a step against 1.09 s, 128 wide, two cores).
_CPU_CHUNK = 16_384
_KEEP_PIXELS = 200_000  # above, hidden layers are computed again for the gradient: 1024x576 at 256 wide would take 6 GB

_ACTIVATIONS = {
    "sin": torch.sin,
    "cos": torch.cos,
    "gauss": lambda z: torch.exp(-z * z),
    "tanh": torch.tanh,
}


class TorchCppn(nn.Module):
    """`spec` with trainable `weights`, float32, on `device`."""

    def __init__(self, spec: CppnSpec, weights: Weights, device: str = "cpu") -> None:
        super().__init__()
        self.spec = spec
        self.w = nn.ParameterList(torch.tensor(w, dtype=torch.float32, device=device) for w, _ in weights)
        self.b = nn.ParameterList(torch.tensor(b, dtype=torch.float32, device=device) for _, b in weights)
        self._spatial = spec.columns(spec.spatial)
        self._uniform = spec.columns(spec.uniform)

    def weights(self) -> Weights:
        """Return a copy as numpy arrays, as `write_style` takes them."""
        return [
            (w.detach().cpu().numpy().copy(), b.detach().cpu().numpy().copy()) for w, b in zip(self.w, self.b, strict=True)
        ]

    def paint(self, uniforms: np.ndarray, size: Size, view: View = STRAIGHT_VIEW) -> torch.Tensor:
        """Return pictures [n, 3, h, w], sRGB 0..1, row 0 at the top, differentiable in the weights.

        uniforms: float64 [n, len(spec.uniform)], scaled, in the network's order. view: where all are seen from.
        """
        device = self.w[0].device
        points = _points(size, view, self.spec.spatial, str(device))
        biases = self._folded(torch.from_numpy(np.ascontiguousarray(uniforms, np.float64)).to(device))
        chunk = _CPU_CHUNK if device.type == "cpu" else len(points)
        again = torch.is_grad_enabled() and len(points) * len(biases) > _KEEP_PIXELS
        pictures = []
        for bias in biases:
            parts = [
                checkpoint(self._pixels, part, bias, use_reentrant=False) if again else self._pixels(part, bias)
                for part in points.split(chunk)
            ]
            pictures.append(torch.cat(parts).T.reshape(3, size.height, size.width))
        return torch.stack(pictures)

    def at(self, points: torch.Tensor) -> torch.Tensor:
        """Return the colours [n, 3], sRGB 0..1, at `points` [n, len(spec.spatial)] while every uniform input is 0."""
        return self._pixels(points, self.b[0])

    def _folded(self, uniforms: torch.Tensor) -> torch.Tensor:
        """Return the first layer's bias [n, width] for each row of uniforms; see `encoding.fold_bias`."""
        bias = self.b[0].double() + uniforms @ self.w[0][:, self._uniform].double().T
        if self.spec.periodic:
            bias = bias - 2.0 * math.pi * torch.round(bias.detach() / (2.0 * math.pi))
        return bias.float()

    def _pixels(self, points: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        h = torch.addmm(bias, points, self.w[0][:, self._spatial].T)
        for i, name in enumerate(self.spec.layer_activations):
            if i:
                h = torch.addmm(self.b[i], h, self.w[i].T)
            h = _ACTIVATIONS[name](h)
        return torch.sigmoid(torch.addmm(self.b[-1], h, self.w[-1].T))


@lru_cache(maxsize=16)
def _points(size: Size, view: View, names: tuple[str, ...], device: str) -> torch.Tensor:
    with torch.inference_mode(False):  # kept for whoever comes next, who may want gradients
        return torch.from_numpy(coordinates(size, view, names)).to(device)
