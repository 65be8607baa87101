"""Full-screen passes: a fragment shader, its uniforms, one triangle. And points: a vertex shader that places each of many.

Used on the thread whose context is current. A Pass belongs to the context it was made in (vertex arrays are not shared
between contexts). Shader text lies in `kernels/`, is named by its path there, and may `#include "common/colour.glsl"`.
Every fragment shader starts with `#version 330 core`, reads `in vec2 uv` (0..1 from the bottom left), writes one `out vec4`;
one for points reads what its vertex shader writes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from phosphene import kernels
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.engine.gpu.gl import GL
from phosphene.engine.gpu.texture import RenderTarget

_KERNELS = Path(kernels.__file__).parent
_INCLUDE = re.compile(r'^\s*#include\s+"([^"]+)"\s*$')
# Mesa "0:12(5): error", NVIDIA "0(12) : error", AMD and Apple "ERROR: 0:12:".
_PLACE = re.compile(r"(?:ERROR:\s*)?(\d+)(?::(\d+)(?:\(\d+\))?|\((\d+)\))\s*:\s*(.*)")

# One triangle that covers the picture: no diagonal seam, and no vertex buffer.
_VERTEX = """#version 330 core
out vec2 uv;
void main() {
    uv = vec2(float((gl_VertexID << 1) & 2), float(gl_VertexID & 2));
    gl_Position = vec4(uv * 2.0 - 1.0, 0.0, 1.0);
}
"""

_FLOAT_SETTERS: dict[int, tuple[int, Callable]] = {
    GL.GL_FLOAT: (1, GL.glUniform1fv),
    GL.GL_FLOAT_VEC2: (2, GL.glUniform2fv),
    GL.GL_FLOAT_VEC3: (3, GL.glUniform3fv),
    GL.GL_FLOAT_VEC4: (4, GL.glUniform4fv),
}
_INT_SETTERS: dict[int, tuple[int, Callable]] = {
    GL.GL_INT: (1, GL.glUniform1iv),
    GL.GL_BOOL: (1, GL.glUniform1iv),
    GL.GL_SAMPLER_2D: (1, GL.glUniform1iv),
    GL.GL_INT_VEC2: (2, GL.glUniform2iv),
}


def load_source(name: str) -> tuple[str, list[str]]:
    """Return the text of `kernels/<name>` with its includes put in, and the file names that `#line` numbers stand for."""
    files: list[str] = []
    return _expand(name, _read(name), files), files


def _read(name: str) -> str:
    path = _KERNELS / name
    if not path.is_file():
        raise UserError("no such shader", where=f"kernels/{name}")
    return path.read_text(encoding="utf-8")


def _expand(name: str, text: str, files: list[str]) -> str:
    number = len(files)
    files.append(name)
    lines: list[str] = []
    for n, line in enumerate(text.splitlines(), 1):
        if match := _INCLUDE.match(line):
            included = match[1]
            # Once is enough, as with `#pragma once`: a second include of the same file would define its functions twice.
            if included not in files:
                lines += [f"#line 1 {len(files)}", _expand(included, _read(included), files), f"#line {n + 1} {number}"]
        else:
            lines.append(line)
    return "\n".join(lines) + "\n"


class Pass:
    """A compiled fragment shader that draws over a whole target.

    `source`: the name of a file in `kernels/`, or the text itself (anything with a line break). Compile and link errors
    are UserErrors that name file and line.
    """

    def __init__(self, source: str) -> None:
        if "\n" in source:
            self.name, files = "shader text", []
            text = _expand(self.name, source, files)
        else:
            self.name = source
            text, files = load_source(source)
        self._begin(text, linked(text, files))

    def _begin(self, text: str, program: int) -> None:
        self._text = text
        self._program = program
        self._vertex_array = int(GL.glGenVertexArrays(1))
        self._uniforms = active_uniforms(self._program)
        self._last: dict[str, object] = {}
        self._units: dict[str, int] = {}

    def draw(
        self,
        target: RenderTarget | None,
        size: Size | None = None,
        textures: Mapping[str, RenderTarget | int] | None = None,
        *,
        region: tuple[int, int, int, int] | None = None,
        blend: bool = False,
        **uniforms: float | int | tuple | np.ndarray,
    ) -> None:
        """Run the shader for every pixel of `target`, or of the window's framebuffer of `size` when it is None.

        textures: {sampler name: RenderTarget or texture id}, none of them the target. region: x, y, width, height in
        pixels from the bottom left, default all. blend: premultiplied "over" instead of replacing. uniforms: numbers,
        tuples, or float32/int32 arrays for GLSL arrays; one that the compiler removed is ignored, one that the text does
        not know is a ValueError.
        """
        self._use(textures or {}, uniforms)
        if target is None:
            if size is None:
                raise ValueError("drawing to the window needs its size")
            GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, 0)
        else:
            size = target.size
            GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, target.framebuffer)
        GL.glViewport(*(region or (0, 0, size.width, size.height)))
        GL.glBindVertexArray(self._vertex_array)
        if blend:
            GL.glEnable(GL.GL_BLEND)
            GL.glBlendFunc(GL.GL_ONE, GL.GL_ONE_MINUS_SRC_ALPHA)
        GL.glDrawArrays(GL.GL_TRIANGLES, 0, 3)
        if blend:
            GL.glDisable(GL.GL_BLEND)

    def close(self) -> None:
        """Free the program; closing again is not an error."""
        if self._program:
            GL.glDeleteProgram(self._program)
            GL.glDeleteVertexArrays(1, [self._vertex_array])
            self._program = 0

    def _use(
        self, textures: Mapping[str, RenderTarget | int], uniforms: Mapping[str, float | int | tuple | np.ndarray]
    ) -> None:
        """Make the program the one that draws next, with these textures and uniforms."""
        GL.glUseProgram(self._program)
        for sampler, texture in textures.items():
            unit = self._units.setdefault(sampler, len(self._units))
            GL.glActiveTexture(GL.GL_TEXTURE0 + unit)
            GL.glBindTexture(GL.GL_TEXTURE_2D, texture if isinstance(texture, int) else texture.texture)
            self._set(sampler, unit)
        for name, value in uniforms.items():
            self._set(name, value)

    def _set(self, name: str, value: float | int | tuple | np.ndarray) -> None:
        # A program keeps its uniforms: setting only what changed saves about 2 us a uniform, half of a pass's Python cost.
        if not isinstance(value, np.ndarray):
            if self._last.get(name) == value:
                return
            self._last[name] = value
        if name not in self._uniforms:
            if not re.search(rf"\b{re.escape(name)}\b", self._text):
                raise ValueError(f"{self.name} has no uniform {name!r}")
            return
        location, width, dtype, setter = self._uniforms[name]
        flat = np.ascontiguousarray(value, dtype).reshape(-1)
        setter(location, flat.size // width, flat)


class Points(Pass):
    """A vertex shader that places points by their number, `gl_VertexID`, and a fragment shader that draws each one.

    Both are files in `kernels/`. What points draw is added to what is there.
    """

    def __init__(self, vertex: str, fragment: str) -> None:
        self.name = vertex
        (above, above_files), (below, below_files) = load_source(vertex), load_source(fragment)
        self._begin(above + below, linked(below, below_files, above, above_files))

    def add(
        self,
        target: RenderTarget,
        count: int,
        textures: Mapping[str, RenderTarget | int],
        **uniforms: float | int | tuple | np.ndarray,
    ) -> None:
        """Draw points 0 to `count` - 1 onto `target`. textures, uniforms: as of `Pass.draw`, of both shaders."""
        self._use(textures, uniforms)
        target.bind()
        GL.glBindVertexArray(self._vertex_array)
        GL.glEnable(GL.GL_PROGRAM_POINT_SIZE)
        GL.glEnable(GL.GL_BLEND)
        GL.glBlendFunc(GL.GL_ONE, GL.GL_ONE)
        GL.glDrawArrays(GL.GL_POINTS, 0, count)
        GL.glDisable(GL.GL_BLEND)
        GL.glDisable(GL.GL_PROGRAM_POINT_SIZE)


class Passes:
    """The shaders of one context, each compiled once and shared by all who draw with it."""

    def __init__(self) -> None:
        self._compiled: dict[str, Pass] = {}
        self._points: dict[tuple[str, str], Points] = {}

    def __getitem__(self, name: str) -> Pass:
        """Return the pass of `kernels/<name>`, compiling it on first use. Raises UserError."""
        if name not in self._compiled:
            self._compiled[name] = Pass(name)
        return self._compiled[name]

    def points(self, vertex: str, fragment: str) -> Points:
        """Return the points of `kernels/<vertex>` and `kernels/<fragment>`, compiled on first use. Raises UserError."""
        names = vertex, fragment
        if names not in self._points:
            self._points[names] = Points(vertex, fragment)
        return self._points[names]

    def close(self) -> None:
        """Free all programs."""
        for each in (*self._compiled.values(), *self._points.values()):
            each.close()
        self._compiled.clear()
        self._points.clear()


def linked(text: str, files: list[str], vertex: str = _VERTEX, vertex_files: list[str] | None = None) -> int:
    """Return a program of a fragment and a vertex shader (default: the one triangle). files: what `#line` numbers stand for.

    Raises UserError naming file and line. The program is the caller's.
    """
    program = GL.glCreateProgram()
    shaders: list[int] = []
    try:
        shaders.append(_compile(GL.GL_VERTEX_SHADER, vertex, vertex_files or ["vertex"]))
        shaders.append(_compile(GL.GL_FRAGMENT_SHADER, text, files))
    except UserError:
        for shader in shaders:
            GL.glDeleteShader(shader)
        GL.glDeleteProgram(program)
        raise
    for shader in shaders:
        GL.glAttachShader(program, shader)
    GL.glLinkProgram(program)
    for shader in shaders:
        GL.glDetachShader(program, shader)
        GL.glDeleteShader(shader)
    if not GL.glGetProgramiv(program, GL.GL_LINK_STATUS):
        log = _text(GL.glGetProgramInfoLog(program))
        GL.glDeleteProgram(program)
        raise UserError(f"shader does not link: {log.strip()}", where=files[0])
    return int(program)


def _compile(kind: int, text: str, files: list[str]) -> int:
    shader = GL.glCreateShader(kind)
    GL.glShaderSource(shader, text)
    GL.glCompileShader(shader)
    if GL.glGetShaderiv(shader, GL.GL_COMPILE_STATUS):
        return int(shader)
    log = _text(GL.glGetShaderInfoLog(shader)).strip()
    GL.glDeleteShader(shader)
    first = next((m for line in log.splitlines() if (m := _PLACE.search(line))), None)
    if first is None:
        raise UserError(f"shader does not compile: {log}", where=files[0])
    number, line = int(first[1]), first[2] or first[3]
    place = f"{files[number] if number < len(files) else files[0]}:{line}"
    raise UserError(f"shader does not compile: {first[4]}", where=place)


def active_uniforms(program: int) -> dict[str, tuple[int, int, type, Callable]]:
    """Return what `program` uses: name -> location, numbers of a value, their type, and what sets them."""
    found: dict[str, tuple[int, int, type, Callable]] = {}
    for i in range(GL.glGetProgramiv(program, GL.GL_ACTIVE_UNIFORMS)):
        raw, _, kind = GL.glGetActiveUniform(program, i)
        name = _text(raw).removesuffix("[0]")
        location = GL.glGetUniformLocation(program, name)
        if kind in _FLOAT_SETTERS:
            found[name] = (location, _FLOAT_SETTERS[kind][0], np.float32, _FLOAT_SETTERS[kind][1])
        elif kind in _INT_SETTERS:
            found[name] = (location, _INT_SETTERS[kind][0], np.int32, _INT_SETTERS[kind][1])
    return found


def _text(raw: object) -> str:
    if isinstance(raw, np.ndarray):
        raw = raw.tobytes()
    return raw.decode("utf-8", "replace").rstrip("\0") if isinstance(raw, bytes) else str(raw)
