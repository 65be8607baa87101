"""What a fused kernel is compiled for, and how its weights and its frame lie in memory: the tables everything else reads.

`source.py` turns them into constants of the CUDA source, `pack.py` fills them, `emulate.py` and the tests read them back:
nobody writes an offset twice. Called on any thread; no files, no GPU.

    Shape      spatial inputs, width, one activation per hidden layer
    variant    fp16        mma.m16n8k16, fp16 accumulate     (the fast rate of GeForce)
               fp16_acc32  mma.m16n8k16, fp32 accumulate
               fp32        multiply-adds in fp32, for GPUs without the instruction
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

VARIANTS = ("fp16", "fp16_acc32", "fp32")
ACTIVATIONS = ("sin", "cos", "gauss", "tanh")
MAX_WIDTH = 256
TILE = 16  # features of one mma tile, along n and along k
OUT_COLUMNS = 16  # the output layer is one tile wide; see `pack.output_rows`
# Two m16 tiles a warp (32 pixels) keep 2 x width/2 registers of activations alive. Above 128 that is more than the 255 a
# thread has, and a warp takes one tile (16 pixels) instead; so does a pair above 96 that accumulates in fp32, where the
# assembler spills 250 bytes otherwise. With one tile, features come 32 at a time.
_TWO_TILES_UP_TO, _PAIR32_UP_TO = 128, 96
# What the L1 cache of an Ampere or Ada SM holds beside the rest. Where the weights are more, a block's warps walk in step.
_L1_BYTES, _WINDOW_BYTES = 112 * 1024, 16 * 1024
# Threads. At 128 wide a thread has about 190 registers and an SM holds 8 warps, whatever the block; four warps share what
# they load better than two.
BLOCK = 128
# Activations of the fp32 variant: pixels x width floats of shared memory, 32 KiB at every width.
_FP32_FLOATS = 8192

# One per launch, in device memory, followed by the folded biases of layer 0: float32 [width] for deck a, and for deck b in a
# pair. Every argument of a launch is a pointer, so that a captured graph needs new contents only, never new arguments.
FRAME = np.dtype(
    [
        ("width", "<i4"), ("height", "<i4"),  # of what is painted, pixels
        ("offset_x", "<i4"), ("offset_y", "<i4"),  # where it lies in the whole picture, from its top left corner
        ("pitch", "<i4"),  # bytes from row to row of the output
        ("half_width", "<f4"), ("half_height", "<f4"),  # of the whole picture
        ("unit", "<f4"),  # 2 pi / the whole picture's short side
        ("dither", "<f4"),  # amplitude in 8-bit levels: 0 off, 1 usual
        ("seed", "<f4"),  # of the dither, small
        ("gain_a", "<f4"), ("gain_b", "<f4"),  # of a pair, in linear light
        ("blend", "<f4"),  # of `lerp`: 0 is a, 1 is b
        ("reserved", "<f4", 3),
        ("view_a", "<f4", 4), ("view_b", "<f4", 4),  # a, b, tx, ty of `x' = a x - b y + tx, y' = b x + a y + ty`
        # Weights of tunnel, floor, sphere and spiral, what is left of the flat plane, the travel: cppn/projection.py.
        ("projection_a", "<f4", 6), ("projection_b", "<f4", 6),
    ]
)  # fmt: skip


@dataclass(frozen=True)
class Shape:
    """spatial: names of the inputs that differ from pixel to pixel. activations: one name per hidden layer."""

    spatial: tuple[str, ...]
    width: int
    activations: tuple[str, ...]

    def __post_init__(self) -> None:
        if not 1 <= self.width <= MAX_WIDTH:
            raise ValueError(f"width {self.width} is not in 1..{MAX_WIDTH}")
        if not self.spatial or not self.activations:
            raise ValueError("a shape needs a spatial input and a hidden layer")
        for name in self.spatial:
            spatial_code(name)
        for name in self.activations:
            if name not in ACTIVATIONS:
                raise ValueError(f"unknown activation {name}")

    @property
    def layers(self) -> int:
        """Hidden layers."""
        return len(self.activations)

    def padded(self, variant: str) -> Shape:
        """Return the shape that is compiled: as wide as the variant needs. The neurons added have zero weights out."""
        return replace(self, width=padded_width(self.width, variant))


@dataclass(frozen=True)
class Section:
    """A part of the packed weights. name: w0, w1.., b1.., out, out_bias. offset: bytes from the start. count: elements."""

    name: str
    dtype: np.dtype
    offset: int
    count: int


def spatial_code(name: str) -> int:
    """Return the number by which the kernel knows a spatial input. Raises ValueError for any other name."""
    plain = ("x", "y", "radius", "abs_x", "abs_y")
    if name in plain:
        return plain.index(name)
    if len(name) == 7 and name.startswith("fold") and name[4] in "2345678" and name[5:] in ("_x", "_y"):
        return 2 * int(name[4]) + 4 + (name[-1] == "y")
    raise ValueError(f"no spatial input {name}")


def padded_width(width: int, variant: str) -> int:
    """Return the width that is compiled for a network `width` wide."""
    if variant not in VARIANTS:
        raise ValueError(f"variant {variant} is not one of {', '.join(VARIANTS)}")
    if variant == "fp32":  # the threads of a block share its pixels and features evenly at powers of two only
        return max(TILE, 1 << (width - 1).bit_length())
    step = TILE if width <= (_PAIR32_UP_TO if variant == "fp16_acc32" else _TWO_TILES_UP_TO) else 2 * TILE
    return -(-width // step) * step


def m_tiles(width: int, variant: str, decks: int) -> int:
    """Return how many m16 tiles (of 16 pixels) a warp of the fp16 variants carries at a padded width."""
    limit = _PAIR32_UP_TO if variant == "fp16_acc32" and decks == 2 else _TWO_TILES_UP_TO
    return 2 if width <= limit else 1


def lockstep_tiles(shape: Shape, variant: str, decks: int) -> int:
    """Return after how many n16 tiles of a padded shape a block's warps wait for one another; 0 for never."""
    if variant == "fp32" or decks * weight_bytes(shape, variant) <= _L1_BYTES:
        return 0
    fits = _WINDOW_BYTES // (2 * TILE * shape.width)
    even = max(2, fits - fits % 2)  # two tiles are in flight where a warp carries one m16 tile
    return min(even, shape.width // TILE)


def block_pixels(shape: Shape, variant: str, decks: int) -> int:
    """Return how many pixels a block paints at a time, at a padded shape."""
    if variant == "fp32":
        return _FP32_FLOATS // shape.width
    return BLOCK // 32 * TILE * m_tiles(shape.width, variant, decks)


def sections(shape: Shape, variant: str) -> list[Section]:
    """Return the parts of the packed weights of a padded shape: all float32 ones first, so that `lerp` has one boundary.

    Every section starts on 16 bytes, for 128-bit loads.
    """
    width, inner = shape.width, range(1, shape.layers)
    single, half = np.dtype("<f4"), np.dtype("<f2")
    parts = [("w0", single, len(shape.spatial) * width), ("out_bias", single, 4)]
    if variant == "fp32":
        parts += [(f"w{i}", single, width * width) for i in inner] + [("out", single, 4 * width)]
        parts += [(f"b{i}", single, width) for i in inner]
    else:
        bias = half if variant == "fp16" else single
        parts += [(f"b{i}", bias, width) for i in inner if bias is single]
        parts += [(f"w{i}", half, width * width) for i in inner] + [("out", half, OUT_COLUMNS * width)]
        parts += [(f"b{i}", bias, width) for i in inner if bias is half]
    found, offset = [], 0
    for name, dtype, count in parts:
        found.append(Section(name, dtype, offset, count))
        offset += dtype.itemsize * count
    return found


def weight_bytes(shape: Shape, variant: str) -> int:
    """Return the size of the packed weights of a padded shape."""
    last = sections(shape, variant)[-1]
    return last.offset + last.dtype.itemsize * last.count


def frame_bytes(width: int, pair: bool) -> int:
    """Return the size of a frame block at a padded width."""
    return FRAME.itemsize + 4 * width * (2 if pair else 1)
