"""The files of a run: written whole or not at all, and read back within limits. Nothing that is read can run code.

Called by the runs of every trainer, on the main thread. A full disk ends the writing, not the training: it is said, at most
every 20 s.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from phosphene.engine.core.errors import RateLimitedLog, UserError
from phosphene.engine.core.files import MOST_RECORD, json_there
from phosphene.engine.models.style import write_atomic
from phosphene.engine.models.torch_file import MOST_TRAINED, read_torch

OPTIONS, CHECKPOINT, HISTORY = "options.json", "checkpoint.pt", "history.json"

_disk = RateLimitedLog(logging.getLogger(__name__), 20.0)


def write_or_warn(path: Path, data: bytes) -> bool:
    """Write a file of the run; return whether the disk had room for it."""
    try:
        write_atomic(path, data)
    except OSError as error:
        _disk.warning("disk", f"{path} is not written: {error.strerror or error}; the run goes on")
        return False
    return True


def write_options(folder: Path, text: str) -> None:
    """Write options.json. Raises UserError where the folder cannot be written: before the first step, not after the last."""
    try:
        write_atomic(folder / OPTIONS, text.encode())
    except OSError as error:
        raise UserError("the run cannot be written", where=str(folder), got=error.strerror or error) from error


def packed(state: Any) -> bytes:
    """Return a checkpoint of numbers, texts and tensors as the bytes of its file."""
    import torch

    data = io.BytesIO()
    torch.save(state, data)
    return data.getvalue()


def read_checkpoint(path: Path, keys: Collection[str] = (), remedy: str = "") -> dict[str, Any]:
    """Return the table that a checkpoint holds. keys: what must be in it.

    Raises UserError for a file that is damaged, of another program, or would run code.
    """
    state = read_torch(path, MOST_TRAINED, remedy=remedy)
    if not isinstance(state, dict):
        got = type(state).__name__
        raise UserError("the checkpoint is damaged", where=str(path), allowed="a table", got=got, remedy=remedy)
    if missing := sorted(set(keys) - state.keys()):
        got = f"no {missing[0]}"
        raise UserError("the checkpoint is of another program", where=str(path), got=got, remedy=remedy)
    return state


def table_in(path: Path) -> dict[str, Any]:
    """Return a JSON table of a run; an empty one where there is none, or no table."""
    found = json_there(path, MOST_RECORD)
    return found if isinstance(found, dict) else {}


def records_of(found: Any) -> list[dict[str, Any]]:
    """Return the tables of a list that was read back; nothing where it is no list."""
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def png(pixels: np.ndarray) -> bytes:
    """Return a PNG of uint8 [h, w, 3] or [h, w]."""
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "PNG")
    return data.getvalue()


def reason(error: BaseException) -> str:
    """Return what an error says, on one line; its kind where it says nothing."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
