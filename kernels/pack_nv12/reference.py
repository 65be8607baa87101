"""The plain way from RGB to NV12, BT.709 limited range, in float64: what the kernel must agree with. Tests, any thread."""

from __future__ import annotations

import numpy as np

# Of red, green and blue in Y' (ITU-R BT.709-6, 3.2), and what brings the colour differences to -0.5..0.5.
WEIGHTS = np.array([0.2126, 0.7152, 0.0722])
CB_RANGE, CR_RANGE = 1.8556, 1.5748


def pack(rgba: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (luma uint8 [h, w], chroma uint8 [h/2, w/2, 2]) of uint8 [h, w, 3 or 4] with even sides, row 0 at the top."""
    height, width = rgba.shape[:2]
    if height % 2 or width % 2:
        raise ValueError(f"sides must be even, got {width}x{height}")
    rgb = rgba[..., :3] / 255.0
    luma = 16.0 + 219.0 * (rgb @ WEIGHTS)
    mean = rgb.reshape(height // 2, 2, width // 2, 2, 3).mean(axis=(1, 3))
    y = mean @ WEIGHTS
    chroma = np.stack([(mean[..., 2] - y) / CB_RANGE, (mean[..., 0] - y) / CR_RANGE], -1)
    return _bytes(luma), _bytes(128.0 + 224.0 * chroma)


def _bytes(levels: np.ndarray) -> np.ndarray:
    return np.floor(levels + 0.5).astype(np.uint8)
