"""The fused kernel in numpy: from the packed bytes to RGBA8, register by register.

It reads what the kernel reads (packed weights, frame block) through the index formulas that the kernel is compiled with,
keeps activations in the registers of 32 lanes, and rounds where the kernel rounds. Tests hold it against the plain
reference, and against the kernel's own source run on the processor: that proves packing, layout and arithmetic on a machine
without a GPU. Called by `fidelity`, tests and benchmarks, on any thread; about 10^5 times slower than a GPU.

What is assumed of the hardware, and is not in the PTX ISA: `mma` adds `products` exact products and the accumulator, then
rounds once, to nearest. Volta adds 4 at a time, Ampere 8, Hopper 16 (Fasi, Higham, Mikaitis, Pranesh: "Numerical behavior of
NVIDIA tensor cores", 2021); that paper also finds fp32 sums truncated, 2^-23 a step: nothing beside halves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from phosphene.kernels.cppn.projection import project
from phosphene.kernels.cppn_fused.fragment import LANES, index, quad_columns, tile_features
from phosphene.kernels.cppn_fused.shape import FRAME, TILE, Shape, m_tiles, sections

# The most that the approximate instructions are off (PTX ISA): absolute for sin and cos within 2 pi, relative for the rest.
INSTRUCTION_ERROR = {"sin": 2.0**-20.5, "exp2": 2.0**-22, "log2": 2.0**-22, "reciprocal": 2.0**-23, "tanh": 2.0**-11}
_F = np.float32
_MAGIC, _TURN, _ROOT_LOG2E = _F(12582912.0), _F(0.15915494309189535), _F(1.2011224087864498)


@dataclass(frozen=True)
class Hardware:
    """products: how many are added between roundings. worst: every approximate instruction is off by its whole bound, up or
    down as the bits of its argument fall; without it they are exact to the rounding."""

    products: int = 16
    worst: bool = False

    def _off(self, name: str, x: np.ndarray) -> np.ndarray:
        bits = x.astype(_F).view(np.uint32) * np.uint32(2654435761)
        return (INSTRUCTION_ERROR[name] if self.worst else 0.0) * (1.0 - 2.0 * (bits >> 31))

    def sin(self, x: np.ndarray) -> np.ndarray:
        """sin.approx of reduced arguments."""
        return (np.sin(x.astype(np.float64)) + self._off("sin", x)).astype(_F)

    def cos(self, x: np.ndarray) -> np.ndarray:
        """cos.approx of reduced arguments."""
        return (np.cos(x.astype(np.float64)) + self._off("sin", x)).astype(_F)

    def exp2(self, x: np.ndarray) -> np.ndarray:
        """ex2.approx: infinite from 128 on."""
        with np.errstate(over="ignore", under="ignore"):
            return (np.exp2(x.astype(np.float64)) * (1.0 + self._off("exp2", x))).astype(_F)

    def log2(self, x: np.ndarray) -> np.ndarray:
        """lg2.approx of positive numbers."""
        return (np.log2(x.astype(np.float64)) * (1.0 + self._off("log2", x))).astype(_F)

    def reciprocal(self, x: np.ndarray) -> np.ndarray:
        """rcp.approx of positive numbers; of infinity it is 0."""
        with np.errstate(under="ignore"):
            return ((1.0 / x.astype(np.float64)) * (1.0 + self._off("reciprocal", x))).astype(_F)

    def tanh(self, x: np.ndarray) -> np.ndarray:
        """tanh.approx."""
        return (np.tanh(x.astype(np.float64)) * (1.0 + self._off("tanh", x))).astype(_F)


def reduced(x: np.ndarray) -> np.ndarray:
    """Return float32 x - 2 pi rint(x / 2 pi), as the kernel takes it: in two multiply-adds."""
    turns = _fma(x, _TURN, _MAGIC) - _MAGIC
    return _fma(turns, _F(-2.0 * np.pi), x)


def activate(name: str, z: np.ndarray, hardware: Hardware, exact_tanh: bool) -> np.ndarray:
    """Return float32: one activation as the kernel computes it. exact_tanh: of the fp32 variant."""
    if name == "sin":
        return hardware.sin(reduced(z))
    if name == "cos":
        return hardware.cos(reduced(z))
    if name == "gauss":
        with np.errstate(over="ignore", under="ignore"):
            s = z * _ROOT_LOG2E
            return hardware.exp2(-s * s)
    if exact_tanh:
        return _F(1.0) - _F(2.0) * hardware.reciprocal(_F(1.0) + hardware.exp2(z * _F(2.8853900817779268)))
    return hardware.tanh(z)


def paint(
    shape: Shape, variant: str, frame: np.ndarray, weights: Sequence[np.ndarray], hardware: Hardware | None = None
) -> np.ndarray:
    """Return what PAINT writes: uint8 [height, width, 4], rows from the top, no gap between them. Arguments as `colours`."""
    header = frame[: FRAME.itemsize].view(FRAME)[0]
    picture = colours(shape, variant, frame, weights, hardware)
    return _store(header, picture).reshape(int(header["height"]), int(header["width"]), 4)


def colours(
    shape: Shape, variant: str, frame: np.ndarray, weights: Sequence[np.ndarray], hardware: Hardware | None = None
) -> np.ndarray:
    """Return the colours before they become bytes: float32 [pixels, 3], sRGB 0..1.

    shape: padded. frame: a block of `pack_frame`. weights: one packed array for a single deck, two for a pair.
    """
    hardware = hardware or Hardware()
    header = frame[: FRAME.itemsize].view(FRAME)[0]
    biases = frame[FRAME.itemsize :].view(_F).reshape(len(weights), shape.width)
    pixels = int(header["width"]) * int(header["height"])
    network = _plain if variant == "fp32" else _fragments
    colour = np.zeros((pixels, 3), _F)
    for deck, packed in enumerate(weights):
        parts = {
            s.name: packed[s.offset : s.offset + s.count * s.dtype.itemsize].view(s.dtype) for s in sections(shape, variant)
        }
        z = network(shape, variant, len(weights), header, deck, parts, biases[deck], pixels, hardware)
        with np.errstate(over="ignore"):
            s = hardware.reciprocal(_F(1.0) + hardware.exp2(z * _F(-1.4426950408889634)))
        if len(weights) == 1:
            colour = s
        else:
            colour = _fma(header["gain_a" if deck == 0 else "gain_b"], _to_linear(s, hardware), colour)
    if len(weights) > 1:
        colour = _to_srgb(colour, hardware)
    return colour


def lerp(shape: Shape, variant: str, a: np.ndarray, b: np.ndarray, blend: float) -> np.ndarray:
    """Return what LERP writes: packed weights between a (0) and b (1), uint8."""
    out = np.empty_like(a)
    for s in sections(shape, variant):
        place = slice(s.offset, s.offset + s.count * s.dtype.itemsize)
        x, y = a[place].view(s.dtype).astype(_F), b[place].view(s.dtype).astype(_F)
        out[place] = _fma(_F(blend), y, _fma(_F(-blend), x, x)).astype(s.dtype).view(np.uint8)
    return out


class _Functions:
    """What `project` takes beside plain arithmetic, as the kernel computes it."""

    def __init__(self, hardware: Hardware) -> None:
        self._hardware = hardware
        self.abs, self.sqrt, self.floor, self.where, self.maximum = np.abs, np.sqrt, np.floor, np.where, np.maximum

    def reciprocal(self, x: np.ndarray) -> np.ndarray:
        """One over x, by rcp.approx."""
        return self._hardware.reciprocal(x)

    def log(self, x: np.ndarray) -> np.ndarray:
        """The logarithm, by lg2.approx."""
        return _F(0.6931471805599453) * self._hardware.log2(x)


def inputs(shape: Shape, header: np.ndarray, deck: int, pixel: np.ndarray, hardware: Hardware | None = None) -> np.ndarray:
    """Return the spatial inputs of pixels, counted row by row: float32 [..., len(spatial)]. deck: 0 or 1."""
    view, projection = (header[f"{field}_{'ab'[deck]}"] for field in ("view", "projection"))
    row, column = np.divmod(pixel, int(header["width"]))
    gx = ((column + int(header["offset_x"])).astype(_F) + _F(0.5) - header["half_width"]) * header["unit"]
    gy = (header["half_height"] - (row + int(header["offset_y"])).astype(_F) - _F(0.5)) * header["unit"]
    x = _fma(view[0], gx, _fma(-view[1], gy, view[2]))
    y = _fma(view[1], gx, _fma(view[0], gy, view[3]))
    *weights, plain, shift = (float(number) for number in projection)
    if plain < 1.0:
        x, y = project(_Functions(hardware or Hardware()), x, y, weights, plain, shift)
    radius = np.sqrt(x * x + y * y)
    safe = np.maximum(radius, _F(1e-6))
    ux, uy = x / safe, y / safe
    plain = {"x": x, "y": y, "radius": radius, "abs_x": np.abs(x), "abs_y": np.abs(y)}
    out = []
    for name in shape.spatial:
        if name in plain:
            out.append(plain[name])
            continue
        px, py = x, y
        for _ in range(int(name[4]) - 1):
            px, py = px * ux - py * uy, px * uy + py * ux
        out.append(px if name.endswith("_x") else py)
    return np.stack(out, -1)


def _fragments(
    shape: Shape, variant: str, decks: int, header: np.ndarray, deck: int, parts: dict[str, np.ndarray],
    bias: np.ndarray, pixels: int, hardware: Hardware,
) -> np.ndarray:  # fmt: skip
    """The fp16 variants: float32 [pixels, 3] before the sigmoid."""
    tiles, m = shape.width // TILE, m_tiles(shape.width, variant, decks)
    warp_pixels, rows = TILE * m, 2 * m
    base = np.arange(-(-pixels // warp_pixels))[:, None, None] * warp_pixels
    lane = np.arange(LANES)
    pixel = base + index("PIXEL", lane[:, None], np.arange(rows))  # [warp, lane, row]
    points = inputs(shape, header, deck, np.minimum(pixel, pixels - 1), hardware)
    registers = np.empty((len(base), m, tiles, LANES, 4, 2), np.float16)
    w0 = parts["w0"].reshape(len(shape.spatial), tiles * 4, 4)
    for k in range(tiles):
        quad = index("QUAD_AT", k, lane)
        z = np.broadcast_to(bias.reshape(-1, 4)[quad][None, :, None], (*pixel.shape, 4))  # [warp, lane, row, 4 features]
        for s in range(len(shape.spatial)):
            z = _fma(w0[s, quad][None, :, None], points[..., s, None], z)
        h = _half(activate(shape.activations[0], z, hardware, False))
        for row in range(rows):
            for n8 in range(2):
                registers[:, row // 2, k, :, index("C_TO_A", n8, row % 2)] = h[:, :, row, 2 * n8 : 2 * n8 + 2]
    for i, name in enumerate(shape.activations[1:], 1):
        start = np.empty(shape.width, _F)
        start[quad_columns(shape.width)] = parts[f"b{i}"]
        sums = _multiply(registers, parts[f"w{i}"], start, variant == "fp16", hardware)
        registers = _accumulators(_half(activate(name, sums, hardware, False)))
    bias_rows = np.zeros(TILE, _F)
    bias_rows[0:8:2], bias_rows[1:8:2], bias_rows[8:16:2] = parts["out_bias"][:3]
    last = _accumulators(_multiply(registers, parts["out"], bias_rows, False, hardware))[
        :, :, 0
    ]  # [warp, m, lane, reg, half]
    colour = np.empty((len(base) * warp_pixels, 3), _F)
    for row in range(rows):  # each lane stores the row of its own number
        mine = lane[index("MEMBER", lane) == row]
        place = (base[:, 0] + index("PIXEL", mine, row)).reshape(-1)
        first, second = index("C_TO_A", 0, row % 2), index("C_TO_A", 1, row % 2)
        colour[place, :2] = last[:, row // 2, mine, first].reshape(-1, 2)
        colour[place, 2] = last[:, row // 2, mine, second, 0].reshape(-1)
    return colour[:pixels]


def _multiply(registers: np.ndarray, packed: np.ndarray, start: np.ndarray, half: bool, hardware: Hardware) -> np.ndarray:
    """Return the accumulators as a matrix [warp, m, pixel of 16, feature], float32: `packed` times the A operands."""
    warps, m, tiles = registers.shape[:3]
    lane, reg, h = np.ogrid[:LANES, :4, :2]
    a = np.empty((warps, m, TILE, tiles, TILE))
    place = np.broadcast_arrays(index("A_ROW", lane, reg), index("A_COL", lane, reg) + h)
    a[:, :, place[0], :, place[1]] = registers.transpose(3, 4, 5, 0, 1, 2)
    n_tiles = packed.size // (tiles * TILE * TILE)
    w = np.empty((n_tiles * TILE, tiles * TILE))
    w[tile_features(n_tiles, tiles)] = packed
    steps = tiles * TILE // hardware.products
    pixels = np.ascontiguousarray(a.reshape(-1, steps, hardware.products).swapaxes(0, 1))
    features = np.ascontiguousarray(w.T).reshape(steps, hardware.products, -1)
    sums = np.tile(start, (pixels.shape[1], 1))
    exact, halves = np.empty(sums.shape), np.empty(sums.shape, np.float16)  # kept: fresh ones cost more than the sums
    with np.errstate(over="ignore", under="ignore"):
        for step in range(steps):
            np.matmul(pixels[step], features[step], out=exact)
            exact += sums
            sums[:] = exact
            if half:
                halves[:] = sums
                sums[:] = halves
    return sums.reshape(warps, m, TILE, -1)


def _accumulators(matrix: np.ndarray) -> np.ndarray:
    """Return A operands [warp, m, k tile, lane, reg, half] out of accumulators [warp, m, pixel, feature]."""
    warps, m, _, width = matrix.shape
    lane, reg, h = np.ogrid[:LANES, :2, :2]
    registers = np.empty((warps, m, width // TILE, LANES, 4, 2), matrix.dtype)
    for n8 in range(2):
        tile = matrix.reshape(warps, m, TILE, -1, TILE)[..., 8 * n8 : 8 * n8 + 8].transpose(0, 1, 3, 2, 4)
        row, column = np.broadcast_arrays(index("C_ROW", lane, reg), index("C_COL", lane) + h)
        registers[..., index("C_TO_A", n8, np.arange(2)), :] = tile[..., row, column]
    return registers


def _plain(
    shape: Shape, variant: str, decks: int, header: np.ndarray, deck: int, parts: dict[str, np.ndarray],
    bias: np.ndarray, pixels: int, hardware: Hardware,
) -> np.ndarray:  # fmt: skip
    """The fp32 variant: float32 [pixels, 3] before the sigmoid. Its sums are taken in another order than the kernel's."""
    h = inputs(shape, header, deck, np.arange(pixels), hardware) @ parts["w0"].reshape(-1, shape.width) + bias
    for i, name in enumerate(shape.activations):
        if i:
            h = h @ parts[f"w{i}"].reshape(shape.width, shape.width) + parts[f"b{i}"]
        h = activate(name, h, hardware, True)
    return (h @ parts["out"].reshape(shape.width, 4) + parts["out_bias"])[:, :3]


def _to_linear(s: np.ndarray, hardware: Hardware) -> np.ndarray:
    bright = hardware.exp2(_F(2.4) * hardware.log2((s + _F(0.055)) * _F(1.0 / 1.055)))
    return np.where(s <= _F(0.04045), s * _F(1.0 / 12.92), bright)


def _to_srgb(linear: np.ndarray, hardware: Hardware) -> np.ndarray:
    x = np.clip(linear, _F(0.0), _F(1.0))
    bright = _F(1.055) * hardware.exp2(_F(1.0 / 2.4) * hardware.log2(np.maximum(x, _F(1e-9)))) - _F(0.055)
    return np.where(x <= _F(0.0031308), _F(12.92) * x, bright)


def _store(header: np.ndarray, colour: np.ndarray) -> np.ndarray:
    """Return RGBA8 [pixels, 4]."""
    row, column = np.divmod(np.arange(len(colour)), int(header["width"]))
    shift = _F(5.588238) * header["seed"]
    x = (column + int(header["offset_x"])).astype(_F) + _F(0.5) + shift
    y = _F(2.0) * header["half_height"] - (row + int(header["offset_y"])).astype(_F) - _F(0.5) + shift
    f = x * _F(0.06711056) + y * _F(0.00583715)
    f = _F(52.9829189) * (f - np.floor(f))
    noise = header["dither"] * (f - np.floor(f) - _F(0.5))
    level = np.clip(_fma(colour, _F(255.0), noise[:, None]), _F(0.0), _F(255.0))
    levels = np.nan_to_num(level + _F(0.5)).astype(np.uint8)
    return np.concatenate([levels, np.full((len(levels), 1), 255, np.uint8)], 1)


def _half(x: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore", under="ignore"):
        return x.astype(np.float16)


def _fma(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """a b + c rounded once (a product of two float32 is exact in float64)."""
    return (np.float64(a) * np.float64(b) + np.float64(c)).astype(_F)
