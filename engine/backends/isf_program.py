"""Runs an ISF shader: its passes, its buffers, its uniforms. Render thread, or whoever's context is current.

Everything is a function of what `render` is given and of the frames before it: there is no clock in here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.engine.gpu.gl import GL
from phosphene.engine.gpu.shader import active_uniforms, linked
from phosphene.engine.gpu.texture import FORMATS, RenderTarget
from phosphene.engine.models.isf import Isf
from phosphene.engine.models.isf_glsl import fragment_text, samplers, vertex_text

MOST_MEMORY = 1 << 30  # bytes of all buffers of one shader: 16 of 4K in 8 bits
# Of every frame: a render must not depend on the day it is made. Day and month differ, so that what swaps them shows.
_DATE = (1999.0, 12.0, 31.0)


@dataclass(frozen=True, slots=True)
class Moment:
    """When a frame is. time: s since the shader began; delta: s since the frame before, 0 at the first."""

    time: float
    delta: float


class _Buffer:
    """What a pass draws into. A shader may read what it had before, so there are two, which change places."""

    def __init__(self, size: Size, floats: bool, twice: bool) -> None:
        self.format = "rgba32f" if floats else "rgba8"
        self.front = RenderTarget(size, self.format)
        self.back = RenderTarget(size, self.format) if twice else None

    @property
    def bytes(self) -> int:
        each = self.front.size.pixels * FORMATS[self.format][3]
        return 2 * each if self.back is not None else each

    def resize(self, size: Size) -> None:
        """Take another size; the content is scaled."""
        if size == self.front.size:
            return
        scaled = RenderTarget(size, self.format)
        _blit(self.front, scaled)
        self.front.close()
        self.front = scaled
        if self.back is not None:
            self.back.resize(size)

    def copy(self) -> RenderTarget:
        """Return a target with the content."""
        made = RenderTarget(self.front.size, self.format)
        _blit(self.front, made)
        return made

    def recall(self, picture: np.ndarray) -> None:
        """Take the content of another one, and its size."""
        self.front.upload(picture)
        if self.back is not None:
            self.back.resize(self.front.size)

    def clear(self) -> None:
        for each in (self.front, self.back):
            if each is not None:
                each.clear()

    def close(self) -> None:
        for each in (self.front, self.back):
            if each is not None:
                each.close()


class IsfProgram:
    """A compiled ISF shader. pictures: of `isf.imported_pictures`.

    Compile and link errors are UserErrors that name the author's file and line.
    """

    def __init__(self, isf: Isf, pictures: Mapping[str, np.ndarray]) -> None:
        self.isf = isf
        self._names = samplers(isf)
        units = int(GL.glGetIntegerv(GL.GL_MAX_TEXTURE_IMAGE_UNITS))
        if len(self._names) > units:
            what = "more pictures and buffers than this OpenGL takes"
            raise UserError(what, where=str(isf.path), allowed=f"{units}", got=len(self._names))
        vertex_file = [str(isf.vertex_path or "vertex shader")]
        self._program = linked(fragment_text(isf), [str(isf.path)], vertex_text(isf), vertex_file)
        self._vertex_array = int(GL.glGenVertexArrays(1))
        self._uniforms = active_uniforms(self._program)
        self._blank = RenderTarget(Size(1, 1), "rgba8")
        self._imported = {name: RenderTarget(Size(1, 1), "rgba8") for name in pictures}
        for name, picture in pictures.items():
            self._imported[name].upload(picture)
        self._buffers: dict[str, _Buffer] = {}
        self._others: dict[str, _Buffer] = {}  # those that are not in use: see `aside`
        self._aside = False
        self._owed = 0.0  # s that pictures which were not kept have taken
        self.frames = 0

    def render(
        self,
        target: RenderTarget,
        moment: Moment,
        values: Mapping[str, tuple[float, ...]],
        pictures: Mapping[str, RenderTarget],
        keep: bool = True,
    ) -> None:
        """Draw the next frame into `target`, all of it: what the shader means, sRGB and straight alpha.

        keep: False for a picture that the next one is not made of: buffers, and the count of frames, stay as they are.

        values: of inputs by name, else their defaults. pictures: of picture inputs by name, else transparent black.
        Raises UserError where the buffers would take more than MOST_MEMORY.
        """
        full = {each.name: values.get(each.name, each.default) for each in self.isf.values}
        single = {name: value[0] for name, value in full.items() if len(value) == 1}
        sizes = [each.size(target.size, single, str(self.isf.path)) for each in self.isf.passes]
        self._prepare(sizes)
        delta = self._owed + moment.delta
        past = {} if keep else {name: buffer.copy() for name, buffer in self._buffers.items()}
        GL.glUseProgram(self._program)
        for name, value in full.items():
            self._set(name, value)
        self._set("TIME", (moment.time,))
        self._set("TIMEDELTA", (delta if self.frames else 0.0,))
        self._set("FRAMEINDEX", (self.frames,))
        self._set("DATE", (*_DATE, moment.time % 86400.0))
        for unit, name in enumerate(self._names):
            self._set(name, (unit,))
        for number, each in enumerate(self.isf.passes):
            buffer = self._buffers.get(each.target)
            into = target if buffer is None else buffer.back or buffer.front
            self._textures(pictures, into)
            self._set("PASSINDEX", (number,))
            self._set("RENDERSIZE", (into.size.width, into.size.height))
            into.bind()
            GL.glBindVertexArray(self._vertex_array)
            GL.glDrawArrays(GL.GL_TRIANGLE_STRIP, 0, 4)
            if buffer is not None and buffer.back is not None:
                buffer.front, buffer.back = buffer.back, buffer.front
        last = self._buffers.get(self.isf.passes[-1].target)
        if last is not None:
            _blit(last.front, target)
        for name, copy in past.items():
            _blit(copy, self._buffers[name].front)
            copy.close()
        self.frames += keep
        self._owed = 0.0 if keep else delta

    @property
    def kept(self) -> dict[str, RenderTarget]:
        """What the buffers have, by name; valid until the next frame. See `gpu.keeping.Keeping`."""
        return {name: buffer.front for name, buffer in self._buffers.items()}

    def recall(self, pictures: Mapping[str, np.ndarray]) -> None:
        """Go on with what buffers had, [h, w, 4], row 0 at the top. Where one is missing, begin anew."""
        wanted = {each.target for each in self.isf.passes if each.target}
        if not wanted <= set(pictures):
            self.reset()
            return
        for name in wanted:
            height, width = pictures[name].shape[:2]
            if name not in self._buffers:
                self._buffers[name] = self._made(name, Size(width, height))
            self._buffers[name].recall(pictures[name])

    def aside(self, on: bool) -> None:
        """Draw with other buffers while on, which keep what they have as well: what is kept for the show stays as it is."""
        if on != self._aside:
            self._aside = on
            self._buffers, self._others = self._others, self._buffers

    def reset(self) -> None:
        """Begin anew: the next frame is the first."""
        self.frames, self._owed = 0, 0.0
        for buffer in self._buffers.values():
            buffer.clear()

    def close(self) -> None:
        """Free everything; closing again is not an error."""
        if self._program:
            GL.glDeleteProgram(self._program)
            GL.glDeleteVertexArrays(1, [self._vertex_array])
            self._program = 0
            for each in (self._blank, *self._imported.values(), *self._buffers.values(), *self._others.values()):
                each.close()

    def _prepare(self, sizes: list[Size]) -> None:
        """Make the buffers, or bring them to these sizes; of one that two passes draw into the last one's counts."""
        wanted = {each.target: size for each, size in zip(self.isf.passes, sizes, strict=True) if each.target}
        for name, size in wanted.items():
            if name in self._buffers:
                self._buffers[name].resize(size)
                continue
            self._buffers[name] = self._made(name, size)

    def _made(self, name: str, size: Size) -> _Buffer:
        own = [each for each in self.isf.passes if each.target == name]
        floats = any(each.floats for each in own)
        # Also what is not kept may be read while it is drawn into: then it has what the pass before left there.
        twice = len(own) > 1 or any(each.persistent for each in own)
        needed = size.pixels * FORMATS["rgba32f" if floats else "rgba8"][3] * (2 if twice else 1)
        if needed + sum(each.bytes for each in self._buffers.values()) > MOST_MEMORY:
            allowed = f"{MOST_MEMORY >> 20} MB"
            raise UserError("the shader's buffers take too much memory", where=str(self.isf.path), allowed=allowed)
        return _Buffer(size, floats, twice)

    def _textures(self, pictures: Mapping[str, RenderTarget], into: RenderTarget) -> None:
        for unit, name in enumerate(self._names):
            if name in self._buffers:
                shown = self._buffers[name].front
                shown = self._blank if shown is into else shown
            else:
                shown = self._imported.get(name) or pictures.get(name) or self._blank
            GL.glActiveTexture(GL.GL_TEXTURE0 + unit)
            GL.glBindTexture(GL.GL_TEXTURE_2D, shown.texture)

    def _set(self, name: str, value: tuple[float, ...]) -> None:
        found = self._uniforms.get(name)
        if found is not None:  # the compiler takes out what has no effect
            location, width, dtype, setter = found
            setter(location, len(value) // width, np.asarray(value, dtype))


def _blit(source: RenderTarget, target: RenderTarget) -> None:
    GL.glBindFramebuffer(GL.GL_READ_FRAMEBUFFER, source.framebuffer)
    GL.glBindFramebuffer(GL.GL_DRAW_FRAMEBUFFER, target.framebuffer)
    a, b = source.size, target.size
    GL.glBlitFramebuffer(0, 0, a.width, a.height, 0, 0, b.width, b.height, GL.GL_COLOR_BUFFER_BIT, GL.GL_LINEAR)
    GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, target.framebuffer)
