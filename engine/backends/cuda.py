"""CPPNs by the fused kernel: one launch a frame, from coordinates to RGBA8, and nothing of it touches the host.

The kernel and what it computes are in `kernels/cppn_fused`; this is its host side. `open` (loader thread) compiles or
fetches the kernel, uploads the weights and holds one small picture against float32; `run` and `run_pair` (render thread)
fold the frame's inputs into a bias, queue a 1 KB upload, a launch and a copy, and return: no wait, no allocation.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from functools import partial

import numpy as np

from phosphene.engine.backends.base import Capabilities
from phosphene.engine.backends.base import Program as AnyProgram
from phosphene.engine.backends.cpu import CpuProgram
from phosphene.engine.backends.device_picture import DevicePicture
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.engine.gpu.compile import compile_cubin
from phosphene.engine.gpu.cuda import cuda_refusal, driver_refusal, open_cuda
from phosphene.engine.gpu.cuda_base import Cuda, DeviceInfo, Kernel, Module
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.models.encoding import (
    STRAIGHT_VIEW,
    View,
    fold_bias,
    input_values,
    projection_vector,
    uniform_vector,
    view_matrix,
)
from phosphene.engine.models.style import Style
from phosphene.kernels.cppn_fused import prebuilt
from phosphene.kernels.cppn_fused.pack import pack_frame, pack_weights
from phosphene.kernels.cppn_fused.shape import VARIANTS, Shape, frame_bytes
from phosphene.kernels.cppn_fused.source import FIRST_ARCH, PAINT, Program, build

_log = logging.getLogger(__name__)

_DITHER = 1.0  # levels; its pattern stands still, because the same inputs have to give the same bits
LIMIT = 1.0 / 255.0  # how far the picture may be from float32's for 99 % of all values: else a more exact kernel
_TRIAL = Size(160, 90)


def _prebuilt(program: Program, arch: str) -> bytes | None:
    """Return PTX for `program`: one image for all architectures, so `arch` is not asked."""
    return prebuilt.ptx(program.key)


class Kernels:
    """The compiled kernels of one GPU, shared by all styles of a shape. Loader thread."""

    def __init__(self, cuda: Cuda) -> None:
        self._cuda = cuda
        self._lock = threading.Lock()
        self._loaded: dict[str, tuple[Kernel, int]] = {}
        self._modules: list[Module] = []  # kept loaded: a few hundred KB a shape

    def get(self, program: Program) -> tuple[Kernel, int]:
        """Return the kernel and the blocks a multiprocessor holds of it. Raises UserError, CudaError."""
        with self._lock:
            if program.key not in self._loaded:
                device = self._cuda.device
                program.options(10 * device.capability[0] + device.capability[1])  # refuses what the GPU cannot run
                built = partial(_prebuilt, program)
                image = compile_cubin(program.source, device.arch, "cppn_fused", ftz=True, prebuilt=built)
                self._modules.append(self._cuda.module(image))
                kernel = self._modules[-1].kernel(PAINT)
                if spilled := kernel.local_bytes():
                    _log.warning("the kernel for %s spills %d bytes a thread: it will be slow", program.shape, spilled)
                self._loaded[program.key] = kernel, kernel.resident(program.block)
            return self._loaded[program.key]


class _Loaded:
    """A kernel, what it was built for, and how many blocks of it a multiprocessor holds."""

    def __init__(self, program: Program, kernels: Kernels) -> None:
        self.program = program
        self.kernel, self.resident = kernels.get(program)


class CudaProgram:
    """One style in device memory. `variant`: of the kernel, see `kernels.cppn_fused.shape`."""

    name = "cuda"

    def __init__(self, style: Style, cuda: Cuda, kernels: Kernels, max_size: Size, renderer: str, variant: str) -> None:
        spec = style.spec
        self.spec, self.variant = spec, variant
        self.shape = Shape(spec.spatial, spec.width, spec.layer_activations)
        self._cuda, self._kernels = cuda, kernels
        self._alone = _Loaded(build(self.shape, variant), kernels)
        self._pair: _Loaded | None = None
        self._columns = spec.columns(spec.uniform)
        self._w0, self._b0 = style.weights[0]
        # For a pair with a style that takes a more exact kernel the weights are there in its order too: 100 KB at 128 wide.
        columns, exacter = spec.columns(spec.spatial), VARIANTS[VARIANTS.index(variant) :]
        packed = {each: pack_weights(self.shape, each, style.weights, columns) for each in exacter}
        self.picture = DevicePicture(cuda, max_size, renderer)
        self._weights = {each: cuda.buffer(array.nbytes) for each, array in packed.items()}
        self._frame = cuda.buffer(max(frame_bytes(self.shape.padded(each).width, pair=True) for each in exacter))
        for each, array in packed.items():
            self.picture.stream.upload(self._weights[each], array)
        self.picture.stream.synchronize()

    @property
    def capabilities(self) -> Capabilities:
        """See `base.Capabilities`."""
        return Capabilities("rgba8", self.gpu_ms, self.staging_reason, pairing=self)

    @property
    def gpu_ms(self) -> float:
        """GPU time of the newest picture that is known, ms."""
        return self.picture.gpu_ms

    @property
    def staging_reason(self) -> str:
        """Why pictures go through host memory; empty where they do not."""
        return self.picture.staging_reason

    def run(self, uniforms: np.ndarray, size: Size, view: View, target: RenderTarget) -> None:
        """Paint, and bring the picture into `target`."""
        self.paint([self], [uniforms], size, [view])
        self.picture.show(size, target)

    def pairs_with(self, other: AnyProgram) -> bool:
        """See `base.Pairing`."""
        return (
            isinstance(other, CudaProgram)
            and other is not self
            and other.shape == self.shape
            and other._cuda is self._cuda
            and self._more_exact(other)._pair is not None
        )

    def run_pair(
        self,
        other: CudaProgram,
        uniforms: Sequence[np.ndarray],
        size: Size,
        views: Sequence[View],
        gains: tuple[float, float],
        target: RenderTarget,
    ) -> None:
        """See `base.Pairing`. The other's weights are only read."""
        self.paint([self, other], uniforms, size, views, gains)
        self.picture.show(size, target)

    def paint(
        self,
        decks: Sequence[CudaProgram],
        uniforms: Sequence[np.ndarray],
        size: Size,
        views: Sequence[View],
        gains: tuple[float, float] = (1.0, 0.0),
        dither: float = _DITHER,
    ) -> None:
        """Queue the launch into this program's buffer: RGBA8, bottom row first."""
        lead = decks[0]._more_exact(decks[-1])
        loaded = lead._alone if len(decks) == 1 else lead._pair
        out = self.picture.begin(size)
        row = 4 * size.width
        frame = pack_frame(
            self.shape, lead.variant, [d._bias(u) for d, u in zip(decks, uniforms, strict=True)], (size.width, size.height),
            [view_matrix(v) for v in views], [projection_vector(v.projection) for v in views],
            pitch=-row, gains=gains, dither=dither,
        )  # fmt: skip
        stream = self.picture.stream
        stream.upload(self._frame, frame)
        # Row 0 of the kernel is the top one and OpenGL's is the bottom one: it begins at the last row and walks backwards.
        last = out.address + row * (size.height - 1)
        weights = [deck._weights[lead.variant].address for deck in (decks[0], decks[-1])]
        grid = loaded.program.grid(size.pixels, self._cuda.device.sms, loaded.resident)
        arguments = [np.uint64(address) for address in (self._frame.address, *weights, last)]
        loaded.kernel.launch((grid, 1, 1), (loaded.program.block, 1, 1), arguments, stream)

    def read(self, size: Size) -> np.ndarray:
        """Return what was painted: uint8 [h, w, 4], row 0 at the top. Waits: for the trial, tests and benchmarks."""
        pixels = np.empty((size.height, size.width, 4), np.uint8)
        self.picture.stream.download(pixels, self.picture.buffer)
        self.picture.stream.synchronize()
        return pixels[::-1]

    def prepare_pair(self) -> None:
        """Compile the kernel for two decks, so that a crossfade does not. Loader thread; until then nothing is a pair."""
        self._pair = _Loaded(build(self.shape, self.variant, pair=True), self._kernels)

    def close(self) -> None:
        """Free the device memory; closing again is not an error."""
        self.picture.close()
        for buffer in (*self._weights.values(), self._frame):
            buffer.close()

    def _more_exact(self, other: CudaProgram) -> CudaProgram:
        return max(self, other, key=lambda each: VARIANTS.index(each.variant))

    def _bias(self, uniforms: np.ndarray) -> np.ndarray:
        return fold_bias(self._w0, self._b0, self._columns, uniforms, self.spec.periodic)


class CudaBackend:
    """renderer: GL_RENDERER of the show's context, "" where there is none."""

    name = "cuda"
    kinds = frozenset({"cppn"})

    def __init__(self, renderer: str = "") -> None:
        self._renderer = renderer
        self._kernels: Kernels | None = None

    def refusal(self, style: Style | None = None) -> str | None:
        """Refuse where there is no driver, no binding, or no GPU that any variant of the kernel runs on."""
        reason = driver_refusal() or cuda_refusal()
        if reason is None:
            device = open_cuda().device
            if 10 * device.capability[0] + device.capability[1] < min(FIRST_ARCH.values()):
                major, minor = device.capability
                return f"{device.name} has compute capability {major}.{minor}, at least 7.5 is needed"
        return reason

    def variants(self, device: DeviceInfo) -> list[str]:
        """Return the kernels that `device` runs, the fastest first."""
        arch = 10 * device.capability[0] + device.capability[1]
        return [name for name, first in FIRST_ARCH.items() if arch >= first]

    def open(self, style: Style, max_size: Size) -> CudaProgram:
        """Compile, upload, and paint once, small. Raises UserError for a style that no variant takes, CudaError."""
        cuda = open_cuda()
        cuda.activate()
        if self._kernels is None:
            self._kernels = Kernels(cuda)
        reasons = []
        for variant in self.variants(cuda.device):
            try:
                program = CudaProgram(style, cuda, self._kernels, max_size, self._renderer, variant)
            except ValueError as error:  # a weight beyond the range of half floats
                reasons.append(f"{variant}: {error}")
                continue
            error = trial(program, style)
            if error <= LIMIT:
                program.prepare_pair()
                return program
            program.close()
            reasons.append(f"{variant}: off by {error * 255:.1f}/255 (99th percentile; limit 1/255)")
        raise UserError("the cuda backend refuses the style", where=style.slug, got="; ".join(reasons))


def trial(program: CudaProgram, style: Style) -> float:
    """Return by how much the kernel's picture of the style's preview is off: 99th percentile, 0..1, in steps of a level."""
    preview = style.meta.preview
    values = input_values(preview.time, preview.signals, preview.signals)
    uniforms = uniform_vector(style.spec.uniform, values, style.scales)
    program.paint([program], [uniforms], _TRIAL, [STRAIGHT_VIEW], dither=0.0)
    exact = np.rint(CpuProgram(style).evaluate(uniforms, _TRIAL) * np.float32(255.0))
    return float(np.percentile(np.abs(program.read(_TRIAL)[..., :3] - exact), 99)) / 255.0
