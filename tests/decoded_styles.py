"""Small untrained decoded styles in memory, made on the spot: what tests of decoders and plans work with."""

from __future__ import annotations

import numpy as np

from phosphene.engine.models.gan import GanNetwork
from phosphene.engine.models.style import Style, StyleMeta
from phosphene.engine.models.vqvae import VqvaeNetwork


def small_gan(contrast: float = 1.0) -> Style:
    """A GAN that paints with colour: 9 x 16 cells, three levels, 64x36. Half is too coarse for it, but fine at 0.01."""
    net = GanNetwork(grid=(9, 16), widths=(12, 8, 8), style=8, mapped=8)
    meta = StyleMeta(version=1, name="Tiny", kind="gan", seed=4, licence="CC0-1.0", network=net)
    weights = _weights(net)
    return Style("tiny", "Tiny", "gan", net, weights | {"out.weight": weights["out.weight"] * np.float32(contrast)}, meta)


def small_vqvae() -> Style:
    """A VQ-VAE: 9 x 16 codes, two levels, 64x36. Half is fine enough for it."""
    net = VqvaeNetwork(rows=9, columns=16, widths=(16, 12), codes=16, dim=8, loops=2, frames=4)
    meta = StyleMeta(version=1, name="Loops", kind="vqvae", seed=6, licence="CC0-1.0", network=net)
    return Style("loops", "Loops", "vqvae", net, _weights(net), meta)


def _weights(net: GanNetwork | VqvaeNetwork) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(5)
    weights = {}
    for name, shape in net.tensors.items():
        fan = max(1, int(np.prod(shape[1:])))
        weights[name] = (rng.standard_normal(shape) * 1.6 / np.sqrt(fan)).astype(np.float32)
        if len(shape) == 1:
            weights[name] *= 0.1
    return weights
