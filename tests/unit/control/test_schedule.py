"""Bundles for later: in the order of their times, in bounded room, by the clock of whoever sent them."""

from __future__ import annotations

import math

from phosphene.engine.control.datagram import IMMEDIATELY, Message, messages
from phosphene.engine.control.schedule import MOST_BYTES, MOST_HELD, Schedule, ahead

SENDER = ("127.0.0.1", 9)


def message(path: str, size: int = 20) -> Message:
    return Message(path, "", bytes(size), size)


def popped(schedule: Schedule, t: float) -> list[str]:
    found = []
    while (held := schedule.pop(t)) is not None:
        assert held.t <= t
        found.append(held.message.path)
    return found


def test_in_the_order_of_their_times() -> None:
    schedule = Schedule()
    assert schedule.next == math.inf
    for t, path in ((3.0, "/c"), (1.0, "/a"), (2.0, "/b1"), (2.0, "/b2"), (2.0, "/b3")):
        assert schedule.add(t, message(path), SENDER)
    assert schedule.next == 1.0
    assert popped(schedule, 0.5) == []
    assert popped(schedule, 1.0) == ["/a"]
    assert popped(schedule, 2.5) == ["/b1", "/b2", "/b3"]
    assert popped(schedule, 9.0) == ["/c"]
    assert schedule.next == math.inf


def test_bounded_by_number_and_by_size() -> None:
    schedule = Schedule()
    assert [schedule.add(1.0, message("/x"), SENDER) for _ in range(MOST_HELD + 1)] == [True] * MOST_HELD + [False]
    assert len(popped(schedule, 1.0)) == MOST_HELD
    large = MOST_BYTES // 4
    assert [schedule.add(1.0, message("/x", large), SENDER) for _ in range(5)] == [True] * 4 + [False]
    popped(schedule, 1.0)
    assert schedule.add(1.0, message("/x", large), SENDER), "and there is room again"


def test_how_far_ahead_a_tag_lies() -> None:
    assert ahead(IMMEDIATELY, 1e9) == 0.0
    assert ahead((2_208_988_800 + 1000) << 32, 990.0) == 10.0
    assert ahead(((2_208_988_800 + 1000) << 32) + (1 << 31), 1001.0) == -0.5
    assert ahead(0, 1e9) < 0
    assert ahead(2**64 - 1, 1e9) > 1e8


def test_each_message_carries_the_time_of_its_bundle() -> None:
    def bundle(tag: int, *parts: bytes) -> bytes:
        return b"#bundle\0" + tag.to_bytes(8, "big") + b"".join(len(part).to_bytes(4, "big") + part for part in parts)

    x = b"/x\0\0,\0\0\0"
    assert [part.time for part in messages(x)] == [IMMEDIATELY]
    whole = bundle(500, x, bundle(1, x), bundle(700, x, bundle(600, x)), x)
    assert [part.time for part in messages(whole)] == [500, 500, 700, 700, 500]
    assert [part.time for part in messages(bundle(0, x))] == [IMMEDIATELY]
