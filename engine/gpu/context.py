"""An OpenGL 3.3 core context that nothing is seen of.

Called by headless output, offline renders and tests. A context is current on one thread at a time; everything of
`engine.gpu` works in whichever context is current on the calling thread. Never picks a monitor.
"""

from __future__ import annotations

import os
import sys

from phosphene.engine.core.errors import UserError
from phosphene.engine.gpu.egl import EglContext
from phosphene.engine.gpu.gl import GL
from phosphene.engine.gpu.hidden_window import HiddenWindow

_KINDS = {"egl": EglContext, "window": HiddenWindow}


def info() -> dict[str, str]:
    """Return {"renderer", "version", "vendor", "glsl"} of the context that is current on this thread."""
    names = {"renderer": GL.GL_RENDERER, "version": GL.GL_VERSION, "vendor": GL.GL_VENDOR}
    names["glsl"] = GL.GL_SHADING_LANGUAGE_VERSION
    return {key: (GL.glGetString(name) or b"").decode("utf-8", "replace") for key, name in names.items()}


class HeadlessContext:
    """Makes a context and makes it current on this thread. Raises UserError with a remedy where there is none.

    On Linux it is one of EGL, which needs no display server; elsewhere that of a hidden window. $PHOSPHENE_HEADLESS, `egl`
    or `window`, chooses: for a driver whose EGL is broken.
    """

    def __init__(self) -> None:
        kind = os.environ.get("PHOSPHENE_HEADLESS") or ("egl" if sys.platform.startswith("linux") else "window")
        if kind not in _KINDS:
            raise UserError("no such context", where="PHOSPHENE_HEADLESS", allowed=", ".join(_KINDS), got=kind)
        self._made = _KINDS[kind]()

    def make_current(self) -> None:
        """Make this context current on the calling thread. Raises UserError when another thread holds it."""
        self._made.make_current()

    def release(self) -> None:
        """Leave the calling thread without a current context, so that another thread may take this one."""
        self._made.release()

    def close(self) -> None:
        """Destroy the context."""
        self._made.close()
