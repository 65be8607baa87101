"""CPPNs up to 32 wide in a fragment shader: any GPU that draws OpenGL 3.3, no CUDA.

The weights travel in a texture and the loop bounds in uniforms, so all styles share one shader and a new style costs an
upload of 60 KB, not a compilation. Refused on software renderers, where BLAS is 20 to 45 times as fast. GL is touched by
`run` and `close` only, on the render thread.
"""

from __future__ import annotations

import numpy as np

from phosphene.engine.backends.base import Program
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.engine.gpu.shader import Pass
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.models.cppn import ACTIVATIONS
from phosphene.engine.models.encoding import PLAIN_SPATIAL, View, extent, fold_bias, projection_vector, view_matrix
from phosphene.engine.models.style import Style

MAX_WIDTH = 32  # two arrays of 8 vec4 stay in registers
MAX_SPATIAL = 8
_SOFTWARE = ("llvmpipe", "softpipe", "swiftshader", "swrast", "gdi generic")
_TEXELS = MAX_WIDTH // 4 + 1  # a row of weights and its bias


def spatial_code(name: str) -> int:
    """Return the number by which the shader knows a spatial input."""
    if name in PLAIN_SPATIAL:
        return PLAIN_SPATIAL.index(name)
    return 2 * int(name[4]) + 4 + (name[-1] == "y")


def weight_texture(style: Style) -> np.ndarray:
    """Return the texels of `cppn.frag`: float32 [(layers + 1) * 32, 9, 4], row 0 first."""
    spec = style.spec
    texels = np.zeros(((spec.layers + 1) * MAX_WIDTH, _TEXELS, 4), np.float32)
    for layer, (w, b) in enumerate(style.weights):
        if layer == 0:
            w = w[:, spec.columns(spec.spatial)]
        rows = slice(layer * MAX_WIDTH, layer * MAX_WIDTH + len(w))
        flat = np.zeros((len(w), MAX_WIDTH), np.float32)
        flat[:, : w.shape[1]] = w
        texels[rows, :-1] = flat.reshape(len(w), -1, 4)
        texels[rows, -1, 0] = b
    return texels


class GlslProgram(Program):
    """One style in a texture; the shader belongs to the backend."""

    name = "glsl"

    def __init__(self, style: Style, backend: GlslBackend) -> None:
        spec = style.spec
        self.spec = spec
        self._backend = backend
        self._texels = weight_texture(style)
        self._texture: RenderTarget | None = None
        self._columns = spec.columns(spec.uniform)
        self._w0, self._b0 = style.weights[0]
        self._shape = {
            "spatial": np.array([spatial_code(n) for n in spec.spatial] + [0] * (MAX_SPATIAL - len(spec.spatial)), np.int32),
            "spatials": len(spec.spatial),
            "groups": -(-spec.width // 4),
            "layers": spec.layers,
            "activations": np.array(
                [ACTIVATIONS.index(a) for a in spec.layer_activations] + [0] * (12 - spec.layers), np.int32
            ),
        }

    def run(self, uniforms: np.ndarray, size: Size, view: View, target: RenderTarget) -> None:
        """Draw the network into `target`."""
        if self._texture is None:
            self._texture = RenderTarget(Size(_TEXELS, len(self._texels)), "rgba32f")
            self._texture.upload(self._texels[::-1])  # upload puts row 0 at the top, texelFetch counts from the bottom
        target.resize(size)
        bias = np.zeros(MAX_WIDTH, np.float32)
        bias[: self.spec.width] = fold_bias(self._w0, self._b0, self._columns, uniforms, self.spec.periodic)
        projection = projection_vector(view.projection)
        self._backend.shader().draw(
            target,
            textures={"weights": self._texture},
            extent=extent(size),
            view=view_matrix(view),
            weights_of_kinds=projection[:4],
            plain_and_shift=projection[4:],
            bias0=bias,
            **self._shape,
        )

    def close(self) -> None:
        """Free the weights' texture."""
        if self._texture is not None:
            self._texture.close()
            self._texture = None


class GlslBackend:
    """renderer: GL_RENDERER of the show's context, "" where there is none. force: take software renderers too (tests)."""

    name = "glsl"
    kinds = frozenset({"cppn"})

    def __init__(self, renderer: str, force: bool = False) -> None:
        self._renderer = renderer
        self._force = force
        self._shader: Pass | None = None

    def refusal(self, style: Style | None = None) -> str | None:
        """Refuse software renderers, networks wider than 32, and more than 8 spatial inputs."""
        if not self._renderer:
            return "no OpenGL context"
        if not self._force and any(name in self._renderer.lower() for name in _SOFTWARE):
            return f"software renderer ({self._renderer})"
        if style is not None and style.spec.width > MAX_WIDTH:
            return f"width {style.spec.width} is above {MAX_WIDTH}"
        if style is not None and len(style.spec.spatial) > MAX_SPATIAL:
            return f"{len(style.spec.spatial)} spatial inputs are more than {MAX_SPATIAL}"
        return None

    def open(self, style: Style, max_size: Size) -> GlslProgram:
        """Pack the weights. Raises UserError for a style that the backend refuses."""
        if reason := self.refusal(style):
            raise UserError("the glsl backend refuses the style", where=style.slug, got=reason)
        return GlslProgram(style, self)

    def shader(self) -> Pass:
        """Return the one shader, compiled on first use; render thread only."""
        if self._shader is None:
            self._shader = Pass("cppn/cppn.frag")
        return self._shader

    def close(self) -> None:
        """Free the shader."""
        if self._shader is not None:
            self._shader.close()
            self._shader = None
