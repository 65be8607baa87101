"""Reads what torch has saved, within limits: how much memory a file asks for is known before torch allocates any.

Called by `vj styles import` and by trainers that resume; never on stage. A checkpoint is a pickle beside raw numbers, in a
zip or, as older ones, in one stream. torch reads it with weights_only, which refuses everything but numbers and text; but a
file of 200 bytes may still ask for tensors of gigabytes, and a zip may unpack to them. So the pickle is first gone through
with every name in it standing for nothing: what storages it wants, and what tensors in them.
"""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import re
import warnings
import zipfile
from collections.abc import Callable
from typing import Any, ClassVar

from engine.core.errors import UserError
from engine.core.files import read_bytes

MOST_TRAINED = 4 << 30  # bytes of a checkpoint of a training: weights, their averages, and two moments of each
MOST_PICKLE = 16 << 20  # bytes; that of a GAN in mid-training has 60 KB
_MOST_ENTRIES, _MOST_NAMES = 20_000, 256
_BYTES = {
    "Double": 8,
    "Long": 8,
    "ComplexDouble": 16,
    "ComplexFloat": 8,
    "Float": 4,
    "Int": 4,
    "Half": 2,
    "BFloat16": 2,
    "Short": 2,
}
# Opcodes that reserve as much memory as they say they will need, or reach out of the file. torch takes none of them.
_REFUSED = (pickle.BYTEARRAY8, pickle.NEXT_BUFFER, pickle.EXT1, pickle.EXT2, pickle.EXT4)


def read_torch(path: str | os.PathLike[str], most: int, what: str = "checkpoint", remedy: str = "") -> Any:
    """Return what a file of at most `most` bytes holds: numbers, texts, tensors on the CPU. Nothing of it is run.

    what, remedy: for errors. Raises UserError: not there, too large as it is or unpacked, damaged, or more than numbers.
    """
    where = str(path)
    data = read_bytes(path, most, what)
    try:
        import torch
    except ImportError as error:
        raise UserError("reading a .pth needs torch", got=error, remedy="pip install -e '.[torch]'") from error
    try:
        _measure(data, most)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of old formats and of TorchScript, which it then refuses
            return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except UserError as error:
        raise UserError(error.what, where=where, allowed=error.allowed, got=error.got, remedy=remedy) from error
    except pickle.UnpicklingError as error:
        raise UserError(
            f"refused: the {what} is damaged, or holds more than numbers and could run code", where=where,
            allowed="numbers and text", got=asked_for(error), remedy=remedy,
        ) from error  # fmt: skip
    except Exception as error:  # boundary: a parser raises what it likes over a stranger's bytes
        got = next(iter(str(error).strip().splitlines()), type(error).__name__)
        got = "a program, or another archive" if "weights_only" in got else got  # torch advises to switch it off
        raise UserError(f"the {what} is damaged, or none", where=where, got=got, remedy=remedy) from error


def _measure(data: bytes, most: int) -> None:
    """Raise UserError for a file that asks for more than it holds, pickle.UnpicklingError and others for damage."""
    if not data.startswith(b"PK\x03\x04"):
        stream = io.BytesIO(data)
        wanted = _Meter(stream)
        with contextlib.suppress(EOFError):  # a pickle of something else, or one that is cut off: torch says so
            for _ in range(5):  # a magic number, a version, the machine, the content, the keys of the storages
                wanted.load()
        wanted.check(len(data))
        return
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = archive.infolist()
        if len(entries) > _MOST_ENTRIES or (size := sum(entry.file_size for entry in entries)) > most:
            raise UserError("the file is too large when it is unpacked", allowed=f"{most} bytes", got=f"{size} bytes")
        if len({entry.filename.casefold() for entry in entries}) < len(entries):
            raise UserError("an archive that holds a name twice")
        for entry in entries:
            if entry.filename.endswith("/data.pkl"):
                if entry.file_size > MOST_PICKLE:
                    raise UserError(
                        "too many things in the file", allowed=f"{MOST_PICKLE} bytes", got=f"{entry.file_size} bytes"
                    )
                wanted = _Meter(io.BytesIO(archive.read(entry)))
                wanted.load()
                wanted.check(size)


class _Nothing:
    """Stands for whatever a pickle makes."""

    def __init__(self, *args: object, **more: object) -> None:
        """Take anything."""

    def __call__(self, *args: object, **more: object) -> _Nothing:
        """Make nothing of anything."""
        return _Nothing()

    def __setstate__(self, state: object) -> None:
        """Take anything."""

    def __setitem__(self, key: object, value: object) -> None:
        """Take anything."""

    append = extend = update = add = __setstate__


class _Storage(_Nothing):
    """Stands for the numbers of tensors: so many."""

    count = 0


class _Meter(pickle._Unpickler):
    """Goes through a pickle and finds out what it wants. Every name in it is a `_Nothing`."""

    dispatch: ClassVar[dict[int, Any]] = {
        code: read for code, read in pickle._Unpickler.dispatch.items() if code not in {c[0] for c in _REFUSED}
    }

    def __init__(self, stream: io.BytesIO) -> None:
        super().__init__(stream)
        self._names: dict[tuple[str, str], type[_Nothing]] = {}
        self._storages: dict[object, int] = {}  # bytes

    def load(self) -> Any:
        """Go through one pickle of the stream."""
        try:
            return super().load()
        except KeyError as error:
            raise pickle.UnpicklingError("an opcode that torch does not take") from error

    def check(self, held: int) -> None:
        """Raise UserError where the storages together are larger than the file that has to hold them."""
        if (wanted := sum(self._storages.values())) > held:
            raise UserError("the file asks for more numbers than it holds", allowed=f"{held} bytes", got=f"{wanted} bytes")

    def find_class(self, module: str, name: str) -> type[_Nothing]:
        """Return what stands for a name."""
        if (module, name) not in self._names:
            if len(self._names) >= _MOST_NAMES:
                raise pickle.UnpicklingError("more names than any checkpoint has")
            self._names[module, name] = _named(name)
        return self._names[module, name]

    def persistent_load(self, pid: Any) -> _Nothing:
        """Note a storage: ("storage", type, key, place, how many numbers, ...)."""
        if not isinstance(pid, tuple) or len(pid) < 5 or type(pid[4]) is not int or pid[4] < 0:
            raise pickle.UnpicklingError("a storage that is none")
        storage = _Storage()
        storage.count = pid[4]
        kind = getattr(pid[1], "__name__", "").removesuffix("Storage")
        self._storages[str(pid[2])] = pid[4] * _BYTES.get(kind, 1)
        return storage


def _named(name: str) -> type[_Nothing]:
    made: Callable[..., None] | None = _check_tensor if "rebuild" in name else None

    def new(cls: type[_Nothing], *args: Any, **more: Any) -> _Nothing:
        if made is not None:
            made(args)
        return object.__new__(cls)

    return type(name.encode("ascii", "replace").decode(), (_Nothing,), {"__new__": new})


def _check_tensor(args: tuple[Any, ...]) -> None:
    """Raise UserError for a tensor that reaches beyond its storage, which torch would enlarge.

    args: storage, offset, size, stride, ...
    """
    if len(args) >= 3 and isinstance(args[0], type) and isinstance(args[2], tuple):
        args[0](*args[2])  # a tensor of a kind of its own: (how to make it, kind, what with, ...)
        return
    if len(args) < 4 or not isinstance(args[0], _Storage):
        return
    offset, size, stride = args[1:4]
    if (
        not all(isinstance(part, tuple) and all(type(n) is int for n in part) for part in (size, stride))
        or type(offset) is not int
    ):
        return
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=False))
    if 0 not in size and last >= args[0].count:
        raise UserError("a tensor that is larger than its numbers", allowed=f"{args[0].count}", got=list(size))


def asked_for(error: Exception) -> str:
    """Return what a refused pickle asked for. Never torch's own words: they advise to load it unsafely."""
    found = re.search(r"GLOBAL (\S+)", str(error))
    return f"it asks for {found[1]}" if found else "no pickle of numbers"
