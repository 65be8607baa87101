"""Weights of strangers: a safetensors file with any header. It is read, or refused by a UserError, and what is read lies
within the file's bytes."""

from __future__ import annotations

import json

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st
from safetensors.numpy import load, save

from phosphene.engine.core.errors import UserError
from phosphene.engine.models.tensor_file import MOST_HEADER, parse_tensors
from tests.fuzz.mutations import CHANGES, TEXT_CHANGES, changed, scribbled

TENSORS = {
    "a": np.arange(6, dtype=np.float32).reshape(2, 3),
    "b": np.arange(4, dtype=np.float16),
    "empty": np.zeros((0, 3), np.float32),
    "scalar": np.array(2.5),
    "bytes": np.arange(5, dtype=np.uint8),
}
WHOLE = save(TENSORS, {"how": "made"})
LENGTH = int.from_bytes(WHOLE[:8], "little")
HEADER, BODY = json.loads(WHOLE[8 : 8 + LENGTH]), WHOLE[8 + LENGTH :]


def file_of(header: object, body: bytes = BODY, length: int | None = None) -> bytes:
    text = json.dumps(header).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + body


def read(data: bytes) -> dict[str, np.ndarray] | None:
    try:
        tensors, _ = parse_tensors(data, "weights.safetensors")
    except UserError as error:
        said = error.line()
    else:
        assert sum(tensor.nbytes for tensor in tensors.values()) <= len(data)
        return tensors
    assert len(said) < 2000
    return None


def test_what_is_read_is_what_the_librarys_own_reader_reads() -> None:
    ours, theirs = read(WHOLE), load(WHOLE)
    assert ours.keys() == theirs.keys()
    for name, tensor in theirs.items():
        assert ours[name].dtype == tensor.dtype
        assert np.array_equal(ours[name], tensor)
        assert not ours[name].flags.writeable


@settings(max_examples=400, deadline=None)
@given(CHANGES)
def test_any_header(changes: list) -> None:
    header = changed(HEADER, changes)
    read(file_of(header))


@settings(max_examples=300, deadline=None)
@given(TEXT_CHANGES)
@example([(0, b"\xff" * 8, 8)])
@example([(0, (2**62).to_bytes(8, "little"), 8)])
@example([(0, MOST_HEADER.to_bytes(8, "little"), 8)])
def test_any_damage(changes: list) -> None:
    read(scribbled(WHOLE, changes))


def entry(**more: object) -> dict:
    return {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]} | more


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 60))
def test_cut_anywhere(end: int) -> None:
    assert read(WHOLE[: len(WHOLE) - 1 - end]) is None


def test_headers_that_lie() -> None:
    for header in (
        [], 7, {"a": 7}, {"a": {}}, {"a": entry(shape=[2**40, 2**40])}, {"a": entry(shape=[-2, -1])},
        {"a": entry(shape=[True, 2])}, {"a": entry(shape=[2.0])}, {"a": entry(data_offsets=[8, 0])},
        {"a": entry(data_offsets=[0, 2**62])}, {"a": entry(data_offsets=[0])}, {"a": entry(dtype=["F32"])},
        {"a": entry(dtype="BF16")}, {"a": entry(), "b": entry()}, {"a": entry(data_offsets=[4, 12])},
        {"a": entry(shape=[1] * 40, data_offsets=[0, 4])}, {"__metadata__": 7}, {"__metadata__": {"x": 7}},
        {"a": entry(shape="22")}, {"a": entry(shape=[0, 2**62, 2**62], data_offsets=[0, 0])},
        {"a": entry(shape=[2**62, 0], data_offsets=[0, 0])},
        {"a": entry(dtype="U8", shape=[0, 2**31] * 4, data_offsets=[0, 0])},
    ):  # fmt: skip
        assert read(file_of(header, bytes(8))) is None, header
    assert read(file_of({"a": entry()}, bytes(8))) is not None
    assert read(file_of({}, b"")) == {}
    assert read(file_of({"a": entry(shape=[0, 512, 3], data_offsets=[0, 0])}, b""))["a"].shape == (0, 512, 3)
    assert read(file_of({}, b"x")) is None, "bytes that are nobody's"
    deep = b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    assert read(len(deep).to_bytes(8, "little") + deep) is None
    many = json.dumps({f"t{i}": entry(shape=[0], data_offsets=[0, 0]) for i in range(100_000)}).encode()
    assert read(len(many).to_bytes(8, "little") + many) is None, "a header of megabytes"
