"""Palettes of the grade effect: dark to light, as data. Imported by the effect that uploads them and by its reference."""

from __future__ import annotations

import numpy as np

ENTRIES = 128

# Five to six stops of sRGB from black to the lightest, evenly spaced over lightness. The dark end stays near black so that
# blacks of the picture stay black on a projector; the light end is never pure white, so that a palette keeps its colour.
PALETTES: dict[str, tuple[str, ...]] = {
    "ember": ("#050203", "#3b0a16", "#93201c", "#e0602a", "#fbb45c", "#fff0cf"),
    "glacier": ("#02050a", "#0a2740", "#1b5e86", "#4fa6c2", "#a5dde0", "#f2fbf6"),
    "aurora": ("#02040b", "#10224a", "#16615f", "#2fae77", "#a4e08a", "#f6fbd7"),
    "orchid": ("#050208", "#2c0f45", "#74237d", "#c8479a", "#f494b5", "#ffe6e6"),
    "dusk": ("#04030c", "#26184f", "#6d2f78", "#cf5a6c", "#f6a66c", "#fdeec2"),
    "moss": ("#030503", "#17281b", "#3f5a2c", "#829446", "#cfc87e", "#f8f3da"),
    "neon": ("#030208", "#2a0a5e", "#8a12b8", "#f0268f", "#ff9a3d", "#fdfca0"),
    "abyss": ("#010308", "#06213b", "#0a4f63", "#12908b", "#6fd6b0", "#effde0"),
    "gold": ("#040302", "#2b1b0c", "#6e4519", "#b98431", "#ecc875", "#fff7de"),
    "silver": ("#020203", "#1c1d22", "#4b4e57", "#8b9099", "#c9cdd2", "#fafaf7"),
}


def _to_linear(srgb: np.ndarray) -> np.ndarray:
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def table() -> np.ndarray:
    """Return every palette as float32 [palettes, ENTRIES, 4]: linear light, opaque, index 0 = dark."""
    rows = []
    for stops in PALETTES.values():
        colours = np.array([[int(stop[i : i + 2], 16) / 255 for i in (1, 3, 5)] for stop in stops])
        at = np.linspace(0.0, len(stops) - 1.0, ENTRIES)
        # Interpolated in sRGB, where equal steps look about equal; in linear light the middle of a step turns pale.
        rows.append(np.stack([np.interp(at, np.arange(len(stops)), colours[:, c]) for c in range(3)], axis=-1))
    linear = _to_linear(np.stack(rows))
    return np.concatenate([linear, np.ones_like(linear[..., :1])], axis=-1).astype(np.float32)
