"""The newest-wins mailbox, between real threads."""

from __future__ import annotations

import threading

from engine.core.latest import Latest


def test_only_the_newest_value_is_taken_and_only_once():
    box: Latest[str] = Latest()
    assert box.take() is None
    assert [box.put("old"), box.put("new")] == [1, 2]
    assert box.take() == "new"
    assert box.take() is None
    assert box.stamp == 2


def test_wait_gives_up_after_its_time():
    assert Latest().wait(0.01) is None


def test_wait_returns_what_another_thread_puts():
    box: Latest[int] = Latest()
    got: list[int | None] = []
    waiter = threading.Thread(target=lambda: got.append(box.wait(10.0)))
    waiter.start()
    box.put(7)
    waiter.join(10.0)
    assert not waiter.is_alive()
    assert got == [7]


def test_close_wakes_every_waiter():
    box: Latest[int] = Latest()
    waiters = [threading.Thread(target=box.wait) for _ in range(4)]
    for waiter in waiters:
        waiter.start()
    assert not box.closed
    box.close()
    for waiter in waiters:
        waiter.join(10.0)
    assert not any(waiter.is_alive() for waiter in waiters)
    assert box.closed


def test_values_arrive_in_order_and_the_last_one_always_arrives():
    box: Latest[int] = Latest()
    seen: list[int] = []

    def read():
        while seen[-1:] != [2000] and (value := box.wait(10.0)) is not None:
            seen.append(value)

    reader = threading.Thread(target=read)
    reader.start()
    for value in range(1, 2001):
        box.put(value)
    reader.join(20.0)
    assert not reader.is_alive()
    assert seen == sorted(set(seen))
    assert seen[-1] == 2000
