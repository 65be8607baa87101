"""Reads numpy's own files (.npy) within limits: a header is believed only as far as the file has the bytes for it.

Called by caches and data sets, on any thread. numpy itself reserves what a header says before it reads, has Python's parser
read the header, and maps where it is asked to: a mapped file that somebody shortens ends the program.
"""

from __future__ import annotations

import io
import math
import os
from typing import BinaryIO

import numpy as np

from engine.core.errors import UserError
from engine.core.files import read_bytes


def read_array(path: str | os.PathLike[str], most: int, what: str = "array") -> np.ndarray:
    """Return the array in a file of at most `most` bytes, read-only. Raises UserError."""
    data = read_bytes(path, most, what)
    shape, dtype, begin = array_header(io.BytesIO(data), len(data), str(path), what)
    return np.frombuffer(data, dtype, math.prod(shape), begin).reshape(shape)


def array_header(file: BinaryIO, size: int, where: str, what: str = "array") -> tuple[tuple[int, ...], np.dtype, int]:
    """Return shape and type of the array in a file of `size` bytes, and where its numbers begin. Raises UserError."""
    try:
        version = np.lib.format.read_magic(file)
        read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
        shape, columns_first, dtype = read(file)
        begin = file.tell()
    except Exception as error:  # boundary: a parser raises what it likes over a stranger's bytes
        raise UserError(f"the {what} cannot be read", where=where, got=str(error)) from error
    if columns_first or dtype.hasobject or dtype.fields or min(shape, default=0) < 0:
        raise UserError(f"the {what} is of another kind", where=where, got=f"{dtype} {list(shape)}")
    if size < begin + math.prod(shape) * dtype.itemsize:
        raise UserError(f"the {what} is cut off", where=where, got=f"{size} bytes for {dtype} {list(shape)}")
    return shape, dtype, begin
