"""Did the picture go on? Judged by the report of a show, against what this machine can do right now.

A promise in milliseconds is one of an idle machine. Where the picture was held for longer than promised, work of known size
is timed, and the limit is what the promise becomes on a machine that takes so much longer for it. Where that is too long to
tell anything the test is skipped, and says so. Other programs come and go within a test, so one that is too slow is run
again (`TRIES`): a fault of ours holds the picture every time.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pytest

from phosphene.engine.core import clock

GAP_LIMIT_MS = 250.0  # no fault may hold the picture for longer
TOO_BUSY = "this machine is too busy to tell"  # such a skip is none to be mended: see tests/conftest.py
TRIES = 4  # of a test that was too slow: see tests/live/conftest.py
_MOST = 8.0  # times as long as on an idle machine: beyond it nothing is learnt
_BURSTS, _WORK_S, _PERIOD_S = 24, 0.012, 1 / 24  # a show's own rhythm: 12 ms of work for a picture, then a rest


class TooSlow(AssertionError):
    """Something took longer than promised, or has gaps: by a fault of ours, or by a moment's work of other programs."""


@dataclass(frozen=True)
class Fault:
    """What was done to a show, and for how long that held the picture, ms. limit_ms: what was allowed here and then."""

    name: str
    gap_ms: float
    limit_ms: float


faults: dict[str, Fault] = {}  # by name, of the last try


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
    """Raise TooSlow where a picture of the show stood for longer than promised. fault: what was done to it, for the table.

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
        faults[fault] = Fault(fault, gap, limit)
    if gap > limit:
        raise TooSlow(f"the picture stood for {gap:.0f} ms; at most {limit:.0f} ms are allowed{told}")


def keeps(measured: float, promised: float, what: str) -> None:
    """Raise TooSlow where an idle machine's promise, in any unit of time, is broken by more than this one is slower now."""
    if measured > promised:
        times, _ = slowdown()
        told = f"{what}: {measured:.4g}; an idle machine keeps {promised:.4g}, this one takes {times:.1f} times as long"
        if times > _MOST:
            pytest.skip(f"{TOO_BUSY}: {told}")
        if measured > promised * max(1.0, times):
            raise TooSlow(told)


def without_gaps(whole: bool, what: str) -> None:
    """Raise TooSlow where sound or pictures have gaps; a machine that is still busy can tell nothing, and skips the test."""
    if not whole:
        if slowdown()[0] > 1.25:
            pytest.skip(f"{TOO_BUSY}: {what}")
        raise TooSlow(what)


def table(found: Iterable[Fault]) -> str:
    """Return the faults as a Markdown table, the longest gap first."""
    rows = [f"| {f.name} | {f.gap_ms:.0f} | {f.limit_ms:.0f} |" for f in sorted(found, key=lambda f: -f.gap_ms)]
    return "\n".join(["| fault | longest gap, ms | limit, ms |", "|---|---|---|", *rows]) + "\n"
