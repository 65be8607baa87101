"""Write the weights of musicnn's tagger as the program ships them: engine/audio/weights/musicnn.npz, float16.

    pip download --no-deps musicnn==0.1.0 -d wheels
    python tools/convert_musicnn.py wheels/musicnn-0.1.0-py3-none-any.whl [--out FILE]

musicnn (Pons, Serra, ISMIR 2019 late-breaking) is under the ISC licence: THIRD_PARTY.md. TensorFlow is not needed: a
checkpoint of its second format is a data file of raw numbers, and an index that says where each lies in it. The index is a
table of LevelDB (doc/table_format.md there): blocks of sorted keys, each key given by what it shares with the one before.
Values are `BundleEntryProto` of TensorFlow's tensor_bundle.proto.

What a trained network needs is kept: batch normalisation becomes a scale and a shift, those before the dense layers go into
their weights. Rounded to float16, tags move by 0.0012 at most from those that TensorFlow works out (140 windows).
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from phosphene.engine.audio.tag_network import SHAPES, TAGS, WEIGHTS, load_weights
from phosphene.engine.core.commands import invoke
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.terminal import run

_FOLDER = "musicnn/MTT_musicnn/"
_LABELS = "musicnn/configuration.py"
_FOOTER, _MAGIC = 48, 0xDB4775248B80FB57  # bytes of a table's end, and how it closes
_EPSILON = 1e-3  # of TensorFlow's batch normalisation
_CONVOLUTIONS = {
    "timbral_0": ("conv2d", "batch_normalization_1"),
    "timbral_1": ("conv2d_1", "batch_normalization_2"),
    "temporal_0": ("conv2d_2", "batch_normalization_3"),
    "temporal_1": ("conv2d_3", "batch_normalization_4"),
    "temporal_2": ("conv2d_4", "batch_normalization_5"),
    "middle_0": ("conv2d_5", "batch_normalization_6"),
    "middle_1": ("conv2d_6", "batch_normalization_7"),
    "middle_2": ("conv2d_7", "batch_normalization_8"),
}


def read_checkpoint(index: bytes, data: bytes) -> dict[str, np.ndarray]:
    """Return the float32 tensors of a TensorFlow checkpoint of one shard by name. Raises ValueError for anything else."""
    try:
        footer = index[-_FOOTER:]
        if int.from_bytes(footer[-8:], "little") != _MAGIC:
            raise ValueError("no table")
        at = 0
        for _ in range(2):  # where the table's own index of other things lies: nothing is in it
            _, at = _varint(footer, at)
        tensors = {}
        for _, handle in _block(index, *_handle(footer, at)):
            for key, value in _block(index, *_handle(handle, 0)):
                entry = dict(_fields(value))
                if not key or entry.get(1) != 1:  # the header of the bundle; numbers that are no float32
                    continue
                shape = [dict(_fields(size)).get(1, 0) for field, size in _fields(entry.get(2, b"")) if field == 2]
                tensors[key.decode()] = np.frombuffer(data, "<f4", entry[5] // 4, entry.get(4, 0)).reshape(shape)
    except (IndexError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"no checkpoint of TensorFlow: {error}") from error
    return tensors


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Return (the whole number that begins at `at`, seven bits a byte and the lowest first; where it ends)."""
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def _handle(data: bytes, at: int) -> tuple[int, int]:
    offset, at = _varint(data, at)
    return offset, _varint(data, at)[0]


def _block(table: bytes, offset: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield the keys and values of one block."""
    if table[offset + size] != 0:
        raise ValueError("its index is compressed")
    block = table[offset : offset + size]
    end = size - 4 - 4 * int.from_bytes(block[-4:], "little")  # then come the places where keys begin anew
    at, key = 0, b""
    while at < end:
        shared, at = _varint(block, at)
        new, at = _varint(block, at)
        length, at = _varint(block, at)
        key = key[:shared] + block[at : at + new]
        yield key, block[at + new : at + new + length]
        at += new + length


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield (number, value) of the fields of a protocol buffer."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        if tag & 7 == 0:
            value, at = _varint(message, at)
            yield tag >> 3, value
            continue
        if tag & 7 == 2:
            length, at = _varint(message, at)
        else:
            length = {1: 8, 5: 4}[tag & 7]
        yield tag >> 3, message[at : at + length]
        at += length


def converted(tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the arrays of `tag_network.SHAPES`, float16, out of the checkpoint's."""

    def normal(name: str) -> tuple[np.ndarray, np.ndarray]:
        scale = tensors[f"{name}/gamma"] / np.sqrt(tensors[f"{name}/moving_variance"] + _EPSILON)
        return scale, tensors[f"{name}/beta"] - tensors[f"{name}/moving_mean"] * scale

    out = {}
    out["input.scale"], out["input.shift"] = normal("batch_normalization")
    for name, (convolution, normalisation) in _CONVOLUTIONS.items():
        out[f"{name}.weight"] = tensors[f"{convolution}/kernel"].transpose(3, 2, 0, 1)
        out[f"{name}.bias"] = tensors[f"{convolution}/bias"]
        out[f"{name}.scale"], out[f"{name}.shift"] = normal(normalisation)
    for name, dense, normalisation in (
        ("hidden", "dense", "batch_normalization_9"),
        ("output", "dense_1", "batch_normalization_10"),
    ):
        scale, shift = normal(normalisation)
        out[f"{name}.weight"] = tensors[f"{dense}/kernel"] * scale[:, None]
        out[f"{name}.bias"] = tensors[f"{dense}/bias"] + shift @ tensors[f"{dense}/kernel"]
    return {name: out[name].astype(np.float16) for name in SHAPES}


def main(
    wheel: Annotated[Path, typer.Argument(help="the wheel of musicnn")],
    out: Annotated[Path, typer.Option(help="where to write")] = WEIGHTS,
) -> None:
    """Convert the weights of musicnn's tagger."""
    try:
        with zipfile.ZipFile(wheel) as file:
            tensors = read_checkpoint(file.read(f"{_FOLDER}.index"), file.read(f"{_FOLDER}.data-00000-of-00001"))
            labels = file.read(_LABELS).decode()
        arrays = converted(tensors)
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise UserError("no wheel of musicnn", where=str(wheel), got=error, remedy="pip download musicnn==0.1.0") from error
    if f"MTT_LABELS = {list(TAGS)}" not in labels:
        raise UserError("the tags are not in the order that is published", where=f"{wheel}, {_LABELS}")
    out.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(out, **arrays)
    print(f"{out}: {sum(w.size for w in load_weights(out).values())} numbers, {out.stat().st_size} bytes")


if __name__ == "__main__":
    run("convert_musicnn.py", lambda: invoke(main, None, "convert_musicnn.py"))
