"""The least time a GPU could take for a network: what predictions start from, and what measurements are a fraction of.

Called by benchmarks and documents, on any thread. Nothing here is measured: it is arithmetic on published peaks.

A frame is bound by whichever unit is busy longest: tensor cores (or fp32 lanes), special functions (MUFU), or memory
(weights once, pixels once). The floor is that maximum: it supposes that all of them overlap perfectly.
"""

from __future__ import annotations

from dataclasses import dataclass

from phosphene.kernels.cppn_fused.shape import OUT_COLUMNS, Shape, weight_bytes

_MUFU_PER_CLOCK = 16  # per SM, from Volta on: a quarter of a warp in each of four partitions


@dataclass(frozen=True)
class Gpu:
    """arch: compute capability x 10. clock: boost, GHz. tensor: dense fp16 FLOP per clock and SM with fp16 and with fp32
    accumulate. fp32: FLOP per clock and SM. bandwidth: GB/s."""

    name: str
    arch: int
    sms: int
    clock: float
    tensor: tuple[int, int]
    fp32: int
    bandwidth: float

    @property
    def tflops(self) -> tuple[float, float, float]:
        """Peaks in TFLOP/s: tensor cores with fp16 accumulate, with fp32 accumulate, fp32 lanes."""
        clocks = 1e-3 * self.sms * self.clock
        return clocks * self.tensor[0], clocks * self.tensor[1], clocks * self.fp32


# SMs, boost clocks and bandwidth: NVIDIA's product pages and whitepapers (GA102, AD102, Blackwell RTX, H100). A GeForce SM
# does 1024 FLOP a clock on halves with fp16 accumulate and half of that with fp32 accumulate (RTX 5090: 419 and 210 TFLOP/s
# dense); H100 and H200 do 4096 either way. Hopper reaches that with wgmma only, mma.sync about 62% of it: the peak is kept.
GPUS = {
    gpu.name: gpu
    for gpu in (
        Gpu("H100", 90, 132, 1.83, (4096, 4096), 256, 3350.0),
        Gpu("H200", 90, 132, 1.83, (4096, 4096), 256, 4800.0),
        Gpu("RTX 3060", 86, 28, 1.78, (1024, 512), 256, 360.0),
        Gpu("RTX 4060", 89, 24, 2.46, (1024, 512), 256, 272.0),
        Gpu("RTX 4070", 89, 46, 2.48, (1024, 512), 256, 504.0),
        Gpu("RTX 5070", 120, 48, 2.51, (1024, 512), 256, 672.0),
        Gpu("RTX 5090", 120, 170, 2.41, (1024, 512), 256, 1792.0),
    )
}


@dataclass(frozen=True)
class Floor:
    """Milliseconds each unit is busy; `ms` is the longest of them."""

    multiply_ms: float
    special_ms: float
    memory_ms: float

    @property
    def ms(self) -> float:
        """The floor."""
        return max(self.multiply_ms, self.special_ms, self.memory_ms)

    @property
    def bound(self) -> str:
        """The unit that sets it."""
        return max(("multiply", "special", "memory"), key=lambda name: getattr(self, f"{name}_ms"))


def flops(shape: Shape, variant: str) -> int:
    """Return the floating-point operations of one pixel that the kernel spends on products, padding included."""
    full = shape.padded(variant)
    outputs = 3 if variant == "fp32" else OUT_COLUMNS
    return 2 * full.width * (len(full.spatial) + (full.layers - 1) * full.width + outputs)


def specials(shape: Shape, variant: str) -> int:
    """Return the special-function instructions of one pixel: one an activation (two for tanh in fp32), two a sigmoid."""
    full = shape.padded(variant)
    each = [2 if name == "tanh" and variant == "fp32" else 1 for name in full.activations]
    return full.width * sum(each) + 3 * 2


def floor(shape: Shape, variant: str, gpu: Gpu, pixels: int, decks: int = 1) -> Floor:
    """Return the floor of one launch. shape: of the network, not padded. A pair does everything twice but the store."""
    full = shape.padded(variant)
    half, single, plain = gpu.tflops
    first = 2 * full.width * len(full.spatial)
    rate = {"fp16": half, "fp16_acc32": single, "fp32": plain}[variant]
    multiply = (flops(shape, variant) - first) / rate + first / plain
    special = specials(shape, variant) / (1e-3 * gpu.sms * gpu.clock * _MUFU_PER_CLOCK)
    moved = decks * weight_bytes(full, variant) + 4 * pixels
    return Floor(1e-9 * decks * pixels * multiply, 1e-9 * decks * pixels * special, 1e-6 * moved / gpu.bandwidth)


def predicted_ms(floor_ms: float, fraction: float) -> float:
    """Return the time predicted from a floor and the fraction of the floor, (0..1], measured on another GPU."""
    return floor_ms / fraction
