"""The bus: last value wins, presses are kept, order of arrival holds, and it cannot grow."""

from __future__ import annotations

import threading

from phosphene.engine.control.bus import ControlBus
from phosphene.engine.show.change import Change


def test_the_last_value_wins_in_its_newest_place() -> None:
    bus = ControlBus()
    for path, value in (("/a", 1.0), ("/b", 1.0), ("/a", 2.0), ("/c", 1.0), ("/b", 2.0)):
        bus.put(Change(path, (value,)))
    assert [(c.path, c.args[0]) for c in bus.drain()] == [("/a", 2.0), ("/c", 1.0), ("/b", 2.0)]
    assert bus.drain() == []
    assert bus.counters.received == 5


def test_presses_are_all_kept_among_values() -> None:
    bus = ControlBus()
    for t in range(3):
        bus.put(Change("/tempo/tap", (), float(t), every=True))
        bus.put(Change("/crossfade", (t / 10,), float(t)))
    assert [c.path for c in bus.drain()] == ["/tempo/tap", "/tempo/tap", "/tempo/tap", "/crossfade"]


def test_bounded_and_a_known_address_always_fits() -> None:
    bus = ControlBus(capacity=10)
    bus.put(Change("/crossfade", (0.0,)))
    assert [bus.put(Change("/panic", every=True)) for _ in range(20)] == [True] * 9 + [False] * 11
    assert bus.put(Change("/crossfade", (1.0,)))
    changes = bus.drain()
    assert len(changes) == 10
    assert changes[-1].args == (1.0,)
    assert bus.counters.dropped == 11


def test_many_threads_lose_nothing_within_the_bound() -> None:
    bus = ControlBus(capacity=5000)
    drained: list[Change] = []

    def push(name: str) -> None:
        for i in range(500):
            bus.put(Change("/tempo/tap", (), float(i), name, every=True))

    threads = [threading.Thread(target=push, args=(str(n),)) for n in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        drained += bus.drain()
    drained += bus.drain()
    assert len(drained) == 2000
    for n in range(4):
        assert [c.t for c in drained if c.source == str(n)] == [float(i) for i in range(500)]


def test_what_is_put_together_is_drained_together() -> None:
    bus = ControlBus(capacity=4)
    pairs: list[list[float]] = []

    def push() -> None:
        for i in range(2000):
            bus.put_all([Change("/a", (float(i),)), Change("/b", (float(i),))])

    thread = threading.Thread(target=push)
    thread.start()
    while thread.is_alive() or bus._waiting:
        if changes := bus.drain():
            pairs.append([c.args[0] for c in changes])
    thread.join()
    assert pairs
    assert all(len(pair) == 2 and pair[0] == pair[1] for pair in pairs)
    assert bus.put_all([Change(f"/{n}") for n in range(6)]) == 2
    assert [c.path for c in bus.drain()] == ["/0", "/1", "/2", "/3"]
    assert bus.counters.dropped == 2
