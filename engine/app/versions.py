"""What made a picture: the program and what it stands on. For takes, reports and what lies beside a film."""

from __future__ import annotations

import functools
import platform
from importlib import metadata

from phosphene import __version__

_PACKAGES = ("numpy", "av", "aubio-ledfx", "sounddevice", "PyOpenGL", "glfw", "python-osc", "pydantic")


@functools.cache
def versions() -> dict[str, str]:
    """Return the versions of the program, Python, the packages, the system. Reads the disk, once."""
    found = {"phosphene": __version__, "python": platform.python_version(), "system": platform.platform()}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "missing"
    return found
