"""Whether OpenGL draws on another chip than the NVIDIA GPU of this machine, and what a person does about it.

Laptops with two graphics chips give a program the slow one unless they are told otherwise. Python cannot tell them itself:
Windows looks for that in the program, which is python.exe. Called by `vj live` at the start and by `vj doctor`; asks the
driver only where OpenGL draws without it. Opens no CUDA context.
"""

from __future__ import annotations

import ctypes
import shutil
import sys

from phosphene.engine.gpu.cuda import driver_refusal

_NVIDIA = ("nvidia", "geforce", "quadro", "tesla", "rtx", "titan")


def nvidia_draws(renderer: str) -> bool:
    """Return whether this is how an NVIDIA GPU calls itself (GL_RENDERER)."""
    return any(word in renderer.lower() for word in _NVIDIA)


def other_gpu(renderer: str) -> str | None:
    """Return why the GPU that lies idle matters and how to use it, in a line; None where there is nothing to say."""
    if nvidia_draws(renderer):
        return None
    idle = nvidia_gpu()
    if idle is None:
        return None
    what = f"OpenGL draws with {renderer or 'an unknown chip'} and not with the {idle} of this machine"
    return f"{what}, so pictures are slower, and those of networks go through main memory: {_remedy()}"


def nvidia_gpu() -> str | None:
    """Return the name of the first NVIDIA GPU that the driver knows; None without driver or GPU. Wakes one that sleeps."""
    if driver_refusal():
        return None
    driver = _driver()
    count, device, name = ctypes.c_int(), ctypes.c_int(), ctypes.create_string_buffer(128)
    if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)) or not count.value:
        return None
    if driver.cuDeviceGet(ctypes.byref(device), 0) or driver.cuDeviceGetName(name, len(name), device):
        return "NVIDIA GPU"
    told = name.value.decode("utf-8", "replace")
    return told if "nvidia" in told.lower() else f"NVIDIA {told}"


def _driver() -> ctypes.CDLL:
    return ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")


def _remedy() -> str:
    if sys.platform == "win32":
        # The launcher of a virtual environment starts the Python it was made from, and that one is what Windows looks at.
        python = getattr(sys, "_base_executable", None) or sys.executable
        return f"in Windows' Settings, System, Display, Graphics add {python}, choose High performance, and start again"
    for tool in ("prime-run", "switcherooctl launch"):
        if shutil.which(tool.split()[0]):
            return f"start it with {tool} in front: {tool} vj live"
    return "start it with __NV_PRIME_RENDER_OFFLOAD=1 __GLX_VENDOR_LIBRARY_NAME=nvidia in front of vj live"
