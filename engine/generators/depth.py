"""How a performer moves the camera of a projection, and what the passes over a picture are told of it: all kinds of style.

Called by generators on the render thread. The arithmetic is in `kernels/cppn/projection.py` and its twins in GLSL and CUDA.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from phosphene.engine.core.params import Param
from phosphene.engine.models.colour import from_hex, srgb_to_linear
from phosphene.engine.models.encoding import Motion, Projection, View, projection_vector
from phosphene.engine.models.style import Style

DEPTH_PARAMS = (
    Param("depth", "Depth", 0.0, 1.0, 0.0, "stands the picture into space: 0 is flat, 1 all of the projection"),
    Param("projection", "Projection", 0.0, 3.0, 0.0, "0 tunnel, 1 floor and ceiling, 2 ball, 3 spiral; in between both"),
    Param("travel", "Travel", -1.0, 1.0, 0.0, "moves the camera on; a whole turn ends where it began", "turns"),
    Param("fly", "Fly", -0.5, 0.5, 0.04, "speed of the camera; louder music is faster, less than 0 flies back", "turns/s"),
    Param("fog", "Fog", 0.0, 1.0, 0.5, "darkens what is far away, and what is behind the ball"),
    Param("glow", "Glow", 0.0, 1.0, 0.25, "light of the style's colours at the far end, and around the ball"),
)
_GLOW = 1.3  # of the style's light colour at full glow: just above white where that is bright, so that bloom takes it up


def view_of(params: Mapping[str, float], motion: Motion) -> View:
    """Return where the viewer looks. params: every parameter of the kind."""
    projection = Projection(params["projection"], params["depth"], params["travel"] + motion.travel)
    return View(params["zoom"], params["rotate"], params["pan_x"], params["pan_y"], projection)


def light_colour(style: Style) -> np.ndarray:
    """Return the colour of a style's light, linear 0..1 [3]: that of its palette."""
    return light_of(style.palette)


def light_of(colours: Sequence[str]) -> np.ndarray:
    """Return the light of colours (`#rrggbb`), linear 0..1 [3]: bright and saturated ones count most; of none it is grey.

    The mean would be grey: most palettes are of two complementary colours and their darks.
    """
    palette = srgb_to_linear(np.array([from_hex(colour) for colour in colours] or [[0.7, 0.7, 0.7]]))
    most = palette.max(axis=1)
    saturation = (most - palette.min(axis=1)) / np.maximum(most, 1e-6)
    weights = most * saturation**2 + 1e-3
    return weights @ palette / weights.sum()


def depth_uniforms(
    view: View, params: Mapping[str, float], colour: np.ndarray, short_side: int, texel: float = 0.0
) -> dict[str, float | tuple[float, ...]]:
    """Return the uniforms of `cppn/lit.glsl`. short_side: of the target, pixels. texel: as in `projection.lit`."""
    projection = projection_vector(view.projection)
    return {
        "weights_of_kinds": projection[:4],
        "plain_and_shift": projection[4:],
        "fog": params["fog"],
        "far_light": tuple(float(c) for c in _GLOW * params["glow"] * colour),
        "pixel": 2.0 * np.pi / short_side / view.zoom,
        "texel": texel,
    }
