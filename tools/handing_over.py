"""Hands over what a tool has made: its place is looked at before the work, and what has its name gives way to a number.

For tools that write a file for a person: a film, a sheet, weights, a table. Main thread.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from PIL import Image

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.files import read_bytes, reason
from phosphene.engine.core.naming import refuse_inputs, refused
from phosphene.engine.core.placing import check_writable, claim, discarding

PICTURES = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
_WHAT = "the file cannot be written"


def check_place(path: Path, inputs: Iterable[Path] = ()) -> None:
    """Raise UserError where nothing can be written under this name: before minutes of work, not after them.

    inputs: what it is made of, and what it therefore cannot be.
    """
    refuse_inputs([path], inputs)
    try:
        check_writable(path)
    except OSError as error:
        raise refused(_WHAT, path, error) from error


def check_picture(path: Path) -> None:
    """Raise UserError where no picture can be written under this name."""
    if path.suffix.lower() not in PICTURES:
        raise UserError("unknown kind of picture", where=str(path), allowed=", ".join(PICTURES), got=path.suffix or "none")
    check_place(path)


def hand_over(path: Path, data: bytes) -> Path:
    """Write a file and return where it is; an earlier one of that name, and of another content, is kept under a number.

    Raises UserError.
    """
    if _is_there(path, data):
        return path
    try:
        working = claim(path, ".part")
        with discarding(working):
            working.write(data)
    except OSError as error:
        raise refused(_WHAT, path, error) from error
    try:
        return working.hand_over()
    except OSError as error:  # it is whole, and has no other fault than its name
        what, remedy = "the file cannot be given its name", f"it is {working.path}"
        raise UserError(what, where=str(path), got=reason(error), remedy=remedy) from error
    finally:
        working.close()


def hand_over_picture(path: Path, picture: Image.Image, **how: Any) -> Path:
    """Write a picture of the kind that its name tells, as `hand_over` does. how: of Pillow's `save`."""
    data = io.BytesIO()
    picture.save(data, PICTURES[path.suffix.lower()], **how)
    return hand_over(path, data.getvalue())


def _is_there(path: Path, data: bytes) -> bool:
    """Whether the very same is there already: what is made again need not be there twice."""
    with contextlib.suppress(OSError, UserError):
        return os.path.getsize(path) == len(data) and read_bytes(path, len(data)) == data
    return False
