"""A decoder where there is no show: for previews, and for what is learnt from a style's own pictures."""

from __future__ import annotations

from phosphene.engine.backends.decoders import Decoder, OnnxBackend
from phosphene.engine.backends.torch_decode import TorchDecodeBackend
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.engine.models.style import Style


def open_decoder(style: Style) -> Decoder:
    """Open a style by the first backend that is installed. Raises UserError."""
    reasons = []
    for backend in (OnnxBackend(), TorchDecodeBackend()):
        if (reason := backend.refusal(style)) is None:
            return backend.open(style, Size(1, 1))
        reasons.append(f"{backend.name}: {reason}")
    raise UserError("no backend can run the style", where=style.slug, got="; ".join(reasons))
