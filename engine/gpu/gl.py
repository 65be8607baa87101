"""The one import of OpenGL: everyone writes `from phosphene.engine.gpu.gl import GL`, nobody imports `OpenGL` otherwise.

PyOpenGL reads its switches once, when any module of it is first imported, so they are set here. Importing this module
touches no display and makes no context. PHOSPHENE_GL_DEBUG=1 checks every call for a GL error (calls cost about 3x).
"""

from __future__ import annotations

import logging
import os
import sys

DEBUG = os.environ.get("PHOSPHENE_GL_DEBUG", "") not in ("", "0")

if sys.platform.startswith("linux"):
    # Windows use GLFW's EGL context API, so one platform serves window and headless alike: PyOpenGL cannot switch later.
    os.environ.setdefault("PYOPENGL_PLATFORM", "egl")

# Its accelerator is an extra that saves nothing here, and its absence nobody's business.
logging.getLogger("OpenGL.acceleratesupport").setLevel(logging.WARNING)

import OpenGL  # noqa: E402

OpenGL.ERROR_CHECKING = DEBUG
OpenGL.ERROR_LOGGING = False

from OpenGL import GL  # noqa: E402

__all__ = ["DEBUG", "GL"]
