"""Reads what torch has saved, within limits: how much memory a file asks for is known before torch allocates any.

Called by `vj styles import` and by trainers that resume; never on stage. A checkpoint is a pickle beside raw numbers, in a
zip or, as older ones, in one stream. torch reads it with weights_only, which refuses everything but numbers and text; but a
file of 200 bytes may still ask for tensors of gigabytes, and a zip may unpack to them. So the pickle is first gone through
with every name in it standing for nothing: what storages it wants, and what tensors in them.
"""

from __future__ import annotations

import io
import os
import pickle
import re
import warnings
import zipfile
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.extras import install
from phosphene.engine.core.files import read_bytes

MOST_TRAINED = 4 << 30  # bytes of a checkpoint of a training: weights, their averages, and two moments of each
MOST_PICKLE = 16 << 20  # bytes; that of a GAN in mid-training has 60 KB
_MOST_ENTRIES, _MOST_NAMES = 20_000, 256
_MOST_THINGS, _MOST_DEPTH = 1_000_000, 100  # lists, tables, tuples, tensors; that of a GAN has some thousands
_MOST_WRITTEN = 4 * MOST_PICKLE  # characters of any thing, written out: texts may stand in it more than once
# Keys that are tuples, or numbers of more than 64 bits: anybody can find thousands with one hash, and a table of n of those
# takes n^2 / 2 comparisons.
_MOST_ODD_KEYS = 2000
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
# The opcodes that torch takes besides those that make and fill things: none reserves memory for more than the file holds.
_PLAIN = (
    pickle.PROTO, pickle.STOP, pickle.MARK, pickle.GLOBAL, pickle.NONE, pickle.NEWFALSE, pickle.NEWTRUE, pickle.EMPTY_TUPLE,
    pickle.BININT, pickle.BININT1, pickle.BININT2, pickle.LONG1, pickle.BINFLOAT, pickle.BINUNICODE, pickle.SHORT_BINSTRING,
    pickle.BINGET, pickle.LONG_BINGET, pickle.BINPUT, pickle.LONG_BINPUT,
)  # fmt: skip
_HASHING = ("set", "OrderedDict", "Counter")  # what makes keys of what it is called with, or updated by
_CODINGS = {"latin1", "latin-1", "ascii", "utf-8"}  # of bytes; pickle writes latin1
_RESERVING = ("bytearray", "Storage", "Tensor")  # ends of names: called with a number, they reserve so much


def read_torch(path: str | os.PathLike[str], most: int, what: str = "checkpoint", remedy: str = "") -> Any:
    """Return what a file of at most `most` bytes holds: numbers, texts, tensors on the CPU. Nothing of it is run.

    what, remedy: for errors. Raises UserError: not there, too large as it is or unpacked, damaged, or more than numbers.
    """
    where = str(path)
    data = read_bytes(path, most, what)
    try:
        import torch
    except ImportError as error:
        raise UserError("reading a .pth needs torch", got=error, remedy=install("torch")) from error
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
        wanted = _Meter(io.BytesIO(data[:MOST_PICKLE]))
        try:
            for _ in range(5):  # a magic number, a version, the machine, the content, the keys of the storages
                wanted.load()
        except EOFError:  # a pickle of something else, or one that is cut off: torch says so
            if len(data) > MOST_PICKLE:
                raise UserError("too many things in the file", allowed=f"{MOST_PICKLE} bytes") from None
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
    """Stands for whatever a pickle makes. written: how long a text it would be at most; deep: how many things within things;
    odd: how many tuples and huge numbers are in it; put: whether it is in another thing, and grows no more.
    """

    __slots__ = ("deep", "odd", "put", "written")


class _Storage(_Nothing):
    """Stands for the numbers of tensors: so many."""

    __slots__ = ("count",)


class _Tuple(tuple):
    """A tuple, with what `_Nothing` has."""

    deep: int
    odd: int
    put: bool
    written: int


def _extent(part: object) -> tuple[int, int, int]:
    """Return `written`, `deep` and `odd` of what is to be put into a thing."""
    if isinstance(part, (_Nothing, _Tuple)):
        return part.written, part.deep, part.odd + isinstance(part, _Tuple)
    if isinstance(part, (str, bytes)):
        return 1 + len(part), 0, 0
    bits = part.bit_length() if isinstance(part, int) else 0
    return 1 + bits // 3, 0, int(bits > 63)


class _Meter(pickle._Unpickler):
    """Goes through a pickle and finds out what it wants. Every name in it is a `_Nothing`, and nothing in it is hashed.

    A thing is filled before it is put into another, as torch does: so how much it is, written out, is known all the time.
    """

    dispatch: ClassVar[dict[int, Any]] = {code[0]: pickle._Unpickler.dispatch[code[0]] for code in _PLAIN}

    def __init__(self, stream: io.BytesIO) -> None:
        super().__init__(stream)
        self._names: dict[tuple[str, str], type[_Nothing]] = {}
        self._storages: dict[str | int, int] = {}  # bytes
        self._things = self._work = self._odd_keys = 0

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
        """Note a storage: ("storage", type, key, place, how many numbers), and of old files which part of another it is."""
        match pid:
            case (str(), type(), str() | int() as key, str(), int() as count, *view) if count >= 0 and len(view) <= 1:
                parts = view[0] if view and view[0] is not None else ()
            case _:
                raise pickle.UnpicklingError("a storage that is none")
        if not isinstance(parts, tuple) or any(isinstance(part, (_Nothing, _Tuple)) for part in parts):
            raise pickle.UnpicklingError("a part of a storage that is none")
        size = count * _BYTES.get(pid[1].__name__.removesuffix("Storage"), 1)
        if self._storages.setdefault(key, size) != size:  # torch would make both
            raise pickle.UnpicklingError("a storage of two sizes")
        storage = _Storage()
        storage.count = count
        return storage

    # --- the opcodes that make and fill things ---

    def _make(self, thing: Any, parts: Iterable[object] = ()) -> None:
        """Put a new thing on the stack, with `parts` in it."""
        self._things += 1
        if self._things > _MOST_THINGS:
            raise UserError("too many things in the file", allowed=f"{_MOST_THINGS}")
        thing.written, thing.deep, thing.odd, thing.put = 1, 1, 0, False
        self._put(thing, parts)
        self.append(thing)

    def _put(self, into: Any, parts: Iterable[object]) -> None:
        if not isinstance(into, (_Nothing, _Tuple)):
            raise pickle.UnpicklingError("nothing that can be filled")
        for part in parts:
            written, deep, odd = _extent(part)
            into.written, into.deep, into.odd = into.written + written, max(into.deep, 1 + deep), into.odd + odd
            if isinstance(part, (_Nothing, _Tuple)):
                part.put = True
        if into.put:
            raise pickle.UnpicklingError("a thing that grows after it was put into another, or holds itself")
        if into.written > _MOST_WRITTEN:
            raise UserError("a thing in the file stands for far more than it is", allowed=f"{_MOST_WRITTEN} characters")
        if into.deep > _MOST_DEPTH:
            raise UserError("things in the file are nested too deeply", allowed=f"{_MOST_DEPTH} levels")

    def _spend(self, work: int, odd: int = 0) -> None:
        """Note what torch will go through, at most, and how many odd keys come of it."""
        self._work, self._odd_keys = self._work + work, self._odd_keys + odd
        if self._work > _MOST_WRITTEN or self._odd_keys > _MOST_ODD_KEYS:
            raise UserError("the file is far more work than its size")

    def _load_empty(self) -> None:
        self._make(_Nothing())

    def _load_tuple(self, count: int | None = None) -> None:
        if count is None:
            items = self.pop_mark()
        elif len(self.stack) < count:
            raise pickle.UnpicklingError("a tuple of more than there is")
        else:
            items = self.stack[-count:]
            del self.stack[-count:]
        self._make(_Tuple(items), items)

    def _load_append(self) -> None:
        value = self.stack.pop()
        self._put(self.stack[-1], (value,))

    def _load_appends(self) -> None:
        items = self.pop_mark()
        self._put(self.stack[-1], items)

    def _load_setitem(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._set((key, value))

    def _set(self, items: Sequence[object]) -> None:
        for key in items[::2]:
            written, _, odd = _extent(key)
            self._spend(0 if isinstance(key, (str, bytes)) else written, odd + isinstance(key, _Nothing))
        self._put(self.stack[-1], items)

    def _load_build(self) -> None:
        state = self.stack.pop()
        into = self.stack[-1]
        if isinstance(state, tuple):
            _check_tensor(state)  # the oldest tensors are made empty and then given their numbers
        written, _, odd = _extent(state)
        self._spend(written, odd if type(into).__name__ in _HASHING else 0)
        self._put(into, (state,))

    def _load_call(self) -> None:
        args, made = self.stack.pop(), self.stack.pop()
        if not isinstance(args, tuple) or not isinstance(made, type):
            raise pickle.UnpicklingError("a call of what is no name")
        written, _, odd = _extent(args)
        self._spend(written, odd if made.__name__ in _HASHING else 0)
        thing = made.__new__(made, *args)
        self._make(thing, args)
        thing.odd = 0 if "rebuild" in made.__name__ else thing.odd + 1  # tensors are told apart by where they are

    def _load_storage(self) -> None:
        self._make(self.persistent_load(self.stack.pop()))

    dispatch |= dict.fromkeys((pickle.EMPTY_LIST[0], pickle.EMPTY_DICT[0], pickle.EMPTY_SET[0]), _load_empty)
    dispatch |= dict.fromkeys((pickle.REDUCE[0], pickle.NEWOBJ[0]), _load_call)
    dispatch |= {
        pickle.TUPLE[0]: _load_tuple,
        pickle.TUPLE1[0]: lambda self: self._load_tuple(1),
        pickle.TUPLE2[0]: lambda self: self._load_tuple(2),
        pickle.TUPLE3[0]: lambda self: self._load_tuple(3),
        pickle.APPEND[0]: _load_append,
        pickle.APPENDS[0]: _load_appends,
        pickle.SETITEM[0]: _load_setitem,
        pickle.SETITEMS[0]: lambda self: self._set(self.pop_mark()),
        pickle.BUILD[0]: _load_build,
        pickle.BINPERSID[0]: _load_storage,
    }


def _named(name: str) -> type[_Nothing]:
    made: Callable[[tuple[Any, ...]], None] | None = _check_tensor if "rebuild" in name else None
    if name.endswith(_RESERVING):
        made = _check_reserving
    if name == "encode":
        made = _check_coding

    def new(cls: type[_Nothing], *args: Any, **more: Any) -> _Nothing:
        if made is not None:
            made(args)
        return object.__new__(cls)

    return type(name.encode("ascii", "replace").decode(), (_Nothing,), {"__new__": new, "__slots__": ()})


def _check_reserving(args: tuple[Any, ...]) -> None:
    """Raise UserError where memory would be had for a number: torch writes bytes and their coding, or nothing."""
    if not all(isinstance(each, (str, bytes)) or type(each).__name__ == "encode" for each in args):
        raise UserError("memory that is asked for, and not filled")


def _check_coding(args: tuple[Any, ...]) -> None:
    """Raise UserError for another coding than those of texts, such as hex of hex of hex: each doubles what it is given."""
    if not all(isinstance(each, str) for each in args) or not {*args[1:]} <= _CODINGS:
        raise UserError("bytes that are coded otherwise than as text", allowed=", ".join(sorted(_CODINGS)))


def _check_tensor(args: tuple[Any, ...]) -> None:
    """Raise UserError for a tensor that reaches beyond its storage, which torch would enlarge.

    args: storage, offset, size, stride, ...
    """
    if len(args) >= 3 and isinstance(args[0], type) and isinstance(args[2], tuple):
        args[0].__new__(args[0], *args[2])  # a tensor of a kind of its own: (how to make it, kind, what with, ...)
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
