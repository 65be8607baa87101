"""Colours of styles: hex, the logits that a sigmoid output needs, and the palette of a picture in OKLab.

Called by the loader, growth and tools, never per frame.
"""

from __future__ import annotations

import numpy as np

TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def from_hex(text: str) -> np.ndarray:
    """Return sRGB 0..1 float64 [3] of `#rrggbb`."""
    return np.array([int(text[i : i + 2], 16) for i in (1, 3, 5)], np.float64) / 255.0


def to_hex(rgb: np.ndarray) -> str:
    """Return `#rrggbb` of sRGB 0..1 [3]."""
    r, g, b = (int(v) for v in np.clip(np.round(np.asarray(rgb) * 255.0), 0, 255))
    return f"#{r:02x}{g:02x}{b:02x}"


def logit(rgb: np.ndarray) -> np.ndarray:
    """Return what a sigmoid must be given to answer `rgb`; 0 and 1 are taken as 1/510 from the end."""
    p = np.clip(rgb, 1 / 510, 1 - 1 / 510)
    return np.log(p / (1.0 - p))


def srgb_to_linear(rgb: np.ndarray) -> np.ndarray:
    """Return linear light 0..1 of sRGB 0..1."""
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def linear_to_srgb(rgb: np.ndarray) -> np.ndarray:
    """Return sRGB 0..1 of linear light 0..1."""
    return np.where(rgb <= 0.0031308, rgb * 12.92, 1.055 * np.maximum(rgb, 0.0031308) ** (1 / 2.4) - 0.055)


def oklab(rgb: np.ndarray) -> np.ndarray:
    """Return OKLab [..., 3] of sRGB 0..1 [..., 3]: distances there are distances seen."""
    return np.cbrt(srgb_to_linear(np.asarray(rgb, np.float64)) @ TO_LMS.T) @ TO_LAB.T


def oklab_to_srgb(lab: np.ndarray) -> np.ndarray:
    """Return sRGB 0..1 [..., 3] of OKLab, clipped to the gamut."""
    lms = (lab @ np.linalg.inv(TO_LAB).T) ** 3
    return linear_to_srgb(np.clip(lms @ np.linalg.inv(TO_LMS).T, 0.0, 1.0))


def palette(picture: np.ndarray, colours: int = 5) -> tuple[str, ...]:
    """Return the `colours` k-means centres of an sRGB 0..1 picture [h, w, 3] in OKLab, most frequent first, as hex."""
    pixels = oklab(picture.reshape(-1, 3)[:: max(1, picture.size // 3 // 6000)])
    # Farthest-point start: deterministic, and it finds the small bright areas that k-means++ misses in half its draws.
    centres = [pixels[np.argmin(pixels[:, 0])]]
    while len(centres) < colours:
        distance = np.min([((pixels - c) ** 2).sum(1) for c in centres], axis=0)
        centres.append(pixels[np.argmax(distance)])
    found = np.array(centres)
    for _ in range(20):
        nearest = ((pixels[:, None] - found[None]) ** 2).sum(2).argmin(1)
        found = np.array([pixels[nearest == k].mean(0) if (nearest == k).any() else found[k] for k in range(colours)])
    order = np.argsort(-np.bincount(nearest, minlength=colours), kind="stable")
    return tuple(to_hex(oklab_to_srgb(found[k])) for k in order)
