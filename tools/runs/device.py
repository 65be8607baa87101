"""Which device a run trains on. Called when a run is opened, main thread."""

from __future__ import annotations

import os

import torch

from phosphene.engine.core.errors import UserError
from phosphene.tools.runs.files import reason


def device_of(wanted: str) -> str:
    """Return the torch device for `auto` (CUDA, else the CPU) or a name; under torchrun each process has a GPU of its own.

    Raises UserError for one that this machine lacks.
    """
    if wanted in ("auto", "cuda"):
        own = f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
        wanted = own if wanted == "cuda" or torch.cuda.is_available() else "cpu"
    try:
        torch.zeros(1, device=wanted)
    except (RuntimeError, AssertionError) as error:  # torch asserts that CUDA was compiled in
        allowed = "auto, cpu, cuda, cuda:N, mps"
        raise UserError("no such device", where="--device", allowed=allowed, got=f"{wanted}: {reason(error)}") from error
    return wanted
