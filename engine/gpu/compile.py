"""Device code from source, at run time: NVRTC, or nvcc where there is no NVRTC, with a cache on disk.

Called on the loader thread: a first compilation takes 0.3 to 3 s, a later one a file read. Needs no GPU and no driver. The
caches are the libraries' own, below `paths.cache_dir()/cuda`: cuda-core's writes atomically and is keyed by source, options,
architecture and NVRTC version; PyCUDA's by source, options, architecture and nvcc version.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

from phosphene.engine.core import paths
from phosphene.engine.core.child import find_program
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.extras import install
from phosphene.engine.gpu.cuda import package_found

_CACHE_BYTES = 64 * 1024 * 1024  # a kernel is 30 to 200 KB; the least recently read go first
_LOG_LINES = 6


def compile_cubin(
    source: str,
    arch: str,
    name: str = "kernel",
    *,
    ftz: bool = False,
    prebuilt: Callable[[str], bytes | None] | None = None,
) -> bytes:
    """Return the image of `source` (C++17, `extern "C"` kernels, no includes) for `arch` such as sm_89.

    name: of the source, for messages. ftz: denormal floats become zero. prebuilt: asked for an image of the architecture
    (a cubin, or PTX that the driver compiles) where nothing here compiles. Raises UserError for source that does not
    compile, or where nothing can.
    """
    if package_found("cuda.core"):
        try:
            return _by_nvrtc(source, arch, name, ftz)
        except UserError:
            raise
        except Exception as error:  # noqa: BLE001 boundary: no NVRTC library, or one that is older than the GPU
            reason = f"NVRTC: {type(error).__name__}: {error}"
    else:
        reason = "cuda-core is not installed"
    if package_found("pycuda") and (nvcc := find_program("nvcc")) is not None:
        return _by_nvcc(nvcc, source, arch, name, ftz)
    image = prebuilt(arch) if prebuilt is not None else None
    if image is None:
        raise UserError(
            "no compiler for device code", where=f"{name}, {arch}", got=reason.splitlines()[0], remedy=install("rtx")
        )
    return image


def _by_nvrtc(source: str, arch: str, name: str, ftz: bool) -> bytes:
    from cuda.core import Program, ProgramOptions
    from cuda.core.utils import FileStreamProgramCache

    options = ProgramOptions(name=name, arch=arch, std="c++17", ftz=ftz)
    try:
        with FileStreamProgramCache(paths.cache_dir() / "cuda", max_size_bytes=_CACHE_BYTES) as cache:
            return bytes(Program(source, "c++", options).compile("cubin", cache=cache).code)
    except OSError:  # a cache that cannot be written is no reason to go without the kernel
        return bytes(Program(source, "c++", options).compile("cubin").code)
    except Exception as error:  # cuda-core's own error classes are private
        if "NVRTC_ERROR_COMPILATION" not in str(error):
            raise
        raise UserError("device code does not compile", where=f"{name}, {arch}", got=_first_lines(error)) from error


def _by_nvcc(nvcc: str, source: str, arch: str, name: str, ftz: bool) -> bytes:
    from pycuda import compiler

    folder = paths.cache_dir() / "cuda-nvcc"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        options = ["-std=c++17", f"-ftz={str(ftz).lower()}"]
        return bytes(compiler.compile(source, nvcc, options, arch=arch, no_extern_c=True, cache_dir=str(folder)))
    except Exception as error:  # nvcc's own words, or that its host compiler is missing
        raise UserError("device code does not compile", where=f"{name}, {arch}", got=_first_lines(error)) from error


def _first_lines(error: Any) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    wrong = [line for line in lines if "error" in line]
    return "; ".join((wrong or lines)[:_LOG_LINES])


def nvrtc_version() -> tuple[int, int] | None:
    """Return NVRTC's version, None where it does not load."""
    if importlib.util.find_spec("cuda") is None or not package_found("cuda.bindings"):
        return None
    from cuda.bindings import nvrtc

    try:
        result, major, minor = nvrtc.nvrtcVersion()
    except (RuntimeError, OSError):
        return None
    return (major, minor) if int(result) == 0 else None
