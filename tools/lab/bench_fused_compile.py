"""The fused kernel compiled for real, without a GPU: registers, spills, shared memory, tensor instructions.

    python tools/lab/bench_fused_compile.py                     every width, variant and architecture, as a table
    python tools/lab/bench_fused_compile.py --widths 128 --archs 86 90 --compiler nvrtc

Called by hand and by the tests. Compiles with nvcc where it is on the PATH, else with NVRTC (of `cuda-bindings`); both
report through the same assembler. What it finds is kept by source, architecture and compiler: the second run is free.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import re
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path

from phosphene.engine.core.child import find_program, ignore_current_folder
from phosphene.engine.core.paths import cache_dir
from phosphene.kernels.cppn_fused.shape import VARIANTS, Shape
from phosphene.kernels.cppn_fused.source import LERP, PAINT, Program, build

WIDTHS = (16, 32, 64, 128, 256)
ARCHS = (80, 86, 89, 90, 120)
ACTIVATIONS = ("sin", "cos", "gauss", "tanh")
SHARED_LIMIT = 48 * 1024


@dataclass(frozen=True)
class Compiled:
    """What the assembler reports of one entry. registers: a thread. spills, stack: bytes a thread. shared: bytes a block."""

    entry: str
    registers: int
    spill_stores: int
    spill_loads: int
    stack: int
    shared: int


def compilers() -> list[str]:
    """Return the compilers of this machine, best first: "nvcc", "nvrtc"."""
    found = ["nvcc"] if find_program("nvcc") else []
    # A parent package that is missing makes find_spec raise.
    return [*found, "nvrtc"] if find_spec("cuda") and find_spec("cuda.bindings") else found


def compile_kernel(program: Program, arch: int, compiler: str, folder: Path | None = None) -> dict[str, Compiled]:
    """Return what became of each entry, by name. folder: where it is kept. Raises RuntimeError with the compiler's words."""
    folder = folder or cache_dir() / "fused-compile"
    key = hashlib.sha256(f"{program.key} {arch} {_version(compiler)}".encode()).hexdigest()[:32]
    kept = folder / f"{key}.json"
    if kept.exists():
        return {name: Compiled(**each) for name, each in json.loads(kept.read_text()).items()}
    log, _ = (_nvcc if compiler == "nvcc" else _nvrtc)(program, arch)
    found = parse(log)
    if set(found) != {PAINT, LERP}:
        raise RuntimeError(f"no report of {PAINT} and {LERP}: {log}")
    folder.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps({name: asdict(each) for name, each in found.items()}))
    return found


def cubin(program: Program, arch: int, compiler: str) -> bytes:
    """Return the machine code. Raises RuntimeError as `compile_kernel`."""
    return (_nvcc if compiler == "nvcc" else _nvrtc)(program, arch)[1]


def parse(log: str) -> dict[str, Compiled]:
    """Read the report of `ptxas -v`."""
    found = {}
    for block in re.split(r"Compiling entry function ", log)[1:]:
        name = re.match(r"'(\w+)'", block)
        spills = re.search(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads", block)
        registers = re.search(r"Used (\d+) registers", block)
        if not (name and spills and registers):
            raise RuntimeError(f"not a report of ptxas: {block}")
        shared = re.search(r"(\d+) bytes smem", block)
        stack, stores, loads = (int(number) for number in spills.groups())
        found[name[1]] = Compiled(name[1], int(registers[1]), stores, loads, stack, int(shared[1]) if shared else 0)
    return found


def instructions(code: bytes) -> str | None:
    """Disassemble machine code; None where there is no cuobjdump."""
    tool = find_program("cuobjdump") or _triton_tool()
    if tool is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kernel.cubin"
        path.write_bytes(code)
        done = subprocess.run([tool, "-sass", str(path)], capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else None


def cases(
    widths: Iterable[int], archs: Iterable[int], variants: Iterable[str] = VARIANTS
) -> list[tuple[int, str, bool, int]]:
    """Return (width, variant, pair, arch) of every combination."""
    return list(itertools.product(widths, variants, (False, True), archs))


def shape_of(width: int, layers: int = 4, spatial: Sequence[str] = ("x", "y", "radius")) -> Shape:
    """Return the shape that a case is compiled for: the cycle of all activations."""
    return Shape(tuple(spatial), width, tuple(itertools.islice(itertools.cycle(ACTIVATIONS), layers)))


def _nvcc(program: Program, arch: int) -> tuple[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "cppn.cu", Path(folder) / "cppn.cubin"
        source.write_text(program.source)
        flags = [option.replace("--gpu-architecture", "-arch") for option in program.options(arch)]
        command = [str(find_program("nvcc")), "-cubin", "-Xptxas", "-v", *flags, "-o", str(target), str(source)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr)
        return done.stderr, target.read_bytes()


def _nvrtc(program: Program, arch: int) -> tuple[str, bytes]:
    from cuda.bindings import nvrtc

    _, handle = nvrtc.nvrtcCreateProgram(program.source.encode(), b"cppn.cu", 0, [], [])
    options = [option.encode() for option in (*program.options(arch), "--ptxas-options=-v")]
    (error,) = nvrtc.nvrtcCompileProgram(handle, len(options), options)
    log = b" " * nvrtc.nvrtcGetProgramLogSize(handle)[1]
    nvrtc.nvrtcGetProgramLog(handle, log)
    code = b""
    if int(error) == 0:
        code = b" " * nvrtc.nvrtcGetCUBINSize(handle)[1]
        nvrtc.nvrtcGetCUBIN(handle, code)
    nvrtc.nvrtcDestroyProgram(handle)
    if not code:
        raise RuntimeError(log.decode())
    return log.decode(), code


def _version(compiler: str) -> str:
    if compiler == "nvcc":
        return subprocess.run([str(find_program("nvcc")), "--version"], capture_output=True, text=True, check=True).stdout
    from cuda.bindings import nvrtc

    return f"nvrtc {nvrtc.nvrtcVersion()[1:]}"


def _triton_tool() -> str | None:
    spec = find_spec("triton")  # torch brings it along, and it brings the tool
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / "backends" / "nvidia" / "bin" / "cuobjdump"
    return str(path) if path.exists() else None


def main() -> None:
    """Print the table; exit with 1 where a case spills or takes too much shared memory."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--widths", type=int, nargs="+", default=WIDTHS)
    parser.add_argument("--archs", type=int, nargs="+", default=ARCHS)
    parser.add_argument("--variants", nargs="+", default=VARIANTS, choices=VARIANTS)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--compiler", choices=("nvcc", "nvrtc"))
    options = parser.parse_args()
    compiler = options.compiler or next(iter(compilers()), None)
    if compiler is None:
        raise SystemExit("neither nvcc nor NVRTC is installed: pip install cuda-bindings nvidia-cuda-nvrtc")
    bad = 0
    print("| width | variant | decks | sm | registers | spills | shared |\n|---|---|---|---|---|---|---|")
    wanted = cases(options.widths, options.archs, options.variants)
    with ThreadPoolExecutor(2) as pool:
        results = pool.map(
            lambda case: compile_kernel(build(shape_of(case[0], options.layers), case[1], case[2]), case[3], compiler),
            wanted,
        )
        for (width, variant, pair, arch), found in zip(wanted, results, strict=True):
            paint = found[PAINT]
            spills = paint.spill_stores + paint.spill_loads + paint.stack
            bad += spills > 0 or paint.shared > SHARED_LIMIT
            print(
                f"| {width} | {variant} | {1 + pair} | {arch} | {paint.registers} | {spills} | {paint.shared} |", flush=True
            )
    raise SystemExit(1 if bad else 0)


if __name__ == "__main__":
    ignore_current_folder()
    main()
