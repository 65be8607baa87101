"""Which backend runs a style, and why the others do not: the one place where the order of preference lives.

`open_style` is called on the loader thread, again with the failed backend in `excluded` when one raises in mid-show.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from phosphene.engine.backends.base import Backend, Opened
from phosphene.engine.backends.bf16 import Bf16Backend
from phosphene.engine.backends.cpu import CpuBackend
from phosphene.engine.backends.cuda import CudaBackend
from phosphene.engine.backends.decoders import OnnxBackend
from phosphene.engine.backends.glsl import GlslBackend
from phosphene.engine.backends.isf import IsfBackend
from phosphene.engine.backends.source import SourceBackend
from phosphene.engine.backends.tensorrt import TensorRTBackend
from phosphene.engine.backends.torch import TorchBackend
from phosphene.engine.backends.torch_decode import TorchDecodeBackend
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.engine.models.style import Style

# Fastest first. A name that is not in the registry of this installation is passed over silently.
ORDER = ("cuda", "tensorrt", "torch", "onnx", "torch-decode", "glsl", "cpu-bf16", "cpu", "isf", "media")
# Never tried unless asked for by name: importing torch takes 1.4 to 3 s, most of the time that the first picture may take.
ON_REQUEST = frozenset({"cpu-bf16"})


@dataclass(frozen=True)
class Selection:
    """The backend chosen and the ones refused before it: [{"name", "reason"}], in order of preference."""

    name: str
    refused: list[dict[str, str]] = field(default_factory=list)


def installed_backends(renderer: str) -> dict[str, Backend]:
    """Return the backends of this installation by name. renderer: GL_RENDERER of the show's context ("" without one)."""
    found = (
        CudaBackend(renderer),
        TensorRTBackend(renderer),
        TorchBackend(renderer),
        OnnxBackend(),
        TorchDecodeBackend(),
        GlslBackend(renderer),
        Bf16Backend(),
        CpuBackend(),
        IsfBackend(renderer),
        SourceBackend(),
    )
    return {backend.name: backend for backend in found}


def open_style(
    style: Style,
    max_size: Size,
    backends: Mapping[str, Backend],
    prefer: str = "auto",
    excluded: frozenset[str] = frozenset(),
) -> tuple[Opened, Selection]:
    """Open `style` on the best backend that takes it.

    prefer: "auto", or a name that goes first. excluded: names that have failed in this show. Backends of other kinds of
    style are passed over silently. Raises UserError when no backend takes the style, with every reason.
    """
    if prefer != "auto" and prefer not in backends:
        raise UserError("no such backend", where="--backend", allowed=", ".join(("auto", *backends)), got=prefer)
    refused: list[dict[str, str]] = []
    candidates = [name for name in backends if name not in ON_REQUEST or name == prefer]
    candidates = [name for name in candidates if style.kind in backends[name].kinds]
    for name in sorted(candidates, key=lambda n: (n != prefer, ORDER.index(n) if n in ORDER else len(ORDER))):
        reason = "failed during this show" if name in excluded else backends[name].refusal(style)
        if reason is None:
            try:
                return backends[name].open(style, max_size), Selection(name, refused)
            except UserError as error:
                if len(candidates) == 1:
                    raise  # what is wrong is the style's own file, and the whole line has room for it
                reason = error.line()
            except Exception as error:  # noqa: BLE001 - boundary: drivers fail in their own ways; the next one is tried
                reason = f"{type(error).__name__}: {error}"
        refused.append({"name": name, "reason": reason})
    # The last resort's first: an error's line is cut where it gets long, and that one says what is wrong with the style.
    reasons = "; ".join(f"{r['name']}: {r['reason']}" for r in reversed(refused))
    raise UserError("no backend can run the style", where=style.slug, got=reasons)
