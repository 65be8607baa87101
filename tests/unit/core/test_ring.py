"""The ring: order, loss and layout by property; never a torn record, by hammering it from two processes."""

from __future__ import annotations

import mmap
import subprocess
import sys
import tempfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phosphene.engine.core.ring import Ring

NUMBER = np.dtype([("n", np.int64), ("half", np.float32)], align=True)


def ring_of(capacity: int, record: np.dtype = NUMBER) -> Ring:
    return Ring.create(bytearray(Ring.nbytes(record, capacity)), record, capacity)


def push(ring: Ring, n: int) -> None:
    ring.push(np.array((n, n / 2), ring.record))


@given(capacity=st.integers(2, 12), batches=st.lists(st.integers(0, 30), max_size=12))
def test_reader_gets_every_record_in_order_or_is_told_how_many_it_lost(capacity: int, batches: list[int]) -> None:
    ring, n, cursor, got, lost = ring_of(capacity), 0, 0, [], 0
    for batch in batches:
        for _ in range(batch):
            push(ring, n)
            n += 1
        records, cursor, missed = ring.since(cursor)
        assert [float(r["half"]) for r in records] == [int(r["n"]) / 2 for r in records]
        got += [int(r["n"]) for r in records]
        lost += missed
        assert missed == 0 or batch >= capacity  # nothing is lost while the reader keeps up
    assert cursor == ring.written == n
    assert len(got) + lost == n
    assert got == sorted(set(got))


@given(capacity=st.integers(1, 9), n=st.integers(0, 40), wanted=st.integers(-3, 45))
def test_read_gives_the_record_asked_for_or_nothing(capacity: int, n: int, wanted: int) -> None:
    ring = ring_of(capacity)
    for k in range(n):
        push(ring, k)
    record = ring.read(wanted)
    if n - capacity <= wanted < n and wanted >= 0:
        assert int(record["n"]) == wanted
    else:
        assert record is None
    newest = ring.latest()
    assert newest is None if n == 0 else int(newest["n"]) == n - 1


@settings(max_examples=30)
@given(capacity=st.integers(1, 20), width=st.integers(1, 70))
def test_attached_ring_is_the_same_ring(capacity: int, width: int) -> None:
    record = np.dtype([("n", np.int64), ("pad", np.float32, (width,))], align=True)
    buffer = bytearray(Ring.nbytes(record, capacity))
    ring = Ring.create(buffer, record, capacity)
    other = Ring.attach(buffer, record)
    ring.push(np.ones((), record))
    assert other.capacity == capacity
    assert other.written == 1
    assert np.all(other.latest()["pad"] == 1)


def test_foreign_memory_is_refused() -> None:
    with pytest.raises(ValueError, match="no ring"):
        Ring.attach(bytearray(4096), NUMBER)
    with pytest.raises(ValueError, match="no ring"):
        Ring.attach(_buffer_of(NUMBER), np.dtype([("n", np.int64)]))


def test_copy_does_not_change_when_the_slot_is_written_again() -> None:
    ring = ring_of(1)
    push(ring, 1)
    kept = ring.latest()
    push(ring, 2)
    assert int(kept["n"]) == 1


def _buffer_of(record: np.dtype) -> bytearray:
    buffer = bytearray(Ring.nbytes(record, 4))
    Ring.create(buffer, record, 4)
    return buffer


# A record as large as one of raw audio takes half a microsecond to copy: long enough to be caught in the middle.
HAMMER = np.dtype([("n", np.int64), ("payload", np.int64, (256,))], align=True)
RECORDS = 1_000_000

_WRITER = """
import mmap, sys
import numpy as np
from phosphene.engine.core.ring import Ring
HAMMER = np.dtype([("n", np.int64), ("payload", np.int64, (256,))], align=True)
file = open(sys.argv[1], "r+b")
ring = Ring.attach(mmap.mmap(file.fileno(), 0), HAMMER)
store = np.zeros(1, HAMMER)
record, n_of, payload = store[0], store["n"], store["payload"][0]
for n in range(int(sys.argv[2])):
    n_of[0] = n
    payload.fill(n)
    ring.push(record)
"""


@pytest.mark.parametrize("capacity", [8, 256])
def test_no_record_is_ever_torn(capacity: int) -> None:
    """One process writes 10^6 records as fast as it can while this one reads: whatever it gets is whole and in order."""
    read = 0
    for _ in range(40):  # on a busy machine a small ring laps the reader most of the time: again, until it was really there
        read += _hammered(capacity)
        if read > 1000:
            return
    pytest.fail(f"only {read} records were read while they were written")


def _hammered(capacity: int) -> int:
    count = RECORDS
    with tempfile.NamedTemporaryFile() as file:
        file.truncate(Ring.nbytes(HAMMER, capacity))
        with mmap.mmap(file.fileno(), 0) as memory:
            ring = Ring.create(memory, HAMMER, capacity)
            writer = subprocess.Popen([sys.executable, "-c", _WRITER, file.name, str(count)])
            cursor = read = lost = 0
            newest = -1
            while cursor < count:
                assert writer.poll() in (None, 0)
                records, cursor, missed = ring.since(cursor)
                lost += missed
                for record in records:
                    n = int(record["n"])
                    assert n > newest
                    assert np.all(record["payload"] == n)
                    newest = n
                    read += 1
            assert writer.wait(30) == 0
            del ring
    assert read + lost == count
    return read
