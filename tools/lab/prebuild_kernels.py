"""Compiles the fused kernels of the whole library to PTX and puts them beside the source.

    python tools/lab/prebuild_kernels.py

To be run after a change of the kernel, or of a shape in the library. Takes about three minutes; needs nvcc, and the oldest
that will do: a driver finishes PTX of its own CUDA version or older.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from rich.progress import track

from phosphene.engine.core.child import find_program, ignore_current_folder
from phosphene.engine.models.style import list_styles, load_style
from phosphene.kernels.cppn_fused import prebuilt
from phosphene.kernels.cppn_fused.shape import VARIANTS, Shape
from phosphene.kernels.cppn_fused.source import FIRST_ARCH, Program, build


def programs() -> dict[str, tuple[Program, str]]:
    """Return {key: (program, variant)} of every kernel that a style of the library may ask for, alone or in a pair."""
    found = {}
    for slug in list_styles("cppn"):
        spec = load_style(slug).spec
        shape = Shape(spec.spatial, spec.width, spec.layer_activations)
        for variant in VARIANTS:
            for pair in (False, True):
                program = build(shape, variant, pair=pair)
                found[program.key] = program, variant
    return found


def compile_ptx(program: Program, variant: str) -> bytes:
    """Return the PTX of `program` for the first architecture that runs it. Raises CalledProcessError, FileNotFoundError."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "kernel.cu", Path(folder) / "kernel.ptx"
        source.write_text(program.source)
        _, *options = program.options(FIRST_ARCH[variant])
        arch = f"-arch=compute_{FIRST_ARCH[variant]}"
        nvcc = find_program("nvcc")
        if nvcc is None:
            raise FileNotFoundError("nvcc is not on the path")
        command = [nvcc, "-ptx", arch, *options, "-o", str(target), str(source)]
        subprocess.run(command, check=True, capture_output=True)
        return target.read_bytes()


def main() -> None:
    """Compile what is missing, drop what is no longer asked for."""
    wanted, images = programs(), {}
    for key, (program, variant) in track(wanted.items(), "compiling"):
        images[key] = prebuilt.ptx(key) or compile_ptx(program, variant)
    prebuilt.write(images)
    sys.stdout.write(f"{prebuilt.ARCHIVE}: {len(images)} kernels, {prebuilt.ARCHIVE.stat().st_size} bytes\n")


if __name__ == "__main__":
    ignore_current_folder()
    main()
