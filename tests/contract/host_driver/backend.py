"""The fused backend end to end, without a GPU: real bindings, real packing, real OpenGL; the kernel by its emulation.

A process of its own, started by `tests/unit/backends/test_cuda.py`. The driver runs `kernels.cppn_fused.emulate` in the
kernel's place, on the very bytes that the backend uploaded. Prints {question: what went wrong, or nothing} as JSON.
"""

from __future__ import annotations

import ctypes
import json
import sys
import traceback
from collections.abc import Callable

import numpy as np

from phosphene.engine.backends import cuda as backend
from phosphene.engine.backends.cpu import CpuProgram
from phosphene.engine.core.frame import Size
from phosphene.engine.generators.cppn import CppnGenerator
from phosphene.engine.gpu.context import HeadlessContext
from phosphene.engine.gpu.shader import Passes
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.models.encoding import View
from phosphene.engine.models.style import Style
from phosphene.kernels.cppn_fused.emulate import paint
from phosphene.kernels.cppn_fused.shape import FRAME, Shape, frame_bytes, weight_bytes
from tests.contract.test_backends import make_style, uniforms_of

SIZE, VIEW = Size(46, 26), View(zoom=1.4, rotate=0.07, pan_x=0.3)
CALLBACK = ctypes.CFUNCTYPE(
    None, ctypes.c_char_p, ctypes.POINTER(ctypes.POINTER(ctypes.c_uint64)), ctypes.c_uint, ctypes.c_uint
)
compiled: list[str] = []  # the architecture of each kernel that was asked for


def emulated(shape: Shape, variant: str) -> object:
    """Return the driver's callback: PAINT on the bytes that its four pointers name."""

    def run(name: bytes, arguments, blocks: int, threads: int) -> None:
        assert name == b"cppn_paint"
        assert blocks >= 1
        assert threads == 128
        frame_at, a, b, out = (int(arguments[i][0]) for i in range(4))
        full = shape.padded(variant)
        assert a % 16 == b % 16 == frame_at % 16 == 0
        weights = [_bytes(at, weight_bytes(full, variant)) for at in ([a] if a == b else [a, b])]
        frame = _bytes(frame_at, frame_bytes(full.width, pair=a != b)).copy()
        header = frame[: FRAME.itemsize].view(FRAME)[0]
        for row, pixels in enumerate(paint(full, variant, frame, weights)):
            ctypes.memmove(out + row * int(header["pitch"]), pixels.ctypes.data, pixels.nbytes)

    return CALLBACK(run)


def _bytes(address: int, count: int) -> np.ndarray:
    return np.ctypeslib.as_array((ctypes.c_uint8 * count).from_address(address))


def compile_for_host(source: str, arch: str, name: str = "", **options) -> bytes:
    """Hand the driver something that it can load. (cuda-core asks more of a driver than this one knows.)"""
    assert "cppn_paint" in source
    assert options.keys() == {"ftz", "prebuilt"}
    assert options["ftz"] is True
    compiled.append(arch)
    return b"HOST"


def pictures(format: str) -> None:
    """A picture is float32's within a level and a half (rounding and dither), whatever the target's format."""
    style, program = _opened(3)
    target = RenderTarget(Size(2, 2), format)
    for seed in range(2):
        uniforms = uniforms_of(style, seed)
        program.run(uniforms, SIZE, VIEW, target)
        _near(target, CpuProgram(style).evaluate(uniforms, SIZE, VIEW))
    assert "llvmpipe" in program.staging_reason
    program.run(uniforms, SIZE, VIEW, target)
    assert program.gpu_ms == 1.0, program.gpu_ms  # the driver's clock: a millisecond a launch
    assert program.picture.stream.handle
    program.close()
    program.close()
    target.close()


def pair() -> None:
    """Two styles and their dissolve in one launch: added up in linear light."""
    (a, first), (b, second) = _opened(3), _opened(4)
    _, other_shape = _opened(3, width=32)
    assert first.pairs_with(second)
    assert not first.pairs_with(first)
    assert not first.pairs_with(other_shape)
    assert not first.pairs_with(CpuProgram(a))
    target, uniforms, gains = RenderTarget(SIZE, "rgba8"), [uniforms_of(a, 1), uniforms_of(b, 2)], (0.7, 0.2)
    first.run_pair(second, uniforms, SIZE, [VIEW, View()], gains, target)
    light = sum(
        gain * _linear(CpuProgram(style).evaluate(u, SIZE, view).astype(np.float64))
        for style, u, view, gain in zip((a, b), uniforms, (VIEW, View()), gains, strict=True)
    )
    _near(target, np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055))
    for each in (first, second, other_shape, target):
        each.close()


def generator() -> None:
    """On a deck: the generator draws into the format that the program likes, and passes on what it says of itself."""
    style, program = _opened(3)
    passes = Passes()
    made = CppnGenerator(style, program, passes)
    assert made.capabilities.staging_reason
    assert made.capabilities.pairing is program
    raw = made._picture(RenderTarget(SIZE))
    assert raw.format == "rgba8"
    made.close()
    passes.close()


def kernels() -> None:
    """One compilation a shape for one deck, and one for two; no kernel for styles of a shape that is known."""
    shared = backend.CudaBackend("llvmpipe")
    before = len(compiled)
    opened = [shared.open(make_style(seed=seed, gain=1.0), SIZE) for seed in (3, 4, 5)]
    assert len(compiled) - before == 2, compiled[before:]
    assert {program.variant for program in opened} == {"fp16"}
    for program in opened:
        program.close()


def _opened(seed: int, width: int = 16) -> tuple[Style, backend.CudaProgram]:
    style = make_style(width=width, seed=seed, gain=1.0)
    _play(style)
    program = cuda_backend.open(style, SIZE)
    _play(make_style())
    return style, program


def _play(style: Style) -> None:
    """Let the driver emulate kernels of the style's shape."""
    callback = emulated(Shape(style.spec.spatial, style.spec.width, style.spec.layer_activations), "fp16")
    _kept.append(callback)  # the driver calls it later: it must not be collected
    driver.host_kernels(callback)


def _near(target: RenderTarget, wanted: np.ndarray) -> None:
    got = target.read()
    assert target.size == SIZE
    assert wanted.std() > 0.02
    np.testing.assert_array_equal(got[..., 3], 1.0)
    error = np.abs(got[..., :3] - wanted) * 255
    assert error.max() < 2.0, error.max()
    assert error.mean() < 0.5, error.mean()


def _linear(s: np.ndarray) -> np.ndarray:
    return np.where(s <= 0.04045, s / 12.92, ((s + 0.055) / 1.055) ** 2.4)


_kept: list[object] = []
driver = ctypes.CDLL("libcuda.so.1")
backend.compile_cubin = compile_for_host
cuda_backend = backend.CudaBackend("llvmpipe")
QUESTIONS: dict[str, Callable[[], None]] = {
    "rgba8": lambda: pictures("rgba8"),
    "rgba16f": lambda: pictures("rgba16f"),
    "pair": pair,
    "generator": generator,
    "kernels": kernels,
}


def main() -> None:
    """Ask everything; what was allocated must have been freed."""
    np.seterr(all="raise", under="ignore")
    context = HeadlessContext()
    said = {}
    for name, question in QUESTIONS.items():
        before = driver.host_allocated()
        try:
            question()
            left = driver.host_allocated() - before
            said[name] = f"{left} allocations were not freed" if left else ""
        except Exception:  # noqa: BLE001 boundary: the caller wants every answer
            said[name] = traceback.format_exc()
    context.close()
    json.dump(said, sys.stdout)


if __name__ == "__main__":
    main()
