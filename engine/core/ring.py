"""A lock-free ring of fixed-size records: one writer, any number of readers, in any buffer.

Shared memory live, plain memory in tests and offline. Seqlock per slot: the writer stamps `begin`, copies the payload,
stamps `end`, then publishes the count; a reader copies `end`, payload, `begin` and trusts the copy only when both stamps
are the ones it expects. So neither side ever waits, and a record that was overwritten while it was read is noticed.
x86 keeps this order of stores and loads in hardware (TSO). ARM does not promise it: there the stamps make a torn record
unlikely rather than impossible.
"""

from __future__ import annotations

import numpy as np

_MAGIC = 0x50484F53
_HEADER_WORDS = 8  # magic, capacity, record bytes, records written; the rest pads to one cache line
_WRITTEN = 3
_RETRIES = 8


def _slot_dtype(record: np.dtype) -> np.dtype:
    return np.dtype([("begin", np.int64), ("data", record), ("end", np.int64)], align=True)


class Ring:
    """A ring laid out in `buffer`. Build with `create` (the writer's side) or `attach` (a reader's side)."""

    def __init__(self, buffer: memoryview | bytearray, record: np.dtype, capacity: int) -> None:
        self.record = record
        self.capacity = capacity
        self._head = np.frombuffer(buffer, np.int64, _HEADER_WORDS)
        slots = np.frombuffer(buffer, _slot_dtype(record), capacity, _HEADER_WORDS * 8)
        self._begin, self._data, self._end = slots["begin"], slots["data"], slots["end"]

    @staticmethod
    def nbytes(record: np.dtype, capacity: int) -> int:
        """Return how many bytes a ring of `capacity` records takes."""
        return _HEADER_WORDS * 8 + _slot_dtype(record).itemsize * capacity

    @classmethod
    def create(cls, buffer: memoryview | bytearray, record: np.dtype, capacity: int) -> Ring:
        """Lay out an empty ring in a writable buffer of at least `nbytes` bytes."""
        ring = cls(buffer, record, capacity)
        ring._begin[:] = 0
        ring._end[:] = 0
        ring._head[:4] = (_MAGIC, capacity, record.itemsize, 0)
        return ring

    @classmethod
    def attach(cls, buffer: memoryview | bytearray, record: np.dtype) -> Ring:
        """Open a ring that another process created. Raises ValueError when the buffer holds another layout."""
        magic, capacity, itemsize = np.frombuffer(buffer, np.int64, 3)
        if magic != _MAGIC or itemsize != record.itemsize:
            raise ValueError(f"no ring of {record.itemsize}-byte records here (magic {magic:#x}, {itemsize} bytes)")
        return cls(buffer, record, int(capacity))

    @property
    def written(self) -> int:
        """How many records were ever written."""
        return int(self._head[_WRITTEN])

    def push(self, record: np.ndarray | np.void) -> None:
        """Write one record, over the oldest. Writer only; never waits, allocates nothing."""
        n = int(self._head[_WRITTEN])
        i = n % self.capacity
        self._begin[i] = n + 1
        self._data[i] = record
        self._end[i] = n + 1
        self._head[_WRITTEN] = n + 1

    def read(self, n: int) -> np.void | None:
        """Return a copy of record `n` (0-based), or None when it is not written yet or overwritten already."""
        if n < 0 or n >= self.written:
            return None
        i = n % self.capacity
        end = int(self._end[i])
        copy = self._data[i].copy()
        return copy if end == n + 1 == int(self._begin[i]) else None

    def latest(self) -> np.void | None:
        """Return a copy of the newest record; None when the ring is empty or every retry was torn."""
        for _ in range(_RETRIES):
            if (n := self.written) == 0:
                return None
            if (record := self.read(n - 1)) is not None:
                return record
        return None

    def since(self, cursor: int) -> tuple[list[np.void], int, int]:
        """Return (records from `cursor` on in order, the next cursor, how many were lost to overwriting)."""
        end = self.written
        # One slot may be under the writer's hand right now: never count on the oldest.
        first = max(cursor, end - self.capacity + 1, 0)
        lost = first - cursor
        records = []
        for n in range(first, end):
            record = self.read(n)
            if record is None:
                lost += 1
            else:
                records.append(record)
        return records, end, lost
