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

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.files import read_bytes

_MOST_HEADER = 10_000  # bytes; numpy takes no longer one either, but reads it first
_MOST_DIMENSIONS = 32  # numpy's own limit, up to its version 2
_MOST_NUMBERS = 1 << 48  # of an array, were its sides of 0 left out: of what is empty nothing else bounds the others


def read_array(path: str | os.PathLike[str], most: int, what: str = "array") -> np.ndarray:
    """Return the array in a file of at most `most` bytes, read-only. Raises UserError."""
    data = read_bytes(path, most, what)
    shape, dtype, begin = array_header(io.BytesIO(data), len(data), str(path), what)
    return np.frombuffer(data, dtype, math.prod(shape), begin).reshape(shape)


def array_header(file: BinaryIO, size: int, where: str, what: str = "array") -> tuple[tuple[int, ...], np.dtype, int]:
    """Return shape and type of the array in a file of `size` bytes, and where its numbers begin. Raises UserError."""
    try:
        version = np.lib.format.read_magic(file)
        _check_length(file, version)
        read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
        shape, columns_first, dtype = read(file)
        begin = file.tell()
    except Exception as error:  # boundary: a parser raises what it likes over a stranger's bytes
        raise UserError(f"the {what} cannot be read", where=where, got=str(error)) from error
    sides = math.prod(max(1, side) for side in shape)
    made = len(shape) <= _MOST_DIMENSIONS and min(shape, default=0) >= 0 and sides <= _MOST_NUMBERS
    if columns_first or dtype.kind not in "biuf" or not made:
        raise UserError(f"the {what} is of another kind", where=where, got=f"{dtype} {list(shape)}")
    if size < begin + math.prod(shape) * dtype.itemsize:
        raise UserError(f"the {what} is cut off", where=where, got=f"{size} bytes for {dtype} {list(shape)}")
    return shape, dtype, begin


def _check_length(file: BinaryIO, version: tuple[int, int]) -> None:
    """Raise ValueError for a header that says it is longer than any; the file is left where it was."""
    begin = file.tell()
    length = int.from_bytes(file.read(2 if version == (1, 0) else 4), "little")
    file.seek(begin)
    if length > _MOST_HEADER:
        raise ValueError(f"a header of {length} bytes, more than {_MOST_HEADER}")
