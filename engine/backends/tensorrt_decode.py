"""A decoded network (a GAN, a VQ-VAE) in a TensorRT plan: one picture at a time, on a stream of its own.

Made on the loader thread by `tensorrt.TensorRTBackend`; decoded and closed on the thread of whoever shows the pictures.
Buffers are made for the largest picture and never move, so that a recorded CUDA graph stays valid; another shape of latent
records again. Never uses the default stream, never waits for anything but its own stream.
"""

from __future__ import annotations

import logging
import math
from contextlib import ExitStack
from typing import TYPE_CHECKING

import numpy as np

from phosphene.engine.backends.decoded_onnx import distance, free_shapes
from phosphene.engine.backends.decoders import Inputs, OnnxBackend, OnnxDecoder, batched, picture_of, trial_inputs
from phosphene.engine.backends.onnx_graph import LIMIT
from phosphene.engine.backends.plans import Header
from phosphene.engine.backends.tensorrt_plan import PlanRefused, load_tensorrt
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.engine.gpu.cuda_base import Buffer, Cuda, CudaError, Graph, HostBuffer
from phosphene.engine.models.graph import OUTPUT
from phosphene.engine.models.style import Style

if TYPE_CHECKING:
    import tensorrt as trt

_log = logging.getLogger(__name__)
_FLOAT_BYTES = 4


class TensorRTDecoder:
    """`style` in its plan. Raises PlanRefused, CudaError when memory runs out. See `decoders.Decoder`."""

    name = "tensorrt"

    def __init__(self, style: Style, header: Header, plan: bytes, logger: trt.ILogger, cuda: Cuda) -> None:
        trt = load_tensorrt()
        self._style, self._cuda = style, cuda
        self._logger = logger  # the library keeps its address only
        self._inputs: dict[str, Buffer] = {}
        self._output: Buffer | None = None
        self._host: HostBuffer | None = None
        self._graph: Graph | None = None
        self._recordable = True
        self._shapes: dict[str, tuple[int, ...]] | None = None
        self._runs = 0  # of these shapes
        self._context: trt.IExecutionContext | None = None
        self._runtime = trt.Runtime(logger)
        self._engine: trt.ICudaEngine | None = self._runtime.deserialize_cuda_engine(plan)
        if self._engine is None:
            raise PlanRefused("the plan does not load")
        self._stream = cuda.stream(urgent=False)  # the render loop's own work goes first
        with ExitStack() as undo:
            undo.callback(self.close)
            self._examine(header)
            self._allocate()
            self.trial = self.decode(trial_inputs(style))
            undo.pop_all()

    def decode(self, inputs: Inputs) -> np.ndarray:
        """See `Decoder`. Raises UserError for a latent of a shape that the plan is not for, too."""
        self._cuda.activate()  # the thread may be another one than last time
        given = batched(self._style, inputs)
        shapes = {name: array.shape for name, array in given.items()}
        if shapes != self._shapes:
            self._reshape(shapes)
        for name, array in given.items():
            self._stream.upload(self._inputs[name], array)
        # The first run of a shape settles what TensorRT has put off; only then is there something to record.
        if self._runs == 1 and self._recordable:
            self._record()
        self._runs += 1
        if self._graph is not None:
            self._graph.launch(self._stream)
        else:
            self._enqueue()
        picture = self._host.array.view(np.float32)[: math.prod(self._picture)].reshape(self._picture)
        self._stream.download(picture, self._output)
        self._stream.synchronize()
        return picture_of(picture, self._style.slug)

    def close(self) -> None:
        """Free everything; closing again is not an error."""
        self._cuda.activate()
        self._forget_graph()
        self._context = self._engine = self._runtime = None  # in this order: each lives in the next
        for held in (*self._inputs.values(), self._output, self._host, self._stream):
            if held is not None:
                held.close()
        self._inputs, self._output, self._host = {}, None, None

    def _examine(self, header: Header) -> None:
        """Check that the plan is of the style's network and for the latents that its kind may have."""
        trt = load_tensorrt()
        engine = self._engine
        graph = self._style.spec.graph
        kinds = {key: trt.DataType.INT64 if key in graph.integers else trt.DataType.FLOAT for key in graph.inputs}
        kinds[OUTPUT] = trt.DataType.FLOAT
        names = [engine.get_tensor_name(index) for index in range(engine.num_io_tensors)]
        if sorted(names) != sorted(kinds) or any(engine.get_tensor_dtype(name) != kinds[name] for name in names):
            raise PlanRefused(f"the plan is of another network ({', '.join(names)})")
        self._free, wanted = free_shapes(self._style, header.recipe.pixels)
        shapes = [tuple(shape) for shape in engine.get_tensor_profile_shape(self._free, 0)]
        if shapes != list(wanted):
            raise PlanRefused(f"the plan is for other sizes ({shapes})")
        self._least, _, self._most = wanted

    def _allocate(self) -> None:
        graph = self._style.spec.graph
        self._context = self._engine.create_execution_context()
        if self._context is None:
            raise PlanRefused("no execution context: the GPU's memory is too small or taken")
        for name, shape in graph.inputs.items():
            each = 8 if name in graph.integers else _FLOAT_BYTES
            largest = self._most if name == self._free else (1, *shape)
            self._inputs[name] = self._cuda.buffer(each * math.prod(largest))
        if not self._context.set_input_shape(self._free, self._most):
            raise PlanRefused(f"the size {self._most} is refused")
        largest = tuple(self._context.get_tensor_shape(OUTPUT))
        if min(largest) < 1:  # -1: not known from the inputs' shapes
            raise PlanRefused(f"the plan does not say how large its picture is ({largest})")
        nbytes = _FLOAT_BYTES * math.prod(largest)
        self._output, self._host = self._cuda.buffer(nbytes), self._cuda.host_buffer(nbytes)
        for name, buffer in (self._inputs | {OUTPUT: self._output}).items():
            if not self._context.set_tensor_address(name, buffer.address):
                raise PlanRefused(f"no address for {name}")

    def _reshape(self, shapes: dict[str, tuple[int, ...]]) -> None:
        shape = shapes[self._free]
        inside = len(shape) == len(self._most) and all(
            least <= side <= most for least, side, most in zip(self._least, shape, self._most, strict=True)
        )
        if not inside:
            raise UserError(
                "the plan is not for such a screen", where=self._style.slug, allowed=f"latents {self._least}..{self._most}",
                got=shape,
            )  # fmt: skip
        self._forget_graph()  # idle: every picture is waited for
        if not self._context.set_input_shape(self._free, shape):
            raise PlanRefused(f"the size {shape} is refused")
        self._picture = tuple(self._context.get_tensor_shape(OUTPUT))
        self._shapes = shapes

    def _record(self) -> None:
        try:
            self._graph = self._cuda.graph(self._stream, self._enqueue)
        except (CudaError, PlanRefused) as error:
            _log.warning("%s: no CUDA graph, every picture is queued anew (%s)", self._style.slug, error)
        self._recordable = self._graph is not None

    def _enqueue(self) -> None:
        if not self._context.execute_async_v3(self._stream.handle):
            raise PlanRefused("the network does not run")

    def _forget_graph(self) -> None:
        self._shapes, self._runs = None, 0
        if self._graph is not None:
            graph, self._graph = self._graph, None
            graph.close()


def check(decoder: TensorRTDecoder, style: Style) -> None:
    """Hold the trial picture against onnxruntime's in float32.

    Raises PlanRefused where they differ, UserError where there is no onnxruntime.
    """
    onnx = OnnxBackend()
    if reason := onnx.refusal(style):
        raise UserError("the plan's picture cannot be checked", where=style.slug, got=reason)
    exact = OnnxDecoder(style)
    error, _ = distance(decoder.trial, exact.trial)
    exact.close()
    if not error <= LIMIT:
        raise PlanRefused(f"its picture is off by {error * 255:.1f}/255 at the 99th percentile (limit {LIMIT * 255:.0f})")


def screen_refusal(style: Style, screen: Size) -> str | None:
    """Return why the plans of `style` are not for a screen: its latent would be larger than they take."""
    least, _, most = style.spec.grids
    grid = style.spec.grid_for(screen.aspect)
    if all(low <= side <= high for low, side, high in zip(least, grid, most, strict=True)):
        return None
    return f"a latent of {grid[1]}x{grid[0]} for {screen}, its plans take up to {most[1]}x{most[0]}"
