"""The kernel compiled for the GPUs it is for: nothing spills, shared memory stays within what runs beside graphics.

No GPU is needed. Every width, variant and number of decks on sm_86 and sm_90; two widths on the other architectures.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from phosphene.engine.models.encoding import SPATIAL_INPUTS
from phosphene.kernels.cppn_fused.source import LERP, PAINT, build
from phosphene.tools.lab.bench_fused_compile import (
    SHARED_LIMIT,
    VARIANTS,
    WIDTHS,
    cases,
    compile_kernel,
    compilers,
    cubin,
    instructions,
    parse,
    shape_of,
)

COMPILERS = compilers()
pytestmark = [
    pytest.mark.skipif(not COMPILERS, reason="neither nvcc nor NVRTC (cuda-bindings) is installed"),
    pytest.mark.timeout(900),  # the first test waits for all: 2 minutes on two idle cores, nothing once they are kept
]
MATRIX = [*cases(WIDTHS, (86, 90)), *cases((32, 128), (80, 89, 120)), *cases((48, 256), (120,), ("fp16",))]


@pytest.fixture(scope="module")
def kept(request):
    return request.config.cache.mkdir("fused-compile")


@pytest.fixture(scope="module")
def matrix(kept):
    """What the assembler said of every case, by (width, variant, pair, arch)."""

    def one(case):
        width, variant, pair, arch = case
        return compile_kernel(build(shape_of(width), variant, pair), arch, COMPILERS[0], kept)

    with ThreadPoolExecutor(2) as pool:
        return dict(zip(MATRIX, pool.map(one, MATRIX), strict=True))


def test_the_table(matrix, capsys):
    with capsys.disabled():
        print(f"\n{'width':>5} {'variant':10} decks  sm registers spills shared  ({COMPILERS[0]})")
        for (width, variant, pair, arch), found in sorted(matrix.items()):
            p = found[PAINT]
            spills = p.spill_stores + p.spill_loads
            print(f"{width:5} {variant:10} {1 + pair:5} {arch:3} {p.registers:9} {spills:6} {p.shared:6}")
    assert len(matrix) == len(set(MATRIX))


@pytest.mark.parametrize(("width", "variant", "pair", "arch"), MATRIX)
def test_nothing_spills_and_shared_memory_stays_small(matrix, width, variant, pair, arch):
    for entry in (PAINT, LERP):
        found = matrix[width, variant, pair, arch][entry]
        assert (found.stack, found.spill_stores, found.spill_loads) == (0, 0, 0)
        assert found.registers <= 255
        assert found.shared <= SHARED_LIMIT


@pytest.mark.parametrize(("layers", "spatial"), [(1, ("x", "y")), (12, ("x", "y")), (3, SPATIAL_INPUTS)])
@pytest.mark.parametrize("variant", VARIANTS)
def test_other_shapes_do_not_spill_either(kept, variant, layers, spatial):
    found = compile_kernel(build(shape_of(64, layers, spatial), variant, True), 86, COMPILERS[0], kept)[PAINT]
    assert (found.stack, found.spill_stores, found.spill_loads) == (0, 0, 0)


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_oldest_architecture_of_a_variant(kept, variant):
    program = build(shape_of(32), variant)
    oldest = 75 if variant == "fp32" else 80
    assert compile_kernel(program, oldest, COMPILERS[0], kept)[PAINT].spill_stores == 0
    with pytest.raises(ValueError, match="needs compute capability"):
        program.options(oldest - 5)


@pytest.mark.parametrize(("variant", "instruction"), [("fp16", "HMMA.16816.F16"), ("fp16_acc32", "HMMA.16816.F32")])
def test_the_products_are_made_by_tensor_cores(variant, instruction):
    text = instructions(cubin(build(shape_of(32), variant), 86, COMPILERS[0]))
    if text is None:
        pytest.skip("no cuobjdump to disassemble with")
    # Three hidden layers of 2 x 2 tiles, four mma each.
    assert text.count(instruction) >= 3 * 2 * 2 * 4
    assert "LDG.E.128" in text
    assert "STL" not in text


@pytest.mark.skipif("nvrtc" not in COMPILERS, reason="cuda-bindings is not installed")
@pytest.mark.parametrize(("variant", "arch"), [("fp16", 86), ("fp16_acc32", 90), ("fp32", 75), ("fp16", 120)])
def test_nvrtc_needs_no_header(kept, variant, arch):
    found = compile_kernel(build(shape_of(32), variant, True), arch, "nvrtc", kept)[PAINT]
    assert (found.stack, found.spill_stores, found.spill_loads) == (0, 0, 0)


def test_an_error_of_the_compiler_is_passed_on(kept):
    program = build(shape_of(16))
    broken = type(program)(**{**vars(program), "source": program.source.replace("float", "flaot", 1)})
    with pytest.raises(RuntimeError, match="flaot"):
        compile_kernel(broken, 86, COMPILERS[0], kept)


def test_spills_are_read_from_the_report():
    log = """ptxas info    : Compiling entry function 'cppn_paint' for 'sm_86'
    96 bytes stack frame, 92 bytes spill stores, 164 bytes spill loads
ptxas info    : Used 168 registers, used 1 barriers, 32768 bytes smem, 384 bytes cmem[0]"""
    found = parse(log)["cppn_paint"]
    assert (found.registers, found.stack, found.spill_stores, found.spill_loads, found.shared) == (168, 96, 92, 164, 32768)
    with pytest.raises(RuntimeError, match="not a report"):
        parse("Compiling entry function 'cppn_paint' for 'sm_86'")
