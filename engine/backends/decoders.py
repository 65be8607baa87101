"""Networks that turn a latent or codes into a whole picture: the protocol, and onnxruntime on any CPU.

`open` is called on the loader thread; `decode` on the thread of whoever shows the pictures (the render thread offline, a
worker live); one at a time. Knows nothing of GL, decks or linear light. onnxruntime comes first on a CPU: it is a small
wheel, starts in 0.1 s where torch takes 2, and a gig needs no torch.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from typing import Protocol

import numpy as np

from phosphene.engine.backends.workers import available_cpus
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.extras import install
from phosphene.engine.core.frame import Size
from phosphene.engine.models.style import Style

KINDS = frozenset({"gan", "vqvae"})  # kinds of style that are decoded
Inputs = Mapping[str, np.ndarray]
"""One picture's inputs by name, as the graph declares them, without the batch."""
_MOST_THREADS = 4  # a latent of 9 x 16 feeds no more; and the render loop lives on the same cores


class Decoder(Protocol):
    """A style that is ready to make pictures. Not re-entrant: one thread at a time."""

    name: str
    trial: np.ndarray  # the picture that was decoded when the style was opened

    def decode(self, inputs: Inputs) -> np.ndarray:
        """Return the picture: float32 [h, w, 3], sRGB 0..1, row 0 at the top, an array of its own. Raises UserError for
        a picture that is not finite."""
        ...

    def close(self) -> None:
        """Free what the decoder holds; closing again is not an error."""
        ...


def picture_of(batch: np.ndarray, slug: str) -> np.ndarray:
    """Return [1, 3 or 1, h, w] as [h, w, 3]. Raises UserError when it is not finite."""
    if not np.isfinite(batch).all():
        raise UserError("the network's output is not finite", where=slug, remedy="its weights are too large")
    picture = np.moveaxis(batch[0], 0, -1).clip(0.0, 1.0)  # an approximate tanh leaves its range by 6e-8
    return np.ascontiguousarray(np.broadcast_to(picture, (*picture.shape[:2], 3)), np.float32)


def batched(style: Style, inputs: Inputs) -> dict[str, np.ndarray]:
    """Return the inputs with a batch of one, in the number type that the graph asks for."""
    integers = style.spec.graph.integers
    return {k: np.ascontiguousarray(v[None], np.int64 if k in integers else np.float32) for k, v in inputs.items()}


def trial_inputs(style: Style) -> dict[str, np.ndarray]:
    """Return the inputs that a style is tried with: it runs once before it is seen, and what is not finite shows."""
    return style.spec.trial(np.random.default_rng(style.meta.seed & 0xFFFFFFFF))


class OnnxDecoder:
    """One style in onnxruntime on the CPU, float32, a fixed number of threads: the same inputs give the same bits."""

    name = "onnx"

    def __init__(self, style: Style, threads: int | None = None) -> None:
        import onnxruntime

        from phosphene.engine.backends.graph_onnx import onnx_model

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or min(_MOST_THREADS, available_cpus())
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # Threads that wait do not spin: they would take the render loop's core.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        model = onnx_model(style.spec.graph, style.weights, style.slug)
        self._style = style
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self.trial = self.decode(trial_inputs(style))

    def decode(self, inputs: Inputs) -> np.ndarray:
        """See `Decoder`."""
        (picture,) = self._session.run(None, batched(self._style, inputs))
        return picture_of(picture, self._style.slug)

    def close(self) -> None:
        """The session goes with the last reference to it."""
        self._session = None


class OnnxBackend:
    """Decodes on any CPU."""

    name = "onnx"
    kinds = KINDS

    def refusal(self, style: Style | None = None) -> str | None:
        """Say which package is missing."""
        missing = [name for name in ("onnxruntime", "onnx") if importlib.util.find_spec(name) is None]
        return f"{' and '.join(missing)} not installed: {install('nets')}" if missing else None

    def open(self, style: Style, max_size: Size) -> OnnxDecoder:
        """Build the graph and the session. Raises UserError."""
        return OnnxDecoder(style)
