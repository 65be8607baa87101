"""A plan in memory: engine, context, fixed buffers, and the CUDA graph of one size.

Made and refitted on the loader thread while it is idle; launched on the render thread. Buffers and addresses never change,
so that a recorded graph stays valid; another size waits for this plan's own stream once, uploads another grid and records
again. What TensorRT answers with None or False is a `PlanRefused`; its own words are in the log that the backend keeps.
"""

from __future__ import annotations

import importlib
import logging
from typing import TYPE_CHECKING, Any

import numpy as np

from phosphene.engine.backends.onnx_graph import (
    BIAS,
    CHANNELS,
    GRID,
    GRID_COLUMNS,
    PICTURE,
    VIEW,
    VIEW_NUMBERS,
    first_bias,
    grid,
    initializers,
    view_vector,
    weights_digest,
)
from phosphene.engine.backends.plans import Header
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.engine.gpu.cuda_base import Buffer, Cuda, CudaError, Graph, Stream
from phosphene.engine.models.encoding import View
from phosphene.engine.models.style import Style

if TYPE_CHECKING:
    import tensorrt as trt

_log = logging.getLogger(__name__)
_ALIGNED = 64  # floats: TensorRT wants every address on 256 bytes, so the bias starts there in the buffer of a frame


class PlanRefused(Exception):
    """TensorRT will not have the plan, or not do what it is asked."""


def load_tensorrt() -> Any:
    """Return the module `tensorrt`. Raises UserError where it, or a library that it needs, cannot be loaded."""
    try:
        return importlib.import_module("tensorrt")
    except (ImportError, OSError) as error:
        raise UserError("TensorRT cannot be loaded", got=error) from error


class LoadedPlan:
    """header: of the plan. Raises PlanRefused, CudaError when memory runs out."""

    def __init__(self, header: Header, plan: bytes, logger: trt.ILogger, cuda: Cuda) -> None:
        trt = load_tensorrt()
        self.header = header
        self.weights = header.recipe.weights  # what it holds now
        self._cuda = cuda
        self._logger = logger
        self._buffers: list[Buffer] = []
        self._graph: Graph | None = None
        self._recordable = True
        self._size: Size | None = None
        self._runs = 0  # of this size
        self._context: trt.IExecutionContext | None = None
        self._runtime = trt.Runtime(logger)
        self._engine: trt.ICudaEngine | None = self._runtime.deserialize_cuda_engine(plan)
        if self._engine is None:
            raise PlanRefused("the plan does not load")
        self._examine()
        try:
            self._allocate()
        except BaseException:
            self.close()
            raise

    def refit(self, style: Style) -> None:
        """Put the weights of `style` in. The plan must be idle, and of its architecture. Raises PlanRefused."""
        trt = load_tensorrt()
        refitter = trt.Refitter(self._engine, self._logger)
        # Kept until the work is done: the library holds their addresses only.
        numbers = initializers(style, self.header.recipe.full_layers)
        for name, array in numbers.items():
            if not refitter.set_named_weights(name, trt.Weights(np.ascontiguousarray(array).reshape(-1))):
                raise PlanRefused(f"the weights {name} cannot be exchanged")
        if missing := refitter.get_missing_weights():
            raise PlanRefused(f"weights are missing: {', '.join(missing)}")
        stream = self._cuda.stream(urgent=False)
        try:
            if not refitter.refit_cuda_engine_async(stream.handle):
                raise PlanRefused("the weights cannot be exchanged")
            stream.synchronize()
        finally:
            stream.close()
        self._forget_graph()
        self.weights = weights_digest(style, self.header.recipe.full_layers)

    def launch(self, style: Style, uniforms: np.ndarray, size: Size, view: View, stream: Stream) -> None:
        """Queue one picture into `picture`. The first of a size is queued as it is, the second is recorded."""
        if size != self._size:
            self._resize(size, stream)
        bias = first_bias(style, uniforms)
        self._frame[:VIEW_NUMBERS] = view_vector(view)
        self._frame[_ALIGNED : _ALIGNED + len(bias)] = bias
        # Pageable memory: the driver takes its 1 KB before it returns, so the next frame may write over it.
        stream.upload(self._frame_buffer, self._frame)
        # The first run of a size settles what TensorRT has put off; only then is there something to record.
        if self._runs == 1 and self._recordable:
            self._record(stream)
        self._runs += 1
        if self._graph is not None:
            self._graph.launch(stream)
        else:
            self._enqueue(stream)

    def read(self, size: Size, stream: Stream) -> np.ndarray:
        """Return the picture last queued: uint8 [h, w, 4], row 0 at the top. Waits for the stream: for checks."""
        pixels = np.empty((size.height, size.width, CHANNELS), np.uint8)
        stream.download(pixels, self.picture)
        stream.synchronize()
        return pixels[::-1]

    def close(self) -> None:
        """Free everything; closing again is not an error. The plan must be idle."""
        self._cuda.activate()
        self._forget_graph()
        self._context = self._engine = self._runtime = None  # in this order: each lives in the next
        while self._buffers:
            self._buffers.pop().close()

    def _examine(self) -> None:
        """Check that the plan is of the network of `onnx_graph.py` and for the sizes that its header says."""
        trt = load_tensorrt()
        engine = self._engine
        kinds = dict.fromkeys((GRID, VIEW, BIAS), trt.DataType.FLOAT) | {PICTURE: trt.DataType.UINT8}
        names = [engine.get_tensor_name(index) for index in range(engine.num_io_tensors)]
        if sorted(names) != sorted(kinds) or any(engine.get_tensor_dtype(name) != kinds[name] for name in names):
            raise PlanRefused(f"the plan is of another network ({', '.join(names)})")
        shapes = [tuple(shape) for shape in engine.get_tensor_profile_shape(GRID, 0)]
        if shapes != [(pixels, GRID_COLUMNS) for pixels in self.header.recipe.pixels]:
            raise PlanRefused(f"the plan is for other sizes ({shapes})")
        (self._width,) = engine.get_tensor_shape(BIAS)

    def _allocate(self) -> None:
        self._least, _, self._most = self.header.recipe.pixels
        self._frame = np.zeros(_ALIGNED + self._width, np.float32)
        self._context = self._engine.create_execution_context()
        if self._context is None:
            raise PlanRefused("no execution context: the GPU's memory is too small or taken")
        self._grid = self._buffer(4 * GRID_COLUMNS * self._most)
        self._frame_buffer = self._buffer(self._frame.nbytes)
        self.picture = self._buffer(CHANNELS * self._most)
        addresses = {
            GRID: self._grid.address,
            VIEW: self._frame_buffer.address,
            BIAS: self._frame_buffer.address + 4 * _ALIGNED,
            PICTURE: self.picture.address,
        }
        for name, address in addresses.items():
            if not self._context.set_tensor_address(name, address):
                raise PlanRefused(f"no address for {name}")

    def _buffer(self, nbytes: int) -> Buffer:
        self._buffers.append(self._cuda.buffer(nbytes))
        return self._buffers[-1]

    def _resize(self, size: Size, stream: Stream) -> None:
        if size.pixels > self._most:
            raise UserError("the plan is too small", where=self.header.style, allowed=f"{self._most} pixels", got=size)
        # A graph may not be freed while it runs: at most the last frame's own work is waited for, and only here.
        stream.synchronize()
        self._forget_graph()
        rows = grid(size, bottom_first=True)
        if (short := self._least - size.pixels) > 0:
            rows = np.pad(rows, ((0, short), (0, 0)))  # painted and not shown
        stream.upload(self._grid, rows)
        if not self._context.set_input_shape(GRID, rows.shape):
            raise PlanRefused(f"the size {size} is refused")
        self._size = size

    def _record(self, stream: Stream) -> None:
        try:
            self._graph = self._cuda.graph(stream, lambda: self._enqueue(stream))
        except (CudaError, PlanRefused) as error:
            _log.warning("%s: no CUDA graph, every frame is queued anew (%s)", self.header.style, error)
        self._recordable = self._graph is not None

    def _enqueue(self, stream: Stream) -> None:
        if not self._context.execute_async_v3(stream.handle):
            raise PlanRefused("the network does not run")

    def _forget_graph(self) -> None:
        self._size, self._runs = None, 0
        if self._graph is not None:
            graph, self._graph = self._graph, None
            graph.close()
