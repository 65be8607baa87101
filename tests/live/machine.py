"""Did the picture go on? Judged by the report of a show, against what this machine can do right now.

A promise in milliseconds is one of an idle machine. Where the picture was held for longer than promised, work of known size
is timed, and the limit is what the promise becomes on a machine that takes so much longer for it. Where that is too long to
tell anything the test is skipped, and says so.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import pytest

from phosphene.engine.core import clock

GAP_LIMIT_MS = 250.0  # no fault may hold the picture for longer
TOO_BUSY = "this machine is too busy to tell"  # such a skip is none to be mended: see tests/conftest.py
_MOST = 8.0  # times as long as on an idle machine: beyond it nothing is learnt
_BURSTS, _WORK_S, _PERIOD_S = 24, 0.012, 1 / 24  # a show's own rhythm: 12 ms of work for a picture, then a rest


@dataclass(frozen=True)
class Fault:
    """What was done to a show, and for how long that held the picture, ms. limit_ms: what was allowed here and then."""

    name: str
    gap_ms: float
    limit_ms: float


faults: list[Fault] = []


def slowdown() -> tuple[float, float]:
    """Return (how many times longer work takes than the processor needs for it, the longest delay of a burst in ms)."""
    walls, cpu, longest = 0.0, 0.0, 0.0
    begun = clock.now()
    for k in range(_BURSTS):
        clock.sleep_until(begun + k * _PERIOD_S)
        wall, used = clock.now(), time.thread_time()
        while time.thread_time() - used < _WORK_S:
            sum(range(200))
        took, spent = clock.now() - wall, time.thread_time() - used
        walls, cpu, longest = walls + took, cpu + spent, max(longest, took - spent)
    return walls / cpu, 1e3 * longest


def went_on(report: dict[str, Any], fault: str = "") -> None:
    """Assert that no picture of the show stood for longer than promised. fault: what was done to it, for the table.

    How many frames it missed is no part of that: on a busy machine they are many, and `vj bench changes` counts them.
    """
    gap, limit, told = report["presented_gap_max_ms"], GAP_LIMIT_MS, ""
    if gap > limit:
        times, delay = slowdown()
        told = f"; this machine takes {times:.1f} times as long as an idle one and is held up by {delay:.0f} ms"
        if times > _MOST:
            pytest.skip(f"{TOO_BUSY}: work takes {times:.1f} times as long as on an idle one")
        limit = GAP_LIMIT_MS * max(1.0, times) + delay
    if fault:
        faults.append(Fault(fault, gap, limit))
    assert gap <= limit, f"the picture stood for {gap:.0f} ms; at most {limit:.0f} ms are allowed{told}"


def keeps(measured: float, promised: float, what: str) -> None:
    """Assert a promise of an idle machine in any unit of time, made as many times larger as this one is slower now."""
    if measured > promised:
        times, _ = slowdown()
        told = f"{what}: {measured:.4g}; an idle machine keeps {promised:.4g}, this one takes {times:.1f} times as long"
        if times > _MOST:
            pytest.skip(f"{TOO_BUSY}: {told}")
        assert measured <= promised * max(1.0, times), told


def idle() -> bool:
    """Whether this machine has time now: what is lost on a busy one is told of nobody."""
    return slowdown()[0] < 1.25


def table(found: list[Fault]) -> str:
    """Return the faults as a Markdown table, the longest gap first."""
    rows = [f"| {f.name} | {f.gap_ms:.0f} | {f.limit_ms:.0f} |" for f in sorted(found, key=lambda f: -f.gap_ms)]
    return "\n".join(["| fault | longest gap, ms | limit, ms |", "|---|---|---|", *rows]) + "\n"
