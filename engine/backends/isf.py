"""Shaders of others, as a backend: each is tried in a process beside us before it may be drawn by ours.

`open` is called on the loader thread and waits for the trial, about a second the first time; what came of it is remembered.
The driver's own cache then has the program, so that the render thread compiles it in a fraction of the time.
"""

from __future__ import annotations

from phosphene.engine.backends.base import ReadyShader
from phosphene.engine.backends.isf_trial import proven
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.engine.models.isf import imported_pictures
from phosphene.engine.models.style import Style


class IsfBackend:
    """renderer: GL_RENDERER of the show's context, "" where there is none."""

    name = "isf"
    kinds = frozenset({"isf"})

    def __init__(self, renderer: str) -> None:
        self._renderer = renderer

    def refusal(self, style: Style | None = None) -> str | None:
        """Say that there is nothing to draw with."""
        return None if self._renderer else "no OpenGL context"

    def open(self, style: Style, max_size: Size) -> ReadyShader:
        """Try the shader, unless that has been done. Raises UserError with the reason for one that is refused."""
        isf = style.spec
        verdict = proven(isf, self._renderer)
        if not verdict.ok:
            raise UserError(verdict.reason, where=verdict.where or str(isf.path), remedy=verdict.remedy)
        return ReadyShader(isf, imported_pictures(isf), verdict.opaque)
