"""The CUDA source of a shape: constants in front of the `.cu` files of this folder, as one text without an include.

`build` is called on the loader thread. It reads the package's files and compiles nothing: the host hands the text and
`Program.options` to NVRTC (or nvcc), caches the result under `Program.key`, and launches as the package docstring says.
"""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass
from importlib.resources import files

import numpy as np

from phosphene.kernels.cppn_fused import fragment
from phosphene.kernels.cppn_fused.shape import (
    BLOCK,
    FRAME,
    Shape,
    block_pixels,
    frame_bytes,
    lockstep_tiles,
    m_tiles,
    sections,
    spatial_code,
    weight_bytes,
)

PAINT, LERP = "cppn_paint", "cppn_lerp"
LERP_BLOCK = 256
# Compute capability x 10: where m16n8k16 for halves begins, and the oldest that CUDA 13 compiles for.
FIRST_ARCH = {"fp16": 80, "fp16_acc32": 80, "fp32": 75}
_PARTS = {"fp16": ("paint.cu", "mma.cu"), "fp16_acc32": ("paint.cu", "mma.cu"), "fp32": ("paint.cu", "fma.cu")}


@dataclass(frozen=True)
class Program:
    """A kernel to compile. shape: padded. source: CUDA C++17. decks: 1, or 2 for a pair with its crossfade.

    Entries, all arguments 64-bit device pointers:
        PAINT(frame, weights_a, weights_b, out)   `block` threads, `grid` blocks; weights_b is read by a pair only
        LERP(frame, weights_a, weights_b, out)    LERP_BLOCK threads, `lerp_grid` blocks
    """

    shape: Shape
    variant: str
    decks: int
    source: str
    weight_bytes: int
    frame_bytes: int
    block: int
    block_pixels: int

    @property
    def key(self) -> str:
        """sha256 of the source: what a cache of compiled kernels goes by, beside architecture and compiler."""
        return hashlib.sha256(self.source.encode()).hexdigest()

    @property
    def lerp_grid(self) -> int:
        """Blocks of a launch of LERP."""
        return -(-self.weight_bytes // 4 // LERP_BLOCK)

    def grid(self, pixels: int, multiprocessors: int, resident: int) -> int:
        """Return the blocks of a launch of PAINT. resident: blocks a multiprocessor holds (the driver's occupancy)."""
        return max(1, min(-(-pixels // self.block_pixels), multiprocessors * resident))

    def options(self, arch: int) -> tuple[str, ...]:
        """Return NVRTC's options for compute capability `arch` / 10. Raises ValueError where the variant cannot run."""
        first = FIRST_ARCH[self.variant]
        if arch < first:
            raise ValueError(f"{self.variant} needs compute capability {first / 10}, not {arch / 10}")
        return (f"--gpu-architecture=sm_{arch}", "--std=c++17", "--ftz=true")


def build(shape: Shape, variant: str = "fp16", pair: bool = False) -> Program:
    """Return the program for networks of `shape` (not padded). Raises ValueError for an unknown variant."""
    full = shape.padded(variant)
    decks = 2 if pair else 1
    source = assemble(full, variant, decks, _part("ptx.cu"))
    sizes = weight_bytes(full, variant), frame_bytes(full.width, pair)
    return Program(full, variant, decks, source, *sizes, BLOCK, block_pixels(full, variant, decks))


def assemble(shape: Shape, variant: str, decks: int, machine: str) -> str:
    """Return the source for a padded shape. machine: `ptx.cu`, or other definitions of the functions in it."""
    return "\n".join([_prologue(shape, variant, decks), machine, *(_part(name) for name in _PARTS[variant])])


@functools.cache
def _part(name: str) -> str:
    return files(__package__).joinpath(name).read_text("utf-8")


def _prologue(shape: Shape, variant: str, decks: int) -> str:
    """Return the constants: everything by which one kernel differs from another."""
    parts = sections(shape, variant)
    halves = [section.offset for section in parts if section.dtype == np.float16]
    mma, lockstep = variant != "fp32", lockstep_tiles(shape, variant, decks)
    constants = {
        "WIDTH": shape.width,
        "DECKS": decks,
        "BLOCK": BLOCK,
        "BLOCK_PIXELS": block_pixels(shape, variant, decks),
        "M_TILES": m_tiles(shape.width, variant, decks),
        "ACC32": int(variant == "fp16_acc32"),
        "EXACT_TANH": int(variant == "fp32"),
        "MEETING(n)": f"((n) % {lockstep} == 0)" if lockstep else "false",
        "SPATIAL": len(shape.spatial),
        "SPATIAL_CODES": ", ".join(str(spatial_code(name)) for name in shape.spatial),
        "ACTIVATION_0": shape.activations[0].upper(),
        "HIDDEN_LAYERS": " ".join(_call(i, name, mma) for i, name in enumerate(shape.activations) if i),
        "LAST_FRAGMENTS": "even" if shape.layers % 2 else "odd",
        "WEIGHT_WORDS": weight_bytes(shape, variant) // 4,
        "FLOAT_WORDS": (halves[0] if halves else weight_bytes(shape, variant)) // 4,
        "ENTRY_PAINT": PAINT,
        "ENTRY_LERP": LERP,
        **{f"AT_{section.name}": section.offset for section in parts},
    }
    lines = [f"#define {name} {value}" for name, value in constants.items()]
    return "\n".join([*lines, fragment.defines(), _frame_struct()])


def _call(layer: int, activation: str, mma: bool) -> str:
    weights, biases = f"weights + AT_w{layer}", f"weights + AT_b{layer}"
    kind = activation.upper()
    if not mma:
        return f"hidden<{kind}>(feature, pixel, (const float*)({weights}), (const float*)({biases}), activations);"
    source, target = ("odd", "even") if layer % 2 == 0 else ("even", "odd")
    return f"hidden<{kind}>(lane, (const uint4*)({weights}), (const Quad*)({biases}), {source}, {target});"


def _frame_struct() -> str:
    """Return `FRAME` as a struct of C: all fields are 32 bits, so nothing is padded."""
    fields = []
    for name in FRAME.names or ():
        base, shape = FRAME[name].base, FRAME[name].shape
        fields.append(f"{'int' if base.kind == 'i' else 'float'} {name}{f'[{shape[0]}]' if shape else ''};")
    return "struct Frame { " + " ".join(fields) + " };"
