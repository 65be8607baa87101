"""The one way to CUDA: opens the GPU, or says why there is none. What can be asked of it is in `cuda_base.py`.

Two implementations, `cuda_python.py` (NVIDIA's wheels) and `cuda_pycuda.py` (PyCUDA built with GL); one contract suite
holds both. Both retain the PRIMARY context of the device, the one torch uses, and never make another. Called by backends
on the loader thread and by the doctor. Importing this module imports no CUDA package and touches no driver.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import sys
import threading
from collections.abc import Callable

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.extras import install
from phosphene.engine.gpu.cuda_base import Cuda, CudaError


def driver_refusal() -> str | None:
    """Return why there is no CUDA driver here; None where its library loads. No package is imported: 0.1 ms."""
    if sys.platform == "darwin":
        return "macOS has no CUDA"
    library = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    try:
        ctypes.CDLL(library)
    except OSError:
        return f"no NVIDIA driver ({library} cannot be loaded)"
    return None


_lock = threading.Lock()
_opened: dict[int, Cuda] = {}
_refused: dict[int, str] = {}


def open_cuda(ordinal: int = 0) -> Cuda:
    """Return the GPU `ordinal`, opened once for the process and never closed. Raises UserError with a line for people.

    cuda-python goes before PyCUDA, which knows neither stream priorities nor graphs; PHOSPHENE_CUDA names one of them.
    """
    with _lock:
        if ordinal in _refused:
            raise UserError(_refused[ordinal])
        if ordinal not in _opened:
            try:
                _opened[ordinal] = _open(ordinal)
            except UserError as error:
                _refused[ordinal] = error.line()
                raise
        return _opened[ordinal]


def cuda_refusal(ordinal: int = 0) -> str | None:
    """Return why CUDA cannot be used, in words for a person; None when it can. Opens the GPU (0.1 to 0.5 s) once."""
    try:
        open_cuda(ordinal)
    except UserError as error:
        return error.line()
    return None


def _open(ordinal: int) -> Cuda:
    if reason := driver_refusal():
        raise UserError(reason)
    wish = os.environ.get("PHOSPHENE_CUDA", "")
    if wish not in ("", *_BINDINGS):
        raise UserError("no such CUDA binding", where="PHOSPHENE_CUDA", allowed=", ".join(_BINDINGS), got=wish)
    reasons = []
    for name in [wish] if wish else _BINDINGS:
        package, make = _BINDINGS[name]
        if not package_found(package):
            reasons.append(f"{name} is not installed")
            continue
        try:
            return make(ordinal)
        except (CudaError, ImportError, OSError, RuntimeError) as error:
            reasons.append(f"{name}: {error}")
    raise UserError("CUDA does not open", got="; ".join(reasons), remedy=install("rtx"))


def package_found(package: str) -> bool:
    """Whether a package, or a part of one, is installed; imports nothing but its parent."""
    try:
        return importlib.util.find_spec(package) is not None
    except ModuleNotFoundError:  # its parent is missing
        return False


def _cuda_python(ordinal: int) -> Cuda:
    from phosphene.engine.gpu.cuda_python import CudaPython

    return CudaPython(ordinal)


def _pycuda(ordinal: int) -> Cuda:
    from phosphene.engine.gpu.cuda_pycuda import PyCuda

    return PyCuda(ordinal)


_BINDINGS: dict[str, tuple[str, Callable[[int], Cuda]]] = {
    "cuda-python": ("cuda.bindings", _cuda_python),
    "pycuda": ("pycuda", _pycuda),
}
