"""An array in a file (.npy) whose rows are read when they are asked for: pictures by the ten thousand, in little memory.

Read, and not mapped: a mapped file that somebody shortens ends the program (SIGBUS), and every picture that was ever looked
at would count as memory of the process. Used by data sets and by the pictures of `motif`, on any thread.
"""

from __future__ import annotations

import math
import os
import threading
import weakref
from pathlib import Path
from typing import Any

import numpy as np

from phosphene.engine.core.arrays import array_header
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.files import open_regular, reason

_REMEDY = "make the data set again"


class Rows:
    """uint8 [n, ...], read-only. Indexing with a number, a slice, an array of numbers, or a tuple that begins with one of
    them reads those rows and returns an array of its own. Raises UserError where the file has become shorter."""

    dtype = np.dtype(np.uint8)

    def __init__(self, path: Path) -> None:
        """Open an array of bytes. Raises UserError: no such file, or another kind of array."""
        self.path = path
        what = "array of the data set"
        with open_regular(path, what) as file:
            self.shape, dtype, self._begin = array_header(file, os.fstat(file.fileno()).st_size, str(path), what)
            if dtype != np.uint8 or not self.shape:
                got = f"{dtype} {list(self.shape)}"
                raise UserError(f"the {what} is of another kind", where=str(path), allowed="uint8", got=got)
            self._handle = os.dup(file.fileno())
        weakref.finalize(self, os.close, self._handle)
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def nbytes(self) -> int:
        """Of the whole array."""
        return math.prod(self.shape)

    def __getitem__(self, key: Any) -> np.ndarray:
        if isinstance(key, tuple):
            first, rest = key[0], key[1:]
            return self[first][rest] if isinstance(first, int | np.integer) else self[first][(slice(None), *rest)]
        if isinstance(key, int | np.integer):
            return self._read(range(len(self))[int(key)], 1)[0]
        if isinstance(key, slice):
            chosen = range(len(self))[key]
            if chosen.step == 1:
                return self._read(chosen.start, len(chosen))
            key = np.array(chosen, np.intp)
        index = np.asarray(key)
        found = np.empty((len(index), *self.shape[1:]), np.uint8)
        for place, row in enumerate(index):
            found[place] = self[int(row)]
        return found

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self[:].astype(dtype or np.uint8, copy=False)

    def _read(self, first: int, count: int) -> np.ndarray:
        row = math.prod(self.shape[1:])
        found = np.empty((count, *self.shape[1:]), np.uint8)
        left, at = memoryview(found).cast("B") if found.size else b"", self._begin + first * row
        try:
            with self._lock:
                while len(left):
                    part = self._at(at, len(left))
                    if not part:
                        got = f"{at} bytes"
                        raise UserError(
                            "the array of the data set became shorter", where=str(self.path), got=got, remedy=_REMEDY
                        )
                    left[: len(part)] = part
                    left, at = left[len(part) :], at + len(part)
        except OSError as error:
            what = "the array of the data set cannot be read"
            raise UserError(what, where=str(self.path), got=reason(error), remedy=_REMEDY) from error
        return found

    def _at(self, at: int, count: int) -> bytes:
        count = min(count, 1 << 26)
        if hasattr(os, "pread"):
            return os.pread(self._handle, count, at)
        os.lseek(self._handle, at, os.SEEK_SET)  # Windows
        return os.read(self._handle, count)
