"""The plain forward pass of a CPPN: what every faster way must agree with.

Called by tests and benchmarks, on any thread. It materialises all inputs for every pixel and folds nothing, so it shares
no trick with the code it checks. It never touches OpenGL, files or engine code.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

ACTIVATIONS = {
    "sin": np.sin,
    "cos": np.cos,
    "gauss": lambda z: np.exp(-z * z),
    "tanh": np.tanh,
}


def hidden(inputs: np.ndarray, weights: Sequence[tuple[np.ndarray, np.ndarray]], activations: Sequence[str]) -> np.ndarray:
    """Return the last hidden layer [pixels, width], in the dtype of `inputs`. Arguments as in `forward`."""
    h = inputs
    for (w, b), name in zip(weights, activations, strict=True):
        h = ACTIVATIONS[name](h @ w.T.astype(h.dtype) + b.astype(h.dtype))
    return h


def forward(inputs: np.ndarray, weights: Sequence[tuple[np.ndarray, np.ndarray]], activations: Sequence[str]) -> np.ndarray:
    """Return the sRGB output [pixels, outputs] in 0..1, in the dtype of `inputs`.

    inputs: [pixels, n]. weights: (W [out, in], b [out]) per layer, the last one being the output layer, which ends in a
    sigmoid. activations: one name per hidden layer.
    """
    h = hidden(inputs, weights[:-1], activations)
    w, b = weights[-1]
    z = h @ w.T.astype(h.dtype) + b.astype(h.dtype)
    return 0.5 + 0.5 * np.tanh(0.5 * z)  # the sigmoid, in the form that cannot overflow
