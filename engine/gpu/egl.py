"""An OpenGL 3.3 core context without a window or a display server: Linux.

Made by `context.HeadlessContext`. EGL is called by ctypes: PyOpenGL's own EGL module fails to import when its error checking
is off (3.1.10), and a frame loop wants it off.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from ctypes import byref, c_char_p, c_int32, c_uint32, c_void_p

from phosphene.engine.core.errors import UserError

# The names and numbers of the EGL registry, where the functions below are documented.
_NONE, _OPENGL_BIT, _WIDTH, _HEIGHT = 0x3038, 0x0008, 0x3057, 0x3056
_RENDERABLE_TYPE, _SURFACE_TYPE, _PBUFFER_BIT, _OPENGL_API, _EXTENSIONS = 0x3040, 0x3033, 0x0001, 0x30A2, 0x3055
_PLATFORM_DEVICE, _PLATFORM_SURFACELESS = 0x313F, 0x31DD
_CONTEXT_MAJOR, _CONTEXT_MINOR, _CONTEXT_PROFILE, _CORE = 0x3098, 0x30FB, 0x30FD, 0x1
_MAX_DEVICES = 16
_REMEDY = "install libegl1 and libgl1-mesa-dri (Debian, Ubuntu) or use --output window"

_SIGNATURES = {
    "eglGetProcAddress": (c_void_p, [c_char_p]),
    "eglQueryString": (c_char_p, [c_void_p, c_int32]),
    "eglGetDisplay": (c_void_p, [c_void_p]),
    "eglInitialize": (c_uint32, [c_void_p, c_void_p, c_void_p]),
    "eglBindAPI": (c_uint32, [c_uint32]),
    "eglChooseConfig": (c_uint32, [c_void_p, c_void_p, c_void_p, c_int32, c_void_p]),
    "eglCreateContext": (c_void_p, [c_void_p, c_void_p, c_void_p, c_void_p]),
    "eglCreatePbufferSurface": (c_void_p, [c_void_p, c_void_p, c_void_p]),
    "eglMakeCurrent": (c_uint32, [c_void_p, c_void_p, c_void_p, c_void_p]),
    "eglDestroyContext": (c_uint32, [c_void_p, c_void_p]),
    "eglDestroySurface": (c_uint32, [c_void_p, c_void_p]),
}


class EglContext:
    """Makes a context and makes it current on this thread. Raises UserError with a remedy where there is no EGL.

    A hardware device is preferred to Mesa's software renderer.
    """

    def __init__(self) -> None:
        self._egl = _load()
        self._surface: int | None = None
        self._context: int | None = None
        refusals: list[str] = []
        for display in _displays(self._egl):
            self._display = display
            refusal = self._open()
            if not refusal:
                return
            refusals.append(refusal)
        raise UserError("no EGL display gives an OpenGL 3.3 context", got="; ".join(refusals), remedy=_REMEDY)

    def _open(self) -> str:
        """Try the display; return why it is refused, or nothing."""
        egl, display = self._egl, self._display
        if not display or not egl.eglInitialize(display, None, None):
            return "a display does not initialise"
        if not egl.eglBindAPI(_OPENGL_API):
            return "a display has no desktop OpenGL"
        config, found = c_void_p(), c_int32()
        wanted = _ints(_RENDERABLE_TYPE, _OPENGL_BIT, _SURFACE_TYPE, _PBUFFER_BIT, _NONE)
        if not egl.eglChooseConfig(display, wanted, byref(config), 1, byref(found)) or found.value == 0:
            return "a display has no OpenGL configuration"
        version = _ints(_CONTEXT_MAJOR, 3, _CONTEXT_MINOR, 3, _CONTEXT_PROFILE, _CORE, _NONE)
        self._context = egl.eglCreateContext(display, config, None, version)
        if not self._context:
            return "a display gives no OpenGL 3.3 core context"
        if b"EGL_KHR_surfaceless_context" not in (egl.eglQueryString(display, _EXTENSIONS) or b"").split():
            self._surface = egl.eglCreatePbufferSurface(display, config, _ints(_WIDTH, 1, _HEIGHT, 1, _NONE))
        self.make_current()
        return ""

    def make_current(self) -> None:
        """Make this context current on the calling thread. Raises UserError when another thread holds it."""
        if not self._egl.eglMakeCurrent(self._display, self._surface, self._surface, self._context):
            raise UserError("the OpenGL context cannot be made current", remedy="release it on the thread that holds it")

    def release(self) -> None:
        """Leave the calling thread without a current context, so that another thread may take this one."""
        self._egl.eglMakeCurrent(self._display, None, None, None)

    def close(self) -> None:
        """Destroy the context. The display stays initialised: EGL displays are shared by the whole process."""
        if self._context is None:
            return
        self.release()
        if self._surface:
            self._egl.eglDestroySurface(self._display, self._surface)
        self._egl.eglDestroyContext(self._display, self._context)
        self._context = None


def _load() -> ctypes.CDLL:
    try:
        egl = ctypes.CDLL("libEGL.so.1")
    except OSError as error:
        raise UserError("EGL cannot be loaded", got=error, remedy=_REMEDY) from error
    for name, (result, arguments) in _SIGNATURES.items():
        function = getattr(egl, name)
        function.restype, function.argtypes = result, arguments
    return egl


def _extension(egl: ctypes.CDLL, name: str, result: type, *arguments: type):
    address = egl.eglGetProcAddress(name.encode())
    return ctypes.CFUNCTYPE(result, *arguments)(address) if address else None


def _ints(*values: int) -> ctypes.Array:
    return (c_int32 * len(values))(*values)


def _displays(egl: ctypes.CDLL) -> Iterator[int | None]:
    """Yield candidate displays: hardware devices, then surfaceless Mesa, then whatever the system calls default."""
    get_display = _extension(egl, "eglGetPlatformDisplayEXT", c_void_p, c_uint32, c_void_p, c_void_p)
    query_devices = _extension(egl, "eglQueryDevicesEXT", c_uint32, c_int32, c_void_p, c_void_p)
    describe = _extension(egl, "eglQueryDeviceStringEXT", c_char_p, c_void_p, c_int32)
    offered = (egl.eglQueryString(None, _EXTENSIONS) or b"").split()
    if get_display and query_devices and describe and b"EGL_EXT_platform_device" in offered:
        devices, count = (c_void_p * _MAX_DEVICES)(), c_int32()
        query_devices(_MAX_DEVICES, devices, byref(count))
        for device in devices[: count.value]:
            # The software device is left to the surfaceless platform, which needs no access to /dev/dri.
            if b"EGL_MESA_device_software" not in (describe(device, _EXTENSIONS) or b""):
                yield get_display(_PLATFORM_DEVICE, device, None)
    if get_display and b"EGL_MESA_platform_surfaceless" in offered:
        yield get_display(_PLATFORM_SURFACELESS, None, None)
    yield egl.eglGetDisplay(None)
