"""A decoded network (a GAN, a VQ-VAE) in torch: float32 on the CPU; on CUDA in half, as one CUDA graph for each shape.

Opened on the loader thread by `TorchDecodeBackend` (CPU) and `torch.TorchBackend` (CUDA); decodes and is closed on
the thread of whoever shows the pictures. On CUDA it queues on a stream of its own and waits for that alone. torch is
imported when one is opened.
"""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Callable
from typing import Any

import numpy as np

from phosphene.engine.backends.decoders import KINDS, Inputs, batched, picture_of, trial_inputs
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.extras import install
from phosphene.engine.core.frame import Size
from phosphene.engine.models.style import Style

_WARM_RUNS = 3  # torch asks for some before a graph is recorded: libraries allocate in them
LIMIT = 1.0 / 255.0  # as for every backend that does not compute in float32
_log = logging.getLogger(__name__)


class TorchDecoder:
    """One style on a torch device: "cpu" or "cuda:0". See `decoders.Decoder`. half: float16 between inputs and picture.

    eager: record no CUDA graph, as a benchmark's baseline. eager_reason: why none is replayed, "" where one is.
    """

    def __init__(self, style: Style, device: str = "cpu", *, half: bool = False, eager: bool = False) -> None:
        import torch

        self._torch, self._style, self._device = torch, style, device
        self.name = "torch-decode" if device == "cpu" else "torch"
        self.eager_reason = "none is wanted" if eager else "the CPU has none" if device == "cpu" else ""
        self._eager = eager
        self._dtype = torch.float16 if half else torch.float32
        # Tensor cores want the channels of a pixel side by side. On the CPU float32 stays as it has always been.
        self._layout = torch.contiguous_format if device == "cpu" and not half else torch.channels_last
        if device != "cpu" and not half:
            # Of the whole process. TF32 has no more bits than half, which was too coarse.
            torch.backends.cudnn.allow_tf32 = False
        # Converted on the host: what the default stream did with them, ours would not wait for.
        self._tensors = {k: self._ready(torch.tensor(v)).to(device) for k, v in style.weights.items()}
        self._stream = None if device == "cpu" else torch.cuda.Stream(device)
        self._graph: Any = None
        self._shapes: dict[str, tuple[int, ...]] | None = None
        self.trial = self.decode(trial_inputs(style))

    def decode(self, inputs: Inputs) -> np.ndarray:
        """See `Decoder`."""
        torch = self._torch
        given = {name: torch.from_numpy(value) for name, value in batched(self._style, inputs).items()}
        with torch.inference_mode():
            if self._stream is None:
                return picture_of(self._forward(given).numpy(), self._style.slug)
            with torch.cuda.stream(self._stream):
                self._queue(given)
        self._stream.synchronize()
        return picture_of(self._host.numpy(), self._style.slug)

    def close(self) -> None:
        """Drop the weights and the graph; closing again is not an error."""
        self._tensors, self._graph, self._shapes = {}, None, None
        self._given, self._picture, self._host = {}, None, None

    def _ready(self, tensor: Any) -> Any:
        """Return a tensor in the number type and the layout that are worked with; codes as they are."""
        if not tensor.is_floating_point():
            return tensor
        layout = self._layout if tensor.ndim == 4 else self._torch.preserve_format
        return tensor.to(self._dtype, memory_format=layout)

    def _forward(self, given: dict[str, Any]) -> Any:
        from phosphene.engine.backends.graph_torch import run_graph

        inputs = {name: self._ready(value) for name, value in given.items()}
        return run_graph(self._style.spec.graph, self._tensors, inputs).float().contiguous()

    def _queue(self, given: dict[str, Any]) -> None:
        shapes = {name: tuple(value.shape) for name, value in given.items()}
        if shapes != self._shapes:
            self._reshape(given, shapes)
        for name, value in given.items():
            self._given[name].copy_(value, non_blocking=True)  # pageable memory: taken before the call returns
        if self._graph is not None:
            self._graph.replay()
        else:
            self._work()
        self._host.copy_(self._picture, non_blocking=True)

    def _work(self) -> None:
        self._picture = self._forward(self._given)

    def _reshape(self, given: dict[str, Any], shapes: dict[str, tuple[int, ...]]) -> None:
        """Take other shapes: inputs at fixed addresses, and a graph recorded on them. The stream is idle then."""
        self._graph = None
        self._given = {name: value.to(self._device) for name, value in given.items()}
        self._work()
        self._host = self._torch.empty(self._picture.shape, pin_memory=True)
        self._shapes = shapes
        if self._eager:
            return
        try:
            self._graph = record(self._torch, self._work, self._stream)
            self.eager_reason = ""
        except RuntimeError as error:
            self.eager_reason = f"no CUDA graph: {str(error).splitlines()[0]}"
            _log.warning("%s: every picture is queued anew (%s)", self._style.slug, self.eager_reason)


def record(torch: Any, work: Callable[[], None], stream: Any) -> Any:
    """Return a torch.cuda.CUDAGraph of `work`, recorded on `stream`, which is current."""
    for _ in range(_WARM_RUNS):
        work()
    stream.synchronize()
    graph = torch.cuda.CUDAGraph()
    # Not by torch.cuda.graph(), which waits for the whole GPU and empties torch's cache. Thread-local: the loader thread may
    # allocate meanwhile.
    graph.capture_begin(capture_error_mode="thread_local")
    try:
        work()
    finally:
        graph.capture_end()
    return graph


class TorchDecodeBackend:
    """Decodes on the CPU wherever torch is installed. On CUDA that is `torch.TorchBackend`'s, which goes before onnx."""

    name = "torch-decode"
    kinds = KINDS

    def refusal(self, style: Style | None = None) -> str | None:
        """Say that torch is missing."""
        return None if importlib.util.find_spec("torch") else f"torch not installed: {install('torch')}"

    def open(self, style: Style, max_size: Size) -> TorchDecoder:
        """Make tensors of the weights. Imports torch. Raises UserError."""
        return TorchDecoder(style)


def open_in_half(style: Style, device: str) -> TorchDecoder:
    """Return a decoder in half where that holds, else in float32: its trial picture is held against the CPU's in float32.

    Raises UserError where neither holds.
    """
    exact = TorchDecoder(style)
    reasons = []
    for half in (True, False):
        try:
            decoder = TorchDecoder(style, device, half=half)
        except UserError as error:  # a half that overflows is not finite
            reasons.append(error.line())
            continue
        error = float(np.percentile(np.abs(decoder.trial - exact.trial), 99))
        if error <= LIMIT:
            if reasons:
                _log.info("%s: float32, for half is too coarse (%s)", style.slug, reasons[0])
            return decoder
        decoder.close()
        reasons.append(f"{'half' if half else 'float32'} is off by {error * 255:.1f}/255")
    got = "; ".join(reasons) + " (99th percentile; limit 1/255)"
    raise UserError("the GPU would change the picture", where=style.slug, got=got)
