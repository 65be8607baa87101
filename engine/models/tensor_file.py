"""Reads safetensors from memory: the header is checked against its limits and the bytes that are there before any use.

Called by the loader thread, by tools and tests. A file is read whole and only then looked at: one that is mapped, as the
library of that format does it, ends the program (SIGBUS) when somebody copies another over it.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.files import parse_json, read_bytes

MOST_HEADER = 256 << 10  # bytes; the longest that ships, of a GAN, has 6 KB
_MOST_DIMENSIONS = 8
_MOST_NUMBERS = 1 << 31  # of a tensor; also of an empty one, were its sides of 0 left out: nothing else bounds the others
_TYPES = {
    "BOOL": np.bool_, "U8": np.uint8, "I8": np.int8, "I16": np.int16, "I32": np.int32, "I64": np.int64,
    "F16": np.float16, "F32": np.float32, "F64": np.float64,
}  # fmt: skip
_DAMAGED = "export it again, or take it from a backup"


def read_tensors(path: str | os.PathLike[str], most: int, what: str) -> tuple[dict[str, np.ndarray], Mapping[str, str]]:
    """Return the tensors of a file of at most `most` bytes, read-only and in their own types, and its notes.

    what: names it in errors. Raises UserError: not there, no file, too large, a pickle, damaged.
    """
    return parse_tensors(read_bytes(path, most, what), str(path), what)


def parse_tensors(data: bytes, where: str, what: str = "weights") -> tuple[dict[str, np.ndarray], Mapping[str, str]]:
    """Return the tensors of a safetensors file's bytes and its notes; the arrays are views of `data`. Raises UserError."""
    # The two containers that torch.save has used: a zip, and a bare pickle. Of 32 headers of safetensors, padded to eight
    # bytes, one has a length that begins like a pickle; after its eight bytes comes a brace.
    if data[:4] == b"PK\x03\x04" or (data[:1] == b"\x80" and data[8:9] != b"{"):
        remedy = "convert the file with torch.load(weights_only=True) and safetensors"
        raise UserError(f"the {what} are a pickle, which could run code", where=where, allowed="safetensors", remedy=remedy)
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or length > len(data) - 8:
        raise _damaged(what, where, "it is cut off")
    if length > MOST_HEADER:
        raise _damaged(what, where, f"a header of {length} bytes, more than {MOST_HEADER}")
    try:
        header = parse_json(data[8 : 8 + length], where)
    except UserError as error:
        raise _damaged(what, where, f"its header: {error.what}") from error
    if not isinstance(header, dict):
        raise _damaged(what, where, "its header is no table")
    notes = header.pop("__metadata__", {})
    if not isinstance(notes, dict) or not all(isinstance(note, str) for note in notes.values()):
        raise _damaged(what, where, "its notes are no texts")
    body = memoryview(data)[8 + length :]
    found: dict[str, np.ndarray] = {}
    spans: list[tuple[int, int]] = []
    for name, entry in header.items():
        dtype, shape, begin, end = _entry(name, entry, what, where)
        if not 0 <= begin <= end <= len(body) or end - begin != math.prod(shape) * np.dtype(dtype).itemsize:
            raise _damaged(
                what, where, f"{name[:40]}: {end - begin} bytes at {begin}, for {list(shape)} of {len(body)} bytes"
            )
        spans.append((begin, end))
        found[name] = np.frombuffer(body[begin:end], np.dtype(dtype).newbyteorder("<")).reshape(shape)
    spans.sort()
    if [begin for begin, _ in spans] + [len(body)] != [0] + [end for _, end in spans]:
        raise _damaged(what, where, "its tensors overlap, or leave gaps")
    return found, notes


def _entry(name: str, entry: Any, what: str, where: str) -> tuple[type, tuple[int, ...], int, int]:
    """Return type, shape and place of one tensor of the header."""
    if not isinstance(entry, dict):
        raise _damaged(what, where, f"{name[:40]} is no table")
    kind, shape, place = entry.get("dtype"), entry.get("shape"), entry.get("data_offsets")
    if not isinstance(kind, str) or kind not in _TYPES:
        raise UserError("wrong number type", where=f"{where}, {name[:40]}", allowed=", ".join(_TYPES), got=kind)
    if not _whole_numbers(shape) or len(shape) > _MOST_DIMENSIONS or not _whole_numbers(place) or len(place) != 2:
        raise _damaged(what, where, f"{name[:40]}: shape {shape}, place {place}")
    if math.prod(max(1, side) for side in shape) > _MOST_NUMBERS:
        raise _damaged(what, where, f"{name[:40]}: shape {shape}, more than any network has")
    return _TYPES[kind], tuple(shape), place[0], place[1]


def _whole_numbers(value: Any) -> bool:
    return isinstance(value, list) and all(type(each) is int and each >= 0 for each in value)


def _damaged(what: str, where: str, got: str) -> UserError:
    return UserError(f"the {what} are damaged", where=where, allowed="safetensors", got=got, remedy=_DAMAGED)
