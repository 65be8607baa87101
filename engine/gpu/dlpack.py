"""Memory handed to another library by DLPack, without copying: what PyAV takes pictures in device memory as.

A `Plane` makes a capsule of the protocol's first form ("dltensor"), the one PyAV reads. Whoever consumes it calls the
deleter when it is done, on any thread, and that calls `on_free`. A capsule that nobody consumes frees itself.
Layout: dlpack.h of DLPack 0.8.
"""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Callable
from typing import Any

CPU, CUDA = 1, 2  # DLDeviceType
_UINT = 1  # DLDataTypeCode
_NAME = b"dltensor"  # must outlive every capsule

_log = logging.getLogger(__name__)


class _Tensor(ctypes.Structure):
    _fields_ = [
        ("data", ctypes.c_void_p),
        ("device_type", ctypes.c_int32),
        ("device_id", ctypes.c_int32),
        ("ndim", ctypes.c_int32),
        ("dtype_code", ctypes.c_uint8),
        ("dtype_bits", ctypes.c_uint8),
        ("dtype_lanes", ctypes.c_uint16),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    ]


class _Managed(ctypes.Structure):
    _fields_ = [
        ("tensor", _Tensor),
        ("manager_ctx", ctypes.c_void_p),
        ("deleter", ctypes.c_void_p),
    ]


# What a consumer may still read: {address of the _Managed: (it, its arrays, on_free)}.
_alive: dict[int, tuple[Any, ...]] = {}


@ctypes.CFUNCTYPE(None, ctypes.c_void_p)
def _delete(address: int) -> None:
    entry = _alive.pop(address, None)
    if entry is not None:
        try:
            entry[-1]()
        except Exception:  # noqa: BLE001 boundary: called by C code, which cannot take an exception
            _log.exception("memory handed out by DLPack was not taken back")


_is_valid = ctypes.pythonapi.PyCapsule_IsValid
_is_valid.restype, _is_valid.argtypes = ctypes.c_int, [ctypes.c_void_p, ctypes.c_char_p]
_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_pointer.restype, _pointer.argtypes = ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_char_p]
_new = ctypes.pythonapi.PyCapsule_New
_new.restype, _new.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]


@ctypes.CFUNCTYPE(None, ctypes.c_void_p)  # not py_object: the capsule is being destroyed, and must not be taken hold of
def _drop(capsule: int) -> None:
    if _is_valid(capsule, _NAME):  # a consumer renames it
        _delete(_pointer(capsule, _NAME))


class Plane:
    """uint8 memory of `shape` at `address`; strides in elements. on_free: called once, when the consumer lets go."""

    def __init__(
        self,
        address: int,
        shape: tuple[int, ...],
        strides: tuple[int, ...],
        on_free: Callable[[], None],
        device: tuple[int, int] = (CUDA, 0),
    ) -> None:
        self._address, self._shape, self._strides, self._on_free, self._device = address, shape, strides, on_free, device

    def __dlpack__(self, *, stream: Any = None, **_: Any) -> Any:
        """Return a capsule; the work that fills the memory must be done, for no stream is waited for."""
        managed = _Managed()
        shape = (ctypes.c_int64 * len(self._shape))(*self._shape)
        strides = (ctypes.c_int64 * len(self._shape))(*self._strides)
        managed.tensor = _Tensor(
            self._address, *self._device, len(self._shape), _UINT, 8, 1,
            ctypes.cast(shape, ctypes.POINTER(ctypes.c_int64)), ctypes.cast(strides, ctypes.POINTER(ctypes.c_int64)), 0,
        )  # fmt: skip
        managed.deleter = ctypes.cast(_delete, ctypes.c_void_p)
        address = ctypes.addressof(managed)
        _alive[address] = managed, shape, strides, self._on_free
        return _new(address, _NAME, ctypes.cast(_drop, ctypes.c_void_p))

    def __dlpack_device__(self) -> tuple[int, int]:
        return self._device
