"""Networks and frames for the tests of the fused kernel: what the host would hand over, and the exact picture beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from phosphene.engine.core.frame import Size
from phosphene.engine.models.cppn import CppnSpec, Weights, random_weights
from phosphene.engine.models.encoding import (
    FLAT,
    STRAIGHT_VIEW,
    View,
    coordinates,
    fold_bias,
    projection_vector,
    view_matrix,
)
from phosphene.kernels.cppn.reference import forward
from phosphene.kernels.cppn_fused.pack import pack_frame, pack_weights
from phosphene.kernels.cppn_fused.shape import Shape

UNIFORM = ("bass", "beat_sin", "latent0")
CYCLE = ("sin", "cos", "gauss", "tanh")


@dataclass
class Network:
    """A network with its uniform inputs chosen."""

    spec: CppnSpec
    weights: Weights
    uniforms: np.ndarray

    @property
    def shape(self) -> Shape:
        return Shape(self.spec.spatial, self.spec.width, self.spec.layer_activations)

    @property
    def bias(self) -> np.ndarray:
        w, b = self.weights[0]
        return fold_bias(w, b, self.spec.columns(self.spec.uniform), self.uniforms, self.spec.periodic)

    def packed(self, variant: str) -> np.ndarray:
        return pack_weights(self.shape, variant, self.weights, self.spec.columns(self.spec.spatial))

    def exact(self, size: Size, view: View = STRAIGHT_VIEW) -> np.ndarray:
        """Return float64 [h, w, 3], sRGB 0..1, the plain way: nothing folded, nothing padded."""
        inputs = np.empty((size.pixels, len(self.spec.inputs)))
        inputs[:, self.spec.columns(self.spec.spatial)] = coordinates(size, view, self.spec.spatial)
        inputs[:, self.spec.columns(self.spec.uniform)] = self.uniforms
        with np.errstate(under="ignore"):
            return forward(inputs, self.weights, self.spec.layer_activations).reshape(size.height, size.width, 3)


def network(
    width: int = 16, spatial: Sequence[str] = ("x", "y", "radius"), layers: int = 4, activations: Sequence[str] = CYCLE,
    seed: int = 3, gain: float = 1.5,
) -> Network:  # fmt: skip
    """Return a random network with biases. A gain of 1.5 makes detail of a few pixels, as trained ones have."""
    spec = CppnSpec((*spatial, *UNIFORM), width, layers, tuple(activations))
    rng = np.random.default_rng(seed)
    weights = [(w, rng.normal(0, 0.5, b.shape).astype(np.float32)) for w, b in random_weights(spec, seed, gain, 2.0)]
    return Network(spec, weights, rng.uniform(-1.0, 1.0, len(UNIFORM)))


def frame_of(networks: Sequence[Network], variant: str, size: Size, views: Sequence[View] = (), **options) -> np.ndarray:
    """Return the frame block of one or two networks of one shape."""
    matrices = [view_matrix(view) for view in views] or [view_matrix(STRAIGHT_VIEW)]
    projections = [projection_vector(view.projection) for view in views] or [projection_vector(FLAT)]
    biases = [n.bias for n in networks]
    return pack_frame(networks[0].shape, variant, biases, (size.width, size.height), matrices, projections, **options)
