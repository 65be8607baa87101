"""Files of numpy: read whole, within limits, and no header is believed further than the file reaches."""

from __future__ import annotations

import io
import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from phosphene.engine.core.arrays import array_header, read_array
from phosphene.engine.core.errors import UserError

WHOLE = np.arange(24, dtype=np.float32).reshape(2, 3, 4)


@pytest.mark.parametrize("array", [WHOLE, np.arange(5, dtype=np.uint8), np.float64(2.5), np.zeros((0, 7)), WHOLE > 3])
def test_what_numpy_saves_is_read(tmp_path: Path, array: np.ndarray) -> None:
    np.save(tmp_path / "a.npy", array)
    found = read_array(tmp_path / "a.npy", 1 << 20)
    assert found.dtype == array.dtype
    assert np.array_equal(found, array)


def test_what_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    np.save(path, np.array([{"a": 1}], object), allow_pickle=True)
    with pytest.raises(UserError, match="another kind"):
        read_array(path, 1 << 20)
    np.save(path, np.asfortranarray(WHOLE[0]))
    with pytest.raises(UserError, match="another kind"):
        read_array(path, 1 << 20)
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": (2**40,)})
    with pytest.raises(UserError, match="cut off"):
        read_array(path, 1 << 20)
    np.save(path, WHOLE)
    with pytest.raises(UserError, match="too large"):
        read_array(path, 100)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(UserError, match="no regular file"):
        read_array(path, 100)


def header(shape: tuple[int, ...], descr: str = "<f4") -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": descr, "fortran_order": False, "shape": shape})
    return file.getvalue()


def test_a_header_is_as_long_as_headers_are(tmp_path: Path) -> None:
    """One that says it has 4 GB, in a file that has them, is not read first."""
    path = tmp_path / "a.npy"
    with path.open("wb") as file:
        file.write(b"\x93NUMPY\x02\x00" + (2**32 - 1).to_bytes(4, "little"))
        file.truncate(1 << 33)
    with path.open("rb") as file:
        tracemalloc.start()
        try:
            with pytest.raises(UserError, match="a header of 4294967295 bytes"):
                array_header(file, 1 << 33, str(path))
            assert tracemalloc.get_traced_memory()[1] < 1 << 20
        finally:
            tracemalloc.stop()
    whole = header((2, 2)) + bytes(16)
    path.write_bytes(whole[:6] + b"\x02\x00" + whole[8:10] + bytes(2) + whole[10:])
    assert np.array_equal(read_array(path, 1 << 20), np.zeros((2, 2), np.float32)), "of that version, and short"


@pytest.mark.parametrize(
    "told", [((0, 2**62, 2**62), "<f4"), ((2**62, 0), "<f8"), ((1,) * 100, "|u1"), ((10**18,), "|V0"), ((3,), "<U0")]
)
def test_what_the_file_has_the_bytes_for_and_cannot_be_made_is_refused(tmp_path: Path, told: tuple) -> None:
    (tmp_path / "a.npy").write_bytes(header(*told) + bytes(1))
    with pytest.raises(UserError, match="another kind"):
        read_array(tmp_path / "a.npy", 1 << 20)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 223), st.binary(min_size=1, max_size=10))
@example(10, b"((((((((")
@example(6, b"\x09")
def test_any_damage_is_one_line(tmp_path_factory: pytest.TempPathFactory, at: int, put: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.npy"
    np.save(path, WHOLE)
    data = path.read_bytes()
    path.write_bytes(data[:at] + put + data[at + len(put) :])
    try:
        found = read_array(path, 1 << 20)
    except UserError as error:
        said = error.line()
    else:
        said = ""
        assert found.nbytes <= len(data) + 10
    assert "\n" not in said
