"""Reading a checkpoint of TensorFlow without TensorFlow: a table written here by hand."""

from __future__ import annotations

import numpy as np
import pytest

from phosphene.tools.convert_musicnn import converted, read_checkpoint


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def block(entries: list[tuple[bytes, bytes]]) -> bytes:
    out, before = b"", b""
    for key, value in entries:
        shared = 0
        while shared < min(len(key), len(before)) and key[shared] == before[shared]:
            shared += 1
        out += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        before = key
    return out + (0).to_bytes(4, "little") + (1).to_bytes(4, "little")


def entry(array: np.ndarray, offset: int, kind: int = 1) -> bytes:
    sizes = b"".join(b"\x12" + varint(len(dim)) + dim for dim in (b"\x08" + varint(n) for n in array.shape))
    shape = b"\x12" + varint(len(sizes)) + sizes
    return b"\x08" + bytes([kind]) + shape + b"\x20" + varint(offset) + b"\x28" + varint(array.nbytes) + b"\x35abcd"


def checkpoint(tensors: dict[str, np.ndarray], compression: int = 0) -> tuple[bytes, bytes]:
    data, entries = b"", [(b"", b"\x08\x01")]
    for name, array in sorted(tensors.items()):
        entries.append((name.encode(), entry(array, len(data))))
        data += array.tobytes()
    entries.append((b"zz/step", entry(np.zeros(1, np.int64), 0, 9)))
    body = block(entries)
    table = body + bytes([compression]) + b"crcc"
    index = block([(b"zzz", varint(0) + varint(len(body)))])
    at = len(table)
    table += index + b"\0crcc"
    footer = varint(0) + varint(0) + varint(at) + varint(len(index))
    return table + footer.ljust(40, b"\0") + bytes.fromhex("57fb808b247547db"), data


def test_tensors_come_back_by_name() -> None:
    rng = np.random.default_rng(0)
    wanted = {
        "conv2d/kernel": rng.standard_normal((7, 38, 1, 20)).astype(np.float32),
        "conv2d/bias": rng.standard_normal(20).astype(np.float32),
        "beta": np.array(0.5, np.float32),
    }
    found = read_checkpoint(*checkpoint(wanted))
    assert set(found) == set(wanted)
    assert all((found[name] == array).all() and found[name].shape == array.shape for name, array in wanted.items())


def test_what_is_no_checkpoint_is_refused() -> None:
    index, data = checkpoint({"a": np.zeros(3, np.float32)})
    for bad in (b"", b"no table", index[:-20], bytes(200)):
        with pytest.raises(ValueError, match="no checkpoint"):
            read_checkpoint(bad, data)
    with pytest.raises(ValueError, match="compressed"):
        read_checkpoint(*checkpoint({"a": np.zeros(3, np.float32)}, 1))
    with pytest.raises(ValueError, match="no checkpoint"):
        read_checkpoint(index, data[:4])


def test_another_network_is_refused() -> None:
    with pytest.raises(KeyError):
        converted({"conv2d/kernel": np.zeros((7, 38, 1, 20), np.float32)})
